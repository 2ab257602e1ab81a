/* The largest eigenvalues of a symmetric positive semidefinite operator by the
 * block Lanczos process with full reorthogonalisation.  Deterministic: the
 * start block is a fixed draw of normals.
 *
 * A block costs an operator that is bound by memory little more than a vector,
 * and it finds what a single vector cannot see: eigenvalues of multiplicity up
 * to the width of the block. */
#ifndef THM_LANCZOS_H
#define THM_LANCZOS_H

#include "core/status.h"

/* Columns of a block at most. */
enum { THM_LANCZOS_WIDTH = 8 };

/* out <- M X, both of `count` columns of n entries, one after the other; count
 * is at most THM_LANCZOS_WIDTH. */
typedef thm_status thm_operator(int n, int count, const double *X, double *out,
                                void *ctx);

typedef struct {
    double value;    /* largest Ritz value: at most the largest eigenvalue */
    double next;     /* the Ritz value below it; 0 if there is none        */
    double residual; /* |M x - value x| of the unit vector x, as the process
                        knows it: an eigenvalue lies this near              */
    double change;   /* residual^2 / (value - next): bounds the error of value
                        where next is right (Kato, Temple); else residual   */
    int steps;       /* blocks that M was applied to                       */
    int found;       /* vectors in X: `wanted`, or all that there are      */
} thm_lanczos;

/* Blocks of `width` columns.  Stops when change <= tolerance value (looked at
 * every fourth step of a vector, every second of a block), when the Krylov
 * space is exhausted, or after most_steps steps: the caller judges.
 * X: (`wanted` columns of n), the unit Ritz vectors of the largest values, the
 * largest first; values: (wanted) or NULL.  n, most_steps >= 1, tolerance >= 0,
 * 1 <= width <= THM_LANCZOS_WIDTH, 1 <= wanted <= n, else THM_EDIM.
 * THM_EDOMAIN, X untouched, if M yields what is not finite; what M answers;
 * THM_ECONVERGE of the small eigenproblem; THM_EOVERFLOW, THM_ENOMEM: n width
 * (most_steps + 1) doubles.  O(n (width steps)^2) work besides M. */
thm_status thm_lanczos_max(int n, int width, thm_operator *M, void *ctx,
                           double tolerance, int most_steps, int wanted,
                           double *X, double *values, thm_lanczos *out);

/* Room that thm_basis_extend needs, in doubles. */
static inline size_t thm_basis_room(int columns)
{
    return (size_t)THM_LANCZOS_WIDTH *
           ((size_t)columns + 2 * THM_LANCZOS_WIDTH + 2);
}

/* Q: (n x `columns` + count), by columns.  The last `count`, finite, are
 * replaced by an orthonormal basis Q2 of what they have outside the orthonormal
 * ones before: Q2 S, S: (8 x 8, column-major, upper), is what they had there. A
 * column that has nothing is replaced by some direction: count + columns <= n.
 * work: thm_basis_room(columns).  THM_EINTERNAL as LAPACK answers. */
thm_status thm_basis_extend(int n, int columns, int count, double *Q, double *S,
                            double *work);

#endif
