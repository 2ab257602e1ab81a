/* QR factorisation A = Q R, economic, diag R >= 0 (Householder, LAPACK's
 * dgelqf of the transpose).  O(m n k) work, k = min(m, n).
 *
 * A: (m x n); R: (k x n), upper triangular (trapezoidal if m < n).
 * THM_EDIM if m or n < 1; THM_EDOMAIN if an entry is not finite; THM_EOVERFLOW
 * if an entry of R exceeds the largest double; THM_ENOMEM. */
#ifndef THM_QR_H
#define THM_QR_H

#include "la/dense.h"

/* Q: (m x k) with orthonormal columns, not overlapping A.  report (NULL
 * allowed): err bounds |A - Q R|_F, proved, the rounding of its evaluation
 * included. */
thm_status thm_qr(int m, int n, const double *A, double *Q, double *R,
                  thm_la_report *report);

/* R only: half the work, no Q.  Q has left no trace, so the residual is that of
 * the Gram matrices, |A'A - R'R|_F / |A|_F^2 (twice the relative backward error
 * to first order), and err bounds |A'A - R'R|_F / |A|_F.  orthogonality = 0. */
thm_status thm_qr_r(int m, int n, const double *A, double *R,
                    thm_la_report *report);

#endif
