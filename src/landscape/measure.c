/* Minima, range and distance from a quadratic: see measure.h. */
#include "landscape/measure.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "la/qr.h"

typedef struct {
    int n_a, n_b;
    const double *a, *b, *f, *error;
} grid;

static size_t cell(const grid *g, int i, int j)
{
    return (size_t)j * (size_t)g->n_a + (size_t)i;
}

/* ---- minima and range -----------------------------------------------------
 */

/* Whether cell (i, j) is below all its neighbours, by more than both errors. */
static bool below(const grid *g, const double *error, int i, int j)
{
    const size_t at = cell(g, i, j);
    const double top = g->f[at] + (error ? error[at] : 0.0);
    for (int q = g->n_b > 1 ? -1 : 0; q <= (g->n_b > 1 ? 1 : 0); q++) {
        for (int p = -1; p <= 1; p++) {
            const size_t by = cell(g, i + p, j + q);
            if ((p != 0 || q != 0) &&
                !(top < g->f[by] - (error ? error[by] : 0.0))) {
                return false;
            }
        }
    }
    return true;
}

/* Whether the quadratic c + g p + h q + A p^2 + C p q + B q^2 that fits the
 * cells around (i, j) best, p and q in steps, has its minimum among them.  The
 * nine points are orthogonal to all but (p^2, 1) and (q^2, 1). */
static bool resolved(const grid *g, int i, int j)
{
    double slope_p = 0, slope_q = 0, A = 0, B = 0, C = 0;
    if (g->n_b == 1) {
        return true;
    }
    for (int q = -1; q <= 1; q++) {
        for (int p = -1; p <= 1; p++) {
            const double f = g->f[cell(g, i + p, j + q)] - g->f[cell(g, i, j)];
            slope_p += p * f / 6;
            slope_q += q * f / 6;
            A += (p * p - 2.0 / 3) * f / 2;
            B += (q * q - 2.0 / 3) * f / 2;
            C += p * q * f / 4;
        }
    }
    const double det = 4 * A * B - C * C;
    return A > 0 && det > 0 && fabs(2 * B * slope_p - C * slope_q) <= det &&
           fabs(2 * A * slope_q - C * slope_p) <= det;
}

static void count_minima(const grid *g, thm_measure *out)
{
    const int edge = g->n_b > 1;
    for (int j = edge; j < g->n_b - edge; j++) {
        for (int i = 1; i < g->n_a - 1; i++) {
            if (below(g, NULL, i, j)) {
                out->minima++;
                out->minima_resolved +=
                    below(g, g->error, i, j) && resolved(g, i, j);
            }
        }
    }
}

static void find_range(const grid *g, thm_measure *out)
{
    out->f_min = out->f_max = (double)NAN;
    for (int j = 0; j < g->n_b; j++) {
        for (int i = 0; i < g->n_a; i++) {
            const double f = g->f[cell(g, i, j)];
            if (!isfinite(f)) {
                out->non_finite++;
                continue;
            }
            if (!(out->f_min <= f)) {
                out->f_min = f;
                out->a_min = i;
                out->b_min = j;
            }
            out->f_max = out->f_max >= f ? out->f_max : f;
        }
    }
    /* by halves, which do not overflow */
    const double scale = fmax(fabs(out->f_max), fabs(out->f_min));
    out->relative_range =
        scale == 0.0 ? 0.0 : 2 * ((out->f_max / 2 - out->f_min / 2) / scale);
}

/* ---- quadratic fit --------------------------------------------------------
 */

/* x scaled to [-1, 1]: monomials of such are well conditioned. */
static double unit(int n, const double *x, int i)
{
    const double span = x[n - 1] - x[0];
    return span == 0.0 ? 0.0 : (x[i] - x[0]) / span * 2 - 1;
}

static double rms(int n, const double *x)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += x[i] * x[i] / n;
    }
    return sqrt(sum);
}

/* r: (rows) minus its part in the span of Q: (rows x columns); twice, so that
 * the rounding of the first time is projected too. */
static void project_out(int rows, int columns, const double *Q, double *r)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int c = 0; c < columns; c++) {
            double along = 0.0;
            for (int i = 0; i < rows; i++) {
                along += Q[(size_t)i * (size_t)columns + (size_t)c] * r[i];
            }
            for (int i = 0; i < rows; i++) {
                r[i] -= along * Q[(size_t)i * (size_t)columns + (size_t)c];
            }
        }
    }
}

/* Rows of monomials at the finite cells, their values over `scale` and errors;
 * returns their number. */
static int gather(const grid *g, int columns, double scale, double *A,
                  double *f, double *error)
{
    int rows = 0;
    for (int j = 0; j < g->n_b; j++) {
        const double y = unit(g->n_b, g->b, j);
        for (int i = 0; i < g->n_a; i++) {
            const size_t at = cell(g, i, j);
            if (!isfinite(g->f[at])) {
                continue;
            }
            const double x = unit(g->n_a, g->a, i);
            const double row[] = {1.0, x, x * x, y, x * y, y * y};
            for (int c = 0; c < columns; c++) {
                A[(size_t)rows * (size_t)columns + (size_t)c] = row[c];
            }
            f[rows] = g->f[at] / scale;
            error[rows++] = g->error ? g->error[at] / scale : 0.0;
        }
    }
    return rows;
}

/* Whether R's diagonal is beyond what rounding leaves of a dependent column.
 */
static bool determined(int rows, int columns, const double *R)
{
    double least = HUGE_VAL, most = 0.0;
    for (int c = 0; c < columns; c++) {
        const double r = R[c * columns + c];
        least = fmin(least, r);
        most = fmax(most, r);
    }
    return least > rows * DBL_EPSILON * most;
}

static thm_status fit(const grid *g, thm_measure *out)
{
    enum { COEFFICIENTS = 6 };
    const int columns = g->n_b > 1 ? COEFFICIENTS : 3;
    const size_t cells = (size_t)g->n_a * (size_t)g->n_b;
    const int64_t count = (int64_t)cells - out->non_finite;
    double R[COEFFICIENTS * COEFFICIENTS], *A = NULL, *Q, *f, *error;
    out->quadratic_residual = out->quadratic_noise = (double)NAN;
    if (count <= columns || count > INT32_MAX / COEFFICIENTS) {
        return THM_OK;
    }
    A = calloc(cells, (2 * (size_t)columns + 2) * sizeof *A);
    if (!A) {
        return THM_ENOMEM;
    }
    Q = A + cells * (size_t)columns;
    f = Q + cells * (size_t)columns;
    error = f + cells;
    const double most = fmax(fabs(out->f_max), fabs(out->f_min));
    const int rows = gather(g, columns, most > 0.0 ? most : 1.0, A, f, error);
    const thm_status status = thm_qr(rows, columns, A, Q, R, NULL);
    if (status == THM_OK && determined(rows, columns, R)) {
        double mean = 0.0;
        for (int i = 0; i < rows; i++) {
            mean += f[i] / rows;
        }
        for (int i = 0; i < rows; i++) {
            f[i] -= mean;
        }
        const double spread = rms(rows, f);
        project_out(rows, columns, Q, f);
        const bool flat = !(out->f_max > out->f_min);
        out->quadratic_residual = flat ? 0.0 : rms(rows, f) / spread;
        out->quadratic_noise = flat ? 0.0 : rms(rows, error) / spread;
    }
    free(A);
    return status;
}

thm_status thm_measure_grid(int n_a, int n_b, const double *a, const double *b,
                            const double *f, const double *error,
                            thm_measure *out)
{
    const grid g = {n_a, n_b, a, b, f, error};
    thm_measure m = {0};
    if (n_a < 1 || n_b < 1) {
        return THM_EDIM;
    }
    for (int i = 0; i < n_a; i++) {
        if (!isfinite(a[i])) {
            return THM_EDOMAIN;
        }
    }
    for (int j = 0; j < n_b; j++) {
        if (!isfinite(b[j])) {
            return THM_EDOMAIN;
        }
    }
    count_minima(&g, &m);
    find_range(&g, &m);
    const thm_status status = fit(&g, &m);
    if (status == THM_OK) {
        *out = m;
    }
    return status;
}
