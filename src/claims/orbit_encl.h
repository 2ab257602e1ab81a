/* Enclosures of the orbit that the losses of one projection share,
 *     du/dtau = p,   da/dtau = J u,   p = softmax(a),
 * and on request of the logistic loss's time t = int (1 + e^y) dtau, y = u'p:
 * Taylor's method of high order in ball arithmetic, its remainder bounded over
 * a box that Picard's theorem shows to hold the orbit
 * (paper-notes/varre2026.md, "Enclosed orbits").  What it returns are proved
 * bounds for the exact solution from the given doubles. */
#ifndef THM_ORBIT_ENCL_H
#define THM_ORBIT_ENCL_H

#include <stdbool.h>
#include "core/arb.h"
#include "core/status.h"

enum { THM_ORBIT_BITS = 160 };

typedef struct {
    int n;
    double tau;   /* where the orbit is                                */
    arb_ptr u, a; /* (n) the state there                               */
    arb_ptr p;    /* (n) softmax(a)                                    */
    arb_ptr rest; /* (n) 1 - p_i, as a sum                             */
    arb_t y;      /* u'p                                               */
    arb_t t;      /* the logistic loss's time, if clocked              */
    bool clocked;
    long steps; /* taken since the start                             */
    struct thm_orbit_encl_work *work;
} thm_orbit_encl;

/* THM_EDIM if n < 1, THM_ENOMEM. */
thm_status thm_orbit_encl_alloc(int n, bool clocked, thm_orbit_encl **orbit);
void thm_orbit_encl_free(thm_orbit_encl *orbit);

/* Turns to (u, a) at tau = 0.  n at most that of alloc: THM_EDIM.  u, a finite:
 * THM_EDOMAIN. */
thm_status thm_orbit_encl_start(thm_orbit_encl *orbit, int n, const double *u,
                                const double *a);

/* Goes on to tau >= orbit->tau.  THM_EDOMAIN if it lies behind; THM_ECONVERGE
 * if the enclosures have become too wide to go on; the state is then that of
 * the last step. */
thm_status thm_orbit_encl_to(thm_orbit_encl *orbit, double tau);

/* h <- the entropy of p. */
void thm_orbit_encl_entropy(const thm_orbit_encl *orbit, arb_t h);

#endif
