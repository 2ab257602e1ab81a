/* Planes of weights: the driver, and the error bound; see plane.h. */
#include "attn/plane.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "attn/plane_inside.h"

struct thm_plane_work {
    double *scores, *values, *vectors;
    void *block;
};

thm_weights thm_plane_direction(const thm_layer *layer, int trained,
                                const double *d)
{
    const size_t size = (size_t)layer->H * product(layer->D, layer->d);
    thm_weights w = {0};
    const struct {
        int bit;
        const double **to;
    } parts[] = {
        {THM_TRAIN_Q, &w.Wq}, {THM_TRAIN_K, &w.Wk}, {THM_TRAIN_V, &w.Wv}};
    for (int k = 0; k < 3; k++) {
        if (trained & parts[k].bit) {
            *parts[k].to = d;
            d += size;
        }
    }
    return w;
}

static bool all_finite(size_t count, const double *x)
{
    double sum = 0.0;
    for (size_t i = 0; x && i < count; i++) {
        sum += 0.0 * x[i];
    }
    return sum == 0.0;
}

static thm_status check(const thm_layer *l, const thm_weights *const span[SPAN])
{
    const thm_status status = thm_layer_check(l);
    if (status != THM_OK) {
        return status;
    }
    if (!l->Y || !l->Wo || !span[0]->Wq || !span[0]->Wk || !span[0]->Wv) {
        return THM_EDOMAIN;
    }
    const size_t count = (size_t)l->H * product(l->D, l->d);
    for (int p = 0; p < SPAN; p++) {
        if (!all_finite(count, span[p]->Wq) ||
            !all_finite(count, span[p]->Wk) ||
            !all_finite(count, span[p]->Wv)) {
            return THM_EDOMAIN;
        }
    }
    return THM_OK;
}

static thm_plane_kernel *kernel_for(thm_isa isa)
{
    switch (isa) {
    case THM_ISA_AVX512:
        return thm_plane_line_avx512;
    case THM_ISA_AVX2:
        return thm_plane_line_avx2;
    case THM_ISA_BASELINE:
        break;
    }
    return thm_plane_line_baseline;
}

thm_status thm_plane_alloc(const thm_layer *layer, const thm_weights *at,
                           const thm_weights *d1, const thm_weights *d2,
                           thm_isa isa, thm_plane **plane)
{
    const thm_layer *l = layer;
    const thm_weights *const span[SPAN] = {at, d1, d2};
    size_t scores = 0, values = 0, y = 0, count = 0;
    thm_status status = check(l, span);
    if (status != THM_OK) {
        return status;
    }
    if (thm_plane_count(l->N, l->H, POWERS, product(l->n, l->n), &scores) ||
        thm_plane_count(l->N, l->H, SPAN, product(l->n, l->m), &values) ||
        thm_plane_count(l->N, 1, 1, product(l->n, l->m), &y) ||
        thm_size_add(scores, values, &count) ||
        thm_size_add(count, y, &count)) {
        return THM_EOVERFLOW;
    }
    thm_plane *p = calloc(1, sizeof *p);
    double *block = thm_plane_room(count);
    if (!p || !block) {
        free(p);
        free(block);
        return THM_ENOMEM;
    }
    *p = (thm_plane){.N = l->N,
                     .n = l->n,
                     .D = l->D,
                     .d = l->d,
                     .H = l->H,
                     .m = l->m,
                     .normalised = l->kernel != THM_KERNEL_GAUSSIAN,
                     .gaussian = l->kernel != THM_KERNEL_SOFTMAX,
                     .moving = d1->Wv != NULL,
                     .c = l->c,
                     .kernel = kernel_for(isa),
                     .scores = block,
                     .values = block + scores,
                     .Y = block + scores + values,
                     .block = block};
    memcpy(p->Y, l->Y, y * sizeof *p->Y);
    status = thm_plane_fill(p, l, span);
    if (status == THM_OK && !all_finite(count, block)) {
        status = THM_EDOMAIN;
    }
    if (status != THM_OK) {
        thm_plane_free(p);
        return status;
    }
    *plane = p;
    return THM_OK;
}

void thm_plane_free(thm_plane *plane)
{
    if (plane) {
        free(plane->block);
        free(plane);
    }
}

thm_status thm_plane_work_alloc(const thm_plane *plane, thm_plane_work **work)
{
    const size_t nn = product(plane->n, plane->n),
                 nm = product(plane->n, plane->m);
    const size_t H = (size_t)plane->H;
    const size_t vectors = 2 * (nm + (size_t)plane->n) * THM_PLANE_LANES;
    thm_plane_work *w = calloc(1, sizeof *w);
    double *block = thm_plane_room(vectors + H * (3 * nn + 2 * nm));
    if (!w || !block) {
        free(w);
        free(block);
        return THM_ENOMEM;
    }
    *w = (thm_plane_work){.vectors = block,
                          .scores = block + vectors,
                          .values = block + vectors + 3 * H * nn,
                          .block = block};
    *work = w;
    return THM_OK;
}

void thm_plane_work_free(thm_plane_work *work)
{
    if (work) {
        free(work->block);
        free(work);
    }
}

/* The polynomials of sample i in a alone, at this b. */
static void put_line(const thm_plane *p, int i, double b, thm_plane_work *w)
{
    const size_t nn = product(p->n, p->n), nm = product(p->n, p->m);
    for (int h = 0; h < p->H; h++) {
        const size_t ih = product(i, p->H) + (size_t)h;
        const double *c = p->scores + POWERS * ih * nn;
        double *s = w->scores + SPAN * (size_t)h * nn;
        for (size_t q = 0; q < nn; q++) {
            s[q] = c[q] + b * (c[2 * nn + q] + b * c[5 * nn + q]);
            s[nn + q] = c[nn + q] + b * c[4 * nn + q];
            s[2 * nn + q] = c[3 * nn + q];
        }
        const double *u = p->values + SPAN * ih * nm;
        double *v = w->values + 2 * (size_t)h * nm;
        for (size_t q = 0; q < nm; q++) {
            v[q] = u[q] + b * u[2 * nm + q];
            v[nm + q] = u[nm + q];
        }
    }
}

void thm_plane_values(const thm_plane *plane, double b, int count,
                      const double *a, thm_plane_work *work, double *f)
{
    const thm_plane *p = plane;
    memset(f, 0, (size_t)count * sizeof *f);
    for (int i = 0; i < p->N; i++) {
        put_line(p, i, b, work);
        const thm_plane_line line = {.n = p->n,
                                     .H = p->H,
                                     .m = p->m,
                                     .normalised = p->normalised,
                                     .moving = p->moving,
                                     .scores = work->scores,
                                     .values = work->values,
                                     .Y =
                                         p->Y + (size_t)i * product(p->n, p->m),
                                     .scratch = work->vectors};
        p->kernel(&line, count, a, f);
    }
    for (int k = 0; k < count; k++) {
        f[k] = isfinite(f[k]) ? f[k] : (double)NAN;
    }
}

double thm_plane_error(const thm_plane *plane, double a, double b, double f)
{
    const thm_plane *p = plane;
    const double u = 0.5 * DBL_EPSILON, t[SPAN] = {1.0, fabs(a), fabs(b)};
    const double D = p->D, d = p->d, n = p->n, H = p->H;
    double q = 0.0, k = 0.0, phi = 0.0;
    for (int i = 0; i < SPAN; i++) {
        q += t[i] * p->q[i];
        k += t[i] * p->k[i];
        phi += t[i] * p->phi[i];
    }
    const double s = p->c * (p->gaussian ? (q + k) * (q + k) : q * k);
    const double eta = (2 * D + 2 * d + 16) * u * s;
    const double forward =
        phi * expm1(2 * eta + (D + H * d + (H + 1) * n + 20) * u);
    /* |F - Y|^2 = 2 f, summed over N n m entries; the norms above err by less
     * than 2^-20 of themselves */
    const double sum = ((double)p->N * n * p->m + 4) * u;
    return (sqrt(2 * f) * forward + 0.5 * forward * forward + sum * f) *
           (1 + 0x1p-20);
}
