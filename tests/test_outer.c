/* Oracle: second route (dop853 with whole slopes, GSL's rk8pd) and identity
 * (the same bits for the instruction sets that fuse), for steps with outer
 * products. */
#include <check.h>
#include <math.h>
#include <string.h>
#include "flow/outer.h"
#include "flow/value_flow_work.h"
#include "tests/complex_flow.h"
#include "tests/scratch.h"

enum { D = 10, N = 50, M = 40, SIZE = D * N + N, TIMES = 5 };

static loss_set set;

static thm_value_flow *make(int d, int n, const thm_loss *loss)
{
    thm_value_flow *flow = NULL;
    ck_assert_int_eq(
        thm_value_flow_alloc(d, n, loss, THM_NORMALISE_SOFTMAX, &flow), THM_OK);
    return flow;
}

/* ---- the kernels --------------------------------------------------------- */

/* A state with m terms, as the header wants it, and the state itself. */
typedef struct {
    thm_ode_outer_state x;
    double V[10 * 72], a[72], c[THM_ODE_OUTER_MOST];
    double u[THM_ODE_OUTER_MOST][16], v[THM_ODE_OUTER_MOST][72],
        da[THM_ODE_OUTER_MOST][72];
    const double *us[THM_ODE_OUTER_MOST], *vs[THM_ODE_OUTER_MOST],
        *das[THM_ODE_OUTER_MOST];
    double formed[MOST];
} terms;

static void draw_terms(uint64_t seed, int d, int n, int m, terms *s)
{
    thm_rng rng = thm_rng_make(seed, 77);
    int ld = (n + 7) / 8 * 8;
    memset(s, 0, sizeof *s);
    for (int j = 0; j < m; j++) {
        thm_rng_fill_normal(&rng, d, 1.0, s->u[j]);
        thm_rng_fill_normal(&rng, n, 1.0, s->v[j]);
        thm_rng_fill_normal(&rng, n, 1.0, s->da[j]);
        s->das[j] = s->da[j];
        s->us[j] = s->u[j];
        s->vs[j] = s->v[j];
    }
    thm_rng_fill_normal(&rng, m, 0.3, s->c);
    thm_rng_fill_normal(&rng, n, 1.0, s->a);
    for (int i = 0; i < n; i++) {
        /* far below the zeros that follow; formed, they would be rounded */
        s->a[i] -= m == 0 ? 800.0 : 0.0;
        double sum = s->a[i];
        for (int j = 0; j < m; j++) {
            sum += s->c[j] * s->da[j][i];
        }
        s->formed[d * n + i] = sum;
    }
    for (int k = 0; k < d; k++) {
        thm_rng_fill_normal(&rng, n, 1.0, s->V + k * ld);
        for (int i = 0; i < n; i++) {
            double sum = s->V[k * ld + i];
            for (int j = 0; j < m; j++) {
                sum += s->c[j] * s->u[j][k] * s->v[j][i];
            }
            s->formed[k * n + i] = sum;
        }
    }
    s->x = (thm_ode_outer_state){.ld = ld,
                                 .m = m,
                                 .V = s->V,
                                 .a = s->a,
                                 .c = s->c,
                                 .u = s->us,
                                 .v = s->vs,
                                 .da = s->das};
}

START_TEST(factors_are_those_of_the_state_nobody_formed)
{
    static terms s;
    const int dims[] = {1, 2, 3, 7, 8, 9, 10},
              widths[] = {8, 9, 15, 16, 17, 31, 50, 63, 65};
    double slope[MOST], u[16], v[72], da[72], first[160];
    for (int c = 0; c < 7 * 9 * LOSSES; c++) {
        int d = dims[c % 7], n = widths[c % 9],
            m = c % (THM_ODE_OUTER_MOST + 1);
        draw_losses((uint64_t)c, d, 11, &set);
        thm_value_flow *flow = make(d, n, &set.loss[c % LOSSES]);
        thm_ode ode = thm_value_flow_ode(flow);
        draw_terms((uint64_t)c, d, n, m, &s);
        ck_assert_int_eq(thm_value_flow_rhs_ref(flow, s.formed, slope), THM_OK);
        /* as for the plain kernel, with m more terms of the size of V */
        double scale =
            1.0 + largest_of(d * n + n, slope) + largest_of(d * n, s.formed);
        double bound = 4.0 * (n + 20.0) * 12.0 * d * d * (m + 1) * U * scale;
        for (int isa = THM_ISA_BASELINE; isa <= (int)thm_isa_detect(); isa++) {
            memset(u, 0, sizeof u);
            memset(v, 0, sizeof v);
            memset(da, 0, sizeof da);
            thm_value_flow_use(flow, (thm_isa)isa);
            ck_assert_int_eq(ode.outer(0.0, &s.x, u, v, da, flow), THM_OK);
            double all[160];
            memcpy(all, u, sizeof u);
            memcpy(all + 16, v, sizeof v);
            memcpy(all + 88, da, sizeof da);
            ck_assert(isa <= THM_ISA_AVX2 ||
                      memcmp(all, first, sizeof all) == 0);
            memcpy(first, all, sizeof all);
            for (int i = n; i < s.x.ld; i++) {
                ck_assert(v[i] == 0 && da[i] == 0);
            }
            for (int i = 0; i < n; i++) {
                for (int k = 0; k < d; k++) {
                    double off = fabs(u[k] * v[i] - slope[k * n + i]);
                    ck_assert_double_le(off, bound);
                }
                ck_assert_double_le(fabs(da[i] - slope[d * n + i]), bound);
            }
        }
        thm_value_flow_free(flow);
    }
}
END_TEST

START_TEST(passes_over_V_against_whole_slopes)
{
    enum { TERMS = THM_DOP853_WEIGHTS, LD = 24, ROWS = 3, ALL = ROWS * LD };
    double V[80] = {0}, v[TERMS][LD], b[ROWS * TERMS], e[ROWS * TERMS];
    double first[80] = {0}, out[80], want[80];
    double step[80] = {0}, off[80] = {0}, sum = 0.0;
    const double *vs[TERMS], *both[2] = {step, off};
    thm_rng rng = thm_rng_make(5, 5);
    thm_rng_fill_normal(&rng, ALL, 1.0, V);
    thm_rng_fill_normal(&rng, TERMS * LD, 1.0, v[0]);
    thm_rng_fill_normal(&rng, ROWS * TERMS, 1.0, b);
    thm_rng_fill_normal(&rng, ROWS * TERMS, 1e-3, e);
    for (int r = 0; r < ROWS; r++) {
        e[r * TERMS + TERMS - 1] = 0.0;
    }
    for (int j = 0; j < TERMS; j++) {
        vs[j] = v[j];
        for (int i = 0; i < ALL; i++) {
            step[i] += b[i / LD * TERMS + j] * v[j][i % LD];
            off[i] += e[i / LD * TERMS + j] * v[j][i % LD];
        }
    }
    for (int i = 0; i < ALL; i++) {
        sum += step[i] * step[i];
    }
    /* 80 numbers are a multiple of the other kernel's lanes; the rest is 0 */
    const double bs[] = {1.0, 0.0}, es[] = {0.0, 1.0};
    thm_combine_error expect =
        thm_combine_ref.finish(80, V, 2, both, bs, es, 1e-3, 0.1, want);
    double square = 0.0, largest = 0.0;
    for (int isa = THM_ISA_BASELINE; isa <= (int)thm_isa_detect(); isa++) {
        const thm_outer_kernel *kernel = thm_outer_kernel_for((thm_isa)isa);
        memset(out, 0, sizeof out);
        thm_combine_error error =
            kernel->finish(ROWS, LD, V, vs, b, e, 1e-3, 0.1, out);
        double size = kernel->square(ROWS, LD, TERMS, vs, b);
        ck_assert_double_le(fabs(error.largest / expect.largest - 1.0), 1e-13);
        ck_assert_double_le(fabs(size / sum - 1.0), 1e-13);
        if (isa > THM_ISA_AVX2) {
            ck_assert(size == square && error.largest == largest);
            ck_assert_mem_eq(out, first, sizeof out);
        }
        square = size;
        largest = error.largest;
        memcpy(first, out, sizeof out);
        for (int i = 0; i < ALL; i++) {
            ck_assert_double_le(fabs(out[i] - want[i]), 1e-14);
        }
        ck_assert_double_eq(error.flag, 0.0);
        double *spoilt = &v[TERMS - 1][LD - 1], kept = *spoilt, other[ALL];
        *spoilt = HUGE_VAL;
        ck_assert(
            isnan(kernel->finish(ROWS, LD, V, vs, b, e, 1, 1, other).flag));
        *spoilt = kept;
    }
}
END_TEST

/* x <- x + h sum_j a_j k_j over a row of the table. */
static void add_row(const thm_dop853_stage *row, double h, int n, double sign,
                    double k[][MOST], double *x)
{
    for (int j = 0; j < row->terms; j++) {
        for (int i = 0; i < n; i++) {
            x[i] += sign * h * row->a[j] * k[row->from[j]][i];
        }
    }
}

START_TEST(stiffness_against_whole_slopes)
{
    static double k[THM_DOP853_END + 1][MOST], room[3][MOST + 16];
    enum { ROWS = 3, COLUMNS = 17, ALL = ROWS * COLUMNS + COLUMNS };
    const double h = 20.0;
    double apart[ALL] = {0}, rise[ALL];
    thm_outer *outer = NULL;
    draw_losses(3, ROWS, 11, &set);
    thm_value_flow *flow = make(ROWS, COLUMNS, &set.loss[5]);
    thm_ode ode = thm_value_flow_ode(flow);
    thm_ode_options options = thm_ode_defaults();
    thm_ode_stats stats = {0};
    thm_ode_run run = {.ode = &ode,
                       .options = &options,
                       .stats = &stats,
                       .n = ALL,
                       .padded = (ALL + 15) / 16 * 16,
                       .floor = 1e-12,
                       .x = room[0],
                       .x_new = room[1],
                       .f = room[2]};
    draw_state(3, ROWS, COLUMNS, THM_NORMALISE_SOFTMAX, run.x);
    ck_assert_int_eq(thm_outer_alloc(&run, &outer), THM_OK);
    ck_assert_int_eq(thm_outer_start(outer, &run), THM_OK);
    thm_outer_swap(outer);
    for (int i = 1; i < THM_DOP853_END; i++) {
        ck_assert_int_eq(thm_outer_slope(outer, &run, i, h), THM_OK);
    }
    ck_assert_double_eq(thm_outer_finish(outer, &run, h).flag, 0.0);
    ck_assert_int_eq(thm_outer_end(outer, &run, h), THM_OK);
    for (int i = 0; i <= THM_DOP853_END; i++) {
        thm_outer_unfold(outer, i, k[i]);
    }
    add_row(&thm_dop853_stages[THM_DOP853_END], h, ALL, 1.0, k, apart);
    for (int i = 0; i < ALL; i++) {
        ck_assert_double_le(fabs(run.x_new[i] - run.x[i] - apart[i]), 1e-13);
    }
    add_row(&thm_dop853_stages[THM_DOP853_END - 1], h, ALL, -1.0, k, apart);
    double up = 0.0, along = 0.0;
    for (int i = 0; i < ALL; i++) {
        rise[i] = k[THM_DOP853_END][i] - k[THM_DOP853_END - 1][i];
        up += rise[i] * rise[i];
        along += apart[i] * apart[i];
    }
    /* far enough apart that their difference keeps its digits */
    ck_assert_double_gt(sqrt(along), 1e-7);
    ck_assert_double_le(fabs(thm_outer_rho(outer, h) / sqrt(up / along) - 1.0),
                        1e-5);
    thm_outer_free(outer);
    thm_value_flow_free(flow);
}
END_TEST

/* ---- whole runs ---------------------------------------------------------- */

typedef struct {
    double t[TIMES], x[TIMES][MOST], end[MOST];
    int seen, n;
    thm_ode_stats stats;
    thm_status status;
} trace;

static thm_status look(double t, const double *x, bool *stop, void *ctx)
{
    trace *seen = ctx;
    (void)stop;
    if (seen->seen < TIMES) {
        seen->t[seen->seen] = t;
        memcpy(seen->x[seen->seen++], x, (size_t)seen->n * sizeof *x);
    }
    return THM_OK;
}

static void run(thm_ode ode, bool whole, double t1, const double *start,
                const thm_ode_options *options, trace *out)
{
    const double times[TIMES] = {0.1 * t1, 0.31 * t1, 0.315 * t1, 0.7 * t1, t1};
    thm_ode_watch watch = {
        .n_times = TIMES, .times = times, .observe = look, .observe_ctx = out};
    ode.outer = whole ? NULL : ode.outer;
    memset(out, 0, sizeof *out);
    out->n = ode.n;
    memcpy(out->end, start, (size_t)ode.n * sizeof *start);
    out->status =
        thm_ode_integrate(&ode, 0, t1, out->end, options, &watch, &out->stats);
}

START_TEST(steps_are_those_of_whole_slopes)
{
    static trace outer, whole;
    const int widths[] = {8, 9, 17, 50};
    double x[MOST];
    for (int c = 0; c < 4 * LOSSES; c++) {
        int d = 1 + c % 10, n = widths[c % 4];
        draw_losses((uint64_t)c, d, 11, &set);
        thm_value_flow *flow = make(d, n, &set.loss[c / 4]);
        thm_ode_options options = thm_ode_defaults();
        options.stepper = THM_STEPPER_DOP853;
        options.rtol = options.atol = 1e-7;
        /* a first step that leaves the domain */
        options.first_step = c % 3 == 0 ? 1e200 : 0.0;
        options.stop_rhs = c % 5 == 0 ? 1e-3 : 0.0;
        draw_state((uint64_t)c, d, n, THM_NORMALISE_SOFTMAX, x);
        run(thm_value_flow_ode(flow), false, 20.0, x, &options, &outer);
        run(thm_value_flow_ode(flow), true, 20.0, x, &options, &whole);
        ck_assert_int_eq(outer.status, THM_OK);
        ck_assert_int_eq(whole.status, THM_OK);
        ck_assert_int_eq(outer.stats.steps, whole.stats.steps);
        ck_assert_int_eq(outer.stats.rejected, whole.stats.rejected);
        /* the factors at the start cost one more */
        ck_assert_int_le(labs(outer.stats.rhs - whole.stats.rhs - 1), 1);
        ck_assert_int_eq(outer.seen, whole.seen);
        ck_assert(outer.stats.stopped == whole.stats.stopped);
        /* a tenth of the tolerance: lengths of steps differ by far less */
        double near = 1e-8 * (1.0 + largest_of(d * n + n, whole.end));
        /* stopped at other times, with slopes that have just come below */
        near += 2.0 * options.stop_rhs * fabs(outer.stats.t - whole.stats.t);
        ck_assert_double_le(distance_of(d * n + n, outer.end, whole.end), near);
        for (int i = 0; i < outer.seen; i++) {
            /* where a run stopped: the estimate, a fifth of 1e-7, carries the
             * rounding of V, at most 31 h |J| u beside V with h |J| < 7, and
             * lengths of steps a seventh of its share, a few dozen times */
            ck_assert_double_eq_tol(outer.t[i], whole.t[i], 1e-4 * outer.t[i]);
            ck_assert_double_le(distance_of(d * n + n, outer.x[i], whole.x[i]),
                                near);
        }
        thm_value_flow_free(flow);
    }
}
END_TEST

/* Samples with labels by a drawn teacher, the first `flipped` turned: what
 * tests/bench_flow.c times. */
static double X[M * D], y[M];

static thm_value_flow *samples(uint64_t seed, int flipped, double *start)
{
    static thm_loss loss;
    thm_rng rng = thm_rng_make(seed, (uint64_t)flipped);
    double teacher[D];
    thm_rng_fill_normal(&rng, M * D, 1.0, X);
    thm_rng_fill_normal(&rng, D, 1.0, teacher);
    for (int i = 0; i < M; i++) {
        double side = 0.0;
        for (int k = 0; k < D; k++) {
            side += X[i * D + k] * teacher[k];
        }
        y[i] = (side > 0.0) != (i < flipped) ? 1.0 : -1.0;
    }
    thm_rng_fill_normal(&rng, SIZE, 0.1, start);
    loss = (thm_loss){.kind = THM_LOSS_SAMPLES, .d = D, .m = M, .X = X, .y = y};
    return make(D, N, &loss);
}

START_TEST(auto_turns_to_and_fro_with_the_right_slope)
{
    static trace outer, whole;
    double x[SIZE];
    thm_value_flow *flow = samples(1, 6, x);
    thm_ode_options options = thm_ode_defaults();
    run(thm_value_flow_ode(flow), false, 1e6, x, &options, &outer);
    run(thm_value_flow_ode(flow), true, 1e6, x, &options, &whole);
    ck_assert_int_eq(outer.status, THM_OK);
    ck_assert_int_eq(whole.status, THM_OK);
    ck_assert(outer.stats.switched > 0 && whole.stats.switched > 0);
    ck_assert_int_lt(outer.stats.rhs, 2 * whole.stats.rhs);
    ck_assert_double_le(distance_of(SIZE, outer.end, whole.end), 1e-8);
    options.max_rhs = 100;
    run(thm_value_flow_ode(flow), false, 1e6, x, &options, &outer);
    ck_assert_int_eq(outer.status, THM_ECONVERGE);
    ck_assert_int_eq(outer.stats.rhs, 100);
    thm_value_flow_free(flow);
}
END_TEST

typedef struct {
    thm_value_flow *flow;
    double t, x[SIZE], worst;
    int steps;
} last_step;

/* The step just taken against rk8pd from where it began. */
static double compare_step(double t, const double *x, void *ctx)
{
    last_step *last = ctx;
    if (t > 1e4) {
        thm_ode ode = thm_value_flow_ode(last->flow);
        thm_ode_options options = {
            .stepper = THM_STEPPER_RK8PD, .rtol = 1e-12, .atol = 1e-15};
        thm_ode_stats stats;
        double before[SIZE];
        memcpy(before, last->x, sizeof before);
        ck_assert_int_eq(thm_ode_integrate(&ode, last->t, t, last->x, &options,
                                           NULL, &stats),
                         THM_OK);
        for (int i = 0; i < SIZE; i++) {
            double allowed = 1e-12 + 1e-9 * fmax(fabs(x[i]), fabs(before[i]));
            last->worst = fmax(last->worst, fabs(x[i] - last->x[i]) / allowed);
        }
        last->steps++;
    }
    memcpy(last->x, x, sizeof last->x);
    last->t = t;
    return 1.0;
}

/* Fast modes limit the step in the tail of these draws: what DOP853's own
 * estimate does not see there is up to eight times the tolerance. */
START_TEST(no_step_of_the_tail_is_worse_than_the_tolerance)
{
    static const uint64_t seeds[] = {16, 18};
    static last_step last;
    double x[SIZE];
    last.worst = 0;
    last.flow = samples(seeds[_i], 0, last.x);
    thm_value_flow *flow = samples(seeds[_i], 0, x);
    thm_ode ode = thm_value_flow_ode(flow);
    thm_ode_options options = thm_ode_defaults();
    thm_ode_event event = {.value = compare_step, .ctx = &last};
    thm_ode_watch watch = {.n_events = 1, .events = &event};
    thm_ode_stats stats;
    options.stepper = THM_STEPPER_DOP853;
    ck_assert_int_eq(
        thm_ode_integrate(&ode, 0, 1e6, x, &options, &watch, &stats), THM_OK);
    ck_assert_int_gt(last.steps, 40);
    ck_assert_msg(last.worst <= 1.0, "%g", last.worst);
    thm_value_flow_free(flow);
    thm_value_flow_free(last.flow);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outer");
    TCase *t = tcase_create("outer");
    tcase_set_timeout(t, 240.0);
    tcase_add_test(t, factors_are_those_of_the_state_nobody_formed);
    tcase_add_test(t, passes_over_V_against_whole_slopes);
    tcase_add_test(t, stiffness_against_whole_slopes);
    tcase_add_test(t, steps_are_those_of_whole_slopes);
    tcase_add_test(t, auto_turns_to_and_fro_with_the_right_slope);
    tcase_add_loop_test(t, no_step_of_the_tail_is_worse_than_the_tolerance, 0,
                        2);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
