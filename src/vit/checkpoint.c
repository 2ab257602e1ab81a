/* Checkpoints of a training run: see trainer.h.
 *
 * F32 throughout: parameters and moments are floats, so that nothing is
 * rounded.  Steps, fingerprints and instruction set are F64 scalars below 2^53.
 */
#include "vit/trainer_inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/bytes.h"
#include "io/tensor.h"
#include "la/blas.h"

/* trainer.state */
enum { STEP, OPTIONS, DATA, ISA, BLAS, STATE };
#include "vit/record.h"
#include "vit/task_inside.h"

/* FNV-1a, folded to 52 bits: exact as a double. */
typedef struct {
    uint64_t hash;
} fingerprint;

static void mix(fingerprint *f, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    for (int k = 0; k < 8; k++) {
        f->hash = (f->hash ^ (bits >> 8 * k & 255)) * 1099511628211U;
    }
}

/* Of every option that a bit of the run depends on. */
static double fingerprint_of(const thm_trainer *t)
{
    const thm_trainer_options *o = &t->options;
    const thm_vit_config *c = &o->config;
    const thm_optimiser_options *p = &o->optimiser;
    const double numbers[] = {c->input,
                              c->tokens,
                              c->features,
                              c->width,
                              c->depth,
                              c->heads,
                              c->head_width,
                              c->mlp_width,
                              c->outputs,
                              c->pool,
                              c->positions,
                              c->causal,
                              c->norm,
                              c->residual,
                              c->qkv_bias,
                              c->begin,
                              c->weight_std,
                              p->kind,
                              p->lr,
                              p->lr_start,
                              p->lr_end,
                              p->lr_qk,
                              (double)p->warmup,
                              (double)p->steps,
                              p->beta1,
                              p->beta2,
                              p->eps,
                              p->momentum,
                              p->weight_decay,
                              p->clip,
                              p->rescale,
                              o->heat,
                              o->heat_from,
                              (double)o->heat_over,
                              o->temperature,
                              o->smoothing,
                              o->batch,
                              (double)(o->seed >> 32),
                              (double)(o->seed & UINT32_MAX)};
    fingerprint f = {14695981039346656037U};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        mix(&f, numbers[k]);
    }
    for (int layer = 0; layer < c->depth; layer++) {
        mix(&f, c->attention[layer]);
    }
    return (double)(f.hash >> 12);
}

static void describe(const thm_trainer *t, double numbers[THM_VIT_RECORD_SIZE])
{
    const thm_vit_record record = {.config = t->options.config,
                                   .scale = thm_trainer_scale(t),
                                   .smoothing = t->options.smoothing,
                                   .seed = t->options.seed,
                                   .task = t->task->options};
    thm_vit_record_put(&record, numbers);
}

static double fingerprint_of_text(const char *text)
{
    fingerprint f = {14695981039346656037U};
    for (; *text; text++) {
        mix(&f, *text);
    }
    return (double)(f.hash >> 12);
}

static void state_of(const thm_trainer *t, double state[STATE])
{
    state[STEP] = (double)t->optimiser.step;
    state[OPTIONS] = fingerprint_of(t);
    state[DATA] = fingerprint_of_text(t->data);
    state[ISA] = t->options.isa;
    state[BLAS] = fingerprint_of_text(thm_blas_core());
}

static void to_double(const float *from, int64_t count, double *to)
{
    for (int64_t e = 0; e < count; e++) {
        to[e] = (double)from[e];
    }
}

static thm_tensor_out out_vector(const char *name, int64_t count,
                                 const double *data, bool f32)
{
    return (thm_tensor_out){.name = name,
                            .ndim = 1,
                            .shape = {(size_t)count},
                            .data = data,
                            .f32 = f32};
}

thm_status thm_trainer_save(const thm_trainer *t, const char *path, int rows,
                            int cols, const double *history, thm_message *msg)
{
    const int64_t total = t->layout.total;
    const int moments = t->optimiser.v ? 2 : 1;
    double state[STATE];
    double record[THM_VIT_RECORD_SIZE];
    describe(t, record);
    thm_tensor_out *out = calloc((size_t)t->layout.count + 5, sizeof *out);
    double *numbers =
        malloc(sizeof *numbers * (size_t)total * (size_t)(1 + moments));
    thm_status status = THM_ENOMEM;
    if (!out || !numbers) {
        goto done;
    }
    int count = 0;
    state_of(t, state);
    to_double(t->params, total, numbers);
    to_double(t->optimiser.m, total * moments, numbers + total);
    for (; count < t->layout.count; count++) {
        const thm_vit_tensor *k = &t->layout.tensors[count];
        out[count] = out_vector(k->name, k->cols, numbers + k->offset, true);
        if (!k->vector) {
            out[count].ndim = 2;
            out[count].shape[0] = (size_t)k->rows;
            out[count].shape[1] = (size_t)k->cols;
        }
    }
    out[count++] = out_vector("optimiser.m", total, numbers + total, true);
    if (moments == 2) {
        out[count++] =
            out_vector("optimiser.v", total, numbers + 2 * total, true);
    }
    out[count++] = out_vector("trainer.state", STATE, state, false);
    out[count++] =
        out_vector(THM_VIT_RECORD_NAME, THM_VIT_RECORD_SIZE, record, false);
    if (rows > 0) {
        out[count] = out_vector("history", rows, history, false);
        out[count].ndim = 2;
        out[count++].shape[1] = (size_t)cols;
    }
    status = thm_tensor_write(path, count, out, msg);
done:
    free(out);
    free(numbers);
    return status;
}

/* A tensor of the file to `to`: (rows x cols), or (cols) with rows = 0. */
static thm_status read_floats(const char *path, const char *name,
                              const unsigned char *bytes, size_t size, int rows,
                              int64_t cols, float *to, thm_message *msg)
{
    const int64_t count = rows > 0 ? rows * cols : cols;
    const size_t first = (size_t)(rows > 0 ? rows : cols);
    thm_tensor tensor;
    thm_status status = thm_tensor_parse(path, name, bytes, size, &tensor, msg);
    if (status != THM_OK) {
        return status;
    }
    if (tensor.count != (size_t)count) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: %s: expected %lld numbers, found %zu", path,
                          name, (long long)count, tensor.count);
    } else if (tensor.ndim != (rows > 0 ? 2 : 1) || tensor.shape[0] != first) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: %s: expected the first of %d dimensions to be "
                          "%zu, found %zu of %d",
                          path, name, rows > 0 ? 2 : 1, first, tensor.shape[0],
                          tensor.ndim);
    }
    for (int64_t e = 0; status == THM_OK && e < count; e++) {
        to[e] = (float)tensor.data[e];
        if (!isfinite(to[e])) {
            status = thm_fail(THM_EFORMAT, msg, "%s: %s: number %lld is %g",
                              path, name, (long long)e, tensor.data[e]);
        }
    }
    thm_tensor_free(&tensor);
    return status;
}

/* Whether the run of the checkpoint is this one. */
static thm_status compare(const thm_trainer *t, const char *path,
                          const double *found, thm_message *msg)
{
    double own[STATE];
    state_of(t, own);
    if (!(found[STEP] >= 0.0 && found[STEP] < 1e15)) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: trainer.state: expected a number of steps, found "
                        "%g",
                        path, found[STEP]);
    }
    if (found[OPTIONS] != own[OPTIONS]) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected a run with these options, found one with "
                        "others",
                        path);
    }
    if (found[DATA] != own[DATA]) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected a run on this task and these data, found "
                        "one on others",
                        path);
    }
    if (found[ISA] != own[ISA]) {
        const bool known = found[ISA] >= 0.0 && found[ISA] <= THM_ISA_AVX512;
        return thm_fail(
            THM_EFORMAT, msg,
            "%s: expected a run with the kernels of %s, found one with %s",
            path, thm_isa_text(t->options.isa),
            known ? thm_isa_text((thm_isa)found[ISA]) : "unknown ones");
    }
    if (found[BLAS] != own[BLAS]) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected a run with the BLAS core %s, found one "
                        "with another",
                        path, thm_blas_core());
    }
    return THM_OK;
}

static thm_status read_state(const thm_trainer *t, const char *path,
                             const unsigned char *bytes, size_t size,
                             long *step, thm_message *msg)
{
    thm_tensor state;
    thm_status status =
        thm_tensor_parse(path, "trainer.state", bytes, size, &state, msg);
    if (status != THM_OK) {
        return status;
    }
    if (state.count != STATE) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: trainer.state: expected %d numbers, found %zu",
                          path, STATE, state.count);
    } else {
        status = compare(t, path, state.data, msg);
        *step = status == THM_OK ? (long)state.data[STEP] : *step;
    }
    thm_tensor_free(&state);
    return status;
}

thm_status thm_trainer_load(thm_trainer *t, const char *path, thm_message *msg)
{
    const int64_t total = t->layout.total;
    const int moments = t->optimiser.v ? 2 : 1;
    unsigned char *bytes = NULL;
    float *fresh = NULL;
    size_t size;
    long step = 0;
    thm_status status = thm_bytes_read(path, &bytes, &size, msg);
    if (status != THM_OK) {
        return status;
    }
    fresh = malloc(sizeof *fresh * (size_t)total * (size_t)(1 + moments));
    if (!fresh) {
        status = THM_ENOMEM;
        goto done;
    }
    status = read_state(t, path, bytes, size, &step, msg);
    for (int k = 0; status == THM_OK && k < t->layout.count; k++) {
        const thm_vit_tensor *w = &t->layout.tensors[k];
        status =
            read_floats(path, w->name, bytes, size, w->vector ? 0 : w->rows,
                        w->cols, fresh + w->offset, msg);
    }
    if (status == THM_OK) {
        status = read_floats(path, "optimiser.m", bytes, size, 0, total,
                             fresh + total, msg);
    }
    if (status == THM_OK && moments == 2) {
        status = read_floats(path, "optimiser.v", bytes, size, 0, total,
                             fresh + 2 * total, msg);
    }
    if (status == THM_OK) {
        memcpy(t->params, fresh, sizeof *fresh * (size_t)total);
        memcpy(t->optimiser.m, fresh + total,
               sizeof *fresh * (size_t)(total * moments));
        t->optimiser.step = step;
    }
done:
    free(bytes);
    free(fresh);
    return status;
}
