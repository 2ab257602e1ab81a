/* Values of the rows: see families.h. */
#include "claims/families.h"

#include <math.h>
#include <stddef.h>

/* Heavy tails are cut here: a logit of this size at the lowest temperature has
 * a probability near 2^-390000, which every exponent of ours still holds. */
static const double LARGEST = 1e5;

/* ---- logits ----------------------------------------------------------------
 */

static void fill_gauss(thm_rng *rng, int n, double sd, double *z)
{
    thm_rng_fill_normal(rng, n, sd, z);
}

static double cut(double z)
{
    return fmax(-LARGEST, fmin(LARGEST, z));
}

/* t_2 = N / sqrt(E) with E standard exponential (chi^2_2 / 2). */
static void fill_student2(thm_rng *rng, int n, double scale, double *z)
{
    for (int i = 0; i < n; i++) {
        const double e = -log(thm_rng_uniform(rng));
        z[i] = cut(scale * thm_rng_normal(rng) / sqrt(e));
    }
}

static void fill_cauchy(thm_rng *rng, int n, double scale, double *z)
{
    for (int i = 0; i < n; i++) {
        z[i] = cut(scale * tan(M_PI * (thm_rng_uniform(rng) - 0.5)));
    }
}

/* Up to four distinct values. */
static void fill_tied(thm_rng *rng, int n, double sd, double *z)
{
    double level[4];
    thm_rng_fill_normal(rng, 4, sd, level);
    const uint64_t k = 1 + thm_rng_below(rng, 4);
    for (int i = 0; i < n; i++) {
        z[i] = level[thm_rng_below(rng, k)];
    }
}

static void fill_const(thm_rng *rng, int n, double sd, double *z)
{
    const double value = sd * thm_rng_normal(rng);
    for (int i = 0; i < n; i++) {
        z[i] = value;
    }
}

/* Three clusters of the given spread. */
static void fill_neartie(thm_rng *rng, int n, double spread, double *z)
{
    double centre[3];
    thm_rng_fill_normal(rng, 3, 1.0, centre);
    for (int i = 0; i < n; i++) {
        z[i] = centre[thm_rng_below(rng, 3)] + spread * thm_rng_normal(rng);
    }
}

const thm_edge thm_logit_edges[THM_LOGIT_EDGES] = {
    {"edge-single", 1, {0.37}},
    {"edge-pair", 2, {2.385, 2.385}},
    {"edge-two", 2, {2.385, -1.127}},
    {"edge-ulp", 3, {1.0, 1.0 + 0x1p-52, 1.0}},
    {"edge-700", 6, {700.0, -700.0, 0.5, -1.127, 350.0, -350.0}},
    {"edge-denormal", 5, {0.0, 0x1p-1074, -0x1p-1074, 1e-310, 2e-308}},
    {"edge-huge", 5, {1e5, 0.31, -2.2, 1.7, 0.05}},
    {"edge-low", 5, {-1e5, 0.31, -2.2, 1.7, 0.05}},
    {"edge-leaders", 7, {60.0, 60.0, 1.3, 0.2, -0.7, 2.9, -1.1}},
    {"edge-nearleaders", 4, {500.0, 500.0 - 0x1p-44, 0.0, -3.0}},
    {"edge-three", 3, {0.0, 0.0, 0.0}},
    {"edge-ladder",
     8,
     {0.0, -40.0, -80.0, -120.0, -160.0, -200.0, -240.0, -280.0}},
};

const thm_family thm_logit_families[THM_LOGIT_FAMILIES] = {
    {"gauss0.1", fill_gauss, 0.1, false},
    {"gauss1", fill_gauss, 1.0, false},
    {"gauss3", fill_gauss, 3.0, false},
    {"gauss12", fill_gauss, 12.0, false},
    {"gauss80", fill_gauss, 80.0, false},
    {"student2", fill_student2, 3.0, false},
    {"cauchy", fill_cauchy, 1.0, false},
    {"tied", fill_tied, 2.0, false},
    {"const", fill_const, 10.0, false},
    {"neartie", fill_neartie, 1e-9, false},
    {"cluster", fill_neartie, 1e-15, false},
    {"edge", NULL, 0.0, false},
    {"fashion4", NULL, 4.0, false},
    {"fashion7", NULL, 7.0, false},
};

/* ---- probabilities ---------------------------------------------------------
 */

static void normalise(int n, double *p)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        sum += p[i];
    }
    for (int i = 0; i < n; i++) {
        p[i] /= sum;
    }
}

/* Squares of normals: Dirichlet(1/2, ..., 1/2). */
static void fill_dense(thm_rng *rng, int n, double unused, double *p)
{
    (void)unused;
    for (int i = 0; i < n; i++) {
        const double x = thm_rng_normal(rng);
        p[i] = x * x;
    }
    normalise(n, p);
}

static void fill_uniform(thm_rng *rng, int n, double unused, double *p)
{
    (void)rng;
    (void)unused;
    for (int i = 0; i < n; i++) {
        p[i] = 1.0 / n;
    }
}

/* Moves the values to drawn places (Fisher, Yates). */
static void shuffle(thm_rng *rng, int n, double *value)
{
    for (int i = n - 1; i > 0; i--) {
        const int j = (int)thm_rng_below(rng, (uint64_t)i + 1);
        const double t = value[i];
        value[i] = value[j];
        value[j] = t;
    }
}

/* Uniform on m of n tokens; m as given, or drawn from 1 .. n if that is 0. */
static void fill_subset(thm_rng *rng, int n, double given, double *p)
{
    int m = (int)given;
    if (m == 0) {
        m = 1 + (int)thm_rng_below(rng, (uint64_t)n);
    }
    m = m < n ? m : n;
    for (int i = 0; i < n; i++) {
        p[i] = i < m ? 1.0 / m : 0.0;
    }
    shuffle(rng, n, p);
}

/* A drawn half of the tokens is exactly zero, never all of them. */
static void fill_zeros(thm_rng *rng, int n, double unused, double *p)
{
    fill_dense(rng, n, unused, p);
    for (int i = 1; i < n; i++) {
        if (thm_rng_below(rng, 2) == 0) {
            p[i] = 0.0;
        }
    }
    normalise(n, p);
    shuffle(rng, n, p);
}

/* 10^-decades .. 1, log-uniform. */
static void fill_spread(thm_rng *rng, int n, double decades, double *p)
{
    for (int i = 0; i < n; i++) {
        p[i] = pow(10.0, -decades * thm_rng_uniform(rng));
    }
    normalise(n, p);
}

static void fill_nearuniform(thm_rng *rng, int n, double spread, double *p)
{
    for (int i = 0; i < n; i++) {
        p[i] = 1.0 + spread * thm_rng_normal(rng);
    }
    normalise(n, p);
}

/* Gaussian logits, a drawn half of them masked, never all. */
static void fill_masked(thm_rng *rng, int n, double sd, double *z)
{
    thm_rng_fill_normal(rng, n, sd, z);
    for (int i = 1; i < n; i++) {
        if (thm_rng_below(rng, 2) == 0) {
            z[i] = -HUGE_VAL;
        }
    }
    shuffle(rng, n, z);
}

const thm_edge thm_probs_edges[THM_PROBS_EDGES] = {
    {"edge-one", 1, {1.0}},
    {"edge-onehot", 3, {0.0, 1.0, 0.0}},
    {"edge-half", 2, {0.5, 0.5}},
    {"edge-halves", 5, {0.0, 0.5, 0.0, 0.0, 0.5}},
    {"edge-thirds", 4, {1.0 / 3.0, 0.0, 1.0 / 3.0, 1.0 / 3.0}},
    {"edge-almost", 2, {1.0 - 0x1p-53, 0x1p-53}},
    {"edge-tiny", 3, {1.0, 1e-300, 3e-305}},
    {"edge-denormal", 4, {0.5, 0.5, 0x1p-1074, 3e-310}},
    {"edge-halfulp", 3, {0.5 + 0x1p-53, 0.5 - 0x1p-53, 0.0}},
};

const thm_family thm_probs_families[THM_PROBS_FAMILIES] = {
    {"dense", fill_dense, 0.0, false},
    {"uniform", fill_uniform, 0.0, false},
    {"subset", fill_subset, 0.0, false},
    {"subset2", fill_subset, 2.0, false},
    {"zeros", fill_zeros, 0.0, false},
    {"spread300", fill_spread, 300.0, false},
    {"nearuniform", fill_nearuniform, 1e-9, false},
    {"masked", fill_masked, 3.0, true},
    {"maskconst", fill_masked, 0.0, true},
    {"edge", NULL, 0.0, false},
};
