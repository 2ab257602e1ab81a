/* Chooses the kernels of an instruction set, and their plain twins; see
 * combine.h. */
#include "flow/combine.h"

#include <math.h>

const thm_combine *thm_combine_kernels(thm_isa isa)
{
    switch (isa) {
    case THM_ISA_AVX512:
        return &thm_combine_avx512;
    case THM_ISA_AVX2:
        return &thm_combine_avx2;
    case THM_ISA_BASELINE:
        break;
    }
    return &thm_combine_baseline;
}

static double sum_of(int m, const double *const *k, const double *c, int i)
{
    double sum = c[0] * k[0][i];
    for (int j = 1; j < m; j++) {
        sum += c[j] * k[j][i];
    }
    return sum;
}

static double stage_ref(int n, const double *x, int m, const double *const *k,
                        const double *c, double *out)
{
    double flag = 0.0;
    for (int i = 0; i < n; i++) {
        out[i] = sum_of(m, k, c, i) + x[i];
        flag += 0.0 * (k[m - 1][i] + out[i]);
    }
    return flag;
}

static thm_combine_error finish_ref(int n, const double *x, int m,
                                    const double *const *k, const double *b,
                                    const double *e, double atol, double rtol,
                                    double *out)
{
    thm_combine_error error = {0.0, 0.0};
    for (int i = 0; i < n; i++) {
        double off = sum_of(m, k, e, i);
        out[i] = x[i] + sum_of(m, k, b, i);
        double scale = 1.0 / (atol + rtol * fmax(fabs(x[i]), fabs(out[i])));
        error.flag += 0.0 * (out[i] + off);
        error.largest = fmax(error.largest, fabs(off) * scale);
    }
    return error;
}

static double distance_ref(int n, const double *a, const double *b)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return sum;
}

const thm_combine thm_combine_ref = {
    .stage = stage_ref, .finish = finish_ref, .distance = distance_ref};
