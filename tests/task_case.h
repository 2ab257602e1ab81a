/* Drawn samples and their frequencies, for the suites of the tasks.
 *
 * Rules fixed before any number was seen: a frequency may miss its probability
 * by 5 standard deviations, two-sided chance 6e-7 each; a chi-square statistic
 * with k degrees of freedom may reach k + 2 sqrt(14 k) + 28, chance below e^-14
 * = 8e-7 (Laurent and Massart, Annals of Statistics 28, 2000, Lemma 1). */
#ifndef TESTS_TASK_CASE_H
#define TESTS_TASK_CASE_H

#include <math.h>

#include "tests/scratch.h"
#include "vit/task.h"

enum { SEED = 2385, BATCH = 500 };

static inline thm_task_options options_of(thm_task_kind kind, double prior)
{
    thm_task_options o = thm_task_options_default(kind);
    o.prior = prior;
    return o;
}

static inline thm_task *open_task(const thm_task_options *options)
{
    thm_task *task = NULL;
    thm_message msg = {""};
    const thm_status status = thm_task_alloc(options, &task, &msg);
    ck_assert_msg(status == THM_OK, "%s", msg.text);
    return task;
}

static inline thm_samples room_of(const thm_task *task, int count)
{
    thm_samples s;
    ck_assert_int_eq(thm_samples_alloc(task, count, &s), THM_OK);
    return s;
}

static inline void draw(const thm_task *task, thm_split split, int64_t step,
                        int first, int count, thm_samples *s)
{
    ck_assert_int_eq(thm_task_draw(task, SEED, split, step, first, count, s),
                     THM_OK);
    ck_assert_int_eq(s->batch.count, count);
}

static inline thm_vit_config config_of(const thm_task *task)
{
    thm_vit_config c;
    thm_task_configure(task, &c);
    return c;
}

/* |frequency - p| within 5 standard deviations. */
static inline void expect_frequency(int64_t hits, int64_t of, double p,
                                    const char *what)
{
    const double miss = (double)hits / (double)of - p;
    const double most = 5 * sqrt(p * (1 - p) / (double)of);
    ck_assert_msg(fabs(miss) <= most, "%s: %lld of %lld, expected %g", what,
                  (long long)hits, (long long)of, p);
}

static inline double plogp(double p)
{
    return p > 0 ? p * log(p) : 0.0;
}

/* Floors by enumeration: for every pair of classes (f: their frequencies) the
 * best answer is the mean of the smoothed targets over z. */
static inline thm_task_marks enumerated(double P, int classes, const double *f,
                                        double e)
{
    thm_task_marks m = {0, 0, 0, 0};
    for (int a = 0; a < classes; a++) {
        for (int b = 0; b < classes; b++) {
            double best = 0, plain = 0, smooth = 0, sure = 0;
            for (int k = 0; k < classes; k++) {
                const double q = P * (k == a) + (1 - P) * (k == b);
                const double one = (1 - e) * (k == a) + e / classes;
                best = fmax(best, q);
                plain -= plogp(q);
                smooth -= plogp((1 - e) * q + e / classes);
                sure -= plogp(one);
            }
            const double w = f[a] * f[b];
            m.cap += w * best;
            m.floor += w * plain;
            m.smoothed_floor += w * smooth;
            m.perfect += w * sure;
        }
    }
    return m;
}

/* Sums of at most 100 x 10 terms below 3, each off by a few eps. */
static const double SUM_BOUND = 3e3 * 8 * 0x1p-53;

static inline void expect_marks(thm_task_marks got, thm_task_marks want)
{
    ck_assert_double_eq_tol(got.cap, want.cap, SUM_BOUND);
    ck_assert_double_eq_tol(got.floor, want.floor, SUM_BOUND);
    ck_assert_double_eq_tol(got.smoothed_floor, want.smoothed_floor, SUM_BOUND);
    ck_assert_double_eq_tol(got.perfect, want.perfect, SUM_BOUND);
}

#endif
