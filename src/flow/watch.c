/* Requested times and events; see watch.h. */
#include "flow/watch.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

thm_status thm_watcher_start(thm_watcher *w, const thm_ode_watch *watch,
                             const thm_ode_run *run)
{
    static const thm_ode_watch nothing;
    *w = (thm_watcher){.spec = watch == NULL ? &nothing : watch, .seen = NAN};
    thm_status status = thm_run_vectors(run, 1, &w->state);
    if (status != THM_OK || w->spec->n_events == 0) {
        return status;
    }
    size_t events = (size_t)w->spec->n_events;
    w->value = calloc(2 * events, sizeof *w->value);
    if (w->value == NULL) {
        return THM_ENOMEM;
    }
    w->cross = w->value + events;
    for (size_t e = 0; e < events; e++) {
        const thm_ode_event *event = &w->spec->events[e];
        w->value[e] = event->value(run->t, run->x, event->ctx);
    }
    return THM_OK;
}

void thm_watcher_free(thm_watcher *w)
{
    free(w->state);
    free(w->value);
}

double thm_watcher_limit(const thm_watcher *w, double t1)
{
    return w->next < w->spec->n_times ? w->spec->times[w->next] : t1;
}

static bool opposite(double a, double b)
{
    return (a < 0 && b >= 0) || (a > 0 && b <= 0);
}

/* The first double at or after the zero of event e in the last step: the
 * bracket (a, b] is shrunk by the Illinois rule, halved whenever that fails to
 * halve it within three steps, until it is as narrow as t's rounding. */
static thm_status locate(thm_watcher *w, const thm_ode_method *method,
                         void *self, thm_ode_run *run, int e, double value)
{
    const thm_ode_event *event = &w->spec->events[e];
    double a = run->t_old, b = run->t, va = w->value[e], vb = value;
    double goal = b - a; /* what the bracket should have shrunk to by now */
    for (int round = 0;; round++) {
        double least = 2 * DBL_EPSILON * fmax(fabs(a), fabs(b));
        double middle = a + 0.5 * (b - a);
        if (!(b - a > 2 * least) || !(a < middle && middle < b)) {
            break;
        }
        double c = b - vb * ((b - a) / (vb - va));
        if (round % 3 == 0) {
            c = b - a > goal ? middle : c;
            goal = 0.5 * (b - a);
        }
        if (!(c >= a + least && c <= b - least)) {
            c = c < middle ? a + least : c > middle ? b - least : middle;
        }
        thm_status status = method->inside(self, run, c, w->state);
        if (status != THM_OK) {
            return status;
        }
        double vc = event->value(c, w->state, event->ctx);
        if (opposite(w->value[e], vc)) {
            b = c;
            vb = vc;
            va *= 0.5;
        } else {
            a = c;
            va = vc;
            vb *= 0.5;
        }
    }
    w->cross[e] = b;
    return THM_OK;
}

/* The state at t, from the step's end if that is where t is. */
static thm_status state_at(thm_watcher *w, const thm_ode_method *method,
                           void *self, thm_ode_run *run, double t,
                           const double **x)
{
    if (t == run->t) {
        *x = run->x;
        return THM_OK;
    }
    *x = w->state;
    return method->inside(self, run, t, w->state);
}

static thm_status observe(thm_watcher *w, double t, const double *x, bool *stop)
{
    w->seen = t;
    return w->spec->observe == NULL
               ? THM_OK
               : w->spec->observe(t, x, stop, w->spec->observe_ctx);
}

thm_status thm_watcher_step(thm_watcher *w, const thm_ode_method *method,
                            void *self, thm_ode_run *run, bool *stop)
{
    const thm_ode_watch *spec = w->spec;
    thm_status status = THM_OK;
    for (int e = 0; e < spec->n_events; e++) {
        const thm_ode_event *event = &spec->events[e];
        double value = event->value(run->t, run->x, event->ctx);
        w->cross[e] = HUGE_VAL;
        if (opposite(w->value[e], value)) {
            status = locate(w, method, self, run, e, value);
            /* a zero counts as beyond: coming back is another crossing */
            value = value == 0 ? -w->value[e] : value;
        }
        if (status != THM_OK) {
            return status;
        }
        double before = w->value[e];
        w->value[e] = value == value && value != 0 ? value : before;
    }
    while (!*stop) {
        double t = thm_watcher_limit(w, HUGE_VAL);
        int first = -1; /* times before events, events in their order */
        for (int e = 0; e < spec->n_events; e++) {
            if (w->cross[e] < t) {
                t = w->cross[e];
                first = e;
            }
        }
        if (!(t <= run->t)) {
            break;
        }
        const double *x;
        status = state_at(w, method, self, run, t, &x);
        if (status != THM_OK) {
            return status;
        }
        if (first < 0) {
            w->next++;
            status = observe(w, t, x, stop);
        } else {
            const thm_ode_event *event = &spec->events[first];
            w->cross[first] = HUGE_VAL;
            int direction = w->value[first] > 0 ? 1 : -1;
            status = event->found == NULL
                         ? THM_OK
                         : event->found(t, x, direction, stop, event->ctx);
        }
        if (status != THM_OK) {
            return status;
        }
        if (*stop && t != run->t) {
            memcpy(run->x, x, (size_t)run->n * sizeof *run->x);
            run->t = t;
        }
    }
    return THM_OK;
}

thm_status thm_watcher_end(thm_watcher *w, const thm_ode_run *run)
{
    bool stop = false;
    return w->seen == run->t ? THM_OK : observe(w, run->t, run->x, &stop);
}
