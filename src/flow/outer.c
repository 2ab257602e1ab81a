/* Stages of DOP853 kept as factors of outer products; see outer.h. */
#include "flow/outer.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLOPES = THM_DOP853_END + 1, STAGE_12 = THM_DOP853_END - 1 };

struct thm_outer {
    int rows, columns;
    int ld; /* columns rounded up to a multiple of 8                       */
    const thm_outer_kernel *kernel;
    double *room;
    double *V, *V_new; /* (rows x ld)                             */
    double *a, *a_new; /* (ld)                                    */
    double *u[SLOPES]; /* (rows, to a multiple of 8) each */
    double *v[SLOPES], *da[SLOPES]; /* (ld) each                             */
    double *b, *e; /* (rows x THM_DOP853_WEIGHTS): the weights of a row      */
};

const thm_outer_kernel *thm_outer_kernel_for(thm_isa isa)
{
    switch (isa) {
    case THM_ISA_AVX512:
        return &thm_outer_avx512;
    case THM_ISA_AVX2:
        return &thm_outer_avx2;
    case THM_ISA_BASELINE:
        break;
    }
    return &thm_outer_baseline;
}

static int rounded(int n, int to)
{
    return (n + to - 1) / to * to;
}

/* The next `count` doubles of *room, and room up to a cache line. */
static double *deal(double **room, size_t count)
{
    double *here = *room;
    *room += (count + 7) / 8 * 8;
    return here;
}

thm_status thm_outer_alloc(const thm_ode_run *run, thm_outer **out)
{
    const thm_ode *ode = run->ode;
    thm_outer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return THM_ENOMEM;
    }
    made->rows = ode->rows;
    made->columns = ode->columns;
    made->ld = rounded(ode->columns, 8);
    /* rows x columns is below run->n, which is an int; padding it by 7 columns
     * and the factors of 13 stages are far from SIZE_MAX with 64 bits */
    size_t rows = (size_t)rounded(ode->rows, 8), ld = (size_t)made->ld;
    size_t count = 2 * rows * ld + (2 + 2 * SLOPES) * ld + SLOPES * rows +
                   2 * (THM_ODE_OUTER_MOST * rows);
    double *room = aligned_alloc(64, count * sizeof *room);
    if (room == NULL) {
        free(made);
        return THM_ENOMEM;
    }
    memset(room, 0, count * sizeof *room);
    made->room = room;
    made->V = deal(&room, rows * ld);
    made->V_new = deal(&room, rows * ld);
    made->a = deal(&room, ld);
    made->a_new = deal(&room, ld);
    for (int i = 0; i < SLOPES; i++) {
        made->u[i] = deal(&room, rows);
        made->v[i] = deal(&room, ld);
        made->da[i] = deal(&room, ld);
    }
    made->b = deal(&room, THM_ODE_OUTER_MOST * rows);
    made->e = deal(&room, THM_ODE_OUTER_MOST * rows);
    made->kernel = thm_outer_kernel_for(thm_isa_detect());
    *out = made;
    return THM_OK;
}

void thm_outer_free(thm_outer *outer)
{
    if (outer != NULL) {
        free(outer->room);
        free(outer);
    }
}

/* The factors of slope i at the state (V + sum c[j] u v', a). */
static thm_status factors(thm_outer *outer, thm_ode_run *run, int i, double t,
                          thm_ode_outer_state *x)
{
    x->ld = outer->ld;
    return thm_run_outer(run, t, x, outer->u[i], outer->v[i], outer->da[i]);
}

thm_status thm_outer_start(thm_outer *outer, thm_ode_run *run)
{
    size_t n = (size_t)outer->columns, row = n * sizeof *run->x;
    for (int r = 0; r < outer->rows; r++) {
        memcpy(outer->V + (size_t)r * (size_t)outer->ld, run->x + (size_t)r * n,
               row);
    }
    memcpy(outer->a, run->x + (size_t)outer->rows * n, row);
    thm_ode_outer_state x = {.V = outer->V, .a = outer->a};
    return factors(outer, run, THM_DOP853_END, run->t, &x);
}

static void exchange(double **a, double **b)
{
    double *c = *a;
    *a = *b;
    *b = c;
}

void thm_outer_swap(thm_outer *outer)
{
    exchange(&outer->u[0], &outer->u[THM_DOP853_END]);
    exchange(&outer->v[0], &outer->v[THM_DOP853_END]);
    exchange(&outer->da[0], &outer->da[THM_DOP853_END]);
}

thm_status thm_outer_slope(thm_outer *outer, thm_ode_run *run, int i, double h)
{
    const thm_dop853_stage *s = &thm_dop853_stages[i];
    const double *u[THM_ODE_OUTER_MOST], *v[THM_ODE_OUTER_MOST],
        *da[THM_ODE_OUTER_MOST];
    double c[THM_ODE_OUTER_MOST];
    for (int j = 0; j < s->terms; j++) {
        u[j] = outer->u[s->from[j]];
        v[j] = outer->v[s->from[j]];
        da[j] = outer->da[s->from[j]];
        c[j] = h * s->a[j];
    }
    thm_ode_outer_state x = {.m = s->terms,
                             .V = outer->V,
                             .a = outer->a,
                             .c = c,
                             .u = u,
                             .v = v,
                             .da = da};
    return factors(outer, run, i, run->t + s->c * h, &x);
}

thm_combine_error thm_outer_finish(thm_outer *outer, thm_ode_run *run, double h)
{
    enum { TERMS = THM_DOP853_WEIGHTS };
    const thm_dop853_stage *end = &thm_dop853_stages[THM_DOP853_END];
    const double *v[TERMS], *da[TERMS];
    double b[TERMS], e[TERMS], rtol = run->options->rtol;
    int rows = outer->rows;
    size_t n = (size_t)outer->columns, ld = (size_t)outer->ld;
    for (int j = 0; j < TERMS; j++) {
        const double *u = outer->u[end->from[j]];
        v[j] = outer->v[end->from[j]];
        da[j] = outer->da[end->from[j]];
        b[j] = h * end->a[j];
        e[j] = h * thm_dop853_error[j];
        for (int r = 0; r < rows; r++) {
            outer->b[r * TERMS + j] = b[j] * u[r];
            outer->e[r * TERMS + j] = e[j] * u[r];
        }
    }
    thm_combine_error of_V =
        outer->kernel->finish(rows, outer->ld, outer->V, v, outer->b, outer->e,
                              run->floor, rtol, outer->V_new);
    thm_combine_error of_a = outer->kernel->finish(
        1, outer->ld, outer->a, da, b, e, run->floor, rtol, outer->a_new);
    for (int r = 0; r < rows; r++) {
        memcpy(run->x_new + (size_t)r * n, outer->V_new + (size_t)r * ld,
               n * sizeof *run->x_new);
    }
    memcpy(run->x_new + (size_t)rows * n, outer->a_new, n * sizeof *run->x_new);
    return (thm_combine_error){fmax(of_V.largest, of_a.largest),
                               of_V.flag + of_a.flag};
}

void thm_outer_unfold(const thm_outer *outer, int i, double *k)
{
    const double *v = outer->v[i];
    size_t n = (size_t)outer->columns;
    for (int r = 0; r < outer->rows; r++, k += n) {
        double factor = outer->u[i][r];
        for (size_t j = 0; j < n; j++) {
            k[j] = factor * v[j];
        }
    }
    memcpy(k, outer->da[i], n * sizeof *k);
}

thm_status thm_outer_end(thm_outer *outer, thm_ode_run *run, double t)
{
    thm_ode_outer_state x = {.V = outer->V_new, .a = outer->a_new};
    return factors(outer, run, THM_DOP853_END, t, &x);
}

void thm_outer_accept(thm_outer *outer)
{
    exchange(&outer->V, &outer->V_new);
    exchange(&outer->a, &outer->a_new);
}

/* |sum_{j < m} c[j] k_j|^2 over the slopes `from`. */
static double square(const thm_outer *outer, int m, const int *from,
                     const double *c)
{
    const double *v[THM_ODE_OUTER_MOST];
    const double *da[THM_ODE_OUTER_MOST];
    for (int j = 0; j < m; j++) {
        v[j] = outer->v[from[j]];
        da[j] = outer->da[from[j]];
        for (int r = 0; r < outer->rows; r++) {
            outer->b[r * m + j] = c[j] * outer->u[from[j]][r];
        }
    }
    return outer->kernel->square(1, outer->ld, m, da, c) +
           outer->kernel->square(outer->rows, outer->ld, m, v, outer->b);
}

double thm_outer_rho(const thm_outer *outer, double h)
{
    const thm_dop853_stage *end = &thm_dop853_stages[THM_DOP853_END],
                           *last = &thm_dop853_stages[STAGE_12];
    static const int ends[] = {THM_DOP853_END, STAGE_12};
    static const double apart[] = {1.0, -1.0};
    double weight[SLOPES] = {0}, c[THM_ODE_OUTER_MOST];
    int from[THM_ODE_OUTER_MOST], m = 0;
    for (int j = 0; j < end->terms; j++) {
        weight[end->from[j]] += h * end->a[j];
    }
    for (int j = 0; j < last->terms; j++) {
        weight[last->from[j]] -= h * last->a[j];
    }
    for (int i = 0; i < THM_DOP853_END; i++) {
        if (weight[i] != 0.0) {
            from[m] = i;
            c[m++] = weight[i];
        }
    }
    double run = square(outer, m, from, c);
    return run > 0 ? sqrt(square(outer, 2, ends, apart) / run) : 0.0;
}
