/* Tasks: choice, room, place in the stream, exact marks.
 *
 * Sample i of a step has the draws i 2^32, ... of the stream (split, step), so
 * that it comes out alike in whatever part of a batch it is drawn. */
#include "vit/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/task_inside.h"

/* Highest byte of a stream; what all samples share has one of its own. */
enum { STREAM_TRAIN = 1, STREAM_TEST, STREAM_SHARED };
enum { STEP_BITS = 56, DRAW_BITS = 32 };

const char *thm_task_text(thm_task_kind kind)
{
    static const char *const text[] = {
#define THM_TASK_TEXT(name, words) words,
        THM_TASK_TABLE(THM_TASK_TEXT)
#undef THM_TASK_TEXT
    };
    const size_t known = sizeof text / sizeof *text;
    return (size_t)kind < known ? text[kind] : "unknown task";
}

static const thm_task_family *family_of(thm_task_kind kind)
{
    switch (kind) {
    case THM_TASK_TWO_STEP_TOKENS:
    case THM_TASK_ONE_STEP_TOKENS:
        return &thm_task_tokens;
    case THM_TASK_TWO_STEP:
    case THM_TASK_TWO_STEP_MOVING:
    case THM_TASK_ONE_STEP:
    case THM_TASK_CLASSIFY:
        return &thm_task_images;
    case THM_TASK_CLS_TOKENS:
    case THM_TASK_INDUCTION:
    case THM_TASK_ICL_REGRESSION:
        return &thm_task_sequences;
    case THM_TASK_PATHFINDER:
        return &thm_task_pathfinder;
    case THM_TASK_TEXT_CLASS:
    case THM_TASK_TEXT_MLM:
        return &thm_task_text_family;
    }
    return NULL;
}

thm_task_options thm_task_options_default(thm_task_kind kind)
{
    /* 17 tokens of a halved composite and of a single picture; of snakes and
     * discs, 64; most reviews have 128 bytes. */
    const bool snakes = kind == THM_TASK_PATHFINDER;
    const bool text = kind == THM_TASK_TEXT_CLASS || kind == THM_TASK_TEXT_MLM;
    return (thm_task_options){.kind = kind,
                              .tokens = text ? 128 : 16,
                              .patch = snakes ? 4 : 7,
                              .half = !snakes && kind != THM_TASK_CLASSIFY,
                              .size = 32,
                              .prior = 0.5};
}

thm_status thm_task_alloc(const thm_task_options *options, thm_task **task,
                          thm_message *msg)
{
    const thm_task_family *family = family_of(options->kind);
    if (family == NULL) {
        return thm_fail(THM_EDOMAIN, msg,
                        "task: expected a known one, found "
                        "number %u",
                        (unsigned)options->kind);
    }
    thm_task *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return thm_fail(THM_ENOMEM, msg, "task: out of memory");
    }
    t->options = *options;
    t->family = family;
    t->config = thm_vit_config_default();
    const thm_status status = family->open(t, msg);
    if (status != THM_OK) {
        thm_task_free(t);
        return status;
    }
    *task = t;
    return THM_OK;
}

void thm_task_free(thm_task *task)
{
    if (task != NULL && task->family->close != NULL) {
        task->family->close(task);
    }
    free(task);
}

thm_task_kind thm_task_kind_of(const thm_task *task)
{
    return task->options.kind;
}

int thm_task_test_size(const thm_task *task)
{
    return task->test_size;
}

int thm_task_patch(const thm_task *task)
{
    return task->patch;
}

void thm_task_configure(const thm_task *task, thm_vit_config *config)
{
    *config = task->config;
}

static double entropy_term(double p)
{
    return p > 0 ? -p * log(p) : 0.0;
}

thm_task_marks thm_task_marks_of(const thm_task *task, thm_split split,
                                 double smoothing)
{
    const double classes = task->config.outputs, e = smoothing / classes;
    const double P = task->chance[split], a = task->agree[split];
    const double sure = 1 - smoothing;
    thm_task_marks marks = {NAN, NAN, NAN, NAN};
    if (task->certain) {
        marks.perfect =
            entropy_term(sure + e) + (classes - 1) * entropy_term(e);
    }
    if (task->two_step) {
        marks.cap = fmax(P, 1 - P) + fmin(P, 1 - P) * a;
        marks.floor = (1 - a) * (entropy_term(P) + entropy_term(1 - P));
        marks.smoothed_floor = (1 - a) * (entropy_term(sure * P + e) +
                                          entropy_term(sure * (1 - P) + e) +
                                          (classes - 2) * entropy_term(e)) +
                               a * marks.perfect;
    }
    return marks;
}

thm_status thm_samples_alloc(const thm_task *task, int room,
                             thm_samples *samples)
{
    if (room < 1) {
        return THM_EDIM;
    }
    const thm_vit_config *c = &task->config;
    const size_t count = (size_t)room, outputs = (size_t)c->outputs;
    size_t tokens, numbers, values;
    if (thm_size_mul(count, (size_t)c->tokens, &tokens) != THM_OK ||
        thm_size_mul(tokens, (size_t)c->features, &numbers) != THM_OK ||
        thm_size_mul(tokens, outputs, &values) != THM_OK) {
        return THM_EOVERFLOW;
    }
    const bool vectors = c->input == THM_VIT_VECTORS;
    const bool each = c->pool == THM_VIT_PER_TOKEN;
    thm_samples s = {.room = room};
    s.other_label = calloc(count, sizeof *s.other_label);
    s.roles = calloc(tokens, sizeof *s.roles);
    bool whole = s.other_label != NULL && s.roles != NULL;
    if (vectors) {
        s.batch.x = s.x = calloc(numbers, sizeof *s.x);
        whole = whole && s.x != NULL;
    } else {
        s.batch.ids = s.ids = calloc(tokens, sizeof *s.ids);
        whole = whole && s.ids != NULL;
    }
    if (task->labelled) {
        s.batch.labels = s.labels =
            calloc(each ? tokens : count, sizeof *s.labels);
        whole = whole && s.labels != NULL;
        if (task->weighted) {
            s.batch.weights = s.weights =
                calloc(each ? tokens : count, sizeof *s.weights);
            whole = whole && s.weights != NULL;
        }
    } else {
        s.batch.targets = s.targets =
            calloc(each ? values : count * outputs, sizeof *s.targets);
        whole = whole && s.targets != NULL;
    }
    if (!whole) {
        thm_samples_free(&s);
        return THM_ENOMEM;
    }
    *samples = s;
    return THM_OK;
}

void thm_samples_free(thm_samples *samples)
{
    free(samples->x);
    free(samples->ids);
    free(samples->labels);
    free(samples->weights);
    free(samples->targets);
    free(samples->other_label);
    free(samples->roles);
    *samples = (thm_samples){0};
}

thm_rng thm_task_rng(const thm_task_at *at, int index)
{
    const uint64_t split =
        at->split == THM_SPLIT_TRAIN ? STREAM_TRAIN : STREAM_TEST;
    thm_rng rng =
        thm_rng_make(at->seed, split << STEP_BITS | (uint64_t)at->step);
    rng.index = (uint64_t)index << DRAW_BITS;
    return rng;
}

thm_rng thm_task_rng_shared(uint64_t seed)
{
    return thm_rng_make(seed, (uint64_t)STREAM_SHARED << STEP_BITS);
}

thm_status thm_task_draw(const thm_task *task, uint64_t seed, thm_split split,
                         int64_t step, int first, int count,
                         thm_samples *samples)
{
    if (first < 0 || count < 1 || count > samples->room ||
        first > INT32_MAX - count) {
        return THM_EDIM;
    }
    if (step < 0 || step >> STEP_BITS != 0 ||
        (split != THM_SPLIT_TRAIN && split != THM_SPLIT_TEST)) {
        return THM_EDOMAIN;
    }
    const thm_task_at at = {.seed = seed, .split = split, .step = step};
    samples->batch.count = count;
    for (int i = 0; i < count; i++) {
        samples->other_label[i] = -1;
    }
    memset(samples->roles, THM_ROLE_NONE,
           (size_t)count * (size_t)task->config.tokens);
    task->family->draw(task, &at, first, count, samples);
    return THM_OK;
}

json_t *thm_task_record(const thm_task *task)
{
    const thm_task_options *o = &task->options;
    json_t *data = task->family->data != NULL ? task->family->data(task)
                                              : json_string("drawn");
    return json_pack("{s:s, s:o}", "task", thm_task_text(o->kind), "data",
                     data);
}

/* Drops what says where the data lie. */
static void forget_folders(json_t *record)
{
    const char *key;
    json_t *value;
    json_object_del(record, "folder");
    json_object_foreach(record, key, value)
    {
        forget_folders(value);
    }
}

thm_status thm_task_checksum(const thm_task *task, char text[THM_CHECKSUM])
{
    const thm_task_options *o = &task->options;
    json_t *record = thm_task_record(task);
    if (record == NULL) {
        return THM_ENOMEM;
    }
    forget_folders(record);
    json_t *all = json_pack("{s:O, s:i, s:i, s:i, s:b, s:f}", "record", record,
                            "tokens", o->tokens, "patch", o->patch, "size",
                            o->size, "half", (int)o->half, "prior", o->prior);
    char *words =
        all ? json_dumps(all, JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
    if (words) {
        thm_checksum(strlen(words), words, text);
    }
    const thm_status status = words ? THM_OK : THM_ENOMEM;
    free(words);
    json_decref(all);
    json_decref(record);
    return status;
}
