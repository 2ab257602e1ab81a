/* H10, H11: what recorded trainings on real images say of softmax and
 * NormSoftmax (paper-notes/hoffmann2024.md, "Recorded trainings"; the rules:
 * claims/moments.h). */
#include <math.h>
#include "claims/moments.h"
#include "proofs/recorded.h"

static const char *const softmax = "softmax", *const std = "normsoftmax-std",
                         *const one = "one-step";

EXACT(softmax_sees, 2, thm_moments_count(r, softmax, 1))
EXACT(std_sees_all, 3, thm_moments_count(r, std, 1))
EXACT(std_blind, thm_moments_count(r, std, 1), 1)
EXACT(std_fewer, thm_moments_count(r, std, 1),
      thm_moments_count(r, softmax, 1) - 1)
EXACT(std_sooner, 2, thm_moments_earlier(r, std, softmax))
EXACT(softmax_sooner, 2, thm_moments_earlier(r, softmax, std))

/* How far a median leaves [0.48, 0.54]; negative within. */
static thm_status rests(double low, double high, thm_finding *f)
{
    return say(f, fmax(0.48 - low, high - 0.54), 0.0, 0.0);
}

MEASURE(both_rest)
{
    double low[2], high[2];
    (void)ctx;
    const bool one_has =
        thm_moments_plateau(c, softmax, false, &low[0], &high[0]);
    const bool other_has =
        thm_moments_plateau(c, std, false, &low[1], &high[1]);
    *applies = one_has && other_has;
    return rests(fmin(low[0], low[1]), fmax(high[0], high[1]), f);
}

MEASURE(control_rests)
{
    double low, high;
    (void)ctx;
    *applies = thm_moments_plateau(c, one, true, &low, &high);
    return rests(low, high, f);
}

/* Least accuracy of both arms, at the moment and at the end. */
static bool least(const thm_recorded *r, double *moment, double *end)
{
    double b[2], e[2];
    const bool any = thm_moments_ends(r, softmax, &b[0], &e[0]);
    const bool more = thm_moments_ends(r, std, &b[1], &e[1]);
    *moment = fmin(b[0], b[1]);
    *end = fmin(e[0], e[1]);
    return any || more;
}

MEASURE(end_solved)
{
    double moment, end;
    (void)ctx;
    *applies = least(c, &moment, &end);
    return say(f, nextafter(0.79, 1.0), end, 0.0); /* above */
}

MEASURE(moment_solved)
{
    double moment, end;
    (void)ctx;
    *applies = least(c, &moment, &end);
    return say(f, nextafter(0.79, 1.0), moment, 0.0);
}

RECORD(open_5, "images-5")

RECORD(open_17, "images-17")

int main(int argc, char **argv)
{
    static const thm_claim at_5[] = {{"H10.1", softmax_sees, false},
                                     {"XH10.1", std_sees_all, false},
                                     {"H10.2", std_blind, false},
                                     {"XH10.2", std_fewer, false}};
    static const thm_claim at_17[] = {
        {"H11.1", both_rest, false},  {"XH11.1", control_rests, false},
        {"H11.2", std_sooner, false}, {"XH11.2", softmax_sooner, false},
        {"H11.3", end_solved, false}, {"XH11.3", moment_solved, false}};
    static const proof_group groups[] = {{4, at_5, open_5, close_record},
                                         {6, at_17, open_17, close_record}};
    static const proof_table table = {
        "recorded trainings on real images (H10, H11)", 2, groups};
    return proof_main_recorded(argc, argv, &table, &folder);
}
