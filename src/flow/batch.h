/* Many starts of the shared orbit (orbit.h, |b| = 1) at once, for phase
 * diagrams: structure of arrays, one start to a vector's lane, shards of
 * starts to the threads.  A start's result depends on nothing but itself:
 * neither on its neighbours nor on threads or instruction set. */
#ifndef THM_BATCH_H
#define THM_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "flow/loss.h"
#include "la/isa.h"

typedef struct {
    int n;         /* tokens, at most THM_BATCH_TOKENS                       */
    int64_t count; /* starts                                                 */
    const double *u, *a; /* (n x count): start k is column k                 */
    /* (count): logistic, exponential: the time t > 0 at which a start ends;
     * square: its |b|, the projection <u, p> at which the flow ends as t ->
     * infinity, reached backwards if the start lies beyond. */
    const double *end;
    thm_loss_kind loss;
    double rtol, atol; /* error per step and component: atol + rtol |x_i|    */
    long max_steps;    /* a start, tried ones included                       */
} thm_batch;

enum { THM_BATCH_TOKENS = 64 };

/* rtol 1e-9, atol 1e-12, 100000 steps. */
thm_batch thm_batch_defaults(void);

typedef struct {
    /* THM_OK; THM_ECONVERGE: max_steps used up or the step vanished, and the
     * rest is as far as it came. */
    thm_status status;
    int winner;      /* index of the largest p at the end                     */
    bool decided;    /* it also has the largest u, and order can change no
                        more: it wins for good (logistic, exponential)       */
    double tau;      /* sum(u - u(0))                                         */
    double log_t;    /* square: infinite                                      */
    double y;        /* <u, p>                                                */
    double entropy0; /* at the start, nats                                    */
    double entropy, others; /* at the end; others = 1 - p_max as a sum */
    /* Largest rise of entropy above its least value before: between steps by
     * cubic interpolation with the exact slopes, error of order step^4.     */
    double rise;
    /* tau and log t at which entropy first fell below (log n) / 2, by the same
     * interpolation: the end of the plateau.  NaN if it never did (or began
     * below); half_log_t is NaN for the square loss.                        */
    double half_tau, half_log_t;
    long steps; /* accepted and rejected; 6 right-hand sides each, plus one  */
} thm_batch_end;

/* Dormand and Prince's pair of order 5(4) on the orbit, log(1 + t) carried
 * along; the last step is cut until the end is met to 8 eps.
 *
 * ends: (count).  u_end, a_end: (n x count) or NULL, may be the starts.
 * interrupted (NULL: never) is asked by every thread now and then.
 * THM_EDIM if n < 1, n > THM_BATCH_TOKENS or count < 0; THM_EDOMAIN if a number
 * is not finite, an end is not positive (square: finite), the loss is another
 * or a tolerance is not positive; THM_ENOMEM; outputs untouched.
 * THM_EINTERRUPTED: outputs are unspecified. */
thm_status thm_batch_run(const thm_batch *batch, thm_isa isa, int threads,
                         thm_batch_end *ends, double *u_end, double *a_end,
                         bool (*interrupted)(void *ctx), void *ctx);

/* Writes start k of a two-token batch (n = 2): u_1 - u_2 = D0, a_1 - a_2 =
 * delta0 with a_1 + a_2 = 0, u_1 + u_2 = S0. */
void thm_batch_two_token(int64_t count, int64_t k, double D0, double delta0,
                         double S0, double *u, double *a);

#endif
