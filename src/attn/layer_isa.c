/* The inner loops of the single-layer model, compiled once per instruction set
 * (THM_ISA_NAME): see layer_kernel.h. */
#include "attn/layer_kernel.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "softmax/vector_exp.h"

#define JOIN(a, b) a##b
#define NAMED(stem, isa) JOIN(stem, isa)

enum { LANES = 8, QUAD = 4 };

/* Small matrices are narrow: four columns, whatever a register holds. */
typedef double quad __attribute__((vector_size(8 * QUAD)));

static void product(bool transpose_a, bool transpose_b, int m, int n, int k,
                    double alpha, const double *A, const double *B, double beta,
                    double *C, int ldc)
{
    double packed[THM_LAYER_SMALL]; /* (k x n): m >= 1 */
    const size_t row = transpose_a ? 1 : (size_t)k,
                 step = transpose_a ? (size_t)m : 1;
    if (transpose_b) {
        for (int l = 0; l < k; l++) {
            for (int j = 0; j < n; j++) {
                packed[l * n + j] = B[j * k + l];
            }
        }
        B = packed;
    }
    for (int i = 0; i < m; i++) {
        const double *a = A + (size_t)i * row;
        double *c = C + (size_t)i * (size_t)ldc;
        int j = 0;
        for (; j + QUAD <= n; j += QUAD) {
            quad sum = {0}, b;
            for (int l = 0; l < k; l++) {
                memcpy(&b, B + l * n + j, sizeof b);
                sum += a[(size_t)l * step] * b;
            }
            sum *= alpha;
            if (beta != 0.0) {
                memcpy(&b, c + j, sizeof b);
                sum += beta * b;
            }
            memcpy(c + j, &sum, sizeof sum);
        }
        for (; j < n; j++) {
            double sum = 0.0;
            for (int l = 0; l < k; l++) {
                sum += a[(size_t)l * step] * B[l * n + j];
            }
            c[j] = beta == 0.0 ? alpha * sum : alpha * sum + beta * c[j];
        }
    }
}

/* The largest of x (n), NaN apart. */
static double largest(int n, const double *x)
{
    double top = x[0];
    for (int j = 1; j < n; j++) {
        top = x[j] > top ? x[j] : top;
    }
    return top;
}

/* sum x, n / 8 + 3 additions deep: eight partial sums, folded. */
static double total(int n, const double *x)
{
    double t[LANES] = {0.0};
    int j = 0;
    for (; j + LANES <= n; j += LANES) {
        for (int l = 0; l < LANES; l++) {
            t[l] += x[j + l];
        }
    }
    for (int l = 0; j + l < n; l++) {
        t[l] += x[j + l];
    }
    return ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));
}

static void exp_all(size_t count, double *x)
{
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
        vec_store(vec_exp(vec_load(x + i)), x + i);
    }
    if (i < count) {
        double rest[WIDTH] = {0.0};
        memcpy(rest, x + i, (count - i) * sizeof *x);
        vec_store(vec_exp(vec_load(rest)), rest);
        memcpy(x + i, rest, (count - i) * sizeof *x);
    }
}

static bool attend(size_t rows, int n, bool normalised, double *S,
                   double *log_S)
{
    const size_t count = rows * (size_t)n;
    int wild = 0;
    for (size_t k = 0; k < count; k++) {
        wild |= !(fabs(S[k]) <= DBL_MAX);
    }
    if (wild) {
        return false;
    }
    for (size_t r = 0; normalised && r < rows; r++) {
        double *s = S + r * (size_t)n;
        const double top = largest(n, s);
        for (int j = 0; j < n; j++) {
            s[j] -= top;
        }
    }
    if (log_S != NULL) {
        memcpy(log_S, S, count * sizeof *S);
    }
    exp_all(count, S);
    for (size_t r = 0; normalised && r < rows; r++) {
        double *s = S + r * (size_t)n;
        const double sum = total(n, s);
        for (int j = 0; j < n; j++) {
            s[j] /= sum;
        }
        for (int j = 0; log_S != NULL && j < n; j++) {
            log_S[r * (size_t)n + (size_t)j] -= log(sum);
        }
    }
    return true;
}

/* KT (d x pad) <- K' (n x d), with zeros behind its columns. */
static void transpose(int n, int d, const double *K, int pad, double *KT)
{
    memset(KT, 0, (size_t)d * (size_t)pad * sizeof *KT);
    for (int j = 0; j < n; j++) {
        for (int b = 0; b < d; b++) {
            KT[(size_t)b * (size_t)pad + (size_t)j] =
                K[(size_t)j * (size_t)d + (size_t)b];
        }
    }
}

static void distances(int n, int d, double c, const double *Q, const double *K,
                      double *room, double *s)
{
    const int pad = thm_layer_padded(n);
    double *const line = room, *const KT = room + pad;
    transpose(n, d, K, pad, KT);
    for (int k = 0; k < n; k++) {
        const double *q = Q + (size_t)k * (size_t)d;
        for (int j = 0; j < n; j += WIDTH) {
            vec sum = {0};
            for (int b = 0; b < d; b++) {
                const vec gap =
                    q[b] - vec_load(KT + (size_t)b * (size_t)pad + j);
                sum += gap * gap;
            }
            vec_store(-c * sum, line + j);
        }
        memcpy(s + (size_t)k * (size_t)n, line, (size_t)n * sizeof *s);
    }
}

static void distances_dot(int n, int d, double c, const double *Q,
                          const double *K, const double *Q_dot,
                          const double *K_dot, double *room, double *s)
{
    const int pad = thm_layer_padded(n);
    double *const line = room, *const KT = room + pad,
                  *const KT_dot = KT + (size_t)d * (size_t)pad;
    transpose(n, d, K, pad, KT);
    transpose(n, d, K_dot, pad, KT_dot);
    for (int k = 0; k < n; k++) {
        const double *q = Q + (size_t)k * (size_t)d,
                     *q_dot = Q_dot + (size_t)k * (size_t)d;
        for (int j = 0; j < n; j += WIDTH) {
            vec sum = {0};
            for (int b = 0; b < d; b++) {
                const size_t at = (size_t)b * (size_t)pad + (size_t)j;
                sum += (q[b] - vec_load(KT + at)) *
                       (q_dot[b] - vec_load(KT_dot + at));
            }
            vec_store(-2.0 * c * sum, line + j);
        }
        memcpy(s + (size_t)k * (size_t)n, line, (size_t)n * sizeof *s);
    }
}

static void distances_adjoint(int n, int d, double c, const double *Q,
                              const double *K, const double *E, double *Q_bar,
                              double *K_bar)
{
    const size_t width = (size_t)d;
    for (size_t k = 0; k < (size_t)n; k++) {
        const double *e = E + k * (size_t)n;
        size_t b = 0;
        for (; b + WIDTH <= width; b += WIDTH) {
            const vec q = vec_load(Q + k * width + b);
            vec sum = vec_load(Q_bar + k * width + b);
            for (size_t j = 0; j < (size_t)n; j++) {
                const size_t at = j * width + b;
                const vec pull = 2.0 * c * e[j] * (vec_load(K + at) - q);
                sum += pull;
                vec_store(vec_load(K_bar + at) - pull, K_bar + at);
            }
            vec_store(sum, Q_bar + k * width + b);
        }
        for (; b < width; b++) {
            const double q = Q[k * width + b];
            for (size_t j = 0; j < (size_t)n; j++) {
                const double pull = 2.0 * c * e[j] * (K[j * width + b] - q);
                Q_bar[k * width + b] += pull;
                K_bar[j * width + b] -= pull;
            }
        }
    }
}

const thm_layer_kernel NAMED(thm_layer_kernel_, THM_ISA_NAME) = {
    product, attend, distances, distances_dot, distances_adjoint};
