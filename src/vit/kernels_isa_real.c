/* Layer norm, GELU and sums: see kernels.h. */
#include "vit/kernels_inside.h"

#define NORM_EPS ((real)1e-6)

static void norm(int rows, int D, const real *x, const real *gain,
                 const real *shift, real *y, real *mean, real *rstd)
{
    for (int r = 0; r < rows; r++, x += D, y += D) {
        real sum = 0, square = 0;
#pragma omp simd reduction(+ : sum)
        for (int j = 0; j < D; j++) {
            sum += x[j];
        }
        const real m = sum / (real)D;
#pragma omp simd reduction(+ : square)
        for (int j = 0; j < D; j++) {
            square += (x[j] - m) * (x[j] - m);
        }
        const real scale = 1 / sqrt(square / (real)D + NORM_EPS);
#pragma omp simd
        for (int j = 0; j < D; j++) {
            y[j] = (x[j] - m) * scale * gain[j] + shift[j];
        }
        mean[r] = m;
        rstd[r] = scale;
    }
}

/* With z = (x - mean) rstd and e = dy gain,
 *     dx = rstd (e - mean(e) - z mean(e z)). */
static void norm_back(int rows, int D, const real *x, const real *gain,
                      const real *mean, const real *rstd, const real *dy,
                      real *dx, real *d_gain, real *d_shift)
{
    for (int r = 0; r < rows; r++, x += D, dx += D, dy += D) {
        const real m = mean[r], scale = rstd[r];
        real sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
        for (int j = 0; j < D; j++) {
            const real z = (x[j] - m) * scale, e = dy[j] * gain[j];
            sum += e;
            along += e * z;
        }
        sum /= (real)D;
        along /= (real)D;
#pragma omp simd
        for (int j = 0; j < D; j++) {
            const real z = (x[j] - m) * scale, e = dy[j] * gain[j];
            dx[j] += scale * (e - sum - z * along);
            d_gain[j] += dy[j] * z;
            d_shift[j] += dy[j];
        }
    }
}

static void gelu(size_t n, real *x, real *y)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        real density;
        const real v = x[i], phi = normal(v, &density);
        y[i] = v * phi;
        x[i] = phi + v * density;
    }
}

static void times(size_t n, const real *y, real *x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        x[i] *= y[i];
    }
}

static void add(size_t n, const real *y, real *x)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        x[i] += y[i];
    }
}

static void column_sums(int rows, int cols, const real *x, real *sums)
{
    for (int r = 0; r < rows; r++, x += cols) {
#pragma omp simd
        for (int j = 0; j < cols; j++) {
            sums[j] += x[j];
        }
    }
}

/* x - x is 0, or NaN, of which a sum is NaN. */
static bool finite_all(size_t n, const real *x)
{
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        sum += x[i] - x[i];
    }
    return sum == 0;
}

const vit_kernels KERNELS = {.norm = norm,
                             .norm_back = norm_back,
                             .gelu = gelu,
                             .times = times,
                             .add = add,
                             .column_sums = column_sums,
                             .finite = finite_all,
                             .attend = NAMED_ISA(attend),
                             .attend_back = NAMED_ISA(attend_back)};
