/* What value-flow says of where a run ended. */
#include <math.h>
#include <stdlib.h>

#include "core/json.h"
#include "programs/value_flow/flow.h"

/* |E - E(0)| relative to the parts of E, which cancel; null unless it is a
 * law: two tokens under softmax. */
static json_t *pair_drift(const flow_problem *f, const double *x)
{
    if (f->n != 2 || f->request->normalisation != THM_NORMALISE_SOFTMAX) {
        return json_null();
    }
    double at_start, at_end;
    const double before = thm_value_flow_pair(f->flow, f->x0, 0, 1, &at_start);
    const double after = thm_value_flow_pair(f->flow, x, 0, 1, &at_end);
    return thm_json_real(fabs(after - before) / fmax(at_start, at_end));
}

static json_t *array_of_rows(int rows, int n, const double *x)
{
    json_t *array = json_array();
    for (int i = 0; array != NULL && i < rows; i++) {
        if (json_array_append_new(
                array, thm_json_reals(n, x + (size_t)i * (size_t)n)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool put(json_t *line, const char *key, json_t *value)
{
    return json_object_set_new(line, key, value) == 0;
}

/* The object that is printed; NULL if out of memory.  p: (n) scratch. */
static json_t *describe(const flow_problem *f, const flow_result *result,
                        const thm_value_state *state, const double *p)
{
    const double *x = result->x, *a = x + (size_t)f->d * (size_t)f->n;
    const double drift = fabs(thm_value_flow_sum(f->flow, x) -
                              thm_value_flow_sum(f->flow, f->x0));
    const thm_ode_stats *s = &result->stats;
    json_t *line = json_object();
    bool good =
        line != NULL && put(line, "t", thm_json_real(result->t)) &&
        put(line, "loss", thm_json_real(state->loss)) &&
        put(line, "entropy", thm_json_real(state->entropy)) &&
        put(line, "p_max", thm_json_real(state->p_max)) &&
        put(line, "winner", json_integer(state->winner)) &&
        put(line, "sum_a_drift", thm_json_real(drift)) &&
        put(line, "pair_invariant_drift", pair_drift(f, x)) &&
        put(line, "rhs_calls", json_integer(s->rhs)) &&
        put(line, "steps", json_integer(s->steps)) &&
        put(line, "rejected", json_integer(s->rejected)) &&
        put(line, "stepper", thm_json_string(thm_stepper_text(s->stepper)));
    if (good && f->request->state) {
        good = put(line, "p", thm_json_reals(f->n, p)) &&
               put(line, "a", thm_json_reals(f->n, a)) &&
               put(line, "V", array_of_rows(f->d, f->n, x));
    }
    if (good && f->request->time == TIME_TAU) {
        good = put(line, "tau", thm_json_real(result->tau));
    }
    if (good && result->reason.text[0] != '\0') {
        good = put(line, "note", thm_json_string(result->reason.text));
    } else if (good && f->n == 1 &&
               f->request->normalisation == THM_NORMALISE_SOFTMAX) {
        good = put(line, "note",
                   thm_json_string("n = 1: softmax is constant, p = 1, and "
                                   "only V moves"));
    }
    if (!good) {
        json_decref(line);
        return NULL;
    }
    return line;
}

static void print_value(FILE *stream, const json_t *value)
{
    size_t i;
    json_t *element;
    if (json_is_integer(value)) {
        fprintf(stream, " %lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        fprintf(stream, " %.9g", json_real_value(value));
    } else if (json_is_string(value)) {
        fprintf(stream, " %s", json_string_value(value));
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, element)
        {
            if (json_is_array(element)) {
                fputs("\n   ", stream);
            }
            print_value(stream, element);
        }
    } else {
        fputs(" -", stream);
    }
}

thm_status flow_print(FILE *stream, const flow_problem *problem,
                      const flow_result *result, bool human)
{
    thm_value_state state;
    double *p = malloc((size_t)problem->n * sizeof *p);
    thm_status status =
        p == NULL
            ? THM_ENOMEM
            : thm_value_flow_look(problem->flow, result->x, &state, p, NULL);
    json_t *line =
        status == THM_OK ? describe(problem, result, &state, p) : NULL;
    free(p);
    if (line == NULL) {
        return status == THM_OK ? THM_ENOMEM : status;
    }
    if (human) {
        const char *key;
        json_t *value;
        json_object_foreach(line, key, value)
        {
            fprintf(stream, "%-21s", key);
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
