/* H4 to H7: what recorded trainings on tokens say of softmax and NormSoftmax
 * (paper-notes/hoffmann2024.md, "Recorded trainings"; the rules:
 * claims/moments.h). */
#include "claims/moments.h"
#include "proofs/recorded.h"

static const double digits = 5e-6; /* of a recorded loss */
static const char *const softmax = "softmax", *const std = "normsoftmax-std",
                         *const uniform = "uniform", *const one = "one-step";

static thm_status at_floor(const thm_recorded *r, const char *arm, bool all,
                           thm_finding *f, bool *applies)
{
    double off;
    *applies = thm_moments_off_floor(r, arm, all, &off);
    return say(f, off, 0.008, digits);
}

MEASURE(stuck_at_floor)
{
    (void)ctx;
    return at_floor(c, softmax, false, f, applies);
}

MEASURE(control_at_floor)
{
    (void)ctx;
    return at_floor(c, one, true, f, applies);
}

/* of the seeds 2 to 5 */
static int stuck(const thm_recorded *r)
{
    return 4 - thm_moments_count(r, softmax, 2);
}

EXACT(most_stay, 3, stuck(r))
EXACT(one_stays, 1, stuck(r))
EXACT(std_finds, 4, thm_moments_count(r, std, 1))
EXACT(uniform_finds, 4, thm_moments_count(r, uniform, 1))
EXACT(softmax_seldom, thm_moments_count(r, softmax, 1), 2)
EXACT(softmax_fewer, thm_moments_count(r, softmax, 1),
      thm_moments_count(r, std, 1) - 1)
EXACT(std_soon, thm_moments_median(r, std), 2500)
EXACT(uniform_soon, thm_moments_median(r, uniform), 2500)
EXACT(softmax_late, 5001, thm_moments_median(r, softmax))
EXACT(std_late, 5001, thm_moments_median(r, std))
EXACT(std_jumps, 4, thm_moments_jumps(r, std))
EXACT(control_jumps, 4, thm_moments_jumps(r, one))

RECORD(open_tokens, "tokens")

int main(int argc, char **argv)
{
    static const thm_claim tokens[] = {
        {"H4.1", stuck_at_floor, false}, {"XH4.1", control_at_floor, false},
        {"H4.2", most_stay, false},      {"XH4.2", one_stays, false},
        {"H5.1", std_finds, false},      {"XH5.1", uniform_finds, false},
        {"H5.2", softmax_seldom, false}, {"XH5.2", softmax_fewer, false},
        {"H6.1", std_soon, false},       {"XH6.1", uniform_soon, false},
        {"H6.2", softmax_late, false},   {"XH6.2", std_late, false},
        {"H7", std_jumps, false},        {"XH7", control_jumps, false}};
    static const proof_group groups[] = {
        {14, tokens, open_tokens, close_record}};
    static const proof_table table = {"recorded trainings on tokens (H4 to H7)",
                                      1, groups};
    return proof_main_recorded(argc, argv, &table, &folder);
}
