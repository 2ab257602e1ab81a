/* The grids of landscape as one sweep: a case is a band of lines of one panel,
 * large enough that a file for each costs little. */
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/file.h"
#include "core/progress.h"
#include "landscape/slice.h"
#include "programs/landscape/landscape.h"
#include "programs/start.h"
#include "sweep/sweep.h"

enum { POINTS_A_CASE = 4096, PLAN = 1024 };

typedef struct {
    const landscape *l;
    int lines, bands; /* of a case; cases of a panel */
    int threads;
    thm_plane_work **work; /* (panels x threads) */
} bands_work;

static thm_status run_band(int index, double *values, thm_message *msg,
                           void *ctx)
{
    const bands_work *w = ctx;
    const landscape *l = w->l;
    const int panel = index / w->bands, first = index % w->bands * w->lines;
    const int thread = omp_get_thread_num();
    (void)msg;
    memset(values, 0, (size_t)w->lines * (size_t)l->n_a * sizeof *values);
    for (int j = first; j < first + w->lines && j < l->n_b; j++) {
        thm_plane_values(l->panel[panel].slice.plane, l->b[j], l->n_a, l->a,
                         w->work[panel * w->threads + thread],
                         values + (size_t)(j - first) * (size_t)l->n_a);
    }
    return THM_OK;
}

static bool interrupted(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

/* FNV-1a over bytes: tells one landscape's rows from another's. */
static uint64_t digest(uint64_t hash, size_t count, const double *x)
{
    const unsigned char *bytes = (const unsigned char *)x;
    for (size_t i = 0; x && i < count * sizeof *x; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3;
    }
    return hash;
}

/* All that a value depends on. */
static void write_plan(const landscape *l, int lines, char *plan)
{
    const thm_layer *a = &l->at.layer;
    const size_t weights = (size_t)a->H * (size_t)a->D * (size_t)a->d;
    const size_t tokens = (size_t)a->N * (size_t)a->n;
    const size_t n = (size_t)l->parameters;
    int at = snprintf(plan, PLAN,
                      "landscape 1\nsizes %d %d %d %d %d %d\ntrained %d\n"
                      "range %.17g %.17g\ngrid %d %d\nlines %d\n",
                      a->N, a->n, a->D, a->d, a->H, a->m, l->trained, l->lo,
                      l->hi, l->n_a, l->n_b, lines);
    for (int k = 0; k < l->panels; k++) {
        const landscape_panel *p = &l->panel[k];
        uint64_t hash = 0xcbf29ce484222325;
        hash = digest(hash, tokens * (size_t)a->D, a->X);
        hash = digest(hash, tokens * (size_t)a->m, a->Y);
        hash = digest(hash, (size_t)a->H * (size_t)a->d * (size_t)a->m, a->Wo);
        hash = digest(hash, weights, l->at.Wq);
        hash = digest(hash, weights, l->at.Wk);
        hash = digest(hash, weights, l->at.Wv);
        hash = digest(hash, n, p->x);
        hash = digest(hash, n, p->slice.d1);
        hash = digest(hash, n, p->slice.d2);
        at += snprintf(plan + at, PLAN - (size_t)at,
                       "kernel %s %.17g\ndata %016" PRIx64 "\n",
                       thm_kernel_text(p->layer.kernel), p->layer.c, hash);
    }
}

static char *rows_folder(const landscape *l)
{
    const char *out = l->request->common.out;
    return out ? thm_path_join(out, "rows") : NULL;
}

static thm_status alloc_work(bands_work *w)
{
    const landscape *l = w->l;
    thm_status status = THM_OK;
    w->work =
        calloc((size_t)(l->panels * w->threads), sizeof(thm_plane_work *));
    if (!w->work) {
        return THM_ENOMEM;
    }
    for (int k = 0; k < l->panels * w->threads && status == THM_OK; k++) {
        status = thm_plane_work_alloc(l->panel[k / w->threads].slice.plane,
                                      &w->work[k]);
    }
    return status;
}

/* ---- afterwards -----------------------------------------------------------
 */

/* One value of the panel again, a point by itself: the difference over the sum
 * of both bounds; 0 where one of them is no number. */
static thm_status check_at(const landscape *l, landscape_panel *p, int i, int j,
                           double *x)
{
    const thm_slice s = {thm_layer_objective(p->problem), p->x, p->slice.d1,
                         p->slice.d2};
    const double f = p->f[(size_t)j * (size_t)l->n_a + (size_t)i];
    const double a = l->a[i], b = l->b[j];
    double again;
    const thm_status status = thm_slice_values(&s, b, 1, &a, x, &again);
    if (status == THM_OK && isfinite(f) && isfinite(again)) {
        const double bound = thm_plane_error(p->slice.plane, a, b, f) +
                             thm_plane_error(p->slice.plane, a, b, again);
        p->check = fmax(p->check, fabs(f - again) / bound);
    }
    return status;
}

static thm_status check_panel(const landscape *l, landscape_panel *p)
{
    double *x = calloc((size_t)l->parameters, sizeof *x);
    thm_status status = x ? THM_OK : THM_ENOMEM;
    for (int q = 0; q < 9 && status == THM_OK; q++) {
        status = check_at(l, p, q % 3 * (l->n_a - 1) / 2,
                          q / 3 * (l->n_b - 1) / 2, x);
    }
    if (status == THM_OK) {
        status = check_at(l, p, p->measure.a_min, p->measure.b_min, x);
    }
    free(x);
    return status;
}

static thm_status measure_panel(const landscape *l, landscape_panel *p,
                                thm_message *msg)
{
    const size_t cells = (size_t)l->n_a * (size_t)l->n_b;
    double *error = calloc(cells, sizeof *error);
    thm_status status =
        error ? thm_layer_slice_measure(&p->slice, l->n_a, l->n_b, l->a, l->b,
                                        p->f, error, &p->measure)
              : THM_ENOMEM;
    for (size_t i = 0; i < cells && status == THM_OK; i++) {
        p->error = error[i] > p->error ? error[i] : p->error;
    }
    free(error);
    if (status == THM_OK) {
        status = check_panel(l, p);
    }
    if (status == THM_OK && !(p->check <= 1.0)) {
        return thm_fail(THM_EINTERNAL, msg,
                        "a value of the plane is %g times further from the "
                        "same point's own evaluation than both err",
                        p->check);
    }
    return status;
}

thm_status landscape_evaluate(landscape *l, int threads, thm_message *msg)
{
    const int most = POINTS_A_CASE / l->n_a;
    const int lines = most < 1 ? 1 : most < l->n_b ? most : l->n_b;
    const int bands = (l->n_b + lines - 1) / lines;
    const bool quiet = l->request->common.quiet || !isatty(STDERR_FILENO);
    thm_progress progress =
        thm_progress_begin(quiet ? NULL : stderr, "landscape");
    char plan[PLAN], *folder = rows_folder(l);
    bands_work w = {.l = l, .lines = lines, .bands = bands, .threads = threads};
    thm_sweep_count count;
    const thm_sweep sweep = {.folder = folder,
                             .plan = plan,
                             .cases = l->panels * bands,
                             .values = lines * l->n_a,
                             .shards = 1,
                             .threads = threads,
                             .run = run_band,
                             .stop = interrupted,
                             .ctx = &w,
                             .progress = &progress};
    write_plan(l, lines, plan);
    l->rows = calloc((size_t)sweep.cases * (size_t)lines,
                     (size_t)l->n_a * sizeof *l->rows);
    thm_status status =
        l->rows && (folder || !l->request->common.out) ? THM_OK : THM_ENOMEM;
    if (status == THM_OK) {
        status = alloc_work(&w);
    }
    if (status == THM_OK) {
        status = thm_sweep_run(&sweep, l->rows, &count, msg);
    }
    thm_progress_end(&progress);
    for (int k = 0; k < l->panels && status == THM_OK; k++) {
        l->panel[k].f =
            l->rows + (size_t)(k * bands) * (size_t)lines * (size_t)l->n_a;
        status = measure_panel(l, &l->panel[k], msg);
    }
    for (int k = 0; w.work && k < l->panels * threads; k++) {
        thm_plane_work_free(w.work[k]);
    }
    free(w.work);
    free(folder);
    return status;
}

void landscape_forget_rows(const landscape *l)
{
    const thm_sweep sweep = {.folder = rows_folder(l)};
    thm_sweep_remove(&sweep);
    free((char *)sweep.folder);
}
