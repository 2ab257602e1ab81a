/* The passes over V of a step with outer products, compiled once per
 * instruction set (THM_ISA_NAME); see outer.h.  A block of columns at a time:
 * its part of every v stays in registers while the rows go by. */
#include "flow/flow_lanes.h"
#include "flow/outer.h"

enum { TERMS = THM_DOP853_WEIGHTS };

static inline double largest(vec v)
{
    double t[WIDTH];
    vec_store(v, t);
    for (int half = WIDTH / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) {
            t[l] = t[l] > t[l + half] ? t[l] : t[l + half];
        }
    }
    return t[0];
}

/* A division takes as long as the rest of an entry: only those that may be
 * larger than every one before are divided.  `least` is below the largest by
 * more than the roundings of the test and of the quotient. */
static thm_combine_error finish(int rows, int ld, const double *V,
                                const double *const *v, const double *b,
                                const double *e, double atol, double rtol,
                                double *out)
{
    const vec zero = {0};
    vec flag = zero, least = zero;
    double most = 0.0;
    for (int i = 0; i < ld; i += WIDTH) {
        vec part[TERMS];
        for (int j = 0; j < TERMS; j++) {
            part[j] = vec_load(v[j] + i);
        }
        for (int r = 0; r < rows; r++) {
            size_t at = (size_t)r * (size_t)ld + (size_t)i;
            const double *br = b + (size_t)r * TERMS,
                         *er = e + (size_t)r * TERMS;
            vec step = br[0] * part[0], off = er[0] * part[0];
            for (int j = 1; j < TERMS - 1; j++) {
                step = vec_fma(vec_all(br[j]), part[j], step);
                off = vec_fma(vec_all(er[j]), part[j], off);
            }
            step = vec_fma(vec_all(br[TERMS - 1]), part[TERMS - 1], step);
            vec from = vec_load(V + at), to = from + step;
            vec allowed =
                vec_fma(vec_all(rtol), vec_at_least(vec_abs(from), vec_abs(to)),
                        vec_all(atol));
            vec_store(to, out + at);
            flag = vec_fma(zero, to, flag);
            off = vec_abs(off);
            if (vec_any(~(off <= least * allowed))) {
                double here = largest(off / allowed);
                flag = vec_fma(zero, off, flag);
                most = here > most ? here : most;
                least = vec_all(most * (1.0 - 0x1p-50));
            }
        }
    }
    for (int l = 1; l < WIDTH; l++) {
        flag[0] += flag[l];
    }
    return (thm_combine_error){most, flag[0]};
}

/* Eight sums of columns, folded the same way at any width. */
static double square(int rows, int ld, int m, const double *const *v,
                     const double *c)
{
    vec sum[PARTS] = {{0}};
    for (int i = 0; i < ld; i += LANES) {
        for (int r = 0; r < rows; r++) {
            const double *cr = c + (size_t)r * (size_t)m;
            for (int p = 0; p < PARTS; p++) {
                vec x = cr[0] * vec_load(v[0] + i + p * WIDTH);
                for (int j = 1; j < m; j++) {
                    x = vec_fma(vec_all(cr[j]), vec_load(v[j] + i + p * WIDTH),
                                x);
                }
                sum[p] = vec_fma(x, x, sum[p]);
            }
        }
    }
    return fold(sum);
}

const thm_outer_kernel THM_FLOW_NAMED(thm_outer_, THM_ISA_NAME) = {
    .finish = finish, .square = square};
