/* Where |J|_F is largest along a line of logits z -> t z, t > 0
 * (paper-notes/softmax.md, S9).
 *
 * In units of the line: x = (z - max z) / (max z - min z) and tau J, so that
 * neither the size of the logits nor a temperature enters. */
#ifndef THM_PEAK_H
#define THM_PEAK_H

#include "core/status.h"

typedef struct {
    int leaders;  /* tokens with the largest logit                     */
    double range; /* max z - min z; 0 for a constant row, and then all */
    double gap;   /* from the largest to the next value, over range    */
    double sd;    /* standard deviation of x, divisor n                */
    double peak;  /* t of the highest |J|_F found, 0 if none was sought */
} thm_peak;

/* Describes the line and fills x: (n).  THM_EDIM if n < 1, THM_EDOMAIN if a
 * logit or the range is not finite. */
thm_status thm_peak_line(int n, const double *z, double *x, thm_peak *line);

/* Point k of the grid that is searched, four an octave from t = 1/8, and how
 * many there are: up to where exp(-t gap) has vanished. */
double thm_peak_grid(int k);
int thm_peak_grid_size(const thm_peak *line);

/* Fills line->peak: the best point of the grid and a golden section beside it.
 * A guide in doubles, not evidence.  p: (n), scratch. */
thm_status thm_peak_search(int n, const double *x, double *p, thm_peak *line);

#endif
