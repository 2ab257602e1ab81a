/* The self-test of landscape: surfaces whose shape is known. */
#include <math.h>
#include <stdlib.h>
#include "core/json.h"
#include "landscape/measure.h"
#include "landscape/slice.h"
#include "landscape/surface.h"
#include "programs/landscape/landscape.h"

static thm_status measure(const thm_surface *s, double *axis, double *f,
                          thm_measure *m)
{
    static const double x0[] = {0, 0}, d1[] = {1, 0}, d2[] = {0, 1};
    const thm_slice slice = {&s->f, x0, d1, d2};
    double x[2];
    thm_status status = THM_OK;
    thm_slice_axis(s->lo, s->hi, s->count, axis);
    for (int j = 0; j < s->count && status == THM_OK; j++) {
        status = thm_slice_values(&slice, axis[j], s->count, axis, x,
                                  f + j * s->count);
    }
    return status == THM_OK
               ? thm_measure_grid(s->count, s->count, axis, axis, f, NULL, m)
               : status;
}

/* A quadratic is fitted to the rounding of its values: sixteen times the unit
 * roundoff of the largest leaves room for the spread of the others. */
static bool right(const thm_surface *s, const thm_measure *m)
{
    const bool quadratic = m->quadratic_residual <= 16 * DBL_EPSILON;
    return m->minima == s->minima && m->non_finite == 0 &&
           quadratic == (s->quadratic != 0);
}

thm_status landscape_self_test(FILE *stream, int *wrong, thm_message *msg)
{
    int largest = 0;
    *wrong = 0;
    for (int k = 0; k < THM_SURFACES; k++) {
        largest =
            thm_surfaces[k].count > largest ? thm_surfaces[k].count : largest;
    }
    double *axis =
        calloc((size_t)largest * ((size_t)largest + 1), sizeof *axis);
    thm_status status = axis ? THM_OK : THM_ENOMEM;
    for (int k = 0; k < THM_SURFACES && status == THM_OK; k++) {
        const thm_surface *s = &thm_surfaces[k];
        thm_measure m;
        status = measure(s, axis, axis + largest, &m);
        if (status == THM_OK) {
            json_t *line = json_pack(
                "{s:s, s:i, s:I, s:o, s:o, s:b}", "surface", s->name,
                "minima_known", s->minima, "minima", (json_int_t)m.minima,
                "quadratic_residual", thm_json_real(m.quadratic_residual),
                "f_min", thm_json_real(m.f_min), "right", right(s, &m));
            *wrong += !right(s, &m);
            status = line ? THM_OK : THM_ENOMEM;
            thm_json_write(stream, line);
            json_decref(line);
        }
    }
    free(axis);
    return status == THM_OK ? status
                            : thm_fail(status, msg, "the self-test: %s",
                                       thm_status_text(status));
}
