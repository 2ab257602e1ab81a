/* What softmax-spectrum was asked for, its rows, and what it says of a row. */
#ifndef SOFTMAX_SPECTRUM_ROWS_H
#define SOFTMAX_SPECTRUM_ROWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "core/options.h"
#include "core/status.h"
#include "io/tensor.h"
#include "softmax/spectrum.h"

/* Words of --variant, in this order. */
enum { VARIANT_SOFTMAX, VARIANT_NORM_STD, VARIANT_NORM_VAR };

typedef struct {
    const char *logits, *probs, *jacobian;
    double tau, sum_tol;
    bool values, vectors, certify, masked;
    int extremes, variant;
    thm_common common;
} spectrum_request;

/* The rows of the input, found good. */
typedef struct {
    const spectrum_request *request;
    const char *where; /* the input's name in messages               */
    thm_tensor tensor; /* owned                                      */
    int count, n;
    double *sum_error; /* (count) sum of a row - 1 with --probs, else
                        * NULL; owned                                */
} spectrum_rows;

/* Reads and checks the whole input, after the request itself: which options go
 * together.  THM_EDOMAIN for the request, else as thm_tensor_read; msg says
 * what is wrong and where. */
thm_status rows_read(const spectrum_request *request, spectrum_rows *rows,
                     thm_message *msg);
void rows_free(spectrum_rows *rows);

const double *rows_at(const spectrum_rows *rows, int row);

/* Writes the Jacobians of all rows, (count x n x n), to request->jacobian. */
thm_status rows_save_jacobian(const spectrum_rows *rows, thm_message *msg);

/* The probabilities of a row, and its Jacobian (n x n) if J is not NULL. */
thm_status row_probs(const spectrum_rows *rows, int row, double *p, double *J);

/* Scratch for rows of one length. */
typedef struct {
    int n;
    double *p;                    /* (n)                             */
    double *values;               /* (n)                             */
    double *lower, *upper;        /* (n)                             */
    int *exponent2;               /* (n)                             */
    double *dense, *left, *right; /* (n x n), where asked for        */
    thm_spectrum_work *spectrum;
} row_work;

thm_status row_work_alloc(const spectrum_rows *rows, int threads, thm_isa isa,
                          row_work *work);
void row_work_free(row_work *work);

/* Measures a row and adds what was asked for to object, in the order of the
 * output.  *certified becomes false if a lower bound that should be positive
 * is not. */
thm_status row_measure(const spectrum_rows *rows, int row, row_work *work,
                       json_t *object, bool *certified);

/* The same for a variant of NormSoftmax: singular values. */
thm_status row_measure_variant(const spectrum_rows *rows, int row,
                               row_work *work, json_t *object);

/* The k smallest and the k largest of n ascending values. */
thm_status row_put_extremes(json_t *object, int n, const double *values, int k);

/* A line of the human table, and before row 0 its head. */
void row_print(FILE *stream, const json_t *object, int row);

#endif
