/* Stages of an explicit step whose slopes are outer products (ode.h): V' = u v'
 * is kept as its factors, so a stage costs what its right-hand side does, and V
 * itself is passed over once a step.
 *
 * A stage's state V + h sum_j a_j u_j v_j' is never formed: the right-hand side
 * reads V and the factors. */
#ifndef THM_OUTER_H
#define THM_OUTER_H

#include "flow/combine.h"
#include "flow/dop853.h"
#include "flow/run.h"

typedef struct thm_outer thm_outer;

/* The passes over V, compiled per instruction set; bits as in flow_kernel.h.
 * v[j] and rows of V: (ld), ld a multiple of 8. */
typedef struct {
    /* out <- V + sum_{j < 8} b[8 r + j] v[j] in row r, estimate and tolerance
     * as for thm_combine.finish, from e[8 r + j], j < 7: the last stage has
     * no part in the estimate. */
    thm_combine_error (*finish)(int rows, int ld, const double *V,
                                const double *const *v, const double *b,
                                const double *e, double atol, double rtol,
                                double *out);
    /* |sum_{j < m} c[m r + j] v[j]|^2 over the rows r, m <= 12. */
    double (*square)(int rows, int ld, int m, const double *const *v,
                     const double *c);
} thm_outer_kernel;

extern const thm_outer_kernel thm_outer_baseline, thm_outer_avx2,
    thm_outer_avx512;

const thm_outer_kernel *thm_outer_kernel_for(thm_isa isa);

/* THM_EOVERFLOW, THM_ENOMEM. */
thm_status thm_outer_alloc(const thm_ode_run *run, thm_outer **out);
void thm_outer_free(thm_outer *outer);

/* Begins at run->x: the factors of the end are those of f there, by one
 * right-hand side. */
thm_status thm_outer_start(thm_outer *outer, thm_ode_run *run);

/* The end of a step becomes the first stage of the next, or the reverse. */
void thm_outer_swap(thm_outer *outer);

/* The factors of stage i < THM_DOP853_END of a step h. */
thm_status thm_outer_slope(thm_outer *outer, thm_ode_run *run, int i, double h);

/* run->x_new and its error, as thm_combine.finish. */
thm_combine_error thm_outer_finish(thm_outer *outer, thm_ode_run *run,
                                   double h);

/* The factors of the end, at run->x_new. */
thm_status thm_outer_end(thm_outer *outer, thm_ode_run *run, double t);

/* x_new becomes the state. */
void thm_outer_accept(thm_outer *outer);

/* |f(x_new) - k_12| / |x_new - x_12|, 0 where x_new = x_12. */
double thm_outer_rho(const thm_outer *outer, double h);

/* k: (padded) <- slope i <= THM_DOP853_END of the last step, itself. */
void thm_outer_unfold(const thm_outer *outer, int i, double *k);

#endif
