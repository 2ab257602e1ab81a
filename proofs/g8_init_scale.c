/* G8.1, G8.2: how the scale of the first weights decides lambda_B, by the
 * certificate of attn/rank.h (paper-notes/song2024.md). */
#include <math.h>
#include "attn/rank.h"
#include "claims/layer_balls.h"
#include "proofs/proof.h"

enum { N = 3, TOKENS = 4, D = 16, ROWS = N * TOKENS };

#define START(ker, s, same)                                                    \
    {                                                                          \
        THM_SIZES(N, TOKENS, D, 3, 1, 1), .kernel = ker, .scale = s,           \
                                          .tied = same                         \
    }
#define SOFT THM_KERNEL_SOFTMAX
#define GAUSS THM_KERNEL_GAUSSIAN
#define NORMAL THM_KERNEL_GAUSSIAN_NORMALISED

/* G8.1: entries of a query of standard deviation 0.4, and of 12. */
static const thm_layer_spec starts[] = {
    START(SOFT, 0.1, false),   START(SOFT, 0.1, true),
    START(GAUSS, 0.1, false),  START(GAUSS, 0.1, true),
    START(NORMAL, 0.1, false), START(NORMAL, 0.1, true),
    START(SOFT, 3.0, false),   START(GAUSS, 3.0, false),
};
enum { STARTS = sizeof starts / sizeof *starts, LARGE = 6 };

/* G8.2: the Gaussian kernel from 0.4 to 120. */
static const thm_layer_spec scales[] = {
    START(GAUSS, 0.1, true),  START(GAUSS, 0.3, true),
    START(GAUSS, 1.0, true),  START(GAUSS, 3.0, true),
    START(GAUSS, 10.0, true), START(GAUSS, 30.0, true),
    START(GAUSS, 0.3, false), START(GAUSS, 1.0, false),
    START(GAUSS, 3.0, false),
};
enum { SCALES = sizeof scales / sizeof *scales, FREE = 6 };

/* The statement sigma_min(B) >= share sigma_1(B) of the exact B: the quotient
 * is known to lie between the two ends of its certificate. */
static thm_status at_least(const thm_layer_balls *s, double share,
                           thm_finding *f)
{
    double B[ROWS * D], squares = 0.0;
    thm_layer_rank r;
    const thm_layer_case *c = s->one;
    const thm_status status =
        thm_layer_rank_bnd(&c->layer, c->Wq, c->Wk, B, &r);
    if (status != THM_OK) {
        return status;
    }
    for (int k = 0; k < ROWS * D; k++) {
        squares += B[k] * B[k];
    }
    /* |B|_F <= sqrt(rows) sigma_1, and |B - exact B|_F <= delta */
    const double least =
        sqrt(squares / ROWS) * (1.0 - (ROWS * D + 8) * 0x1p-53) - r.delta;
    const double low = r.bound.lower / r.bound.max_upper;
    const double high = least > 0.0 ? r.bound.upper / least : HUGE_VAL;
    f->observed = share;
    f->allowed = low / 2.0 + high / 2.0;
    f->err = (high - low) / 2.0 + 4.0 * 0x1p-53 * high;
    f->evidence = THM_ENCLOSURE;
    return THM_OK;
}

static const double SHARE = 1e-10;

static thm_status of_kinds(const thm_layer_balls *s, bool chosen,
                           thm_finding *f, bool *applies)
{
    *applies = s->loaded && chosen;
    return *applies ? at_least(s, SHARE, f) : THM_OK;
}

static thm_status moderate(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    const thm_layer_balls *s = ctx;
    (void)c;
    return of_kinds(s, s->one->kind < LARGE, f, applies);
}

static thm_status large(const void *c, void *ctx, thm_finding *f, bool *applies)
{
    const thm_layer_balls *s = ctx;
    (void)c;
    return of_kinds(s, s->one->kind >= LARGE, f, applies);
}

static thm_status tied(const void *c, void *ctx, thm_finding *f, bool *applies)
{
    const thm_layer_balls *s = ctx;
    (void)c;
    return of_kinds(s, s->one->kind < FREE, f, applies);
}

static thm_status independent(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    const thm_layer_balls *s = ctx;
    (void)c;
    return of_kinds(s, s->one->kind >= FREE, f, applies);
}

static thm_status open_starts(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_plan plan = {STARTS, starts, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, STARTS * proof_count(effort, 20), source,
                                ctx);
}

static thm_status open_scales(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_plan plan = {SCALES, scales, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, SCALES * proof_count(effort, 20), source,
                                ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim of_starts[] = {{"G8.1", moderate, false},
                                          {"XG8.1", large, false}};
    static const thm_claim of_scales[] = {{"G8.2", tied, false},
                                          {"XG8.2", independent, false}};
    static const proof_group groups[] = {
        {2, of_starts, open_starts, thm_layer_balls_close},
        {2, of_scales, open_scales, thm_layer_balls_close}};
    static const proof_table table = {
        "the scale of the first weights and lambda_B (G8)", 2, groups};
    return proof_main(argc, argv, &table);
}
