/* The relative error of every eigenvalue of tau J, from softmax's own spectrum
 * and from LAPACK's dsyevd of the dense matrix, against references in ball
 * arithmetic.  LAPACK's error is a few u |J|_2, so that eigenvalues below that
 * have no correct digit. */
#include <math.h>
#include <stdlib.h>

#include "core/rng.h"
#include "experiments/experiment.h"
#include "la/eig.h"
#include "la/isa.h"
#include "softmax/softmax.h"
#include "softmax/spectrum.h"

enum { TOKENS = 96, BITS = 128 };

static const double width = 20;

static const thm_tsv_column columns[] = {
    {"mu", "1"}, {"err_spectrum", "1"}, {"err_dsyevd", "1"}};

typedef struct {
    double z[TOKENS], p[TOKENS], J[TOKENS * TOKENS];
    double exact[TOKENS], ours[TOKENS], dense[TOKENS];
} row;

static thm_status solve(row *r, thm_spectrum_work *work)
{
    thm_status status = thm_spectrum_ref(TOKENS, r->z, 1, BITS, r->exact);
    if (status == THM_OK) {
        status = thm_spectrum_load_logits(work, TOKENS, r->z, 1);
    }
    if (status == THM_OK) {
        status = thm_spectrum_values(work, r->ours, NULL);
    }
    if (status == THM_OK) {
        status = thm_softmax(TOKENS, r->z, 1, r->p);
    }
    if (status == THM_OK) {
        status = thm_softmax_jacobian(TOKENS, r->p, 1, r->J);
    }
    if (status == THM_OK) {
        status = thm_eig_values(TOKENS, r->J, r->dense, NULL);
    }
    return status;
}

static thm_status write_accuracy(uint64_t seed, int draws, thm_tsv *tsv,
                                 thm_message *msg)
{
    row *r = malloc(sizeof *r);
    thm_spectrum_work *work = NULL;
    if (r == NULL) {
        return thm_fail(THM_ENOMEM, msg, "out of memory");
    }
    thm_status status =
        thm_spectrum_work_alloc(TOKENS, 1, thm_isa_detect(), &work);
    for (int d = 0; d < draws && status == THM_OK; d++) {
        thm_rng rng = thm_rng_make(seed, (uint64_t)d);
        thm_rng_fill_normal(&rng, TOKENS, width, r->z);
        status = solve(r, work);
        for (int k = 1; k < TOKENS && status == THM_OK; k++) {
            const double mu = r->exact[k];
            const double line[] = {mu, fabs(r->ours[k] - mu) / mu,
                                   fabs(r->dense[k] - mu) / mu};
            thm_tsv_row(tsv, line);
        }
    }
    thm_spectrum_work_free(work);
    free(r);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment accuracy = {
        .name = "spectrum-accuracy",
        .purpose = "Measures the relative error of every eigenvalue of the "
                   "softmax Jacobian, by its own method and by LAPACK's.",
        .draws = 4,
        .min_draws = 1,
        .n_columns = sizeof columns / sizeof *columns,
        .columns = columns,
        .write = write_accuracy};
    return experiment_main(argc, argv, &accuracy);
}
