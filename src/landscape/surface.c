/* Analytic surfaces: see surface.h. */
#include "landscape/surface.h"

#include <math.h>

static const double pi = 3.141592653589793;

static double bowl(double x, double y)
{
    const double p = x - 0.4, q = y + 0.3;
    return p * p + p * q + 2 * q * q;
}

static double saddle(double x, double y)
{
    return x * x - y * y;
}

static double plane(double x, double y)
{
    return x + y / 2;
}

static double four(double x, double y)
{
    const double p = x * x - 1, q = y * y - 1;
    return p * p + q * q;
}

static double rosenbrock(double x, double y)
{
    const double p = 1 - x, q = y - x * x;
    return p * p + q * q;
}

static double rastrigin(double x, double y)
{
    return 20 + x * x + y * y - 10 * (cos(2 * pi * x) + cos(2 * pi * y));
}

static double himmelblau(double x, double y)
{
    const double p = x * x + y - 11, q = x + y * y - 7;
    return p * p + q * q;
}

#define SURFACES(X)                                                            \
    X(bowl, -2, 2, 41, 1, 0, 1)                                                \
    X(saddle, -1, 1, 21, 0, NAN, 1)                                            \
    X(plane, -1, 1, 21, 0, NAN, 1)                                             \
    X(four, -2, 2, 41, 4, 0, 0)                                                \
    X(rosenbrock, -2, 2, 41, 1, 0, 0)                                          \
    X(rastrigin, -2.6, 2.6, 131, 25, 0, 0)                                     \
    X(himmelblau, -5, 5, 101, 4, 0, 0)

#define VALUE(name, lo, hi, count, minima, f_min, quadratic)                   \
    static thm_status name##_value(const double *x, double *f, void *ctx)      \
    {                                                                          \
        (void)ctx;                                                             \
        *f = name(x[0], x[1]);                                                 \
        return THM_OK;                                                         \
    }
SURFACES(VALUE)

#define ROW(name, lo, hi, count, minima, f_min, quadratic)                     \
    {#name,                                                                    \
     {.n = 2, .value = name##_value},                                          \
     lo,                                                                       \
     hi,                                                                       \
     count,                                                                    \
     minima,                                                                   \
     (double)f_min,                                                            \
     quadratic},
const thm_surface thm_surfaces[THM_SURFACES] = {SURFACES(ROW)};
