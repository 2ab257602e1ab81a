/* Phase diagrams as experiments: the grid's edge is what --effort scales. */
#ifndef EXPERIMENTS_PHASE_H
#define EXPERIMENTS_PHASE_H

#include <stdlib.h>

#include "experiments/experiment.h"
#include "flow/phase.h"
#include "la/isa.h"
#include "programs/start.h"

static inline bool phase_interrupted(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

/* Every row of the diagram that `phase` describes. */
static inline thm_status phase_write(thm_phase phase, int grid, thm_tsv *tsv)
{
    int columns;
    thm_phase_columns(phase.kind, &columns);
    phase.grid = grid;
    phase.isa = thm_isa_detect();
    double *values = malloc((size_t)grid * (size_t)columns * sizeof *values);
    thm_status status = values ? THM_OK : THM_ENOMEM;
    for (int row = 0; row < grid && status == THM_OK; row++) {
        status = thm_phase_row(&phase, row, values, phase_interrupted, NULL);
        for (int k = 0; k < thm_phase_cells(&phase, row) && status == THM_OK;
             k++) {
            thm_tsv_row(tsv, values + (size_t)k * (size_t)columns);
        }
    }
    free(values);
    return status;
}

static inline int phase_main(int argc, char **argv, thm_phase_kind kind,
                             experiment e)
{
    e.columns = thm_phase_columns(kind, &e.n_columns);
    return experiment_main(argc, argv, &e);
}

#endif
