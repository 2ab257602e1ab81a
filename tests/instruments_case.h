/* Instruments on a trainer of tokens, and the same probe worked off beside
 * them. */
#ifndef TESTS_INSTRUMENTS_CASE_H
#define TESTS_INSTRUMENTS_CASE_H

#include "tests/scratch.h"
#include "vit/instruments.h"

enum { SAMPLES = 6, T = 17 };

typedef struct {
    thm_task *task;
    thm_trainer *trainer;
    thm_instruments *in;
} setting;

static inline setting open_setting(thm_vit_attention kind, double temperature)
{
    setting s = {0};
    const thm_task_options o =
        thm_task_options_default(THM_TASK_TWO_STEP_TOKENS);
    ck_assert_int_eq(thm_task_alloc(&o, &s.task, NULL), THM_OK);
    thm_trainer_options options = thm_trainer_default(s.task);
    for (int l = 0; l < options.config.depth; l++) {
        options.config.attention[l] = kind;
    }
    options.config.weight_std = 0.2; /* rows far from uniform */
    options.temperature = temperature;
    ck_assert_int_eq(thm_trainer_alloc(&options, s.task, &s.trainer, NULL),
                     THM_OK);
    ck_assert_int_eq(thm_instruments_alloc(s.trainer, s.task, SAMPLES, &s.in),
                     THM_OK);
    return s;
}

static inline void close_setting(setting *s)
{
    thm_instruments_free(s->in);
    thm_trainer_free(s->trainer);
    thm_task_free(s->task);
}

static inline double at(const setting *s, int layer, int head, int column)
{
    return thm_instruments_row(s->in, layer, head)[column];
}

/* The same probe, worked off here. */
typedef struct {
    thm_vit32 *model;
    thm_samples samples;
    float *gradient;
} probe;

static inline probe open_probe(const setting *s)
{
    probe p = {0};
    thm_vit_score score;
    const size_t total = (size_t)thm_trainer_layout(s->trainer)->total;
    const thm_vit_config *c = &thm_trainer_options_of(s->trainer)->config;
    ck_assert_int_eq(thm_vit32_alloc(c, SAMPLES, &p.model), THM_OK);
    ck_assert_int_eq(thm_samples_alloc(s->task, SAMPLES, &p.samples), THM_OK);
    p.gradient = calloc(total, sizeof *p.gradient);
    ck_assert_ptr_nonnull(p.gradient);
    ck_assert_int_eq(thm_trainer_probe(s->trainer, THM_INSTRUMENTS_DRAW, 0,
                                       SAMPLES, p.model, &p.samples, p.gradient,
                                       &score, NULL),
                     THM_OK);
    return p;
}

static inline void close_probe(probe *p)
{
    thm_vit32_free(p->model);
    thm_samples_free(&p->samples);
    free(p->gradient);
}

#endif
