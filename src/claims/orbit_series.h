/* Taylor coefficients of the orbit du/dtau = p, da/dtau = J u in ball
 * arithmetic (paper-notes/varre2026.md, "Enclosed orbits").
 *
 * Relative to the leading token (top), with r_j = u_j - u_top, e_j = e^{a_j -
 * a_top}, P = p_top, the orbit is polynomial:
 *     p_j = e_j P,   m = sum p_j r_j (= y - u_top),   u_j' = p_j,
 *     a_j' = p_j (r_j - m),   e_j' = e_j d_j,   d_j = a_j' - a_top',
 *     P' = -P sum p_j d_j,
 * so that Taylor coefficients come from products of series, and nothing cancels
 * when top holds nearly everything. */
#ifndef THM_ORBIT_SERIES_H
#define THM_ORBIT_SERIES_H

#include <stdbool.h>
#include "core/arb.h"

enum { THM_SERIES_ORDER = 20, THM_SERIES_LENGTH = THM_SERIES_ORDER + 1 };

/* Coefficients 0 .. THM_SERIES_ORDER of each number. */
typedef struct {
    arb_ptr u, a, p, e, r, b; /* (n x THM_SERIES_LENGTH); b = a' */
    arb_ptr d, gap;           /* r - m; b - b_top                */
    arb_ptr shrink;           /* sum p gap = -P'/P               */
    arb_ptr m, y;             /* y = u'p: if clocked             */
    arb_ptr exp_y, t;         /* t' = 1 + e^y: if clocked        */
} thm_series;

void thm_series_init(thm_series *s, int n);
void thm_series_clear(thm_series *s, int n);

/* The series of token i in one of the arrays u .. gap. */
arb_ptr thm_series_row(arb_ptr x, int i);

/* Coefficients 1 .. THM_SERIES_ORDER from those of order 0 of u, a, p and e, by
 * O(n order^2) products. */
void thm_series_extend(thm_series *s, int n, int top, bool clocked, slong bits);

#endif
