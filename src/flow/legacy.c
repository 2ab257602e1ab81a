/* NumPy's legacy random draws on GSL's Mersenne twister. */
#include <math.h>
#include "flow/settings.h"

thm_status thm_legacy_alloc(unsigned seed, thm_legacy *legacy)
{
    if (seed == 0) {
        return THM_EDOMAIN;
    }
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    if (!rng) {
        return THM_ENOMEM;
    }
    *legacy = (thm_legacy){.rng = rng};
    thm_legacy_seed(legacy, seed);
    return THM_OK;
}

void thm_legacy_free(thm_legacy *legacy)
{
    if (legacy->rng) {
        gsl_rng_free(legacy->rng);
        legacy->rng = NULL;
    }
}

void thm_legacy_seed(thm_legacy *legacy, unsigned seed)
{
    gsl_rng_set(legacy->rng, seed);
    legacy->kept = false;
}

double thm_legacy_uniform(thm_legacy *legacy)
{
    const unsigned long high = gsl_rng_get(legacy->rng) >> 5;
    const unsigned long low = gsl_rng_get(legacy->rng) >> 6;
    return ((double)high * 0x1p26 + (double)low) * 0x1p-53;
}

double thm_legacy_normal(thm_legacy *legacy)
{
    if (legacy->kept) {
        legacy->kept = false;
        return legacy->normal;
    }
    double x, y, square;
    do {
        x = 2.0 * thm_legacy_uniform(legacy) - 1.0;
        y = 2.0 * thm_legacy_uniform(legacy) - 1.0;
        square = x * x + y * y;
    } while (square >= 1.0 || square == 0.0);
    const double f = sqrt(-2.0 * log(square) / square);
    legacy->kept = true; /* the second of the pair is handed out first */
    legacy->normal = f * x;
    return f * y;
}
