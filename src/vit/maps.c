/* Maps of attention and of gradients: see maps.h. */
#include "vit/maps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/tensor.h"

/* Maps of a head: what tokens receive, the CLS' row, by q, by k, by v. */
enum { HEAD_MAPS = 5 };

static thm_status maps_alloc(const thm_vit_config *c, int samples,
                             thm_vit_maps *maps)
{
    size_t map, all;
    thm_vit_maps m = {.samples = samples,
                      .layers = c->depth,
                      .heads = c->heads,
                      .T = thm_vit_length(c)};
    if (samples < 1) {
        return THM_EDIM;
    }
    if (thm_size_mul((size_t)samples, (size_t)m.T, &map) != THM_OK ||
        thm_size_mul(map, (size_t)c->depth * (size_t)c->heads, &all) !=
            THM_OK ||
        all > SIZE_MAX / (HEAD_MAPS + 1)) {
        return THM_EOVERFLOW;
    }
    m.block = calloc(HEAD_MAPS * all + map, sizeof *m.block);
    if (!m.block) {
        return THM_ENOMEM;
    }
    m.received = m.block;
    for (int k = 0; k < 3; k++) {
        m.feature[k] = m.block + (size_t)(k + 1) * all;
    }
    m.cls = c->pool == THM_VIT_CLS ? m.block + 4 * all : NULL;
    m.gradient = m.block + HEAD_MAPS * all;
    *maps = m;
    return THM_OK;
}

void thm_vit_maps_free(thm_vit_maps *maps)
{
    if (maps) {
        free(maps->block);
        *maps = (thm_vit_maps){0};
    }
}

/* What tokens receive from the rows of A: (T x T). */
static void add_up(int T, const float *A, float *received)
{
    for (int j = 0; j < T; j++) {
        double sum = 0.0;
        for (int i = 0; i < T; i++) {
            sum += (double)A[(size_t)i * (size_t)T + (size_t)j];
        }
        received[j] = (float)(sum / T);
    }
}

/* mean over the d numbers of each of T rows of their size */
static void mean_size(int T, int d, const float *g, float *to)
{
    for (int i = 0; i < T; i++) {
        double sum = 0.0;
        for (int j = 0; j < d; j++) {
            sum += fabs((double)g[(size_t)i * (size_t)d + (size_t)j]);
        }
        to[i] = (float)(sum / d);
    }
}

static void norm_of_rows(int T, int D, const float *g, float *to)
{
    for (int i = 0; i < T; i++) {
        double sum = 0.0;
        for (int j = 0; j < D; j++) {
            const double x = (double)g[(size_t)i * (size_t)D + (size_t)j];
            sum += x * x;
        }
        to[i] = (float)sqrt(sum);
    }
}

/* Layer l of sample s; scratch: (4 x T x H d). */
static void read_layer(const thm_vit_config *c, thm_vit32 *work,
                       const float *params, int s, int l, float *scratch,
                       thm_vit_maps *m)
{
    const size_t T = (size_t)m->T,
                 inside = T * (size_t)c->heads * (size_t)c->head_width;
    float *dz = scratch + 3 * inside;
    thm_vit_view view;
    thm_vit32_look(work, l, s, &view);
    for (size_t k = 0; k < inside; k++) {
        dz[k] = 1.0F;
    }
    thm_vit32_pull(work, params, l, s, dz, scratch, scratch + inside,
                   scratch + 2 * inside);
    for (size_t h = 0; h < (size_t)c->heads; h++) {
        const size_t to =
            (((size_t)s * (size_t)c->depth + (size_t)l) * (size_t)c->heads +
             h) *
            T;
        const float *A = view.attention + h * T * T;
        add_up(m->T, A, m->received + to);
        if (m->cls) {
            memcpy(m->cls + to, A, T * sizeof *A);
        }
        for (size_t k = 0; k < 3; k++) {
            mean_size(m->T, c->head_width,
                      scratch + k * inside + h * T * (size_t)c->head_width,
                      m->feature[k] + to);
        }
    }
}

thm_status thm_vit_maps_read(const thm_vit_config *config, thm_vit32 *work,
                             const float *params, int samples,
                             thm_vit_maps *out)
{
    thm_vit_maps m = {0};
    thm_status status = maps_alloc(config, samples, &m);
    if (status != THM_OK) {
        return status;
    }
    /* as large as the q, k and v that the work has */
    float *scratch = malloc(4 * sizeof *scratch * (size_t)m.T *
                            (size_t)config->heads * (size_t)config->head_width);
    if (!scratch) {
        thm_vit_maps_free(&m);
        return THM_ENOMEM;
    }
    for (int s = 0; s < samples; s++) {
        norm_of_rows(m.T, config->width, thm_vit32_token_gradient(work, s),
                     m.gradient + (size_t)s * (size_t)m.T);
        for (int l = 0; l < config->depth; l++) {
            read_layer(config, work, params, s, l, scratch, &m);
        }
    }
    free(scratch);
    *out = m;
    return THM_OK;
}

thm_status thm_vit_maps_write(const char *path, const thm_vit_maps *maps,
                              const thm_vit_config *config, const float *input,
                              thm_message *msg)
{
    static const char *const names[] = {"attention.received", "attention.cls",
                                        "feature.q",          "feature.k",
                                        "feature.v",          "gradient"};
    const float *const from[] = {maps->received,   maps->cls,
                                 maps->feature[0], maps->feature[1],
                                 maps->feature[2], maps->gradient};
    const size_t S = (size_t)maps->samples, T = (size_t)maps->T;
    const size_t all = S * (size_t)maps->layers * (size_t)maps->heads * T;
    const size_t inputs =
        input ? S * (size_t)config->tokens * (size_t)config->features : 0;
    thm_tensor_out out[7];
    double *numbers = malloc(sizeof *numbers * (5 * all + S * T + inputs));
    double *to = numbers;
    int count = 0;
    if (!numbers) {
        return THM_ENOMEM;
    }
    for (int k = 0; k < 6; k++) {
        const size_t size = k < 5 ? all : S * T;
        if (!from[k]) {
            continue;
        }
        for (size_t e = 0; e < size; e++) {
            to[e] = (double)from[k][e];
        }
        out[count++] =
            (thm_tensor_out){.name = names[k],
                             .ndim = k < 5 ? 4 : 2,
                             .shape = {S, k < 5 ? (size_t)maps->layers : T,
                                       (size_t)maps->heads, T},
                             .data = to,
                             .f32 = true};
        to += size;
    }
    if (input) {
        for (size_t e = 0; e < inputs; e++) {
            to[e] = (double)input[e];
        }
        out[count++] = (thm_tensor_out){
            .name = "input",
            .ndim = 3,
            .shape = {S, (size_t)config->tokens, (size_t)config->features},
            .data = to,
            .f32 = true};
    }
    const thm_status status = thm_tensor_write(path, count, out, msg);
    free(numbers);
    return status;
}
