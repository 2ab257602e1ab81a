/* S4: at uniform attention J has the eigenvalue 1 / (tau n), n - 1 times, and
 * the Frobenius norm sqrt(n - 1) / (tau n) (paper-notes/softmax.md).  At
 * n = 197, tau = 8 these are 6.345178e-4 and 8.883249e-3. */
#include <math.h>
#include <stdio.h>
#include "claims/ball.h"
#include "proofs/proof.h"
#include "softmax/softmax.h"

static const int sizes[] = {197, 5,  2,   3,    4,   17,   50, 65,
                            100, 12, 256, 1000, 577, 4096, 33, 7};
static const double taus[] = {8.0, 1.0, 0.37, 0.25, 3.0};

enum {
    N_SIZES = sizeof sizes / sizeof *sizes,
    N_TAUS = sizeof taus / sizeof *taus
};

/* Equal logits (even rows) or equal probabilities; their size is drawn. */
static thm_status make_uniform(void *rows, uint64_t seed, int64_t index,
                               void *the_case, char *name)
{
    thm_row *row = the_case;
    (void)rows;
    row->n = sizes[index % N_SIZES];
    row->tau = taus[index / N_SIZES % N_TAUS];
    row->probs = index % 2 == 1;
    row->absent = false;
    row->family = row->probs ? "probs" : "logits";
    row->index = index;
    row->rng = thm_rng_make(seed, (uint64_t)index);
    thm_rng rng = row->rng;
    const double level = thm_rng_normal(&rng);
    for (int i = 0; i < row->n; i++) {
        row->value[i] = row->probs ? fabs(level) / row->n : level;
    }
    (void)snprintf(name, THM_CASE_NAME, "%s/n%d/tau%g/%lld", row->family,
                   row->n, row->tau, (long long)index);
    return THM_OK;
}

/* The row as probabilities, the first of them larger by 1e-3 if perturbed. */
static void as_probs(const thm_row *row, bool perturbed, thm_row *out,
                     double *value)
{
    *out = *row;
    out->value = value;
    out->probs = true;
    out->rng.stream += perturbed ? UINT64_C(1) << 62 : UINT64_C(1) << 61;
    for (int i = 0; i < row->n; i++) {
        value[i] = 1.0 / row->n;
    }
    value[0] += perturbed ? 1e-3 : 0.0;
}

/* The largest |n tau lambda_i - 1|, i = 2 .. n. */
static thm_status eigenvalues(const thm_row *row, thm_ball_row *b,
                              thm_finding *f)
{
    const thm_status status = thm_ball_row_spectrum(b, row);
    if (status != THM_OK) {
        return status;
    }
    arb_t x, worst;
    arb_init(x);
    arb_init(worst);
    for (int i = 1; i < row->n; i++) {
        arb_mul_si(x, b->eigen + i, row->n, THM_BALL_BITS);
        arb_sub_si(x, x, 1, THM_BALL_BITS);
        arb_abs(x, x);
        arb_max(worst, worst, x, THM_BALL_BITS);
    }
    thm_finding_zero(f, worst);
    arb_clear(x);
    arb_clear(worst);
    return THM_OK;
}

static thm_status uniform_eigenvalues(const void *the_case, void *ctx,
                                      thm_finding *f, bool *applies)
{
    *applies = true;
    return eigenvalues(the_case, ctx, f);
}

static thm_status perturbed_eigenvalues(const void *the_case, void *ctx,
                                        thm_finding *f, bool *applies)
{
    double value[THM_ROW_MAX];
    thm_row row;
    as_probs(the_case, true, &row, value);
    *applies = true;
    return eigenvalues(&row, ctx, f);
}

/* | |J|_F tau n / sqrt(n - 1) - 1 |, |J|_F from the library's kernel. */
static thm_status frobenius(const thm_row *row, thm_finding *f)
{
    double fro;
    const thm_status status =
        thm_softmax_jacobian_fro(row->n, row->value, row->tau, &fro);
    if (status != THM_OK) {
        return status;
    }
    arb_t x, root;
    arb_init(x);
    arb_init(root);
    arb_set_d(x, row->tau);
    arb_set_d(root, fro);
    arb_mul(x, x, root, THM_BALL_BITS);
    arb_mul_si(x, x, row->n, THM_BALL_BITS);
    arb_sqrt_ui(root, (ulong)(row->n - 1), THM_BALL_BITS);
    arb_div(x, x, root, THM_BALL_BITS);
    arb_sub_si(x, x, 1, THM_BALL_BITS);
    f->observed = fabs(arf_get_d(arb_midref(x), ARF_RND_NEAR));
    f->allowed = 0.0;
    f->err = 22.0 * 0x1p-53; /* note, S4.2 */
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    arb_clear(x);
    arb_clear(root);
    return THM_OK;
}

static thm_status uniform_frobenius(const void *the_case, void *ctx,
                                    thm_finding *f, bool *applies)
{
    double value[THM_ROW_MAX];
    thm_row row;
    (void)ctx;
    as_probs(the_case, false, &row, value);
    *applies = true;
    return frobenius(&row, f);
}

static thm_status perturbed_frobenius(const void *the_case, void *ctx,
                                      thm_finding *f, bool *applies)
{
    double value[THM_ROW_MAX];
    thm_row row;
    (void)ctx;
    as_probs(the_case, true, &row, value);
    *applies = true;
    return frobenius(&row, f);
}

static thm_status open_uniform(double effort, uint64_t seed,
                               thm_case_source *source, void **ctx,
                               thm_message *msg)
{
    (void)seed;
    (void)msg;
    return thm_ball_source_open(
        make_uniform, proof_count(effort, N_SIZES * N_TAUS), source, ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"S4.1", uniform_eigenvalues, false},
                                       {"XS4.1", perturbed_eigenvalues, false},
                                       {"S4.2", uniform_frobenius, false},
                                       {"XS4.2", perturbed_frobenius, false}};
    static const proof_group group = {4, claims, open_uniform,
                                      thm_ball_source_close};
    static const proof_table table = {
        "the softmax Jacobian at uniform attention (S4)", 1, &group};
    return proof_main(argc, argv, &table);
}
