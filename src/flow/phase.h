/* Phase diagrams of the shared orbit: a grid of starts, run to its end a row at
 * a time, each cell beside what the note's theorems say of it
 * (paper-notes/varre2026.md, R3, R9 and R11).
 *
 *   two-token  D0 = u_1 - u_2 against delta0 = a_1 - a_2 over [-range,
 * range]^2, u_1 + u_2 = sum: who wins, by how much entropy rises (R11). simplex
 * p(0) over the open simplex of three tokens, u(0) given: entropy never rises
 * inside the cone of R3, where p and u have the same order, and u's largest
 * wins there. spread     square loss, n tokens, u(0) = eta xi, a(0) = eta c
 * with normal xi and c drawn once, eta against |b|: the entropy at which the
 * flow ends, beside the amplification law (R9). */
#ifndef THM_PHASE_H
#define THM_PHASE_H

#include "core/tsv.h"
#include "flow/batch.h"

#define THM_PHASE_TABLE(X)                                                     \
    X(THM_PHASE_TWO_TOKEN, "two-token")                                        \
    X(THM_PHASE_SIMPLEX, "simplex")                                            \
    X(THM_PHASE_SPREAD, "spread")

typedef enum {
#define THM_PHASE_ENUM(name, text) name,
    THM_PHASE_TABLE(THM_PHASE_ENUM)
#undef THM_PHASE_ENUM
} thm_phase_kind;

typedef struct {
    thm_phase_kind kind;
    int grid;           /* cells along an edge, at least 3                    */
    thm_loss_kind loss; /* two-token, simplex: logistic or exponential        */
    double t_end;       /* of both                                            */
    double range, sum;  /* two-token                                          */
    double u[3];        /* simplex                                            */
    int n;              /* spread: tokens                                     */
    uint64_t seed;      /* spread                                             */
    double narrowest, widest; /* spread: eta, a logarithmic scale             */
    double nearest, farthest; /* spread: |b|, a linear scale                  */
    thm_isa isa;
    int threads;
} thm_phase;

/* A grid of 101, logistic to t = 1e6, range 4, sum 0, u = (1, 1/2, 0), eta from
 * 1e-6 to 1, |b| from 1/2 to 16 of 8 tokens, seed 1; one thread. */
thm_phase thm_phase_defaults(thm_phase_kind kind);

const char *thm_phase_text(thm_phase_kind kind);

/* The columns of a diagram's table; *count of them. */
const thm_tsv_column *thm_phase_columns(thm_phase_kind kind, int *count);

/* Cells of row 0 <= r < grid; those of the simplex vary. */
int thm_phase_cells(const thm_phase *phase, int row);

/* values: (cells x columns) <- row r.
 * THM_EDIM if grid < 3 or n < 2 or beyond THM_BATCH_TOKENS; THM_EDOMAIN if a
 * number is out of its range; statuses of thm_batch_run. */
thm_status thm_phase_row(const thm_phase *phase, int row, double *values,
                         bool (*interrupted)(void *ctx), void *ctx);

/* What the cells of some rows add up to.  Entropy counts as rising above 10
 * rtol log n, ten times what the integrator may err. */
typedef struct {
    int64_t cells, failed; /* failed: the integrator gave up                 */
    int64_t wins[3];       /* two-token, simplex: by token                   */
    int64_t undecided;     /* order may still change after the end           */
    int64_t rises;
    /* Cells that contradict a theorem: two-token R11 (winner; whether entropy
     * rises), simplex R3 (inside the cone).  Spread: none is tested. */
    int64_t disagreements;
    int64_t covered; /* cells of which the theorem says something          */
    double largest_rise;
    int64_t polarised;     /* entropy ends below (log n) / 2                 */
    double latest_plateau; /* largest log t at which that happened; -inf      */
} thm_phase_tally;

thm_phase_tally thm_phase_tally_none(void);
void thm_phase_count(const thm_phase *phase, int cells, const double *values,
                     thm_phase_tally *tally);

#endif
