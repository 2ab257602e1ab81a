/* Rules on recorded trainings: see moments.h. */
#include "claims/moments.h"

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

enum { MOST = 128 }; /* seeds, or evaluations, in a median */

static int step_of(int k)
{
    return (k + 1) * THM_RECORDED_EVERY;
}

static double median(int n, double *x)
{
    gsl_sort(x, 1, (size_t)n);
    return gsl_stats_median_from_sorted_data(x, 1, (size_t)n);
}

const thm_recorded_run *thm_moments_runs(const thm_recorded *record,
                                         const char *arm)
{
    const thm_recorded_run *run = record->run;
    while (strcmp(run->arm->name, arm) != 0) {
        run++;
    }
    return run;
}

int thm_moments_count(const thm_recorded *record, const char *arm, int from)
{
    const thm_recorded_run *run = thm_moments_runs(record, arm);
    int count = 0;
    for (int i = 0; i < run->arm->seeds; i++) {
        count += run[i].found && run[i].seed >= from;
    }
    return count;
}

double thm_moments_median(const thm_recorded *record, const char *arm)
{
    const thm_recorded_run *run = thm_moments_runs(record, arm);
    double step[MOST];
    for (int i = 0; i < run->arm->seeds; i++) {
        step[i] = run[i].moment;
    }
    return median(run->arm->seeds, step);
}

int thm_moments_earlier(const thm_recorded *record, const char *a,
                        const char *b)
{
    const thm_recorded_run *x = thm_moments_runs(record, a);
    const thm_recorded_run *y = thm_moments_runs(record, b);
    int count = 0;
    for (int i = 0; i < x->arm->seeds; i++) {
        count += x[i].moment < y[i].moment;
    }
    return count;
}

bool thm_moments_off_floor(const thm_recorded *record, const char *arm,
                           bool all, double *off)
{
    const thm_recorded_run *run = thm_moments_runs(record, arm);
    bool any = false;
    *off = 0.0;
    for (int i = 0; i < run->arm->seeds; i++) {
        if (all || !run[i].found) {
            const double loss = run[i].row[run[i].n - 1].loss;
            *off = fmax(*off, fabs(loss - record->floor));
            any = true;
        }
    }
    return any;
}

static bool jumps(const thm_recorded_run *run)
{
    for (int k = 0; k < run->n; k++) {
        const bool below = step_of(k) >= THM_MOMENTS_WARM &&
                           run->row[k].accuracy < THM_MOMENTS_BELOW;
        for (int j = k + 1;
             below && j < run->n && step_of(j) <= step_of(k) + THM_MOMENTS_JUMP;
             j++) {
            if (run->row[j].accuracy > THM_MOMENTS_ABOVE) {
                return true;
            }
        }
    }
    return false;
}

int thm_moments_jumps(const thm_recorded *record, const char *arm)
{
    const thm_recorded_run *run = thm_moments_runs(record, arm);
    int count = 0;
    for (int i = 0; i < run->arm->seeds; i++) {
        count += jumps(&run[i]);
    }
    return count;
}

bool thm_moments_plateau(const thm_recorded *record, const char *arm, bool all,
                         double *low, double *high)
{
    const thm_recorded_run *run = thm_moments_runs(record, arm);
    *low = 1.0;
    *high = 0.0;
    for (int i = 0; i < run->arm->seeds; i++) {
        double accuracy[MOST];
        int n = 0;
        for (int k = 0; k < run[i].n; k++) {
            if (step_of(k) >= THM_MOMENTS_WARM &&
                (all || step_of(k) < run[i].moment)) {
                accuracy[n++] = run[i].row[k].accuracy;
            }
        }
        if (n == 0) {
            return false;
        }
        const double middle = median(n, accuracy);
        *low = fmin(*low, middle);
        *high = fmax(*high, middle);
    }
    return true;
}

bool thm_moments_ends(const thm_recorded *record, const char *arm,
                      double *moment, double *end)
{
    const thm_recorded_run *run = thm_moments_runs(record, arm);
    bool any = false;
    *moment = *end = 1.0;
    for (int i = 0; i < run->arm->seeds; i++) {
        const int k = run[i].moment / THM_RECORDED_EVERY - 1;
        if (run[i].found) {
            *moment = fmin(*moment, run[i].row[k].accuracy);
            *end = fmin(*end, run[i].row[run[i].n - 1].accuracy);
            any = true;
        }
    }
    return any;
}

/* The mean ratio on the plateau; false if the run has left it. */
static bool plateau_ratio(const thm_recorded *record,
                          const thm_recorded_run *run, double *ratio)
{
    int n = 0;
    *ratio = 0.0;
    for (int k = 0; k < run->n && step_of(k) <= THM_MOMENTS_END; k++) {
        if (run->row[k].accuracy > record->cap + THM_EUREKA_ABOVE_CAP) {
            return false;
        }
        if (step_of(k) > THM_MOMENTS_WARM) {
            *ratio += run->row[k].ratio;
            n++;
        }
    }
    *ratio /= n;
    return true;
}

int thm_moments_factors(const thm_recorded *record, const char *a,
                        const char *b, double *factor)
{
    const thm_recorded_run *x = thm_moments_runs(record, a);
    const thm_recorded_run *y = thm_moments_runs(record, b);
    int n = 0;
    for (int i = 0; i < x->arm->seeds; i++) {
        double p, q;
        if (plateau_ratio(record, &x[i], &p) &&
            plateau_ratio(record, &y[i], &q)) {
            factor[n++] = p / q;
        }
    }
    return n;
}
