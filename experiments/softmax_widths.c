/* |tau J|_F and the entropy of softmax against the width of its logits: n
 * independent normal logits of standard deviation s, for s on a logarithmic
 * grid.  J is small where attention is uniform (narrow logits) and where it is
 * a spike (wide ones); its gradient lives between.
 *
 * Draw d uses the same normals at every width, so that the curves are smooth in
 * s and their bands show what differs between draws. */
#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "experiments/experiment.h"
#include "programs/start.h"
#include "softmax/softmax.h"

enum { TOKENS = 197, WIDTHS = 61 };

static const double narrowest = 0.01, widest = 100;

static const thm_tsv_column columns[] = {
    {"s", "1"},           {"fro10", "1"},        {"fro50", "1"},
    {"fro90", "1"},       {"entropy10", "ln n"}, {"entropy50", "ln n"},
    {"entropy90", "ln n"}};

/* row <- s, quantiles of |tau J|_F, quantiles of H / ln n, over the draws of
 * normals: (draws x TOKENS); fro, entropy: (draws). */
static thm_status measure(int draws, const double *normals, double s,
                          double *fro, double *entropy, double row[7])
{
    double z[TOKENS], p[TOKENS], h;
    thm_status status = THM_OK;
    for (int d = 0; d < draws && status == THM_OK; d++) {
        for (int i = 0; i < TOKENS; i++) {
            z[i] = s * normals[(size_t)d * TOKENS + (size_t)i];
        }
        status = thm_softmax(TOKENS, z, 1, p);
        if (status == THM_OK) {
            status = thm_softmax_jacobian_fro(TOKENS, p, 1, &fro[d]);
        }
        if (status == THM_OK) {
            status = thm_softmax_entropy(TOKENS, z, 1, &h, &entropy[d]);
        }
    }
    if (status == THM_OK) {
        row[0] = s;
        experiment_quantiles(draws, fro, row + 1);
        experiment_quantiles(draws, entropy, row + 4);
    }
    return status;
}

static thm_status write_widths(uint64_t seed, int draws, thm_tsv *tsv,
                               thm_message *msg)
{
    double *normals = malloc((size_t)draws * TOKENS * sizeof *normals);
    double *values = malloc(2 * (size_t)draws * sizeof *values);
    thm_status status = THM_OK;
    if (!normals || !values) {
        status = thm_fail(THM_ENOMEM, msg, "out of memory");
    }
    for (int d = 0; d < draws && status == THM_OK; d++) {
        thm_rng rng = thm_rng_make(seed, (uint64_t)d);
        thm_rng_fill_normal(&rng, TOKENS, 1, normals + (size_t)d * TOKENS);
    }
    for (int k = 0; k < WIDTHS && status == THM_OK; k++) {
        double row[7];
        const double s =
            narrowest * pow(widest / narrowest, k / (WIDTHS - 1.0));
        status = start_interrupted()
                     ? THM_EINTERRUPTED
                     : measure(draws, normals, s, values, values + draws, row);
        if (status == THM_OK) {
            thm_tsv_row(tsv, row);
        }
    }
    free(values);
    free(normals);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment widths = {
        .name = "softmax-widths",
        .purpose = "Measures |tau J|_F and the entropy of softmax against the "
                   "width of its logits.",
        .draws = 128,
        .min_draws = 16,
        .n_columns = sizeof columns / sizeof *columns,
        .columns = columns,
        .write = write_widths};
    return experiment_main(argc, argv, &widths);
}
