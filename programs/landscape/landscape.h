/* Slices of a loss, as landscape reads, evaluates and prints them. */
#ifndef LANDSCAPE_H
#define LANDSCAPE_H

#include <stdbool.h>
#include <stdio.h>
#include "attn/instance.h"
#include "claims/layer_slice.h"
#include "core/options.h"
#include "core/run.h"
#include "io/tensor.h"
#include "la/isa.h"
#include "programs/instance.h"

enum { LANDSCAPE_KERNELS = 2, KERNEL_BOTH = 3 };

typedef enum { FROM_RANDOM, FROM_FILE, FROM_POINTS } landscape_source;

/* What was asked for: options as they were parsed. */
typedef struct {
    instance_request instance; /* but for its kernel           */
    int kernel;                /* a thm_kernel, or KERNEL_BOTH */
    int train;      /* word of LANDSCAPE_TRAIN                      */
    int steps;      /* of gradient descent before                   */
    int directions; /* a landscape_source                           */
    int normalise;  /* 0: by the directions; 1 + thm_slice_norm     */
    const char *d1, *d2, *p1, *p2;
    uint64_t direction_seed; /* 0: the seed                                  */
    const char *range, *grid;
    bool self_test;
    thm_common common;
} landscape_request;

#define LANDSCAPE_TRAIN "v|q|k|qk|qv|kv|qkv"

/* One kernel's slice, and what was found. */
typedef struct {
    thm_layer layer;
    thm_layer_problem *problem;
    double *x; /* (parameters): the point */
    long steps;
    double f0; /* the loss at the point */
    thm_layer_slice slice;
    const double *f; /* (n_b x n_a) */
    thm_measure measure;
    double error; /* largest bound of a value's error */
    double check; /* largest |plane - point| / bounds, over some points */
} landscape_panel;

typedef struct {
    const landscape_request *request;
    thm_instance at;
    int panels;
    landscape_panel panel[LANDSCAPE_KERNELS];
    int trained, parameters;
    thm_slice_norm norm;
    double lo, hi;
    int n_a, n_b; /* n_b = 1: a line */
    double *a, *b;
    thm_tensor given[2]; /* directions or points of the user */
    double *rows;        /* of the sweep */
} landscape;

/* Reads or draws the instance, trains, chooses directions: all that can be
 * refused.  One line in msg on failure. */
thm_status landscape_read(const landscape_request *request, thm_isa isa,
                          landscape *l, thm_message *msg);
void landscape_free(landscape *l);

/* Evaluates the grids, resuming from --out, and measures. */
thm_status landscape_evaluate(landscape *l, int threads, thm_message *msg);

/* landscape.tsv, slice.gp, plot.gp, run.json and a safetensors file a kernel in
 * --out; then removes what a resume would need. */
thm_status landscape_keep(const landscape *l, const thm_run *run,
                          thm_message *msg);
void landscape_forget_rows(const landscape *l);

thm_status landscape_print(FILE *stream, const landscape *l, bool human);

/* "W_Q, W_V". */
void landscape_weights_text(int trained, int size, char *text);

/* The analytic surfaces, a JSON line each; *wrong counts those that were
 * measured wrong. */
thm_status landscape_self_test(FILE *stream, int *wrong, thm_message *msg);

#endif
