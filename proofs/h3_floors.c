/* H3: cap and floors of the two-step task, by enumeration in balls
 * (paper-notes/hoffmann2024.md). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include "claims/claim.h"
#include "core/arb.h"
#include "proofs/proof.h"
#include "vit/task.h"

enum { CLASSES = 10, BITS = 128, MARKS = 4 };
static const double priors[] = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95};
static const double smoothings[] = {0.0, 0.1};
enum { PRIORS = sizeof priors / sizeof *priors, CASES = 2 * PRIORS };

static const double bound = 256 * DBL_EPSILON / 2; /* the note's 256 u */

typedef struct {
    double prior, smoothing;
    double exact[MARKS]; /* cap, floor, smoothed floor, perfect */
} floors;

/* sum <- sum - weight q log q */
static void add_entropy(arb_t sum, const arb_t q)
{
    if (!arb_is_zero(q)) {
        arb_t term;
        arb_init(term);
        arb_log(term, q, BITS);
        arb_submul(sum, term, q, BITS);
        arb_clear(term);
    }
}

/* What one pair of targets adds to cap, floor and smoothed floor: q[c] is the
 * posterior of class c. */
static void add_pair(int one, int two, const arb_t P, const arb_t e,
                     arb_ptr total)
{
    arb_t q, best, keep;
    arb_init(q);
    arb_init(best);
    arb_init(keep);
    arb_sub_si(keep, e, 1, BITS);
    arb_neg(keep, keep);
    for (int c = 0; c < CLASSES; c++) {
        arb_zero(q);
        if (c == one) {
            arb_add(q, q, P, BITS);
        }
        if (c == two) {
            arb_add_si(q, q, 1, BITS);
            arb_sub(q, q, P, BITS);
        }
        arb_max(best, best, q, BITS);
        add_entropy(total + 1, q);
        arb_mul(q, q, keep, BITS);
        arb_addmul(q, e, total + MARKS, BITS); /* 1 / CLASSES */
        add_entropy(total + 2, q);
    }
    arb_add(total, total, best, BITS);
    arb_clear(q);
    arb_clear(best);
    arb_clear(keep);
}

static void enumerate(floors *f)
{
    arb_t P, e, q;
    arb_ptr total = _arb_vec_init(MARKS + 1);
    arb_init(P);
    arb_init(e);
    arb_init(q);
    arb_set_d(e, f->smoothing);
    arb_one(total + MARKS);
    arb_div_si(total + MARKS, total + MARKS, CLASSES, BITS);
    /* 1/2 draws the second indicator by itself, others force it */
    arb_set_d(P, f->prior);
    if (f->prior > 0.5) {
        arb_add_si(P, P, 1, BITS);
        arb_mul_2exp_si(P, P, -1);
    }
    for (int one = 0; one < CLASSES; one++) {
        for (int two = 0; two < CLASSES; two++) {
            add_pair(one, two, P, e, total);
        }
    }
    for (int k = 0; k < 3; k++) {
        arb_div_si(total + k, total + k, CLASSES * CLASSES, BITS);
    }
    /* the smoothed label itself */
    for (int c = 0; c < CLASSES; c++) {
        arb_mul(q, e, total + MARKS, BITS);
        if (c == 0) {
            arb_add_si(q, q, 1, BITS);
            arb_sub(q, q, e, BITS);
        }
        add_entropy(total + 3, q);
    }
    for (int k = 0; k < MARKS; k++) {
        f->exact[k] = arf_get_d(arb_midref(total + k), ARF_RND_NEAR);
    }
    arb_clear(P);
    arb_clear(e);
    arb_clear(q);
    _arb_vec_clear(total, MARKS + 1);
}

static thm_status make_floors(void *ctx, uint64_t seed, int64_t index,
                              void *the_case, char *name)
{
    floors *f = the_case;
    (void)ctx, (void)seed;
    f->prior = priors[index / 2];
    f->smoothing = smoothings[index % 2];
    enumerate(f);
    snprintf(name, THM_CASE_NAME, "prior-%g-smoothing-%g", f->prior,
             f->smoothing);
    return THM_OK;
}

static thm_status compare(const floors *c, thm_task_kind kind, thm_finding *f)
{
    thm_task_options o = thm_task_options_default(kind);
    thm_task *task = NULL;
    o.prior = c->prior;
    const thm_status status = thm_task_alloc(&o, &task, NULL);
    if (status != THM_OK) {
        return status;
    }
    const thm_task_marks m =
        thm_task_marks_of(task, THM_SPLIT_TRAIN, c->smoothing);
    const double marks[MARKS] = {m.cap, m.floor, m.smoothed_floor, m.perfect};
    f->observed = 0.0;
    for (int k = 0; k < MARKS; k++) {
        f->observed = thm_worse(f->observed, fabs(marks[k] - c->exact[k]));
    }
    f->allowed = 0.0;
    f->err = bound;
    f->resolution = true;
    f->evidence = THM_BOUNDED;
    thm_task_free(task);
    return THM_OK;
}

static thm_status two_step(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)ctx, (void)applies;
    return compare(c, THM_TASK_TWO_STEP_TOKENS, f);
}

static thm_status one_step(const void *c, void *ctx, thm_finding *f,
                           bool *applies)
{
    (void)ctx, (void)applies;
    return compare(c, THM_TASK_ONE_STEP_TOKENS, f);
}

static thm_status open_floors(double effort, uint64_t seed,
                              thm_case_source *source, void **ctx,
                              thm_message *msg)
{
    static floors storage;
    (void)effort, (void)seed, (void)ctx, (void)msg;
    source->count = CASES; /* all there are, at any effort */
    source->make = make_floors;
    source->the_case = &storage;
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const thm_claim claims[] = {{"H3", two_step, false},
                                       {"XH3", one_step, false}};
    static const proof_group group = {2, claims, open_floors, NULL};
    static const proof_table table = {
        "cap and floors of the two-step task (H3)", 1, &group};
    return proof_main(argc, argv, &table);
}
