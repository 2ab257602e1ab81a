/* Orbits side by side, one to a lane, compiled once per instruction set
 * (THM_ISA_NAME): see batch.h.  A lane whose start has ended takes up the next
 * one, so that no lane waits for the slowest.
 *
 * Lane state x = (u, a, q): du = s p, da = s J u with s = -1 on orbits that run
 * backwards, q = log(1 + t) with
 *     dq/dtau = exp(-q) + exp(y - q)   (logistic: dt/dtau = 1 + exp(y)),
 *     dq/dtau = exp(y - q)             (exponential). */
#include <float.h>
#include <math.h>

#include "flow/batch_lanes.h"

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

/* Dormand and Prince 1980, RK5(4)7M: the last row is the solution, whose slope
 * is the next step's first. */
static const double tableau[STAGES][STAGES - 1] = {
    {0},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};
static const double error_weights[STAGES] = {
    71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
    -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

/* Loads the next start into lane l, or idles it.  A lane that idles keeps a
 * harmless state. */
static void board(flight *f, int l)
{
    const thm_batch *b = f->shard->batch;
    const int n = f->n;
    lanes *v = &f->lane;
    const bool idle = f->next >= f->shard->end;
    const int64_t start = idle ? -1 : f->next++;
    double sum = 0.0, weights = 0.0, y = 0.0, top = -HUGE_VAL;
    for (int i = 0; i < n; i++) {
        const size_t at = (size_t)i * (size_t)b->count + (size_t)start;
        f->x[i][l] = idle ? 0.0 : b->u[at];
        f->x[n + i][l] = idle ? 0.0 : b->a[at];
        sum += f->x[i][l];
        top = fmax(top, f->x[n + i][l]);
    }
    for (int i = 0; i < n; i++) {
        const double w = exp(f->x[n + i][l] - top);
        weights += w;
        y += w * f->x[i][l];
    }
    const double end = idle ? 1.0 : b->end[start];
    v->start[l] = start;
    v->steps[l] = 0;
    v->tau0[l] = sum;
    v->tau[l] = 0.0;
    v->rise[l] = 0.0;
    v->landing[l] = 0;
    v->sign[l] = 1.0;
    v->goal[l] = log1p(end);
    if (f->size > 2 * n) {
        f->x[2 * n][l] = 0.0;
    } else {
        v->sign[l] = y / weights > end ? -1.0 : 1.0;
        v->goal[l] = v->sign[l] * end;
    }
    v->tol[l] = 8.0 * DBL_EPSILON * fmax(1.0, fabs(v->goal[l]));
}

/* First slopes of the lanes in `fresh`, and a step that they allow: the error
 * control enlarges it fivefold a step. */
static void take_off(flight *f, vec_mask fresh)
{
    lanes *v = &f->lane;
    vec *dx = f->k[1], H, dH, g, dg, fastest = vec_all(1.0);
    glance seen;
    ascend(f, f->x, dx, &seen);
    look(f, f->x, dx, &seen, &H, &dH);
    aim(f, f->x, dx, &seen, &g, &dg);
    for (int i = 0; i < f->size; i++) {
        f->k[0][i] = vec_select(fresh, dx[i], f->k[0][i]);
        fastest = vec_max(fastest, vec_abs(dx[i]));
    }
    v->g = vec_select(fresh, g, v->g);
    v->dg = vec_select(fresh, dg, v->dg);
    v->H = vec_select(fresh, H, v->H);
    v->dH = vec_select(fresh, dH, v->dH);
    v->low = vec_select(fresh, H, v->low);
    v->h = vec_select(fresh, 1e-3 / fastest, v->h);
    for (int l = 0; l < WIDTH; l++) {
        if (fresh[l] && v->start[l] >= 0) {
            thm_batch_end *end = &f->shard->ends[v->start[l]];
            *end = (thm_batch_end){
                .entropy0 = H[l], .half_tau = NAN, .half_log_t = NAN};
        }
    }
}

/* The cubic through (0, f0), (h, f1) with slopes d0, d1, at s h. */
static double cubic(double h, double f0, double d0, double f1, double d1,
                    double s)
{
    const double r = 1.0 - s;
    return r * r * ((1.0 + 2.0 * s) * f0 + s * h * d0) +
           s * s * ((1.0 + 2.0 * r) * f1 - r * h * d1);
}

/* Where the cubic's slope is zero, its ends' slopes having opposite signs. */
static double turning_point(double h, double f0, double d0, double f1,
                            double d1)
{
    const double mean = (f1 - f0) / h;
    /* slope(s) = d0 + 2 (3 mean - 2 d0 - d1) s + 3 (d0 + d1 - 2 mean) s^2 */
    const double B = 3.0 * mean - 2.0 * d0 - d1;
    const double A = 3.0 * (d0 + d1 - 2.0 * mean);
    const double root = sqrt(fmax(B * B - A * d0, 0.0));
    const double q = -(B + (B >= 0.0 ? root : -root));
    const double s0 = d0 / q, s1 = q / A;
    return s0 >= 0.0 && s0 <= 1.0 ? s0 : fmin(fmax(s1, 0.0), 1.0);
}

/* Extremes and the half-way mark of entropy inside the step that lane l has
 * just taken, to (H1, dH1) and q1. */
static void inspect(flight *f, int l, double H1, double dH1, double q1,
                    double dq1)
{
    lanes *v = &f->lane;
    const double h = v->h[l], H0 = v->H[l], dH0 = v->dH[l];
    thm_batch_end *end = &f->shard->ends[v->start[l]];
    if (dH0 * dH1 < 0.0) {
        const double s = turning_point(h, H0, dH0, H1, dH1);
        const double H = cubic(h, H0, dH0, H1, dH1, s);
        v->low[l] = fmin(v->low[l], H);
        v->rise[l] = fmax(v->rise[l], H - v->low[l]);
    }
    const double half = 0.5 * log(f->n);
    if (H0 >= half && H1 < half && isnan(end->half_tau)) {
        double s0 = 0.0, s1 = 1.0;
        for (int k = 0; k < 53; k++) {
            const double s = 0.5 * (s0 + s1);
            const bool above = cubic(h, H0, dH0, H1, dH1, s) >= half;
            s0 = above ? s : s0;
            s1 = above ? s1 : s;
        }
        end->half_tau = v->sign[l] * (v->tau[l] + s0 * h);
        if (f->size > 2 * f->n) {
            const double q =
                cubic(h, f->x[2 * f->n][l], f->k[0][2 * f->n][l], q1, dq1, s0);
            end->half_log_t = q + log(-expm1(-q));
        }
    }
}

/* Writes what lane l has come to. */
static void alight(flight *f, int l, thm_status status)
{
    const thm_batch_shard *shard = f->shard;
    const int n = f->n;
    const lanes *v = &f->lane;
    const int64_t start = v->start[l];
    thm_batch_end *end = &shard->ends[start];
    double sum = 0.0, others = 0.0, weights = 0.0, y = 0.0, mean = 0.0;
    int top = 0;
    end->status = status;
    end->steps = v->steps[l];
    end->rise = v->rise[l];
    for (int i = 1; i < n; i++) {
        top = f->x[n + i][l] > f->x[n + top][l] ? i : top;
    }
    end->decided = true;
    for (int i = 0; i < n; i++) {
        const double u = f->x[i][l], a = f->x[n + i][l] - f->x[n + top][l];
        const double w = exp(a);
        others += i == top ? 0.0 : w;
        weights += w;
        mean += w * a;
        y += w * u;
        sum += u;
        end->decided =
            end->decided && (i == top || (a < 0.0 && u <= f->x[top][l]));
        if (shard->u_end) {
            shard->u_end[(size_t)i * (size_t)shard->batch->count +
                         (size_t)start] = u;
        }
        if (shard->a_end) {
            shard->a_end[(size_t)i * (size_t)shard->batch->count +
                         (size_t)start] = f->x[n + i][l];
        }
    }
    end->winner = top;
    end->tau = sum - v->tau0[l];
    end->y = y / weights;
    end->others = others / weights;
    end->entropy = log1p(others) - mean / weights;
    end->log_t = HUGE_VAL;
    if (f->size > 2 * n) {
        const double q = f->x[2 * n][l];
        end->log_t = q > 0.0 ? q + log(-expm1(-q)) : -HUGE_VAL;
    }
}

/* One step of all lanes into f->trial, with slopes f->k; *err in units of the
 * tolerance. */
static inline void attempt(flight *f, glance *seen, vec *err)
{
    const double rtol = f->shard->batch->rtol, atol = f->shard->batch->atol;
    const vec h = f->lane.h;
    for (int s = 1; s < STAGES; s++) {
        for (int i = 0; i < f->size; i++) {
            vec sum = tableau[s][0] * f->k[0][i];
            for (int j = 1; j < s; j++) {
                sum += tableau[s][j] * f->k[j][i];
            }
            f->trial[i] = f->x[i] + h * sum;
        }
        ascend(f, f->trial, f->k[s], seen);
    }
    *err = vec_all(0.0);
    for (int i = 0; i < f->size; i++) {
        vec sum = error_weights[0] * f->k[0][i];
        for (int j = 2; j < STAGES; j++) {
            sum += error_weights[j] * f->k[j][i];
        }
        const vec size = vec_max(vec_abs(f->x[i]), vec_abs(f->trial[i]));
        const vec part = vec_abs(h * sum) / (atol + rtol * size);
        /* a NaN stays: it is not at most the largest so far */
        *err = vec_select(part <= *err, *err, part);
    }
}

/* Judges the step, moves the lanes that may, and sets the next steps. */
static void judge(flight *f, const glance *seen, vec err)
{
    lanes *v = &f->lane;
    const int n = f->n, last = STAGES - 1;
    vec H, dH, g, dg;
    look(f, f->trial, f->k[last], seen, &H, &dH);
    aim(f, f->trial, f->k[last], seen, &g, &dg);
    const vec_mask good = err <= 1.0;
    const vec_mask beyond = good & (g > v->goal + v->tol);
    const vec_mask move = good & ~beyond;
    const vec way = v->goal - g;
    v->landing |= beyond;

    const vec half = vec_all(0.5 * log(n));
    const vec_mask marks =
        move & ((v->dH * dH < 0.0) | ((v->H >= half) & (H < half)));
    for (int l = 0; vec_any(marks) && l < WIDTH; l++) {
        if (marks[l] && v->start[l] >= 0) {
            const bool timed = f->size > 2 * n;
            inspect(f, l, H[l], dH[l], timed ? f->trial[2 * n][l] : 0.0,
                    timed ? f->k[last][2 * n][l] : 0.0);
        }
    }
    v->low = vec_select(move & (H < v->low), H, v->low);
    v->rise = vec_select(move & (H - v->low > v->rise), H - v->low, v->rise);
    v->tau = vec_select(move, v->tau + v->h, v->tau);
    v->g = vec_select(move, g, v->g);
    v->dg = vec_select(move, dg, v->dg);
    v->H = vec_select(move, H, v->H);
    v->dH = vec_select(move, dH, v->dH);
    for (int i = 0; i < f->size; i++) {
        f->x[i] = vec_select(move, f->trial[i], f->x[i]);
        f->k[0][i] = vec_select(move, f->k[last][i], f->k[0][i]);
    }
    for (int l = 0; l < WIDTH; l++) {
        const float e = (float)err[l];
        double h = v->h[l];
        v->steps[l]++;
        if (beyond[l]) {
            /* Newton from the far side, never to less than a tenth */
            h = fmax(h + way[l] / dg[l], 0.1 * h);
        } else {
            const float factor =
                e > 0.0f ? 0.9f * exp2f(-0.2f * log2f(e)) : 5.0f;
            h *= (double)fminf(fmaxf(factor, 0.2f), 5.0f);
        }
        if (v->landing[l]) {
            h = fmin(h, (v->goal[l] - v->g[l]) / v->dg[l]);
        }
        v->h[l] = h;
    }
}

void NAMED(thm_batch_shard_, THM_ISA_NAME)(const thm_batch_shard *shard,
                                           double *scratch)
{
    const thm_batch *b = shard->batch;
    flight f = {.shard = shard,
                .n = b->n,
                .size = 2 * b->n + (b->loss != THM_LOSS_SQUARE),
                .next = shard->begin};
    const int stride = 2 * b->n + 1;
    vec *vectors = (vec *)(void *)scratch;
    f.x = vectors;
    f.trial = vectors + stride;
    for (int s = 0; s < STAGES; s++) {
        f.k[s] = vectors + (2 + s) * stride;
    }
    vec_mask fresh = vec_all(0.0) == 0.0;
    for (int l = 0; l < WIDTH; l++) {
        board(&f, l);
    }
    for (;;) {
        bool busy = false;
        if (vec_any(fresh)) {
            take_off(&f, fresh);
        }
        fresh = (vec_mask){0};
        for (int l = 0; l < WIDTH; l++) {
            lanes *v = &f.lane;
            if (v->start[l] < 0) {
                continue;
            }
            const bool there = v->goal[l] - v->g[l] <= v->tol[l];
            const bool stuck = !(v->tau[l] + v->h[l] > v->tau[l]) ||
                               v->steps[l] >= b->max_steps;
            if (there || stuck) {
                alight(&f, l, there ? THM_OK : THM_ECONVERGE);
                board(&f, l);
                fresh[l] = -1;
            }
            busy = busy || v->start[l] >= 0;
        }
        if (!busy) {
            return;
        }
        if (vec_any(fresh)) {
            continue;
        }
        glance seen;
        vec err;
        attempt(&f, &seen, &err);
        judge(&f, &seen, err);
    }
}
