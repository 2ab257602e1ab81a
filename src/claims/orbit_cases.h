/* Enclosed orbits u' = p, a' = J u at the times of a grid: what the claims
 * about order and gaps look at (paper-notes/varre2026.md, "The orbits"). Tokens
 * are sorted, u_1(0) > ... > u_n(0). */
#ifndef THM_ORBIT_CASES_H
#define THM_ORBIT_CASES_H

#include "claims/claim.h"
#include "claims/orbit_encl.h"
#include "core/arb.h"
#include "core/status.h"

enum {
    THM_ORBITS_N = 8,       /* tokens at most                               */
    THM_ORBITS_TIMES = 13,  /* of an orbit from order                       */
    THM_ORBITS_CONTROL = 8, /* of one from disorder                         */
    THM_ORBITS_CASES = 12   /* orbits of a claim at effort 1                */
};

/* 0 to 150. */
extern const double thm_orbits_time[THM_ORBITS_TIMES];

typedef struct {
    arb_ptr u, a, p; /* (n)          */
    arb_t h;         /* entropy of p */
} thm_orbit_moment;

typedef struct {
    int n;
    double u0[THM_ORBITS_N];
    thm_orbit_moment ordered[THM_ORBITS_TIMES]; /* from a(0) = 0 */
    /* the controls, from a(0) = -(u(0) - mean) / 3; the first times only */
    thm_orbit_moment against[THM_ORBITS_CONTROL];
    bool with_controls;
    thm_orbit_encl *orbit;
} thm_orbits;

/* Opens a source of count orbits of 2, 3, 5 and 8 tokens, named "orbit/nN/I",
 * with a thm_orbits as the context of its measures; closes it, also half open.
 */
thm_status thm_orbits_open(int64_t count, bool with_controls,
                           thm_case_source *source, void **ctx);
void thm_orbits_close(thm_case_source *source, void *ctx);

/* least <- min(least, x - y) */
void thm_orbits_least(arb_t least, const arb_t x, const arb_t y);

#endif
