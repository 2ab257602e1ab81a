/* Summary, filter and record of the run: see page.h. */
#include "page.h"

#include <inttypes.h>
#include <string.h>
#include "claims/catalogue.h"
#include "markup.h"

/* ---- decisions -------------------------------------------------------------
 */

const thm_decision *page_twin(const page *p, const thm_decision *claim)
{
    for (int i = 0; i < p->n; i++) {
        const char *id = p->decisions[i].id;
        if (id[0] == 'X' && strcmp(id + 1, claim->id) == 0) {
            return &p->decisions[i];
        }
    }
    return NULL;
}

/* A twin whose claim is not among the decisions has a row of its own. */
bool page_is_claim(const page *p, const thm_decision *o)
{
    for (int i = 0; thm_catalogue_is_twin(o->id) && i < p->n; i++) {
        if (strcmp(p->decisions[i].id, o->id + 1) == 0) {
            return false;
        }
    }
    return true;
}

bool page_as_expected(const thm_decision *o)
{
    return o->result.verdict == o->expected;
}

typedef struct {
    int claims, twins, unexpected;
    int by_verdict[4];
    int64_t cases;
    double seconds;
} tally;

static tally count(const page *p)
{
    tally t = {0};
    for (int i = 0; i < p->n; i++) {
        const thm_decision *o = &p->decisions[i];
        t.unexpected += !page_as_expected(o);
        t.cases += o->result.cases;
        t.seconds += o->seconds;
        if (thm_catalogue_is_twin(o->id)) {
            t.twins++;
        } else {
            t.claims++;
            t.by_verdict[o->result.verdict]++;
        }
    }
    return t;
}

void page_title(FILE *out, page *p)
{
    const tally t = count(p);
    fprintf(out, "%d %s, %d false %s", t.claims,
            t.claims == 1 ? "claim" : "claims", t.twins,
            t.twins == 1 ? "twin" : "twins");
}

/* ---- summary --------------------------------------------------------------
 */

static void put_unexpected(FILE *out, const page *p)
{
    const char *before = "";
    for (int i = 0; i < p->n; i++) {
        const thm_decision *o = &p->decisions[i];
        if (!page_as_expected(o)) {
            const bool own_row = page_is_claim(p, o);
            fprintf(out, "%s%s<a href=\"#%s\">%s</a> came out %s, expected %s",
                    before, thm_catalogue_is_twin(o->id) ? "the twin " : "",
                    own_row ? o->id : o->id + 1, o->id,
                    thm_verdict_text(o->result.verdict),
                    thm_verdict_text(o->expected));
            before = "; ";
        }
    }
}

void page_summary(FILE *out, page *p)
{
    const tally t = count(p);
    fputs("<p class=\"outcome\"><strong>", out);
    if (t.unexpected == 0) {
        fprintf(out,
                "Each of the %d %s came out as expected, and each of the %d "
                "false %s as its opposite.</strong></p>\n",
                t.claims, t.claims == 1 ? "claim" : "claims", t.twins,
                t.twins == 1 ? "twin" : "twins");
    } else {
        fprintf(out, "%d of %d outcomes %s not as expected:</strong> ",
                t.unexpected, p->n, t.unexpected == 1 ? "is" : "are");
        put_unexpected(out, p);
        fputs(".</p>\n", out);
    }
    fputs("<dl class=\"counts\">\n", out);
    for (int v = 0; v < 4; v++) {
        const char *text = thm_verdict_text((thm_verdict)v);
        fprintf(out, "<div><dt class=\"verdict %s\">%s</dt><dd>%d</dd></div>\n",
                text, text, t.by_verdict[v]);
    }
    fprintf(out,
            "<div><dt>cases decided</dt><dd>%" PRId64 "</dd></div>\n"
            "<div><dt>seconds of measuring</dt><dd>%.1f</dd></div>\n</dl>\n",
            t.cases, t.seconds);
}

/* ---- filter ---------------------------------------------------------------
 */

typedef struct {
    char letter;
    const char *title;
} family;

static const family families[] = {
    {'S', "softmax and its spectrum (Hoffmann et al. 2024)"},
    {'F', "gradient flow (Varre et al. 2026)"},
    {'G', "gradient descent (Song et al. 2024)"},
    {'H', "Eureka-moments (Hoffmann et al. 2024)"},
    {'L', "loss landscapes"},
    {'E', "studies"},
};

static const char *family_title(char letter)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (families[i].letter == letter) {
            return families[i].title;
        }
    }
    return "further claims";
}

/* The row before o that has the same first k characters of its id. */
static bool seen(const page *p, const thm_decision *o, size_t k)
{
    for (const thm_decision *q = p->decisions; q < o; q++) {
        const bool cut = k == 1 || q->id[k] == '\0' || q->id[k] == '.';
        if (page_is_claim(p, q) && strncmp(q->id, o->id, k) == 0 && cut) {
            return true;
        }
    }
    return false;
}

void page_families(FILE *out, page *p)
{
    fputs("<option value=\"\">all</option>\n", out);
    const thm_decision *end = p->decisions + p->n;
    for (const thm_decision *o = p->decisions; o < end; o++) {
        const char letter = o->id[0];
        if (!page_is_claim(p, o) || seen(p, o, 1)) {
            continue;
        }
        fprintf(out, "<option value=\"%c\">%c: %s</option>\n", letter, letter,
                family_title(letter));
        for (const thm_decision *q = o; q < end; q++) {
            const size_t k = strcspn(q->id, ".");
            if (q->id[0] == letter && page_is_claim(p, q) && !seen(p, q, k)) {
                fprintf(out,
                        "<option value=\"%.*s\">\xc2\xa0\xc2\xa0%.*s</option>"
                        "\n",
                        (int)k, q->id, (int)k, q->id);
            }
        }
    }
}

/* ---- record of the run ----------------------------------------------------
 */

static void put_value(FILE *out, const json_t *value)
{
    if (json_is_string(value)) {
        markup_plain(out, json_string_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    markup_plain(out, text ? text : "");
    free(text);
}

static void put_object(FILE *out, const char *prefix, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (json_is_object(value) && !*prefix) {
            put_object(out, key, value);
        } else {
            fputs("<tr><th scope=\"row\">", out);
            markup_plain(out, prefix);
            fputs(*prefix ? ": " : "", out);
            markup_plain(out, key);
            fputs("</th><td>", out);
            put_value(out, value);
            fputs("</td></tr>\n", out);
        }
    }
}

void page_run(FILE *out, page *p)
{
    if (!p->run) {
        fputs("<p>This run was not recorded.</p>\n", out);
        return;
    }
    fputs("<table class=\"facts\">\n", out);
    put_object(out, "", p->run);
    fputs("</table>\n", out);
}
