/* The secular function, sixteen poles at a time; compiled once per instruction
 * set (THM_ISA_NAME).  Sixteen partial sums whatever the width of a register,
 * so that the result is the same to the bit on every CPU. */
#include "softmax/secular.h"

#include <string.h>

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

typedef double v8 __attribute__((vector_size(64)));
typedef long long mask8 __attribute__((vector_size(64)));

typedef struct {
    v8 f[2], df[2]; /* sums of d / (d - mu) and of d / (d - mu)^2 */
} lanes;

static inline v8 load(const double *x)
{
    v8 v;
    memcpy(&v, x, sizeof v);
    return v;
}

/* Sixteen lanes to one, pairwise. */
static double fold(const v8 s[2])
{
    v8 t = s[0] + s[1];
    return ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));
}

/* Adds the terms of whole blocks d[0..n-1], n a multiple of 16. */
static void add_blocks(int n, const double *d, double o, double eta, lanes *sum)
{
    const v8 vo = o - (v8){0}, veta = eta - (v8){0}, one = 1.0 - (v8){0};
    for (int start = 0; start < n; start += THM_SECULAR_CHUNK) {
        int end = n - start < THM_SECULAR_CHUNK ? n : start + THM_SECULAR_CHUNK;
        v8 f0 = {0}, f1 = {0}, df0 = {0}, df1 = {0};
        for (int j = start; j < end; j += THM_SECULAR_LANES) {
            v8 d0 = load(d + j), d1 = load(d + j + 8);
            v8 t0 = one / ((d0 - vo) - veta), t1 = one / ((d1 - vo) - veta);
            v8 u0 = d0 * t0, u1 = d1 * t1;
            f0 += u0;
            f1 += u1;
            df0 += u0 * t0;
            df1 += u1 * t1;
        }
        sum->f[0] += f0;
        sum->f[1] += f1;
        sum->df[0] += df0;
        sum->df[1] += df1;
    }
}

/* The block that holds the last pole of psi, number count - 1, and the first of
 * phi: each side's sum gets zeros in the lanes of the other. */
static void add_split(int count, const double *d, double o, double eta,
                      lanes *psi, lanes *phi)
{
    const v8 one = 1.0 - (v8){0};
    for (int h = 0; h < 2; h++) {
        const mask8 lane = {0, 1, 2, 3, 4, 5, 6, 7};
        mask8 below = lane < (count - 8 * h) - (mask8){0};
        v8 dh = load(d + 8 * h);
        v8 t = one / ((dh - (o - (v8){0})) - (eta - (v8){0}));
        v8 u = dh * t, du = u * t;
        psi->f[h] += (v8)((mask8)u & below);
        psi->df[h] += (v8)((mask8)du & below);
        phi->f[h] += (v8)((mask8)u & ~below);
        phi->df[h] += (v8)((mask8)du & ~below);
    }
}

void NAMED(thm_secular_eval_, THM_ISA_NAME)(int n, const double *d, int k,
                                            double o, double eta,
                                            thm_secular *out)
{
    lanes psi = {0}, phi = {0};
    int below = k + 1, split = below / THM_SECULAR_LANES * THM_SECULAR_LANES;
    int padded =
        (n + THM_SECULAR_LANES - 1) / THM_SECULAR_LANES * THM_SECULAR_LANES;
    int above = split;
    add_blocks(split, d, o, eta, &psi);
    if (below > split) {
        add_split(below - split, d + split, o, eta, &psi, &phi);
        above += THM_SECULAR_LANES;
    }
    add_blocks(padded - above, d + above, o, eta, &phi);
    out->psi = fold(psi.f);
    out->dpsi = fold(psi.df);
    out->phi = fold(phi.f);
    out->dphi = fold(phi.df);
}
