/* What attn-check says: see print.h. */
#include "programs/attn_check/print.h"

#include <jansson.h>
#include <math.h>
#include "core/json.h"

static json_t *row_line(const thm_condition *r)
{
    json_t *line = json_object();
    const bool repaired = r->repair[0] != '\0';
    if (line &&
        json_object_set_new(line, "theorem", json_string(r->theorem)) == 0 &&
        json_object_set_new(line, "hypothesis", json_string(r->hypothesis)) ==
            0 &&
        json_object_set_new(line, "says", json_string(r->says)) == 0 &&
        json_object_set_new(line, "verdict",
                            json_string(thm_verdict_text(r->verdict))) == 0 &&
        json_object_set_new(line, "margin", thm_json_real(r->margin)) == 0 &&
        json_object_set_new(line, "err", thm_json_real(r->err)) == 0 &&
        json_object_set_new(line, "value", thm_json_real(r->value)) == 0 &&
        json_object_set_new(line, "bound", thm_json_real(r->bound)) == 0 &&
        json_object_set_new(line, "repair",
                            repaired ? json_string(r->repair) : json_null()) ==
            0 &&
        json_object_set_new(line, "repair_value",
                            thm_json_real(r->repair_value)) == 0) {
        return line;
    }
    json_decref(line);
    return NULL;
}

static json_t *theorem_line(const thm_theorem *t, const thm_conditions *c,
                            double epsilon)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"mu", t->mu},
                   {"L", t->L},
                   {"eta", t->eta},
                   {"eta_limit", t->eta_limit},
                   {"radius", t->radius},
                   {"epsilon", epsilon},
                   {"iterations", t->iterations},
                   {"f0", c->f0},
                   {"f0_err", c->f0_err},
                   {"witness", t->witness}};
    json_t *line = json_object();
    bool good =
        line &&
        json_object_set_new(line, "theorem", json_string(t->theorem)) == 0 &&
        json_object_set_new(line, "verdict",
                            json_string(thm_verdict_text(t->verdict))) == 0 &&
        json_object_set_new(line, "L_estimated",
                            json_boolean(t->L_estimated)) == 0;
    for (size_t k = 0; good && k < sizeof numbers / sizeof *numbers; k++) {
        good = json_object_set_new(line, numbers[k].key,
                                   thm_json_real(numbers[k].value)) == 0;
    }
    if (good) {
        return line;
    }
    json_decref(line);
    return NULL;
}

/* A number in ten columns, "-" where it means nothing. */
static void put(FILE *stream, double x)
{
    if (isnan(x)) {
        fprintf(stream, " %10s", "-");
    } else {
        fprintf(stream, " %10.4g", x);
    }
}

static void print_table(FILE *stream, const thm_conditions *c)
{
    fprintf(stream, "%-8s %-14s %-9s %10s %10s %10s  %s\n", "theorem",
            "hypothesis", "verdict", "value", "bound", "err", "says");
    for (int k = 0; k < c->n_rows; k++) {
        const thm_condition *r = &c->rows[k];
        fprintf(stream, "%-8s %-14s %-9s", r->theorem, r->hypothesis,
                thm_verdict_text(r->verdict));
        put(stream, r->value);
        put(stream, r->bound);
        put(stream, r->err);
        fprintf(stream, "  %s\n", r->says);
        if (r->repair[0] != '\0') {
            fprintf(stream, "%24srepair: %s\n", "", r->repair);
        }
    }
    fprintf(stream, "\n%-8s %-14s %10s %10s %10s %10s %10s\n", "theorem",
            "verdict", "mu", "L", "eta", "radius", "iterations");
    for (int k = 0; k < c->n_theorems; k++) {
        const thm_theorem *t = &c->theorems[k];
        fprintf(stream, "%-8s %-14s", t->theorem, thm_verdict_text(t->verdict));
        put(stream, t->mu);
        put(stream, t->L);
        put(stream, t->eta);
        put(stream, t->radius);
        put(stream, t->iterations);
        fputs(t->L_estimated ? "  (L estimated)\n" : "\n", stream);
        if (!isnan(t->witness)) {
            fprintf(stream, "%8s null residual r: |J_Q' r| / |r| = %.2g\n", "",
                    t->witness);
        }
    }
}

thm_status print_conditions(FILE *stream, const thm_conditions *c,
                            double epsilon, bool human)
{
    json_t *lines[THM_CONDITIONS_ROWS + THM_CONDITIONS_THEOREMS];
    int count = 0;
    bool good = true;
    if (human) {
        print_table(stream, c);
        return THM_OK;
    }
    for (int k = 0; k < c->n_rows; k++) {
        lines[count] = row_line(&c->rows[k]);
        good = good && lines[count++];
    }
    for (int k = 0; k < c->n_theorems; k++) {
        lines[count] = theorem_line(&c->theorems[k], c, epsilon);
        good = good && lines[count++];
    }
    for (int k = 0; k < count; k++) {
        if (good) {
            /* a failed write shows when the program ends */
            thm_json_write(stream, lines[k]);
        }
        json_decref(lines[k]);
    }
    return good ? THM_OK : THM_ENOMEM;
}
