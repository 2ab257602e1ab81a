/* The secular function of the softmax Jacobian,
 *     g(mu) = sum_j d_j / (d_j - mu),
 * split at a pole k into psi = sum over j <= k (negative terms) and phi = sum
 * over j > k (positive terms) for mu between d_k and d_{k+1}, with derivatives
 *     psi' = sum_{j <= k} d_j / (d_j - mu)^2,  phi' likewise.
 *
 * mu = o + eta, where o is one of the two poles: (d_j - o) - eta then has a
 * relative error of a few u, however close mu is to o
 * (paper-notes/softmax.md, "The spectrum"). */
#ifndef THM_SECULAR_H
#define THM_SECULAR_H

#include "la/isa.h"

/* Poles are padded with zeros to a multiple of this, aligned to 64 bytes. */
enum { THM_SECULAR_LANES = 16 };

/* Sixteen partial sums run over chunks of this many poles, so that a term
 * passes at most thm_secular_depth(n) additions. */
enum { THM_SECULAR_CHUNK = 1024 };

typedef struct {
    double psi, dpsi, phi, dphi;
} thm_secular;

/* d: (n, padded), d[0..k] <= d[k], d[k+1..n-1] >= d[k+1], not sorted further;
 * 0 <= k < n - 1.  The same operations in the same order for every isa. */
typedef void (*thm_secular_eval)(int n, const double *d, int k, double o,
                                 double eta, thm_secular *out);

/* The evaluation compiled for isa. */
thm_secular_eval thm_secular_kernel(thm_isa isa);

/* The plain twin: one term after the other. */
void thm_secular_eval_ref(int n, const double *d, int k, double o, double eta,
                          thm_secular *out);

/* Every sum of an evaluation has a relative error below
 * (thm_secular_depth(n) + 8) u (1 + 2^-20) while |d_j - o| <= 4 |d_j - o - eta|
 * for all j: each term carries at most 7 roundings (note, "Rounding"). */
int thm_secular_depth(int n);

void thm_secular_eval_baseline(int n, const double *d, int k, double o,
                               double eta, thm_secular *out);
void thm_secular_eval_avx2(int n, const double *d, int k, double o, double eta,
                           thm_secular *out);
void thm_secular_eval_avx512(int n, const double *d, int k, double o,
                             double eta, thm_secular *out);

#endif
