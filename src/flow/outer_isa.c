/* The passes over V of a step with outer products, compiled once per
 * instruction set (THM_ISA_NAME); see outer.h.  A block of columns at a time:
 * its part of every v stays in registers while the rows go by. */
#include "flow/outer.h"

#include <string.h>

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

#if defined(__AVX512F__)
enum { WIDTH = 8 };
#elif defined(__AVX__)
enum { WIDTH = 4 };
#else
enum { WIDTH = 2 };
#endif
typedef double vec __attribute__((vector_size(8 * WIDTH)));
typedef long long mask __attribute__((vector_size(8 * WIDTH)));

enum { TERMS = THM_DOP853_WEIGHTS };

static inline vec load(const double *x)
{
    vec v;
    memcpy(&v, x, sizeof v);
    return v;
}

static inline vec all(double s)
{
    return s - (vec){0};
}

static inline vec larger(vec a, vec b)
{
    mask m = a > b;
    return (vec)(((mask)a & m) | ((mask)b & ~m));
}

static inline vec size(vec a)
{
    return (vec)((mask)a & (0x7fffffffffffffffLL - (mask){0}));
}

static thm_combine_error finish(int rows, int ld, const double *V,
                                const double *const *v, const double *b,
                                const double *e, double atol, double rtol,
                                double *out)
{
    vec flag = {0}, most = {0};
    for (int i = 0; i < ld; i += WIDTH) {
        vec part[TERMS];
        for (int j = 0; j < TERMS; j++) {
            part[j] = load(v[j] + i);
        }
        for (int r = 0; r < rows; r++) {
            size_t at = (size_t)r * (size_t)ld + (size_t)i;
            const double *br = b + (size_t)r * TERMS,
                         *er = e + (size_t)r * TERMS;
            vec step = br[0] * part[0], off = er[0] * part[0];
            for (int j = 1; j < TERMS; j++) {
                step += br[j] * part[j];
                off += er[j] * part[j];
            }
            vec from = load(V + at), to = from + step;
            vec scale = 1.0 / (atol + rtol * larger(size(from), size(to)));
            memcpy(out + at, &to, sizeof to);
            flag += all(0.0) * (to + off);
            most = larger(size(off) * scale, most);
        }
    }
    thm_combine_error error = {most[0], flag[0]};
    for (int l = 1; l < WIDTH; l++) {
        error.largest = most[l] > error.largest ? most[l] : error.largest;
        error.flag += flag[l];
    }
    return error;
}

/* Eight sums of columns, folded the same way at any width. */
static double square(int rows, int ld, int m, const double *const *v,
                     const double *c)
{
    enum { LANES = 8, PARTS = LANES / WIDTH };
    vec sum[PARTS];
    double t[LANES];
    for (int p = 0; p < PARTS; p++) {
        sum[p] = all(0.0);
    }
    for (int i = 0; i < ld; i += LANES) {
        for (int r = 0; r < rows; r++) {
            const double *cr = c + (size_t)r * (size_t)m;
            for (int p = 0; p < PARTS; p++) {
                vec x = cr[0] * load(v[0] + i + p * WIDTH);
                for (int j = 1; j < m; j++) {
                    x += cr[j] * load(v[j] + i + p * WIDTH);
                }
                sum[p] += x * x;
            }
        }
    }
    memcpy(t, sum, sizeof t);
    return ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));
}

const thm_outer_kernel NAMED(thm_outer_, THM_ISA_NAME) = {.finish = finish,
                                                          .square = square};
