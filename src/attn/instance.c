/* Drawn instances of the single layer: see instance.h. */
#include "attn/instance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attn/layer_work.h"
#include "core/options.h"
#include "la/qr.h"

/* The random stream of each array is THM_INSTANCE_STREAMS index + its number.
 */
enum { OF_X, OF_Y, OF_WQ, OF_WK, OF_WV, OF_WO, STREAMS };
_Static_assert((int)STREAMS < (int)THM_INSTANCE_STREAMS, "the last is free");

const char *thm_scheme_text(thm_scheme scheme)
{
    static const char *const texts[] = {
#define TEXT(name, text) text,
        THM_SCHEME_TABLE(TEXT)
#undef TEXT
    };
    return (size_t)scheme < sizeof texts / sizeof *texts ? texts[scheme]
                                                         : "unknown scheme";
}

thm_instance_plan thm_instance_plan_default(void)
{
    return (thm_instance_plan){.kernel = THM_KERNEL_SOFTMAX,
                               .scheme = THM_SCHEME_INDEPENDENT,
                               .s = 1.0,
                               .s_v = 1.0,
                               .s_o = 1.0,
                               .s_y = 1.0,
                               .s_x = 1.0,
                               .seed = 1};
}

/* Reads `count` positive integers with commas between; false if text is not
 * exactly that. */
static bool parse_sizes(const char *text, int count, int *const *sizes)
{
    for (int k = 0; k < count; k++) {
        char word[16];
        const size_t length = strcspn(text, ",");
        if (length >= sizeof word) {
            return false;
        }
        memcpy(word, text, length);
        word[length] = '\0';
        text += length;
        if (!thm_parse_int(word, sizes[k]) || *sizes[k] < 1 ||
            (*text == ',') != (k < count - 1)) {
            return false;
        }
        text += *text == ',';
    }
    return true;
}

thm_status thm_instance_sizes(const char *where, const char *text,
                              thm_instance_plan *plan, thm_message *msg)
{
    thm_instance_plan p = *plan;
    int *const sizes[] = {&p.N, &p.n, &p.D, &p.d, &p.H, &p.m};
    if (!parse_sizes(text, 5, sizes) && !parse_sizes(text, 6, sizes)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "%s: expected five or six sizes N,n,D,d,H[,m] of at "
                        "least 1, found \"%s\"",
                        where, text);
    }
    *plan = p;
    return THM_OK;
}

thm_status thm_instance_shape(const char *where, const char *text, int shape[3],
                              thm_message *msg)
{
    int read[3];
    int *const sizes[] = {&read[0], &read[1], &read[2]};
    if (!parse_sizes(text, 3, sizes)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "%s: expected three sizes N,n,D of at least 1, found "
                        "\"%s\"",
                        where, text);
    }
    memcpy(shape, read, sizeof read);
    return THM_OK;
}

thm_status thm_instance_scale(const char *text, int d, double *c,
                              thm_message *msg)
{
    double value;
    if (!text) {
        *c = thm_kernel_scale(d);
    } else if (strcmp(text, "half") == 0) {
        *c = thm_kernel_scale_half(d);
    } else if (thm_parse_real(text, &value) && value > 0.0 &&
               value < HUGE_VAL) {
        *c = value;
    } else {
        return thm_fail(THM_EDOMAIN, msg,
                        "--kernel-scale: expected a positive number or "
                        "\"half\", found \"%s\"",
                        text);
    }
    return THM_OK;
}

thm_status thm_tokens_of_image(const thm_idx *images, int which, int n, int D,
                               thm_rng *rng, double *x)
{
    const int side = (int)ceil(sqrt((double)D));
    if (n < 1 || D < 1 || which < 0 || which >= images->count ||
        side > images->rows || side > images->cols) {
        return THM_EDIM;
    }
    const int across = images->cols / side;
    const int cells = images->rows / side * across;
    if (n > cells) {
        return THM_EDIM;
    }
    const unsigned char *image = images->data + (size_t)which *
                                                    (size_t)images->rows *
                                                    (size_t)images->cols;
    int wanted = n;
    for (int cell = 0; wanted > 0; cell++) {
        /* each subset of n cells with the same probability */
        if (thm_rng_below(rng, (uint64_t)(cells - cell)) >= (uint64_t)wanted) {
            continue;
        }
        wanted--;
        const int top = cell / across * side, left = cell % across * side;
        for (int k = 0; k < D; k++) {
            *x++ = image[(top + k / side) * images->cols + left + k % side] /
                   255.0;
        }
    }
    return THM_OK;
}

/* *out <- room for a b c doubles; NULL and THM_OK if the product is 0. */
static thm_status room(int a, int b, int c, double **out)
{
    size_t count;
    thm_status status = thm_size_mul((size_t)a, (size_t)b, &count);
    if (status == THM_OK) {
        status = thm_size_mul(count, (size_t)c, &count);
    }
    if (status != THM_OK || count == 0) {
        return status;
    }
    *out = calloc(count, sizeof **out);
    return *out ? THM_OK : THM_ENOMEM;
}

static thm_status draw_tokens(const thm_instance_plan *p, thm_rng rng,
                              double *X, thm_message *msg)
{
    const size_t sample = (size_t)p->n * (size_t)p->D;
    if (!p->images) {
        thm_rng_fill_normal(&rng, (int64_t)sample * p->N, p->s_x, X);
        return THM_OK;
    }
    for (int i = 0; i < p->N; i++) {
        const uint64_t which =
            (p->index * (uint64_t)p->N + (uint64_t)i) %
            (uint64_t)(p->images->count > 0 ? p->images->count : 1);
        const thm_status status = thm_tokens_of_image(
            p->images, (int)which, p->n, p->D, &rng, X + (size_t)i * sample);
        if (status != THM_OK) {
            return thm_fail(status, msg,
                            "%d patches of %d pixels: expected as many as the "
                            "grid of an image of %d x %d has, found too many",
                            p->n, p->D, p->images->rows, p->images->cols);
        }
    }
    for (size_t k = 0; k < sample * (size_t)p->N; k++) {
        X[k] *= p->s_x;
    }
    return THM_OK;
}

/* W: (D x d) holding normal numbers <- s times its orthonormal factor. */
static thm_status orthogonalise(int D, int d, double s, double *W)
{
    const bool wide = D < d;
    const int rows = wide ? d : D, cols = wide ? D : d;
    double *A = NULL; /* W, or its transpose; Q; R */
    thm_status status = thm_dense_alloc(rows, cols, 3, &A);
    if (status != THM_OK) {
        return status;
    }
    const size_t count = (size_t)rows * (size_t)cols;
    for (size_t k = 0; k < count; k++) {
        const size_t i = k / (size_t)d, j = k % (size_t)d;
        A[wide ? j * (size_t)cols + i : k] = W[k];
    }
    double *Q = A + count, *R = Q + count;
    status = thm_qr(rows, cols, A, Q, R, NULL);
    for (size_t k = 0; status == THM_OK && k < count; k++) {
        const size_t i = k / (size_t)d, j = k % (size_t)d;
        W[k] = s * Q[wide ? j * (size_t)cols + i : k];
    }
    free(A);
    return status;
}

/* W: (H x D x d) by the scheme of the plan. */
static thm_status draw_weights(const thm_instance_plan *p, thm_rng rng,
                               double *W)
{
    const size_t head = (size_t)p->D * (size_t)p->d;
    double s = p->s;
    if (p->scheme == THM_SCHEME_XAVIER) {
        s *= sqrt(2.0 / ((double)p->D + (double)p->d));
    } else if (p->scheme == THM_SCHEME_ORTHOGONAL) {
        s = 1.0;
    }
    thm_rng_fill_normal(&rng, (int64_t)head * p->H, s, W);
    thm_status status = THM_OK;
    for (int h = 0;
         h < p->H && status == THM_OK && p->scheme == THM_SCHEME_ORTHOGONAL;
         h++) {
        status = orthogonalise(p->D, p->d, p->s, W + (size_t)h * head);
    }
    return status;
}

static bool scales_good(const thm_instance_plan *p)
{
    const double scales[] = {p->c, p->s, p->s_v, p->s_o, p->s_y, p->s_x};
    for (int k = 0; k < 6; k++) {
        if (!(scales[k] >= 0.0) || !isfinite(scales[k])) {
            return false;
        }
    }
    return true;
}

static thm_status allocate(const thm_instance_plan *p, thm_instance *in)
{
    const struct {
        int a, b, c;
        double **out;
    } arrays[] = {{p->N, p->n, p->D, &in->X},  {p->H, p->D, p->d, &in->Wq},
                  {p->H, p->D, p->d, &in->Wk}, {p->N, p->n, p->m, &in->Y},
                  {p->H, p->d, p->m, &in->Wo}, {p->H, p->D, p->d, &in->Wv}};
    thm_status status = THM_OK;
    for (int k = 0; k < (p->m > 0 ? 6 : 3) && status == THM_OK; k++) {
        status = room(arrays[k].a, arrays[k].b, arrays[k].c, arrays[k].out);
    }
    return status;
}

static thm_status draw(const thm_instance_plan *p, thm_instance *in,
                       thm_message *msg)
{
    thm_rng rng[STREAMS];
    for (int k = 0; k < STREAMS; k++) {
        rng[k] = thm_rng_make(p->seed,
                              THM_INSTANCE_STREAMS * p->index + (uint64_t)k);
    }
    const int64_t weights = (int64_t)p->H * p->D * p->d;
    thm_status status = draw_tokens(p, rng[OF_X], in->X, msg);
    if (status == THM_OK) {
        status = draw_weights(p, rng[OF_WQ], in->Wq);
    }
    if (status == THM_OK && p->scheme == THM_SCHEME_EQUAL) {
        memcpy(in->Wk, in->Wq, (size_t)weights * sizeof *in->Wk);
    } else if (status == THM_OK) {
        status = draw_weights(p, rng[OF_WK], in->Wk);
    }
    if (status == THM_OK && p->m > 0) {
        thm_rng_fill_normal(&rng[OF_Y], (int64_t)p->N * p->n * p->m, p->s_y,
                            in->Y);
        thm_rng_fill_normal(&rng[OF_WV], weights, p->s_v, in->Wv);
        thm_rng_fill_normal(&rng[OF_WO], (int64_t)p->H * p->d * p->m, p->s_o,
                            in->Wo);
    }
    return status;
}

thm_status thm_instance_draw(const thm_instance_plan *p, thm_instance *out,
                             thm_message *msg)
{
    *out = (thm_instance){0};
    if (p->N < 1 || p->n < 1 || p->D < 1 || p->d < 1 || p->H < 1 || p->m < 0) {
        return thm_fail(THM_EDIM, msg,
                        "expected sizes N, n, D, d, H of at least 1, found "
                        "%d, %d, %d, %d, %d",
                        p->N, p->n, p->D, p->d, p->H);
    }
    if (!scales_good(p)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "expected scales that are finite and not negative");
    }
    thm_layer layer = {.N = p->N,
                       .n = p->n,
                       .D = p->D,
                       .d = p->d,
                       .H = p->H,
                       .m = p->m > 0 ? p->m : 1,
                       .kernel = p->kernel,
                       .c = p->c > 0.0 ? p->c : thm_kernel_scale(p->d)};
    thm_status status = thm_layer_check_sizes(&layer);
    if (status == THM_OK) {
        status = allocate(p, out);
    }
    if (status == THM_OK) {
        status = draw(p, out, msg);
    }
    if (status == THM_OK) {
        layer.X = out->X;
        layer.Y = out->Y;
        layer.Wo = out->Wo;
        out->layer = layer;
        out->weights =
            (thm_weights){.Wq = out->Wq, .Wk = out->Wk, .Wv = out->Wv};
        status = thm_layer_check(&layer);
    }
    if (status != THM_OK) {
        thm_instance_free(out);
    }
    return status;
}

void thm_instance_free(thm_instance *in)
{
    if (in) {
        free(in->X);
        free(in->Y);
        free(in->Wq);
        free(in->Wk);
        free(in->Wv);
        free(in->Wo);
        *in = (thm_instance){0};
    }
}
