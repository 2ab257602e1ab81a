/* Compensated products: panels, the choice of kernel, the plain twin; see
 * dot2.h. */
#include "la/dot2.h"

#include <stdlib.h>
#include <string.h>

#include "la/dense.h"

static thm_dot2_kernel *kernel_of(thm_isa isa)
{
    switch (isa) {
    case THM_ISA_AVX512:
        return thm_dot2_avx512;
    case THM_ISA_AVX2:
        return thm_dot2_avx2;
    case THM_ISA_BASELINE:
        break;
    }
    return thm_dot2_baseline;
}

thm_status thm_dot2(int q, int k, int p, const double *X, bool lower,
                    const double *W, thm_isa isa, double *Y)
{
    enum { C = THM_DOT2_COLUMNS, AHEAD = 16 };
    if (q < 1 || k < 1 || p < 1 || (lower && q > k)) {
        return THM_EDIM;
    }
    double *panel = NULL, *edge = NULL;
    thm_status status = thm_dense_alloc(k, 2 * C, 1, &panel);
    if (status == THM_OK) {
        status = thm_dense_alloc(q, C, 1, &edge);
    }
    for (int j = 0; status == THM_OK && j < p; j += C) {
        int width = p - j < C ? p - j : C;
        for (int l = 0; l < k; l++) {
            const double *w = W + (size_t)l * (size_t)p + (size_t)j;
            double *out = panel + (size_t)l * 2 * C;
            /* rows are pages apart: nobody else foresees the next */
            if (l + AHEAD < k) {
                const double *later = w + (size_t)AHEAD * (size_t)p;
                __builtin_prefetch(later);
                __builtin_prefetch(later + width - 1);
            }
            for (int c = 0; c < C; c++) {
                double x = c < width ? w[c] : 0.0;
                out[c] = thm_dot2_high(x);
                out[C + c] = x - out[c];
            }
        }
        double *y = Y + j;
        if (width == C) {
            kernel_of(isa)(0, q, k, X, lower, panel, y, p);
            continue;
        }
        kernel_of(isa)(0, q, k, X, lower, panel, edge, C);
        for (int i = 0; i < q; i++) {
            memcpy(y + (size_t)i * (size_t)p, edge + (size_t)i * C,
                   (size_t)width * sizeof *y);
        }
    }
    free(panel);
    free(edge);
    return status;
}

thm_status thm_dot2_ref(int q, int k, int p, const double *X, bool lower,
                        const double *W, double *Y)
{
    if (q < 1 || k < 1 || p < 1 || (lower && q > k)) {
        return THM_EDIM;
    }
    for (int i = 0; i < q; i++) {
        for (int j = 0; j < p; j++) {
            double sum = 0.0, rest = 0.0;
            for (int l = 0; l < (lower ? i + 1 : k); l++) {
                double x = X[(size_t)i * (size_t)k + (size_t)l];
                double w = W[(size_t)l * (size_t)p + (size_t)j];
                double xh = thm_dot2_high(x), xl = x - xh;
                double wh = thm_dot2_high(w), wl = w - wh;
                double product = x * w;
                double error =
                    xl * wl - (((product - xh * wh) - xl * wh) - xh * wl);
                double s = sum + product, t = s - sum;
                error += (sum - (s - t)) + (product - t);
                sum = s;
                rest += error;
            }
            Y[(size_t)i * (size_t)p + (size_t)j] = sum + rest;
        }
    }
    return THM_OK;
}
