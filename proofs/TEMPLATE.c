/* A claim of your own in fifteen minutes.
 *
 *  1. Copy this file to proofs/my_claim.c; `make` builds build/bin/my-claim.
 *  2. Say what you claim, for which inputs, and how far rounding can move the
 *     numbers that decide it (below; a claim that stays goes to paper-notes/
 *     and to src/claims/catalogue.c, and `theoremeter verify` runs it too).
 *  3. Write the case: the inputs, a pure function of (seed, index).
 *  4. Write the measure of the claim and that of its false twin.
 *  5. Run it: build/bin/my-claim; one case again: --case NAME --seed SEED.
 *
 * The claim here, U1: for p = softmax(z / tau) over n tokens,
 *     1/n <= sum_i p_i^2
 * for all finite z and tau > 0.  Proof: Cauchy-Schwarz on sum_i 1 p_i = 1;
 * equality at uniform p, so the claim is attained and is judged with its
 * resolution (src/core/verdict.h).
 *
 * Rounding: thm_softmax gives p_i (1 + 7 u), u = 2^-53; a plain sum of n
 * squares adds at most n u, 1/n one u; the rest of second order is below one
 * more u while n < 2^20.  So |margin - exact margin| <= (n + 16) u sum p^2.
 * Squares that underflow lose at most n 2^-1074, far below u/n.
 *
 * The twin, XU1: 2/n <= sum_i p_i^2 for n >= 2.  False: uniform p gives 1/n.
 * A check that cannot refute its twin cannot be trusted with its claim. */
#include <float.h>
#include <stdio.h>
#include "claims/claim.h"
#include "core/rng.h"
#include "proofs/proof.h"
#include "softmax/softmax.h"

/* ---- the cases ------------------------------------------------------------
 */

enum { MAX_N = 64, BASE_CASES = 200 };

typedef struct {
    int n;
    double z[MAX_N]; /* logits; tau is 1, as z / tau is all that matters */
} row_case;

/* Case 0 is the edge where equality holds; never draw what you can place.
 * The stream of random numbers is the case's index: draws of different cases
 * have nothing in common, and case 17 alone equals case 17 of a whole run. */
static thm_status make_case(void *ctx, uint64_t seed, int64_t index,
                            void *the_case, char *name)
{
    static const double widths[] = {0.0, 0.1, 1.0, 10.0, 100.0};
    enum { WIDTHS = sizeof widths / sizeof *widths };
    row_case *c = the_case;
    (void)ctx;
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    const double width = widths[index % WIDTHS];
    c->n = 1 + (int)thm_rng_below(&rng, MAX_N);
    thm_rng_fill_normal(&rng, c->n, width, c->z);
    snprintf(name, THM_CASE_NAME, "row-%lld-n-%d-sd-%g", (long long)index, c->n,
             width);
    return THM_OK;
}

/* Called once: how many cases at this effort, and where a case is kept. */
static thm_status open_cases(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    static row_case storage;
    (void)seed;
    (void)ctx;
    (void)msg;
    source->count = proof_count(effort, BASE_CASES);
    source->make = make_case;
    source->the_case = &storage;
    return THM_OK;
}

/* ---- the measures ---------------------------------------------------------
 */

/* sum p^2 of a case and the bound of its error, derived above. */
static thm_status sum_of_squares(const row_case *c, double *sum, double *err)
{
    const double u = DBL_EPSILON / 2;
    double p[MAX_N];
    const thm_status status = thm_softmax(c->n, c->z, 1.0, p);
    if (status != THM_OK) {
        return status; /* an instrument that breaks has no verdict */
    }
    *sum = 0.0;
    for (int i = 0; i < c->n; i++) {
        *sum += p[i] * p[i];
    }
    *err = (c->n + 16) * u * *sum;
    return THM_OK;
}

/* A measure says: observed <= allowed is what is claimed, and err bounds the
 * error of allowed - observed. */
static thm_status measure_claim(const void *the_case, void *ctx, thm_finding *f,
                                bool *applies)
{
    const row_case *c = the_case;
    (void)ctx;
    (void)applies; /* every case meets the hypotheses */
    f->observed = 1.0 / c->n;
    f->resolution = true; /* equality is possible */
    f->evidence = THM_BOUNDED;
    return sum_of_squares(c, &f->allowed, &f->err);
}

static thm_status measure_twin(const void *the_case, void *ctx, thm_finding *f,
                               bool *applies)
{
    const row_case *c = the_case;
    (void)ctx;
    *applies = c->n >= 2; /* else the case is counted as skipped */
    f->observed = 2.0 / c->n;
    f->evidence = THM_BOUNDED;
    return sum_of_squares(c, &f->allowed, &f->err);
}

/* ---- the table ------------------------------------------------------------
 */

static const thm_claim claims[] = {
    {.id = "U1", .measure = measure_claim},
    {.id = "XU1", .measure = measure_twin},
};
static const proof_group groups[] = {
    {.n_claims = 2, .claims = claims, .open = open_cases},
};
static const proof_table table = {
    .summary = "U1: the squares of n softmax probabilities sum to 1/n or more.",
    .n_groups = 1,
    .groups = groups,
};

int main(int argc, char **argv)
{
    return proof_main(argc, argv, &table);
}
