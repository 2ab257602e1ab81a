/* What attn-gradients says: see print.h. */
#include "programs/attn_gradients/print.h"

#include <jansson.h>
#include "core/json.h"

static void put_size(json_t *line, const char *name, const thm_size_of *size)
{
    char key[32];
    snprintf(key, sizeof key, "%s_mean_abs", name);
    json_object_set_new(line, key, thm_json_real(size->mean_abs));
    snprintf(key, sizeof key, "%s_frobenius", name);
    json_object_set_new(line, key, thm_json_real(size->frobenius));
}

/* The object that is printed; NULL if out of memory. */
static json_t *describe(const user_head *u, const thm_gap *g, uint64_t seed)
{
    json_t *line = json_pack("{s:i, s:i, s:i}", "n", u->head.n, "D", u->head.D,
                             "d", u->head.d);
    if (!line) {
        return NULL;
    }
    json_object_set_new(line, "tau", thm_json_real(u->head.tau));
    json_object_set_new(line, "seed",
                        u->drawn_g ? thm_json_u64(seed) : json_null());
    json_object_set_new(line, "entropy", thm_json_real(g->entropy));
    json_object_set_new(line, "logit_std", thm_json_real(g->logit_std));
    put_size(line, "dS", &g->dS);
    put_size(line, "dWq", &g->dWq);
    put_size(line, "dWk", &g->dWk);
    put_size(line, "dWv", &g->dWv);
    json_object_set_new(line, "gap", thm_json_real(g->gap_q));
    json_object_set_new(line, "gap_k", thm_json_real(g->gap_k));
    json_object_set_new(line, "gap_predicted", thm_json_real(g->gap_predicted));
    return line;
}

thm_status print_gap(FILE *stream, const user_head *u, const thm_gap *gap,
                     uint64_t seed, bool human)
{
    json_t *line = describe(u, gap, seed);
    if (!line) {
        return THM_ENOMEM;
    }
    if (!human) {
        /* a failed write shows when the program ends */
        thm_json_write(stream, line);
        json_decref(line);
        return THM_OK;
    }
    const char *key;
    json_t *value;
    json_object_foreach(line, key, value)
    {
        fprintf(stream, "%-14s ", key);
        if (json_is_integer(value)) {
            fprintf(stream, "%lld\n", (long long)json_integer_value(value));
        } else if (json_is_real(value)) {
            fprintf(stream, "%.6g\n", json_real_value(value));
        } else {
            fputs("-\n", stream);
        }
    }
    json_decref(line);
    return THM_OK;
}
