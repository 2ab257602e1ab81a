/* A judge of bounds of singular values in exact arithmetic.
 *
 * With G = B B' (or B'B) of the doubles in B, x <= sigma_k(B) if G - x^2 I has
 * positive pivots only, and x >= sigma_k(B) if it has a negative one; pivots in
 * balls of as many bits as it takes to tell their signs. */
#ifndef TESTS_PIVOTS_H
#define TESTS_PIVOTS_H

#include "core/arb.h"

enum { BIG = 8 }; /* rows and columns at most */

/* +1 if G - x^2 I is certainly positive definite, -1 if certainly not, 0 if
 * `bits` do not tell. */
static inline int sign_at(int m, int n, const double *B, double x, slong bits)
{
    int k = m < n ? m : n, p = m < n ? n : m, sign = 1;
    int along = m <= n ? n : 1, across = m <= n ? 1 : n;
    arb_t G[BIG][BIG], t, s;
    arb_init(t);
    arb_init(s);
    for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++) {
            arb_init(G[i][j]);
            for (int l = 0; l < p; l++) {
                arb_set_d(t, B[i * along + l * across]);
                arb_set_d(s, B[j * along + l * across]);
                arb_addmul(G[i][j], t, s, bits);
            }
        }
        arb_set_d(t, x);
        arb_submul(G[i][i], t, t, bits);
    }
    for (int i = 0; i < k && sign == 1; i++) {
        sign = arb_is_positive(G[i][i]) ? 1 : arb_is_negative(G[i][i]) ? -1 : 0;
        for (int r = i + 1; r < k && sign == 1; r++) {
            arb_div(t, G[r][i], G[i][i], bits);
            for (int c = i + 1; c < k; c++) {
                arb_submul(G[r][c], t, G[i][c], bits);
            }
        }
    }
    for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++) {
            arb_clear(G[i][j]);
        }
    }
    arb_clear(t);
    arb_clear(s);
    return sign;
}

static inline int exact_sign(int m, int n, const double *B, double x)
{
    int sign = 0;
    for (slong bits = 256; sign == 0 && bits <= 65536; bits *= 4) {
        sign = sign_at(m, n, B, x, bits);
    }
    return sign;
}

#endif
