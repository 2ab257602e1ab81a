/* G11.1, G11.2: heads narrower than the output: when the values' Jacobian has
 * full row rank (paper-notes/song2024.md), in balls. */
#include "claims/layer_balls.h"
#include "proofs/proof.h"

#define HEADS(ker, H_, D_)                                                     \
    {                                                                          \
        THM_SIZES(2, 2, D_, 2, H_, 3), .kernel = ker, .scale = 0.5             \
    }

/* (H, D) = (3, 3) and (2, 4) are enough; (2, 3) meets every count. */
static const thm_layer_spec kinds[] = {
    HEADS(THM_KERNEL_SOFTMAX, 3, 3),  HEADS(THM_KERNEL_GAUSSIAN, 2, 4),
    HEADS(THM_KERNEL_GAUSSIAN, 3, 3), HEADS(THM_KERNEL_SOFTMAX, 2, 4),
    HEADS(THM_KERNEL_SOFTMAX, 2, 3),  HEADS(THM_KERNEL_GAUSSIAN, 2, 3),
};
enum { KINDS = sizeof kinds / sizeof *kinds, COUNTED = 4 };

static thm_status rank_is(const thm_layer_balls *s, bool counted, int lost,
                          thm_finding *f, bool *applies)
{
    const thm_ball_layer *b = &s->b;
    *applies = s->loaded && (s->one->kind >= COUNTED) == counted;
    if (*applies) {
        const int rows = b->N * b->n * b->m;
        arb_mat_t J;
        arb_mat_init(J, rows, b->H * b->D * b->d);
        thm_ball_layer_jv(b, J);
        thm_finding_rank(f, J, rows - lost);
        arb_mat_clear(J);
    }
    return THM_OK;
}

static thm_status enough_full(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return rank_is(ctx, false, 0, f, applies);
}

static thm_status counted_full(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    return rank_is(ctx, true, 0, f, applies);
}

static thm_status counted_less(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    return rank_is(ctx, true, 2, f, applies);
}

static thm_status open_instances(double effort, uint64_t seed,
                                 thm_case_source *source, void **ctx,
                                 thm_message *msg)
{
    static const thm_layer_plan plan = {KINDS, kinds, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, KINDS * proof_count(effort, 10), source,
                                ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"G11.1", enough_full, false},
                                       {"XG11.1", counted_full, false},
                                       {"G11.2", counted_less, false},
                                       {"XG11.2", counted_full, false}};
    static const proof_group group = {4, claims, open_instances,
                                      thm_layer_balls_close};
    static const proof_table table = {
        "the rank of the values' Jacobian where heads are narrow (G11)", 1,
        &group};
    return proof_main(argc, argv, &table);
}
