/* One recorded training: see train.h.  Every option is set here, so that a
 * record does not move with the trainer's defaults. */
#include "programs/eureka_runs/train.h"

#include <math.h>
#include <string.h>
#include "programs/start.h"
#include "vit/eureka.h"
#include "vit/trainer.h"

enum { WINDOW = 100 };

/* What differs between groups, beside their arms. */
typedef struct {
    const char *group;
    bool images;
    int patch; /* side, of tiles of 14 x 14 */
    int width, depth, heads, batch, steps;
    double lr;
} setting;

static const setting settings[] = {
    {"tokens", false, 0, 32, 2, 2, 64, 10000, 3e-3},
    {"gradients", false, 0, 32, 2, 2, 64, 10000, 3e-3},
    {"images-5", true, 14, 64, 3, 4, 128, 12000, 3e-4},
    {"images-17", true, 7, 64, 3, 4, 128, 8000, 5e-4},
};

static const setting *setting_of(const char *group)
{
    const setting *s = settings;
    while (strcmp(s->group, group) != 0) {
        s++;
    }
    return s;
}

void train_describe(const char *group, FILE *out)
{
    const setting *s = setting_of(group);
    fprintf(out,
            "patch %d\nwidth %d\ndepth %d\nheads %d\nbatch %d\nsteps %d\n"
            "lr %g\n",
            s->patch, s->width, s->depth, s->heads, s->batch, s->steps, s->lr);
}

thm_status train_task(const char *group, bool one_step, const char *digits,
                      thm_task **task, thm_message *msg)
{
    const setting *s = setting_of(group);
    const thm_task_options o = {
        .kind = s->images ? (one_step ? THM_TASK_ONE_STEP : THM_TASK_TWO_STEP)
                          : (one_step ? THM_TASK_ONE_STEP_TOKENS
                                      : THM_TASK_TWO_STEP_TOKENS),
        .tokens = 16,
        .patch = s->images ? s->patch : 7,
        .half = true,
        .prior = 0.5,
        .digits = digits};
    return thm_task_alloc(&o, task, msg);
}

static thm_vit_attention attention_of(const char *arm)
{
    for (int a = 0; a <= THM_VIT_QK_NORM; a++) {
        if (strcmp(arm, thm_vit_attention_text((thm_vit_attention)a)) == 0) {
            return (thm_vit_attention)a;
        }
    }
    return THM_VIT_SOFTMAX; /* the arms named for something else */
}

static thm_trainer_options options_of(const setting *s, const char *arm,
                                      int seed, const thm_task *task)
{
    thm_trainer_options o = {.optimiser = {.kind = THM_ADAMW,
                                           .lr = s->lr,
                                           .lr_start = 1e-6,
                                           .lr_end = 1e-5,
                                           .lr_qk = 1.0,
                                           .warmup = 500,
                                           .steps = s->steps,
                                           .beta1 = 0.9,
                                           .beta2 = 0.999,
                                           .eps = 1e-8,
                                           .momentum = 0.9,
                                           .weight_decay = 0.05,
                                           .clip = 0.0,
                                           .rescale = THM_RESCALE_NONE},
                             .heat = THM_HEAT_HALF_COSINE,
                             .temperature = 1.0,
                             .smoothing = 0.1,
                             .batch = s->batch,
                             .seed = (uint64_t)seed,
                             .threads = 1,
                             .isa = thm_isa_detect()};
    thm_vit_config *c = &o.config;
    thm_task_configure(task, c);
    c->width = s->width;
    c->depth = s->depth;
    c->heads = s->heads;
    c->head_width = s->width / s->heads;
    c->mlp_width = 2 * s->width;
    c->positions = THM_VIT_LEARNED;
    c->norm = c->residual = true;
    c->qkv_bias = false;
    c->begin = THM_VIT_AS_TIMM;
    c->weight_std = 0.32 / sqrt(s->width);
    for (int l = 0; l < c->depth; l++) {
        c->attention[l] = attention_of(arm);
    }
    if (strcmp(arm, "heat") == 0) {
        /* the scores' deviation as with scale 3 at the authors' head width 64,
         * and their schedule's half of the run */
        o.heat_from = 3.0 * 0.82 / (0.1024 * sqrt(c->head_width));
        o.heat_over = s->steps / 2;
    }
    return o;
}

/* mean |dL/dW_Q| / mean |dL/dW_V| of the first layer. */
static double gradient_ratio(const thm_trainer *trainer)
{
    const thm_vit_tensor *qkv =
        thm_vit_find(thm_trainer_layout(trainer), "blocks.0.attn.qkv.weight");
    const float *g = thm_trainer_gradient(trainer) + qkv->offset;
    const int64_t third = (int64_t)qkv->rows * qkv->cols / 3;
    double q = 0.0, v = 0.0;
    for (int64_t i = 0; i < third; i++) {
        q += fabs((double)g[i]);
        v += fabs((double)g[2 * third + i]);
    }
    return q / v;
}

typedef struct {
    double loss, weight; /* of the exponential mean      */
    double ratio;        /* sum since the last evaluation */
} means;

static thm_status step(thm_trainer *trainer, means *m, thm_message *msg)
{
    const double keep = 1.0 - 1.0 / WINDOW;
    thm_vit_score score;
    const thm_status status = thm_trainer_step(trainer, &score, msg);
    if (status == THM_OK) {
        m->loss = keep * m->loss + score.loss;
        m->weight = keep * m->weight + 1.0;
        m->ratio += gradient_ratio(trainer);
    }
    return status;
}

thm_status train_run(const char *group, const thm_recorded_arm *arm, int seed,
                     const char *digits, double *values, thm_message *msg)
{
    const setting *s = setting_of(group);
    const bool one_step = strcmp(arm->name, "one-step") == 0;
    thm_task *task = NULL;
    thm_trainer *trainer = NULL;
    means m = {0};
    thm_status status = train_task(group, one_step, digits, &task, msg);
    if (status != THM_OK) {
        return status;
    }
    const thm_trainer_options o = options_of(s, arm->name, seed, task);
    const thm_task_marks marks =
        thm_task_marks_of(task, THM_SPLIT_TEST, o.smoothing);
    thm_eureka eureka = thm_eureka_begin(marks.cap, marks.smoothed_floor);
    status = thm_trainer_alloc(&o, task, &trainer, msg);
    for (int i = 0; i < arm->steps / THM_RECORDED_EVERY * TRAIN_COLUMNS; i++) {
        values[i] = (double)NAN;
    }
    for (long t = 1;
         status == THM_OK && !thm_recorded_ended(arm, &eureka, t - 1); t++) {
        status = step(trainer, &m, msg);
        if (status == THM_OK && t % THM_RECORDED_EVERY == 0) {
            double *row = values + (t / THM_RECORDED_EVERY - 1) * TRAIN_COLUMNS;
            thm_evaluation e;
            status = thm_trainer_evaluate(trainer, t, THM_RECORDED_EVALUATION,
                                          &e, msg);
            if (status == THM_OK) {
                row[TRAIN_ACCURACY] = e.accuracy;
                row[TRAIN_LOSS] = m.loss / m.weight;
                row[TRAIN_RATIO] = m.ratio / THM_RECORDED_EVERY;
                m.ratio = 0.0;
                thm_eureka_accuracy(&eureka, t, e.accuracy);
            }
        }
        if (start_interrupted()) {
            status = THM_EINTERRUPTED;
        }
    }
    thm_trainer_free(trainer);
    thm_task_free(task);
    return status;
}
