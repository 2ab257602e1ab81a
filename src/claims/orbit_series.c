/* Taylor coefficients of the shared orbit: see orbit_series.h. */
#include "claims/orbit_series.h"

arb_ptr thm_series_row(arb_ptr x, int i)
{
    return x + (slong)i * THM_SERIES_LENGTH;
}

/* The arrays of a series, those of n rows first. */
enum { WIDE = 8, ARRAYS = 13 };

static void arrays_of(thm_series *s, arb_ptr *out[ARRAYS])
{
    arb_ptr *all[ARRAYS] = {&s->u, &s->a,     &s->p,   &s->e,      &s->r,
                            &s->b, &s->d,     &s->gap, &s->shrink, &s->m,
                            &s->y, &s->exp_y, &s->t};
    for (int k = 0; k < ARRAYS; k++) {
        out[k] = all[k];
    }
}

void thm_series_init(thm_series *s, int n)
{
    arb_ptr *all[ARRAYS];
    arrays_of(s, all);
    for (int k = 0; k < ARRAYS; k++) {
        *all[k] = _arb_vec_init((slong)(k < WIDE ? n : 1) * THM_SERIES_LENGTH);
    }
}

void thm_series_clear(thm_series *s, int n)
{
    arb_ptr *all[ARRAYS];
    arrays_of(s, all);
    for (int k = 0; k < ARRAYS; k++) {
        _arb_vec_clear(*all[k], (slong)(k < WIDE ? n : 1) * THM_SERIES_LENGTH);
    }
}

/* The k-th coefficient of x y, added to sum (NULL: to zero). */
static void product(arb_t out, arb_srcptr sum, arb_srcptr x, arb_srcptr y,
                    int k, slong bits)
{
    arb_dot(out, sum, 0, x, 1, y + k, -1, k + 1, bits);
}

/* exp_y_k of e^y and t_{k+1} of its integral plus tau: k exp_y_k = sum j y_j
 * exp_y_{k-j}. */
static void clock_coefficient(thm_series *s, int n, int k, slong bits)
{
    for (int i = 0; i < n; i++) {
        product(s->y + k, i ? s->y + k : NULL, thm_series_row(s->p, i),
                thm_series_row(s->u, i), k, bits);
    }
    if (k == 0) {
        arb_exp(s->exp_y, s->y, bits);
    } else {
        arb_t jy;
        arb_init(jy);
        arb_zero(s->exp_y + k);
        for (int j = 1; j <= k; j++) {
            arb_mul_si(jy, s->y + j, j, bits);
            arb_addmul(s->exp_y + k, jy, s->exp_y + k - j, bits);
        }
        arb_div_si(s->exp_y + k, s->exp_y + k, k, bits);
        arb_clear(jy);
    }
    arb_set(s->t + k + 1, s->exp_y + k);
    if (k == 0) {
        arb_add_si(s->t + 1, s->t + 1, 1, bits);
    }
    arb_div_si(s->t + k + 1, s->t + k + 1, k + 1, bits);
}

/* The k-th coefficients of p, m, b and d from those of u, e and P = p_top. */
static void velocity_coefficients(thm_series *s, int n, int top, int k,
                                  slong bits)
{
    arb_zero(s->m + k);
    arb_zero(thm_series_row(s->r, top) + k);
    for (int j = 0; j < n; j++) {
        if (j != top) {
            product(thm_series_row(s->p, j) + k, NULL, thm_series_row(s->e, j),
                    thm_series_row(s->p, top), k, bits);
            arb_sub(thm_series_row(s->r, j) + k, thm_series_row(s->u, j) + k,
                    thm_series_row(s->u, top) + k, bits);
            product(s->m + k, s->m + k, thm_series_row(s->p, j),
                    thm_series_row(s->r, j), k, bits);
        }
    }
    for (int j = 0; j < n; j++) {
        arb_sub(thm_series_row(s->d, j) + k, thm_series_row(s->r, j) + k,
                s->m + k, bits);
        product(thm_series_row(s->b, j) + k, NULL, thm_series_row(s->p, j),
                thm_series_row(s->d, j), k, bits);
    }
}

void thm_series_extend(thm_series *s, int n, int top, bool clocked, slong bits)
{
    for (int k = 0; k < THM_SERIES_ORDER; k++) {
        velocity_coefficients(s, n, top, k, bits);
        arb_zero(s->shrink + k);
        for (int j = 0; j < n; j++) {
            if (j != top) {
                arb_sub(thm_series_row(s->gap, j) + k,
                        thm_series_row(s->b, j) + k,
                        thm_series_row(s->b, top) + k, bits);
                product(s->shrink + k, s->shrink + k, thm_series_row(s->p, j),
                        thm_series_row(s->gap, j), k, bits);
                product(thm_series_row(s->e, j) + k + 1, NULL,
                        thm_series_row(s->e, j), thm_series_row(s->gap, j), k,
                        bits);
                arb_div_si(thm_series_row(s->e, j) + k + 1,
                           thm_series_row(s->e, j) + k + 1, k + 1, bits);
            }
            arb_div_si(thm_series_row(s->u, j) + k + 1,
                       thm_series_row(s->p, j) + k, k + 1, bits);
            arb_div_si(thm_series_row(s->a, j) + k + 1,
                       thm_series_row(s->b, j) + k, k + 1, bits);
        }
        arb_ptr P = thm_series_row(s->p, top);
        product(P + k + 1, NULL, P, s->shrink, k, bits);
        arb_div_si(P + k + 1, P + k + 1, -(k + 1), bits);
        if (clocked) {
            clock_coefficient(s, n, k, bits);
        }
    }
}
