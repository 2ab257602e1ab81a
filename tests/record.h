/* Records of trainings that never were: curves drawn by hand. */
#ifndef TESTS_RECORD_H
#define TESTS_RECORD_H

#include <string.h>
#include "claims/recorded.h"
#include "tests/scratch.h"

/* How the runs of an arm go: accuracy `rest` until the moment, then `top`;
 * before step 500, `early`. */
typedef struct {
    const char *arm;
    int moment[8]; /* of its first seeds; 0: none; the last for all others */
    double early, rest, top;
    double loss, solved; /* before the moment and from it on */
    double ratio;        /* of the first seed; others are 1 % more each  */
    double at;           /* accuracy at the moment itself; 0: top  */
} curve;

static const char record_header[] =
    "# {\"recorded\": \"2026-11-22\", \"command\": \"eureka-runs\", "
    "\"cap\": 0.55, \"smoothed_floor\": 1.0246}\n" THM_RECORDED_COLUMNS "\n";

static inline int curve_moment(const curve *c, int index)
{
    return c->moment[index < 8 ? index : 7];
}

static inline void record_run(FILE *out, const thm_recorded_arm *arm,
                              const curve *c, int index)
{
    const int moment = curve_moment(c, index);
    int end = arm->steps;
    if (moment > 0 && arm->after > 0 && moment + arm->after < end) {
        end = moment + arm->after;
    }
    for (int step = 100; step <= end; step += 100) {
        const bool solved = moment > 0 && step >= moment;
        const double accuracy = step == moment && c->at > 0 ? c->at
                                : solved                    ? c->top
                                : step < 500                ? c->early
                                                            : c->rest;
        fprintf(out, "%s\t%d\t%d\t%.10g\t%.6g\t%.6g\n", arm->name,
                arm->first + index, step, accuracy,
                solved ? c->solved : c->loss, c->ratio * (1 + 0.01 * index));
    }
}

/* The text of a group's record, freed by the caller: a curve an arm. */
static inline char *record_text(const char *group, const curve *curves)
{
    const thm_recorded_group *g = thm_recorded_find(group);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    fputs(record_header, out);
    for (int a = 0; a < g->n_arms; a++) {
        const curve *c = curves;
        while (strcmp(c->arm, g->arms[a].name) != 0) {
            c++;
        }
        for (int i = 0; i < g->arms[a].seeds; i++) {
            record_run(out, &g->arms[a], c, i);
        }
    }
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

#endif
