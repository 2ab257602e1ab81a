/* What makes a measured series a program: experiments/ holds one main each,
 *     int main(int argc, char **argv) { return experiment_main(argc, argv, &e);
 * } which writes NAME.tsv and run.json into --out and prints one JSON line on
 * what it did. */
#ifndef EXPERIMENT_H
#define EXPERIMENT_H

#include <stdint.h>
#include "core/status.h"
#include "core/tsv.h"

typedef struct {
    const char *name;    /* of the program and of its series               */
    const char *purpose; /* a sentence for --help                          */
    int draws;           /* random draws at effort 1; 0: nothing is drawn  */
    int min_draws;       /* and at the least                               */
    int n_columns;
    const thm_tsv_column *columns;

    /* Writes the rows. Draws depend on seed only; THM_EINTERRUPTED once
     * start_interrupted(). */
    thm_status (*write)(uint64_t seed, int draws, thm_tsv *tsv,
                        thm_message *msg);
} experiment;

int experiment_main(int argc, char **argv, const experiment *e);

/* q <- the 10 %, 50 % and 90 % quantiles of x: (n), which is sorted. */
void experiment_quantiles(int n, double *x, double q[3]);

#endif
