/* Products of matrices as if computed in twice the working precision: every
 * entry is a compensated dot product (Ogita, Rump, Oishi, "Accurate sum and dot
 * product", SIAM J. Sci. Comput. 26, 2005, algorithm Dot2).
 *
 *     Y = X W,   X: (q x k),   W: (k x p),   Y: (q x p),
 *
 * row-major and packed, overlapping nowhere.  `lower` promises that X is lower
 * triangular: the entries above its diagonal are not read.  Where no entry of
 * X, W exceeds 2^500 in size, with u = 2^-53, gamma_k = k u / (1 - k u),
 *
 *     |Y - X W| <= u |X W| + gamma_k^2 |X| |W| + 5 k 2^-1074,   elementwise:
 *
 * the last term is what products lose that fall below the normal range (five
 * roundings a product, each wrong by at most 2^-1075 there, and one addition).
 * 17 FLOP a term, one order of operations on every instruction set. */
#ifndef THM_DOT2_H
#define THM_DOT2_H

#include <stdbool.h>
#include "core/status.h"
#include "la/isa.h"

/* THM_EDIM if a size is < 1; THM_EOVERFLOW, THM_ENOMEM.  Values are not
 * inspected. */
thm_status thm_dot2(int q, int k, int p, const double *X, bool lower,
                    const double *W, thm_isa isa, double *Y);

/* The same by plain loops: the twin that checks it, to the bit. */
thm_status thm_dot2_ref(int q, int k, int p, const double *X, bool lower,
                        const double *W, double *Y);

/* Columns that a kernel works on at once. */
enum { THM_DOT2_COLUMNS = 16 };

/* One kernel: rows r < rows of y, THM_DOT2_COLUMNS entries each, rows y_stride
 * apart.  X as above with row stride k and first row `first` of the triangle;
 * panel: for l < k the high halves of the 16 entries W[l], then the low ones.
 */
typedef void thm_dot2_kernel(int first, int rows, int k, const double *X,
                             bool lower, const double *panel, double *y,
                             int y_stride);
thm_dot2_kernel thm_dot2_baseline, thm_dot2_avx2, thm_dot2_avx512;

/* high + low = x, both with at most 26 bits (Veltkamp). */
static inline double thm_dot2_high(double x)
{
    double t = 0x8000001p0 * x;
    return t - (t - x);
}

#endif
