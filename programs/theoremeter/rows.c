/* The verdict table: a row a claim, and what it rests on below: see page.h. */
#include "page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "claims/catalogue.h"
#include "markup.h"

static void put_verdict(FILE *out, const thm_decision *o)
{
    const char *text = thm_verdict_text(o->result.verdict);
    fprintf(out, "<span class=\"verdict %s\">%s</span>", text, text);
    if (!page_as_expected(o)) {
        fprintf(out, " <span class=\"alarm\">expected %s</span>",
                thm_verdict_text(o->expected));
    }
}

/* "(enclosure, 400 cases)" */
static void put_basis(FILE *out, const thm_result *r)
{
    fputs(" <span class=\"basis\">", out);
    if (r->cases == 0) {
        fprintf(out, "(%" PRId64 " skipped)", r->skipped);
    } else if (r->all_inputs) {
        fprintf(out, "(%s, all inputs)", thm_evidence_text(r->evidence));
    } else if (r->recorded[0]) {
        fprintf(out, "(%s, recorded %s)", thm_evidence_text(r->evidence),
                r->recorded);
    } else {
        fprintf(out, "(%s, %" PRId64 "&nbsp;%s)",
                thm_evidence_text(r->evidence), r->cases,
                r->cases == 1 ? "case" : "cases");
    }
    fputs("</span>", out);
}

/* An en dash stands for what is no number. */
static void put_number(FILE *out, double x, const char *format)
{
    char text[64] = "\xe2\x80\x93";
    if (isfinite(x)) {
        snprintf(text, sizeof text, format, x);
    }
    fputs(x == 0.0 ? "0" : text, out);
}

/* 0 says that nothing was allowed in any case: there is no share of it. */
static double tight(const thm_result *r)
{
    return r->tight > 0 ? r->tight : (double)NAN;
}

static void put_number_cell(FILE *out, double x, const char *format)
{
    fputs("<td class=\"number wide\">", out);
    put_number(out, x, format);
    fputs("</td>\n", out);
}

static void put_row(FILE *out, page *p, const thm_catalogue_entry *e,
                    const thm_decision *o, const thm_decision *twin)
{
    const thm_result *r = &o->result;
    fprintf(out,
            "<tr class=\"row\"><th scope=\"row\"><button type=\"button\" "
            "aria-expanded=\"false\" aria-controls=\"detail-%s\">%s</button>"
            "<span class=\"slug\">",
            o->id, o->id);
    markup_plain(out, o->slug);
    fputs("</span></th>\n<td class=\"statement\">", out);
    if (e && thm_catalogue_field(e, "Statement", p->field, PAGE_FIELD)) {
        markup_sentence(out, p->field);
    } else {
        markup_plain(out, o->slug);
    }
    fputs("</td>\n<td class=\"verdicts\">", out);
    put_verdict(out, o);
    put_basis(out, r);
    fputs("</td>\n", out);
    put_number_cell(out, r->margin, "%.2e");
    put_number_cell(out, r->err, "%.2e");
    put_number_cell(out, tight(r),
                    r->tight >= 1e-3 && r->tight < 10.0 ? "%.4f" : "%.1e");
    fputs("<td class=\"twin\">", out);
    if (twin) {
        put_verdict(out, twin);
    } else {
        fputs("<span class=\"basis\">not run</span>", out);
    }
    fputs("</td></tr>\n", out);
}

/* ---- what opens below a row -----------------------------------------------
 */

static void put_field(FILE *out, page *p, const thm_catalogue_entry *e,
                      const char *field, const char *title)
{
    if (e && thm_catalogue_field(e, field, p->field, PAGE_FIELD)) {
        fprintf(out, "<h3>%s</h3>\n", title);
        markup_blocks(out, p->field);
    }
}

static void put_fact(FILE *out, const char *name, double x)
{
    fprintf(out, "<tr><th scope=\"row\">%s</th><td>", name);
    put_number(out, x, "%.6g");
    fputs("</td></tr>\n", out);
}

static void put_facts(FILE *out, const char *worst, const thm_decision *o)
{
    const thm_result *r = &o->result;
    fprintf(out,
            "<table class=\"facts\">\n<tr><th scope=\"row\">verdict</th><td>");
    put_verdict(out, o);
    put_basis(out, r);
    fputs("</td></tr>\n", out);
    put_fact(out, "margin", r->margin);
    put_fact(out, "error", r->err);
    put_fact(out, "resolution", r->resolution);
    put_fact(out, "tight", tight(r));
    fprintf(out,
            "<tr><th scope=\"row\">evidence</th><td>%s</td></tr>\n"
            "<tr><th scope=\"row\">cases</th><td>%" PRId64 ", and %" PRId64
            " skipped</td></tr>\n",
            thm_evidence_text(r->evidence), r->cases, r->skipped);
    if (r->cases > 0) {
        fprintf(out, "<tr><th scope=\"row\">%s</th><td><code>", worst);
        markup_plain(out, r->worst_case);
        fprintf(out,
                "</code></td></tr>\n<tr><th scope=\"row\">seed</th>"
                "<td>%" PRIu64 "</td></tr>\n",
                r->worst_seed);
    }
    fprintf(out,
            "<tr><th scope=\"row\">time</th><td>%.3g s</td></tr>\n</table>\n",
            o->seconds);
}

/* A word of a shell command: quoted if it holds more than plain characters. */
static void put_shell_word(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ._+=:,@%/-";
    if (word[0] && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    fputs("&#39;", out);
    for (; *word; word++) {
        const char one[2] = {*word, '\0'};
        if (*word == '\'') {
            fputs("&#39;\\&#39;&#39;", out);
        } else {
            markup_plain(out, one);
        }
    }
    fputs("&#39;", out);
}

/* Of a recorded verdict: the trainings that it rests on. */
static void put_training(FILE *out, const thm_decision *o)
{
    const thm_catalogue_entry *e = thm_catalogue_find(o->id);
    fputs("<h3>To train anew</h3>\n<div class=\"replay\"><pre>build/bin/", out);
    if (e && strcmp(e->program, "f29-induction") == 0) {
        fputs("induction-sinks --out out/recorded", out);
    } else {
        fputs("eureka-runs --group ", out);
        put_shell_word(out, o->result.worst_case);
    }
    if (e) {
        fprintf(out, "\nbuild/bin/%s --recorded out/recorded --only %s",
                e->program, o->id);
    }
    fprintf(out,
            "</pre><button type=\"button\" aria-label=\"Copy the commands "
            "that train anew what %s rests on\">Copy</button></div>\n",
            o->id);
}

static void put_replay(FILE *out, const page *p, const char *whose,
                       const thm_decision *o)
{
    if (o->result.cases == 0) {
        return;
    }
    if (o->result.recorded[0]) {
        put_training(out, o);
        return;
    }
    fprintf(out,
            "<h3>To replay %s</h3>\n<div class=\"replay\">"
            "<pre>build/bin/theoremeter verify --only ",
            whose);
    put_shell_word(out, o->id);
    fputs(" --case ", out);
    put_shell_word(out, o->result.worst_case);
    fprintf(out, " --seed %" PRIu64, o->result.worst_seed);
    if (p->effort < 1.0 || p->effort > 1.0) { /* 1 is the default */
        fprintf(out, " --effort %.17g", p->effort);
    }
    fprintf(out,
            "</pre><button type=\"button\" aria-label=\"Copy the command that "
            "replays %s\">Copy</button></div>\n",
            o->id);
}

static void put_detail(FILE *out, page *p, const thm_catalogue_entry *e,
                       const thm_decision *o, const thm_decision *twin)
{
    fprintf(out,
            "<tr class=\"detail\" id=\"detail-%s\" hidden><td colspan=\"7\">"
            "<div class=\"columns\"><div>\n",
            o->id);
    put_field(out, p, e, "Statement", "Statement");
    put_field(out, p, e, "Hypotheses", "Hypotheses");
    put_field(out, p, e, "Source", "Source");
    put_field(out, p, e, "Expected", "Expected verdict");
    put_field(out, p, e, "Proof", "Proof");
    put_field(out, p, e, "Rounding", "Rounding");
    put_field(out, p, e, "Twin", "The false twin");
    fputs("</div><div>\n<h3>Measured</h3>\n", out);
    put_facts(out, "worst case", o);
    if (twin) {
        fprintf(out, "<h3>The twin %s, measured</h3>\n", twin->id);
        put_facts(out,
                  twin->result.verdict == THM_REFUTED ? "counterexample"
                                                      : "worst case",
                  twin);
    }
    fputs("</div></div>\n", out);
    put_replay(out, p, "the worst case", o);
    if (twin && !twin->result.recorded[0]) { /* the same trainings */
        put_replay(out, p, "the twin&#8217;s", twin);
    }
    fputs("</td></tr>\n", out);
}

void page_rows(FILE *out, page *p)
{
    for (int i = 0; i < p->n; i++) {
        const thm_decision *o = &p->decisions[i];
        if (!page_is_claim(p, o)) {
            continue;
        }
        const thm_catalogue_entry *e = thm_catalogue_find(o->id);
        const thm_decision *twin = page_twin(p, o);
        const bool expected =
            page_as_expected(o) && (!twin || page_as_expected(twin));
        fprintf(out,
                "<tbody class=\"claim\" id=\"%s\" data-family=\"%c\" "
                "data-claim=\"%.*s\" data-verdict=\"%s\" "
                "data-unexpected=\"%s\">\n",
                o->id, o->id[0], (int)strcspn(o->id, "."), o->id,
                thm_verdict_text(o->result.verdict), expected ? "no" : "yes");
        put_row(out, p, e, o, twin);
        put_detail(out, p, e, o, twin);
        fputs("</tbody>\n", out);
    }
}
