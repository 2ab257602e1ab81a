/* H8: gradients of W_Q on the plateau of recorded trainings, NormSoftmax
 * against softmax (paper-notes/hoffmann2024.md, "Recorded trainings"; the
 * rules: claims/moments.h). */
#include "claims/median.h"
#include "claims/moments.h"
#include "proofs/recorded.h"

enum { SEEDS = 40 };
static const double level = 0.01 / 200;
static const double digits = 5e-6; /* relative, of a recorded ratio */
static const char *const softmax = "softmax", *const std = "normsoftmax-std";

/* The median of the factors is at least 1.3: err reaches to that end of its
 * interval which could turn the verdict. */
static thm_status larger(const thm_recorded *r, const char *a, const char *b,
                         thm_finding *f, bool *applies)
{
    double factor[SEEDS];
    thm_median m;
    const int n = thm_moments_factors(r, a, b, factor);
    f->evidence = THM_STATISTICAL;
    *applies = n > 0 && thm_median_interval(n, factor, level, &m) == THM_OK;
    if (!*applies) {
        return THM_OK;
    }
    const double side = m.median >= 1.3 ? m.median - m.low : m.high - m.median;
    return say(f, 1.3, m.median, side + 2 * digits * m.high);
}

#define LARGER(name, a, b)                                                     \
    MEASURE(name)                                                              \
    {                                                                          \
        (void)ctx;                                                             \
        return larger(c, a, b, f, applies);                                    \
    }
LARGER(std_over_softmax, std, softmax)
LARGER(softmax_over_std, softmax, std)

RECORD(open_gradients, "gradients")

int main(int argc, char **argv)
{
    static const thm_claim gradients[] = {{"H8", std_over_softmax, false},
                                          {"XH8", softmax_over_std, false}};
    static const proof_group groups[] = {
        {2, gradients, open_gradients, close_record}};
    static const proof_table table = {
        "gradients on the plateau of recorded trainings (H8)", 1, groups};
    return proof_main_recorded(argc, argv, &table, &folder);
}
