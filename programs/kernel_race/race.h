/* Which kernel learns what, by training W_Q alone: each kernel on the outputs
 * of each teacher, from the same starts (paper-notes/song2024.md, the race).
 *
 * A query is a layer of one sample whose n tokens are the unit vectors, so that
 * row 0 of W_Q is the query of token 0 and of nobody else.  Keys W_K (n x d)
 * and values u_j, the rows of U (n x m), are standard normal; its target y is
 * what the teacher's kernel puts out at a standard normal query, or
 * `label_scale` times a standard normal vector; starts are standard normal.
 *
 * Rule, fixed before any number was seen: a query is solved if f = |F - y|^2 /
 * 2
 * <= TOLERANCE |y|^2 within the given steps; rates are over queries, solved
 * from their first start or from any of them, with Clopper-Pearson intervals at
 * LEVEL, line by line.  There is no expected winner.
 *
 * What softmax can reach at all is bounded: its F is in the hull of the u_j, so
 * f >= dist(y, hull)^2 / 2, the hull floor. */
#ifndef RACE_H
#define RACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "attn/layer.h"
#include "core/status.h"

#define RACE_TOLERANCE 1e-8
#define RACE_LEVEL 0.95

enum { RACE_KERNELS = 3, RACE_SIZE = 16 /* the largest n, d and m */ };

typedef enum { TEACHER_SOFTMAX, TEACHER_GAUSSIAN, TEACHER_LABELS } race_teacher;

/* One line: a shape, a teacher, a kernel. */
typedef struct {
    int n, d, m;
    race_teacher teacher;
    double label_scale;
    int setting; /* draws are the same for every kernel and teacher of one */
    thm_kernel kernel;
} race_line;

typedef struct {
    int queries, starts, gd_steps, lm_steps;
    const char *kernel_scale; /* for thm_instance_scale, d of the line */
    uint64_t seed;
    const int *shape; /* n, d, m of the only setting; NULL: those of the note */
} race_plan;

/* "n,d,m", each of at most RACE_SIZE, d >= m.  THM_EDOMAIN. */
thm_status race_parse_shape(const char *text, int shape[3], thm_message *msg);

int race_lines(const race_plan *plan);
race_line race_line_at(const race_plan *plan, int index);

/* The numbers of one query. */
enum {
    QUERY_SIZE,  /* |y|^2                                              */
    QUERY_FLOOR, /* proved lower bound of the hull floor, and an upper */
    QUERY_FLOOR_UPPER,
    QUERY_LEAST,   /* what a softmax's loss may be in floating point     */
    QUERY_GD,      /* final f of gradient descent: from the first start, */
    QUERY_GD_BEST, /* the least over starts                            */
    QUERY_LM,
    QUERY_LM_BEST,
    QUERY_VALUES
};

/* row: (QUERY_VALUES).  THM_EINTERRUPTED, THM_ENOMEM. */
thm_status race_query(const race_plan *plan, const race_line *line, int query,
                      double *row);

/* Levenberg-Marquardt on row 0 of weights->Wq, which moves; y: (m).  *f <- the
 * last loss. */
thm_status race_lm(const thm_layer *layer, const double *y, double *Wq,
                   const thm_weights *weights, thm_layer_work *work, int steps,
                   double goal, double *f);

/* Every line, as thm_sweep_run runs cases: rows, to be freed by the caller even
 * on failure, is (lines x queries x QUERY_VALUES).  dir may be NULL. */
typedef struct {
    const char *dir, *isa, *blas_core;
    int threads, shard, shards;
    FILE *progress;
} race_run;
thm_status race_sweep(const race_plan *plan, const race_run *run, double **rows,
                      int *missing, thm_message *msg);

typedef struct {
    int solved[4];          /* QUERY_GD .. QUERY_LM_BEST                  */
    double low[4], high[4]; /* of their probabilities                     */
    int below;              /* queries whose loss is below the hull floor */
    double loss[4];         /* medians of f / |y|^2                       */
    double floor;           /* median of the floor / |y|^2                */
    double floor_width;     /* largest upper - lower */
} race_result;
thm_status race_judge(const race_plan *plan, const double *rows,
                      race_result *result);

/* *contradictions <- how many softmax
 * losses are below the floor. */
thm_status race_print(FILE *stream, const race_plan *plan, const double *rows,
                      bool human, int *contradictions);
thm_status race_save(const char *dir, const race_plan *plan, const double *rows,
                     thm_message *msg);

#endif
