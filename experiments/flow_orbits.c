/* Where attention of three tokens goes under the orbit that the logistic and
 * the exponential loss share (flow/orbit.h), from starts all over the simplex:
 * once with V(0) = 0, where the largest a(0) wins and entropy falls, and once
 * with projections u(0) of their own order, against which entropy may rise
 * first (claims F9 and F21).
 *
 * Rows of one orbit follow each other, a row of gaps ends it. */
#include <math.h>

#include "experiments/experiment.h"
#include "flow/orbit.h"
#include "programs/start.h"

enum { N = 3, GRID = 9, SHOTS = 120, PANELS = 2, COLUMNS = 7 };

static const double tau_end = 80, u0[PANELS][N] = {{0, 0, 0}, {0, 1, 2}};

static const thm_tsv_column columns[COLUMNS] = {
    {"panel", "1"}, {"tau", "1"},       {"p_1", "1"},      {"p_2", "1"},
    {"p_3", "1"},   {"entropy", "nat"}, {"dH/dtau", "nat"}};

typedef struct {
    thm_orbit *orbit;
    thm_tsv *tsv;
    int panel;
} drawer;

static thm_status put_state(double tau, const double *x, bool *stop, void *ctx)
{
    const drawer *d = ctx;
    thm_orbit_state state;
    double p[N];
    (void)stop;
    const thm_status status = thm_orbit_look(d->orbit, x, &state, p);
    if (status == THM_OK) {
        const double row[COLUMNS] = {d->panel, tau,           p[0],       p[1],
                                     p[2],     state.entropy, state.slope};
        thm_tsv_row(d->tsv, row);
    }
    return status;
}

/* The orbit from p, a point of the simplex's inside. */
static thm_status put_orbit(const drawer *d, const double p[N])
{
    double x[2 * N], times[SHOTS];
    for (int i = 0; i < N; i++) {
        x[i] = u0[d->panel][i];
        x[N + i] = log(p[i]);
    }
    for (int k = 0; k < SHOTS; k++) {
        times[k] = expm1(log1p(tau_end) * (k + 1) / SHOTS);
    }
    times[SHOTS - 1] = tau_end;
    const thm_ode ode = thm_orbit_ode(d->orbit);
    const thm_ode_options options = thm_ode_defaults();
    const thm_ode_watch watch = {.n_times = SHOTS,
                                 .times = times,
                                 .observe = put_state,
                                 .observe_ctx = (void *)d};
    thm_ode_stats stats;
    thm_status status = put_state(0, x, NULL, (void *)d);
    if (status == THM_OK) {
        status =
            thm_ode_integrate(&ode, 0, tau_end, x, &options, &watch, &stats);
    }
    double gap[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
        gap[i] = (double)NAN;
    }
    thm_tsv_row(d->tsv, gap);
    return status;
}

static thm_status write_orbits(uint64_t seed, int draws, thm_tsv *tsv,
                               thm_message *msg)
{
    drawer d = {.tsv = tsv};
    (void)seed, (void)draws, (void)msg;
    thm_status status = thm_orbit_alloc(N, THM_LOSS_LOGISTIC, 1, THM_ORBIT_FREE,
                                        false, &d.orbit);
    for (d.panel = 0; d.panel < PANELS; d.panel++) {
        for (int i = 1; i < GRID; i++) {
            for (int j = 1; i + j < GRID && status == THM_OK; j++) {
                const double p[N] = {(double)i / GRID, (double)j / GRID,
                                     (double)(GRID - i - j) / GRID};
                status =
                    start_interrupted() ? THM_EINTERRUPTED : put_orbit(&d, p);
            }
        }
    }
    thm_orbit_free(d.orbit);
    return status;
}

int main(int argc, char **argv)
{
    static const experiment orbits = {
        .name = "flow-orbits",
        .purpose = "Follows attention of three tokens over the simplex under "
                   "the orbit of a scalar loss.",
        .n_columns = COLUMNS,
        .columns = columns,
        .write = write_orbits};
    return experiment_main(argc, argv, &orbits);
}
