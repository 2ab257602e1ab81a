/* What attn-rank says: see print.h. */
#include "programs/attn_rank/print.h"

#include <jansson.h>
#include "core/json.h"

thm_verdict rank_verdict(const thm_layer_rank *r)
{
    if (r->deficient != THM_DEFICIENT_NOT) {
        return THM_REFUTED;
    }
    return r->bound.lower > 0.0 ? THM_HOLDS : THM_UNDECIDED;
}

/* What keeps the verdict from HOLDS, in a word and in a sentence. */
static const char *limited_by(const thm_layer_rank *r, const char **why)
{
    *why = NULL;
    if (r->deficient != THM_DEFICIENT_NOT) {
        *why = thm_deficient_text(r->deficient);
        return "rank";
    }
    if (r->bound.lower > 0.0) {
        return NULL;
    }
    if (r->bound.limited_by_delta) {
        *why = "the computed B has full rank, but its rounding error delta "
               "may hide a deficient one";
        return "delta";
    }
    *why = "sigma_min is too small beside sigma_max for a certificate in "
           "double precision";
    return "condition";
}

static const char *route_text(thm_sigma_route route)
{
    switch (route) {
    case THM_SIGMA_AUTO:
        return "auto";
    case THM_SIGMA_GRAM:
        return "gram";
    case THM_SIGMA_QR:
        return "qr";
    case THM_SIGMA_SINGLE_GRAM:
        return "single-gram";
    case THM_SIGMA_SINGLE_QR:
        return "single-qr";
    case THM_SIGMA_SVD:
        return "svd";
    }
    return "unknown";
}

static const char *certified_text(thm_certified certified)
{
    switch (certified) {
    case THM_CERTIFIED_NOT:
        return NULL;
    case THM_CERTIFIED_CHOLESKY:
        return "cholesky";
    case THM_CERTIFIED_PRECONDITIONED:
        return "preconditioned";
    }
    return "unknown";
}

/* The object that is printed; NULL if out of memory. */
static json_t *describe(const thm_layer *l, const uint64_t *seed,
                        const thm_layer_rank *r)
{
    const char *why;
    const char *limit = limited_by(r, &why);
    json_t *line = json_pack("{s:i, s:i, s:i, s:i, s:i, s:s}", "N", l->N, "n",
                             l->n, "D", l->D, "d", l->d, "H", l->H, "kernel",
                             thm_kernel_text(l->kernel));
    if (!line) {
        return NULL;
    }
    const struct {
        const char *key;
        json_t *value;
    } rest[] = {
        {"kernel_scale", thm_json_real(l->c)},
        {"seed", seed ? thm_json_u64(*seed) : json_null()},
        {"rows", json_integer(r->rows)},
        {"columns", json_integer(r->columns)},
        {"sigma_min", thm_json_real(r->sigma.min)},
        {"sigma_min_lower", thm_json_real(r->bound.lower)},
        {"sigma_min_upper", thm_json_real(r->bound.upper)},
        {"lambda_min_gram", thm_json_real(r->lambda_min_gram)},
        {"sigma_max", thm_json_real(r->sigma.max)},
        {"rank_threshold", thm_json_real(r->sigma.threshold)},
        {"residual", thm_json_real(r->sigma.residual)},
        {"gap", thm_json_real(r->sigma.gap)},
        {"delta", thm_json_real(r->delta)},
        {"underflowed", json_integer(r->underflowed)},
        {"route", json_string(route_text(r->sigma.route))},
        {"certificate", thm_json_string(certified_text(r->bound.route))},
        {"limited_by", thm_json_string(limit)},
        {"verdict", json_string(thm_verdict_text(rank_verdict(r)))},
        {"why", thm_json_string(why)},
    };
    bool good = true;
    for (size_t k = 0; k < sizeof rest / sizeof *rest; k++) {
        good &= json_object_set_new(line, rest[k].key, rest[k].value) == 0;
    }
    if (!good) {
        json_decref(line);
        return NULL;
    }
    return line;
}

thm_status print_rank(FILE *stream, const thm_layer *layer,
                      const uint64_t *seed, const thm_layer_rank *r, bool human)
{
    json_t *line = describe(layer, seed, r);
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
        fprintf(stream, "%-16s ", key);
        if (json_is_integer(value)) {
            fprintf(stream, "%lld\n", (long long)json_integer_value(value));
        } else if (json_is_real(value)) {
            fprintf(stream, "%.6g\n", json_real_value(value));
        } else {
            fprintf(stream, "%s\n",
                    json_is_string(value) ? json_string_value(value) : "-");
        }
    }
    json_decref(line);
    return THM_OK;
}
