/* A training of attn-pl: what theory says of it, the run, and its trace. */
#ifndef ATTN_PL_TRAIN_H
#define ATTN_PL_TRAIN_H

#include <stdbool.h>
#include <stdio.h>
#include "attn/instance.h"
#include "softmax/pl.h"

/* The words of --train; an index is that of train_subset. */
#define TRAIN_CHOICE "v|q|k|qk|qkv"
int train_subset(int choice); /* THM_TRAIN_... */

typedef struct {
    int choice;       /* of TRAIN_CHOICE                              */
    const char *step; /* fixed:ETA, inverse-l, backtracking           */
    double mu;        /* to be judged instead of theory's; NaN: none  */
    double f_star;
    int steps, every; /* rows of the trace are `every` steps apart    */
    const char *out;  /* NULL: no files                               */
    bool progress;
} train_request;

/* What is known before the run. */
typedef struct {
    const char *theorem; /* that gives mu; NULL: none, or the user's  */
    double mu;           /* 0: none                                   */
    double L;            /* NaN: not needed                           */
    bool L_estimated;
    thm_pl_rule rule;
    double eta;
} train_theory;

typedef struct {
    train_theory theory;
    thm_pl_state end;
    thm_pl_report told;
    thm_result ball;      /* sigma_min(B_t) >= sigma_min(B_0) / 2 where theorem
                             2 gave mu; else no cases                  */
    double sigma0, sigma; /* estimates of sigma_min(B), first and last */
    bool interrupted;
} train_result;

/* Trains; under out: trace.tsv, weights.safetensors (Wq, Wk, Wv as they ended).
 * An interrupt ends the run early: files are whole, result->interrupted set.
 * THM_EDOMAIN with a message for a step that cannot be read or a model that
 * overflows; as thm_conditions_check, thm_pl_run, thm_tsv_begin. */
thm_status train_run(const train_request *request, const thm_instance *instance,
                     train_result *result, thm_message *msg);

/* The verdict: the worst of ratio, decrease, rate, path and ball. */
thm_verdict train_verdict(const train_result *result);

/* One JSON line, or for a human one value a line.  THM_ENOMEM. */
thm_status train_print(FILE *stream, const train_request *request,
                       const thm_instance *instance, const train_result *result,
                       bool human);

#endif
