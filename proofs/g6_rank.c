/* G6.1-G6.6: when B has full rank, and the ways in which HD >= Nn is not enough
 * (paper-notes/song2024.md): B in balls, its singular values counted above a
 * threshold. */
#include "claims/layer_balls.h"
#include "proofs/proof.h"

/* ---- G6.1, G6.2, G6.3: drawn instances about HD = Nn ----------------------
 */

#define ABOUT(ker, D_, H_, s, same)                                            \
    {                                                                          \
        THM_SIZES(3, 4, D_, 3, H_, 1), .kernel = ker, .scale = s, .tied = same \
    }
#define FIVE(ker, s, same)                                                     \
    ABOUT(ker, 5, 2, s, same), ABOUT(ker, 11, 1, s, same),                     \
        ABOUT(ker, 6, 2, s, same), ABOUT(ker, 13, 1, s, same),                 \
        ABOUT(ker, 7, 2, s, same)

/* HD = 10 ... 14 about Nn = 12. */
static const thm_layer_spec about[] = {
    FIVE(THM_KERNEL_SOFTMAX, 0.5, false),
    FIVE(THM_KERNEL_GAUSSIAN, 0.3, false),
    FIVE(THM_KERNEL_GAUSSIAN_NORMALISED, 0.3, false),
    FIVE(THM_KERNEL_SOFTMAX, 0.5, true),
    FIVE(THM_KERNEL_GAUSSIAN, 0.5, true),
};
enum { ABOUTS = sizeof about / sizeof *about };

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int tokens_of(const thm_ball_layer *b)
{
    return b->N * b->n;
}

static int full_rank(const thm_ball_layer *b)
{
    return smaller(b->H * b->D, tokens_of(b));
}

static thm_status full(const void *c, void *ctx, thm_finding *f, bool *applies)
{
    const thm_layer_balls *s = ctx;
    (void)c;
    *applies = s->loaded;
    if (*applies) {
        thm_finding_rank(f, s->b.B, full_rank(&s->b));
    }
    return THM_OK;
}

/* The rank of B after the weights or tokens of a copy were changed. */
typedef void (*change)(thm_ball_layer *b);

static void changed(const thm_layer_balls *s, change how, bool claim_full,
                    int rank, thm_finding *f)
{
    thm_ball_layer b;
    thm_ball_layer_init(&b, &s->one->layer, &s->one->weights);
    how(&b);
    thm_ball_layer_evaluate(&b);
    thm_finding_rank(f, b.B, claim_full ? full_rank(&b) : rank);
    thm_ball_layer_clear(&b);
}

static void without_queries(thm_ball_layer *b)
{
    arb_mat_zero(b->Wq);
}

static thm_status flat(const thm_layer_balls *s, bool claim_full,
                       thm_finding *f, bool *applies)
{
    *applies = s->loaded;
    if (*applies) {
        changed(s, without_queries, claim_full, s->b.N, f);
    }
    return THM_OK;
}

static thm_status flat_samples(const void *c, void *ctx, thm_finding *f,
                               bool *applies)
{
    (void)c;
    return flat(ctx, false, f, applies);
}

static thm_status flat_full(const void *c, void *ctx, thm_finding *f,
                            bool *applies)
{
    (void)c;
    return flat(ctx, true, f, applies);
}

/* The last token of the last sample becomes its first. */
static void with_twice(thm_ball_layer *b)
{
    for (int e = 0; e < b->D; e++) {
        arb_set(arb_mat_entry(b->X, tokens_of(b) - 1, e),
                arb_mat_entry(b->X, tokens_of(b) - b->n, e));
    }
}

static thm_status twice(const thm_layer_balls *s, bool claim_full,
                        thm_finding *f, bool *applies)
{
    *applies = s->loaded && s->b.H * s->b.D >= tokens_of(&s->b);
    if (*applies) {
        changed(s, with_twice, claim_full, tokens_of(&s->b) - 1, f);
    }
    return THM_OK;
}

static thm_status twice_one_less(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    (void)c;
    return twice(ctx, false, f, applies);
}

static thm_status twice_full(const void *c, void *ctx, thm_finding *f,
                             bool *applies)
{
    (void)c;
    return twice(ctx, true, f, applies);
}

static thm_status open_about(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg)
{
    static const thm_layer_plan plan = {ABOUTS, about, NULL};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, ABOUTS * proof_count(effort, 4), source,
                                ctx);
}

/* ---- G6.4, G6.5: one token, a constant feature ----------------------------
 */

/* Kinds 0-2 have one token a sample and three heads; from CONSTANT on the first
 * feature of every token is 1. */
enum { CONSTANT = 3 };

static const thm_layer_spec special[] = {
    {THM_SIZES(9, 1, 4, 3, 3, 1), .scale = 0.3},
    {THM_SIZES(9, 1, 4, 3, 3, 1), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.3},
    {THM_SIZES(9, 1, 4, 3, 3, 1), .kernel = THM_KERNEL_GAUSSIAN_NORMALISED,
     .scale = 0.3},
    {THM_SIZES(3, 4, 4, 3, 3, 1), .scale = 0.5},
    {THM_SIZES(3, 4, 4, 3, 3, 1), .kernel = THM_KERNEL_GAUSSIAN, .scale = 0.5},
    {THM_SIZES(3, 4, 4, 3, 3, 1), .kernel = THM_KERNEL_GAUSSIAN_NORMALISED,
     .scale = 0.5},
};
enum { SPECIALS = sizeof special / sizeof *special };

static void place_constant(thm_layer_case *c)
{
    const thm_layer *l = &c->layer;
    for (int t = 0; c->kind >= CONSTANT && t < l->N * l->n; t++) {
        c->X[(size_t)t * (size_t)l->D] = 1.0;
    }
}

/* Rows that sum to 1 lose rank, the Gaussian kernel without division does not.
 */
static thm_status lost(const thm_layer_balls *s, bool constant, bool claim_full,
                       thm_finding *f, bool *applies)
{
    const thm_ball_layer *b = &s->b;
    *applies = s->loaded && (s->one->kind >= CONSTANT) == constant;
    if (!*applies) {
        return THM_OK;
    }
    const int lower = constant ? b->H * (b->D - 1) + 1 : b->D;
    const int rank = claim_full || b->kernel == THM_KERNEL_GAUSSIAN
                         ? full_rank(b)
                         : smaller(lower, full_rank(b));
    thm_finding_rank(f, b->B, rank);
    return THM_OK;
}

static thm_status single_lost(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return lost(ctx, false, false, f, applies);
}

static thm_status single_full(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    (void)c;
    return lost(ctx, false, true, f, applies);
}

static thm_status constant_lost(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)c;
    return lost(ctx, true, false, f, applies);
}

static thm_status constant_full(const void *c, void *ctx, thm_finding *f,
                                bool *applies)
{
    (void)c;
    return lost(ctx, true, true, f, applies);
}

static thm_status open_special(double effort, uint64_t seed,
                               thm_case_source *source, void **ctx,
                               thm_message *msg)
{
    static const thm_layer_plan plan = {SPECIALS, special, place_constant};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, SPECIALS * proof_count(effort, 6),
                                source, ctx);
}

/* ---- G6.6: images ---------------------------------------------------------
 */

/* Every patch of one image: D >= Nn.  The disc is drawn here, for where there
 * is no data set: a picture whose corners are blank. */
enum { DISCS = 2, SIDE = 28, PATCH = 7 };

static const thm_layer_spec images[] = {
    {THM_SIZES(1, 16, PATCH *PATCH, 4, 1, 1), .scale = 0.2},
    {THM_SIZES(1, 16, PATCH *PATCH, 4, 1, 1), .kernel = THM_KERNEL_GAUSSIAN,
     .scale = 0.2, .tied = true},
    {THM_SIZES(1, 16, PATCH *PATCH, 4, 1, 1), .scale = 0.2,
     .tokens = THM_TOKENS_PATCHES7},
    {THM_SIZES(1, 16, PATCH *PATCH, 4, 1, 1), .kernel = THM_KERNEL_GAUSSIAN,
     .scale = 0.2, .tied = true, .tokens = THM_TOKENS_PATCHES7},
};
enum { IMAGES = sizeof images / sizeof *images };

/* A drawn shade on every pixel of a disc that does not reach the corners'
 * patches. */
static void place_disc(thm_layer_case *c)
{
    thm_rng rng = c->rng;
    for (int t = 0; c->kind < DISCS && t < 16; t++) {
        for (int e = 0; e < PATCH * PATCH; e++) {
            const int y = 2 * (t / 4 * PATCH + e / PATCH) - (SIDE - 1);
            const int x = 2 * (t % 4 * PATCH + e % PATCH) - (SIDE - 1);
            c->X[t * PATCH * PATCH + e] =
                x * x + y * y < SIDE * SIDE / 2
                    ? (double)thm_rng_below(&rng, 256) / 255.0
                    : 0.0;
        }
    }
}

/* D >= Nn gives B full rank; or (twin) gives it the rank of the tokens. */
static thm_status all_patches(const void *c, void *ctx, thm_finding *f,
                              bool *applies)
{
    return full(c, ctx, f, applies);
}

static thm_status rank_of_tokens(const void *c, void *ctx, thm_finding *f,
                                 bool *applies)
{
    const thm_layer_balls *s = ctx;
    (void)c;
    *applies = s->loaded;
    if (*applies) {
        thm_finding_rank(f, s->b.B, thm_ball_rank(s->b.X));
    }
    return THM_OK;
}

static thm_status open_images(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static const thm_layer_plan plan = {IMAGES, images, place_disc};
    (void)seed, (void)msg;
    return thm_layer_balls_open(&plan, IMAGES * proof_count(effort, 15), source,
                                ctx);
}

int main(int argc, char **argv)
{
    static const thm_claim drawn[] = {
        {"G6.1", full, false},           {"XG6.1", flat_full, false},
        {"G6.2", flat_samples, false},   {"XG6.2", flat_full, false},
        {"G6.3", twice_one_less, false}, {"XG6.3", twice_full, false}};
    static const thm_claim lost_ones[] = {{"G6.4", single_lost, false},
                                          {"XG6.4", single_full, false},
                                          {"G6.5", constant_lost, false},
                                          {"XG6.5", constant_full, false}};
    static const thm_claim real[] = {{"G6.6", all_patches, false},
                                     {"XG6.6", rank_of_tokens, false}};
    static const proof_group groups[] = {
        {6, drawn, open_about, thm_layer_balls_close},
        {4, lost_ones, open_special, thm_layer_balls_close},
        {2, real, open_images, thm_layer_balls_close}};
    static const proof_table table = {
        "the rank of B: HD >= Nn is necessary, not sufficient (G6)", 3, groups};
    return proof_main(argc, argv, &table);
}
