/* What attn-pl says: see train.h. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "core/json.h"
#include "programs/attn_pl/train.h"

static bool put(json_t *line, const char *key, json_t *value)
{
    return json_object_set_new(line, key, value) == 0;
}

static bool put_real(json_t *line, const char *key, double x)
{
    return put(line, key, thm_json_real(x));
}

/* A check as "key", "key_margin", "key_cases" and "key_skipped": the steps that
 * rounding leaves undecided. */
static bool put_check(json_t *line, const char *key, const thm_result *r)
{
    thm_message name;
    bool good = put(line, key, json_string(thm_verdict_text(r->verdict)));
    thm_fail(THM_OK, &name, "%s_margin", key);
    good =
        good && put_real(line, name.text, r->cases > 0 ? r->margin : HUGE_VAL);
    thm_fail(THM_OK, &name, "%s_cases", key);
    good = good && put(line, name.text, json_integer(r->cases));
    thm_fail(THM_OK, &name, "%s_skipped", key);
    return good && put(line, name.text, json_integer(r->skipped));
}

/* As the neighbours name them. */
static bool put_sizes(json_t *line, const thm_layer *l)
{
    return put(line, "N", json_integer(l->N)) &&
           put(line, "n", json_integer(l->n)) &&
           put(line, "D", json_integer(l->D)) &&
           put(line, "d", json_integer(l->d)) &&
           put(line, "H", json_integer(l->H)) &&
           put(line, "m", json_integer(l->m));
}

/* The word of a choice "a|b|c" at an index. */
static json_t *word(const char *choice, int index)
{
    const char *from = choice;
    for (; index > 0; index--) {
        from = strchr(from, '|') + 1;
    }
    return json_stringn(from, strcspn(from, "|"));
}

static json_t *describe(const train_request *q, const thm_instance *in,
                        const train_result *r)
{
    const thm_pl_report *told = &r->told;
    const thm_layer *l = &in->layer;
    json_t *line = json_object();
    const char *ending =
        r->interrupted ? "interrupted" : thm_pl_ending_text(r->end.ending);
    if (line && put(line, "train", word(TRAIN_CHOICE, q->choice)) &&
        put(line, "kernel", json_string(thm_kernel_text(l->kernel))) &&
        put_real(line, "kernel_scale", l->c) && put_sizes(line, l) &&
        put(line, "steps", json_integer(r->end.t)) &&
        put(line, "ending", json_string(ending)) &&
        put_real(line, "f0", told->f0) && put_real(line, "f_end", r->end.f) &&
        put_real(line, "f_end_err", r->end.f_err) &&
        put_real(line, "gradient", r->end.gradient) &&
        put_real(line, "pl_min", told->ratio_min) &&
        put(line, "pl_min_step",
            isnan(told->ratio_min) ? json_null()
                                   : json_integer(told->ratio_min_step)) &&
        put(line, "mu",
            r->theory.mu > 0.0 ? thm_json_real(r->theory.mu) : json_null()) &&
        put(line, "theorem", thm_json_string(r->theory.theorem)) &&
        put_real(line, "L", r->theory.L) &&
        put(line, "L_estimated", json_boolean(r->theory.L_estimated)) &&
        put_real(line, "eta", r->end.eta) &&
        put_real(line, "path", r->end.path) &&
        put_real(line, "radius", told->radius) &&
        put_real(line, "distance_max", told->distance_max) &&
        put_real(line, "sigma_min_b0", r->sigma0) &&
        put_real(line, "sigma_min_b", r->sigma) &&
        put_check(line, "ratio", &told->ratio) &&
        put_check(line, "decrease", &told->decrease) &&
        put_check(line, "rate", &told->rate) &&
        put_check(line, "path_bound", &told->path) &&
        put_check(line, "ball", &r->ball) &&
        put(line, "verdict", json_string(thm_verdict_text(train_verdict(r))))) {
        return line;
    }
    json_decref(line);
    return NULL;
}

static void print_value(FILE *stream, const json_t *value)
{
    if (json_is_real(value)) {
        fprintf(stream, " %.6g", json_real_value(value));
    } else if (json_is_integer(value)) {
        fprintf(stream, " %lld", (long long)json_integer_value(value));
    } else if (json_is_string(value)) {
        fprintf(stream, " %s", json_string_value(value));
    } else if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? " yes" : " no", stream);
    } else {
        fputs(" -", stream);
    }
}

thm_status train_print(FILE *stream, const train_request *request,
                       const thm_instance *in, const train_result *result,
                       bool human)
{
    json_t *line = describe(request, in, result);
    if (!line) {
        return THM_ENOMEM;
    }
    if (human) {
        const char *key;
        json_t *value;
        json_object_foreach(line, key, value)
        {
            fprintf(stream, "%-19s", key);
            print_value(stream, value);
            fputc('\n', stream);
        }
    } else {
        /* a failed write shows when the program ends */
        thm_json_write(stream, line);
    }
    json_decref(line);
    return THM_OK;
}
