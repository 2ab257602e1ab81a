/* The spectrum of tau J beside the sorted probabilities that its eigenvalues
 * interlace, for four kinds of logits: nearly constant, normal of standard
 * deviation 1 and 3, and heavy-tailed.  One draw each: interlacing is a
 * statement about every single row. */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>

#include "core/rng.h"
#include "experiments/experiment.h"
#include "la/isa.h"
#include "softmax/softmax.h"
#include "softmax/spectrum.h"

enum { TOKENS = 16, KINDS = 4 };

/* Two columns a kind: p ascending, and the eigenvalues of tau J. */
static const thm_tsv_column columns[1 + 2 * KINDS] = {
    {"k", "1"},      {"p_sd0.1", "1"}, {"mu_sd0.1", "1"},
    {"p_sd1", "1"},  {"mu_sd1", "1"},  {"p_sd3", "1"},
    {"mu_sd3", "1"}, {"p_heavy", "1"}, {"mu_heavy", "1"}};

/* Student's t with two degrees of freedom: no variance, so a few logits tower
 * over the rest. */
static double heavy_tailed(thm_rng *rng)
{
    return gsl_cdf_tdist_Pinv(thm_rng_uniform(rng), 2);
}

static void draw(int kind, uint64_t seed, double z[TOKENS])
{
    static const double sd[KINDS - 1] = {0.1, 1, 3};
    thm_rng rng = thm_rng_make(seed, (uint64_t)kind);
    for (int i = 0; i < TOKENS; i++) {
        z[i] = kind < KINDS - 1 ? sd[kind] * thm_rng_normal(&rng)
                                : heavy_tailed(&rng);
    }
}

static thm_status write_spectra(uint64_t seed, int draws, thm_tsv *tsv,
                                thm_message *msg)
{
    double z[TOKENS], p[KINDS][TOKENS], mu[KINDS][TOKENS];
    thm_spectrum_work *work = NULL;
    thm_status status =
        thm_spectrum_work_alloc(TOKENS, 1, thm_isa_detect(), &work);
    (void)draws;
    (void)msg;
    for (int kind = 0; kind < KINDS && status == THM_OK; kind++) {
        draw(kind, seed, z);
        status = thm_softmax(TOKENS, z, 1, p[kind]);
        if (status == THM_OK) {
            status = thm_spectrum_load_logits(work, TOKENS, z, 1);
        }
        if (status == THM_OK) {
            status = thm_spectrum_values(work, mu[kind], NULL);
        }
        gsl_sort(p[kind], 1, TOKENS);
    }
    for (int k = 0; k < TOKENS && status == THM_OK; k++) {
        double row[1 + 2 * KINDS] = {k + 1};
        for (int kind = 0; kind < KINDS; kind++) {
            row[1 + 2 * kind] = p[kind][k];
            row[2 + 2 * kind] = mu[kind][k];
        }
        thm_tsv_row(tsv, row);
    }
    thm_spectrum_work_free(work);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment spectra = {
        .name = "softmax-spectra",
        .purpose = "Writes the eigenvalues of the softmax Jacobian beside the "
                   "sorted probabilities, for four kinds of logits.",
        .draws = 1,
        .min_draws = 1,
        .n_columns = sizeof columns / sizeof *columns,
        .columns = columns,
        .write = write_spectra};
    return experiment_main(argc, argv, &spectra);
}
