/* Enclosed orbits at the times of a grid: see orbit_cases.h. */
#include "claims/orbit_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include "core/rng.h"

const double thm_orbits_time[THM_ORBITS_TIMES] = {0,  0.5, 1,  2,  3,   5,  8,
                                                  12, 20,  35, 60, 100, 150};

static thm_status follow(thm_orbits *w, const double *a0, int times,
                         thm_orbit_moment *out)
{
    thm_orbit_encl *o = w->orbit;
    thm_status status = thm_orbit_encl_start(o, w->n, w->u0, a0);
    for (int k = 0; k < times && status == THM_OK; k++) {
        status = thm_orbit_encl_to(o, thm_orbits_time[k]);
        _arb_vec_set(out[k].u, o->u, w->n);
        _arb_vec_set(out[k].a, o->a, w->n);
        _arb_vec_set(out[k].p, o->p, w->n);
        thm_orbit_encl_entropy(o, out[k].h);
    }
    return status;
}

static int descending(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a < b) - (a > b);
}

static thm_status make_orbit(void *ctx, uint64_t seed, int64_t index,
                             void *the_case, char *name)
{
    static const int sizes[] = {3, 2, 5, 8};
    static const double scales[] = {1.0, 0.3, 3.0};
    thm_orbits *w = ctx;
    double a0[THM_ORBITS_N] = {0.0}, mean = 0.0;
    (void)the_case;
    w->n = sizes[index % 4];
    thm_rng rng = thm_rng_make(seed, (uint64_t)index);
    thm_rng_fill_normal(&rng, w->n, scales[index / 4 % 3], w->u0);
    qsort(w->u0, (size_t)w->n, sizeof *w->u0, descending);
    snprintf(name, THM_CASE_NAME, "orbit/n%d/%lld", w->n, (long long)index);
    const thm_status status = follow(w, a0, THM_ORBITS_TIMES, w->ordered);
    if (status != THM_OK || !w->with_controls) {
        return status;
    }
    for (int i = 0; i < w->n; i++) {
        mean += w->u0[i] / w->n;
    }
    for (int i = 0; i < w->n; i++) {
        a0[i] = (mean - w->u0[i]) / 3.0;
    }
    return follow(w, a0, THM_ORBITS_CONTROL, w->against);
}

static void moment_init(thm_orbit_moment *m)
{
    m->u = _arb_vec_init(THM_ORBITS_N);
    m->a = _arb_vec_init(THM_ORBITS_N);
    m->p = _arb_vec_init(THM_ORBITS_N);
    arb_init(m->h);
}

static void moment_clear(thm_orbit_moment *m)
{
    _arb_vec_clear(m->u, THM_ORBITS_N);
    _arb_vec_clear(m->a, THM_ORBITS_N);
    _arb_vec_clear(m->p, THM_ORBITS_N);
    arb_clear(m->h);
}

thm_status thm_orbits_open(int64_t count, bool with_controls,
                           thm_case_source *source, void **ctx)
{
    thm_orbits *w = calloc(1, sizeof *w);
    *ctx = w;
    if (!w) {
        return THM_ENOMEM;
    }
    for (int k = 0; k < THM_ORBITS_TIMES; k++) {
        moment_init(&w->ordered[k]);
    }
    for (int k = 0; k < THM_ORBITS_CONTROL; k++) {
        moment_init(&w->against[k]);
    }
    w->with_controls = with_controls;
    source->count = count;
    source->make = make_orbit;
    source->ctx = w;
    return thm_orbit_encl_alloc(THM_ORBITS_N, false, &w->orbit);
}

void thm_orbits_close(thm_case_source *source, void *ctx)
{
    thm_orbits *w = ctx;
    (void)source;
    if (!w) {
        return;
    }
    for (int k = 0; k < THM_ORBITS_TIMES; k++) {
        moment_clear(&w->ordered[k]);
    }
    for (int k = 0; k < THM_ORBITS_CONTROL; k++) {
        moment_clear(&w->against[k]);
    }
    thm_orbit_encl_free(w->orbit);
    free(w);
    flint_cleanup();
}

void thm_orbits_least(arb_t least, const arb_t x, const arb_t y)
{
    arb_t d;
    arb_init(d);
    arb_sub(d, x, y, THM_ORBIT_BITS);
    arb_min(least, least, d, THM_ORBIT_BITS);
    arb_clear(d);
}
