/* What the parts of the spectrum share; private to src/softmax/spectrum*.c. */
#ifndef THM_SPECTRUM_WORK_H
#define THM_SPECTRUM_WORK_H

#include "softmax/secular_root.h"
#include "softmax/spectrum.h"

/* A nonzero p_i (up to the row's scale), m 2^e with 1/2 <= m < 1. */
typedef struct {
    double m;
    int e, index;
} thm_pole;

struct thm_spectrum_work {
    int capacity, threads;
    thm_secular_eval eval;

    int n, poles; /* tokens, and those with p_i > 0                        */
    int sorted_from, sorted_to; /* part of pole[] in its ascending place   */
    thm_pole *pole;             /* (poles)                                 */
    /* lambda = mu 2^scale_e / scale_d for a root mu of the poles' secular
     * function */
    double scale_d;
    int scale_e;
    /* The row as given; logits, or probabilities divided by tau only. */
    double *input, tau;
    int logits;

    double *d;      /* (poles, padded) the poles times 2^-group             */
    int *group;     /* (poles) the power of two of root k                   */
    thm_root *root; /* (poles) root of interval k                           */
};

/* Powers of two kept apart in one group of roots: a pole this much larger than
 * the group's counts as a larger one still, one smaller by GROUP_SMALL as none;
 * either moves a root by less than n 2^-190 of itself. */
enum { THM_GROUP_SPAN = 200, THM_GROUP_LARGE = 400, THM_GROUP_SMALL = 1000 };

/* The first interval beyond the group that interval k starts, at most end;
 * writes the group's poles into work->d and its power of two into *exponent. */
int thm_spectrum_group(thm_spectrum_work *work, int k, int end, int *exponent);

/* Puts the poles from..to-1 of the ascending order into their places; O(n), and
 * O(n log n) for all. */
void thm_spectrum_sort(thm_spectrum_work *work, int from, int to);

/* Solves intervals from..to-1 (root between poles k and k + 1); a tie needs no
 * solving: eta = 0. */
thm_status thm_spectrum_solve(thm_spectrum_work *work, int from, int to);

#endif
