/* The largest eigenvalue of a symmetric positive semidefinite operator by the
 * Lanczos process with full reorthogonalisation (classical Gram-Schmidt,
 * twice).  Deterministic: the start vector is a fixed draw of normals. */
#ifndef THM_LANCZOS_H
#define THM_LANCZOS_H

#include "core/status.h"

/* out <- M x, both of n entries. */
typedef thm_status thm_operator(int n, const double *x, double *out, void *ctx);

typedef struct {
    double value;    /* largest Ritz value: at most the largest eigenvalue */
    double next;     /* the Ritz value below it; 0 if there is none        */
    double residual; /* |M x - value x| of the unit vector x, as the process
                        knows it: an eigenvalue lies this near              */
    double change;   /* residual^2 / (value - next): bounds the error of value
                        where next is right (Kato, Temple); else residual   */
    int steps;
} thm_lanczos;

/* Stops when change <= tolerance value (looked at every fourth step), when the
 * Krylov space is exhausted, or after most_steps steps: the caller judges.
 * x: (n), the unit vector.  n, most_steps >= 1, tolerance >= 0, else THM_EDIM.
 * THM_EDOMAIN, x untouched, if M yields what is not finite; what M answers;
 * THM_ECONVERGE of the small eigenproblem; THM_EOVERFLOW, THM_ENOMEM: n
 * (most_steps + 2) doubles.  O(n steps^2) work besides M. */
thm_status thm_lanczos_max(int n, thm_operator *M, void *ctx, double tolerance,
                           int most_steps, double *x, thm_lanczos *out);

#endif
