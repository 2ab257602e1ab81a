/* Tasks: endless streams of labelled samples, each a pure function of (seed,
 * step, index), and what a network can reach on them. */
#ifndef THM_VIT_TASK_H
#define THM_VIT_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include "core/status.h"
#include "vit/config.h"
#include "vit/model.h"

#define THM_TASK_TABLE(X)                                                      \
    X(THM_TASK_TWO_STEP_TOKENS, "two-step-tokens")                             \
    X(THM_TASK_ONE_STEP_TOKENS, "one-step-tokens")                             \
    X(THM_TASK_TWO_STEP, "two-step")                                           \
    X(THM_TASK_TWO_STEP_MOVING, "two-step-moving")                             \
    X(THM_TASK_ONE_STEP, "one-step")                                           \
    X(THM_TASK_CLASSIFY, "classify")                                           \
    X(THM_TASK_CLS_TOKENS, "cls-tokens")                                       \
    X(THM_TASK_INDUCTION, "induction")                                         \
    X(THM_TASK_ICL_REGRESSION, "icl-regression")                               \
    X(THM_TASK_PATHFINDER, "pathfinder")                                       \
    X(THM_TASK_TEXT_CLASS, "text-class")                                       \
    X(THM_TASK_TEXT_MLM, "text-mlm")

typedef enum {
#define THM_TASK_ENUM(name, text) name,
    THM_TASK_TABLE(THM_TASK_ENUM)
#undef THM_TASK_ENUM
} thm_task_kind;

const char *thm_task_text(thm_task_kind kind);

/* What may be asked of a task; thm_task_options_default fills what shows its
 * phenomenon. */
typedef struct {
    thm_task_kind kind;
    int tokens; /* two-step-tokens: 16 to 64                                  */
    int patch;  /* of images: side in pixels                                  */
    int half;   /* of images: 1 to halve them by 2x2 means                    */
    double prior; /* two-step: chance that the second indicator is forced to
                     equal the first; 0.5: independent                        */
    const char *images; /* folder of Fashion-MNIST; NULL: Debian's            */
    const char *digits; /* folder of MNIST; NULL: two Fashion-MNIST classes   */
    const char *text;   /* folder of classes; NULL: what is installed         */
} thm_task_options;

thm_task_options thm_task_options_default(thm_task_kind kind);

typedef enum { THM_SPLIT_TRAIN, THM_SPLIT_TEST } thm_split;

/* Exact marks of a two-step task: what can be reached without the indicators,
 * and by a perfect network; NaN where a task has none. */
typedef struct {
    double cap;   /* accuracy without the indicators                  */
    double floor; /* cross-entropy without them                       */
    double smoothed_floor; /* the same with label smoothing */
    double perfect; /* smoothed loss of a perfect network               */
} thm_task_marks;

typedef struct thm_task thm_task;

/* THM_EDOMAIN, THM_EIO, THM_EFORMAT: msg says which option or file. */
thm_status thm_task_alloc(const thm_task_options *options, thm_task **task,
                          thm_message *msg);
void thm_task_free(thm_task *task);

/* Sets input, tokens, features, outputs, pool, positions, causal, and the sizes
 * of the model that shows the phenomenon. */
void thm_task_configure(const thm_task *task, thm_vit_config *config);

thm_task_marks thm_task_marks_of(const thm_task *task, double smoothing);

/* Room for a batch of `count` samples, filled by thm_task_draw. */
typedef struct {
    thm_vit_batch batch; /* points into the room                             */
    /* of two-step tasks, per sample: the label of the target not chosen, and
     * the positions (tokens without CLS) of indicators and targets; else -1  */
    int32_t *other_label, *indicator, *target; /* (count), (count x 2) twice  */
    void *room;
} thm_samples;
thm_status thm_samples_alloc(const thm_task *task, int count,
                             thm_samples *samples);
void thm_samples_free(thm_samples *samples);

/* Samples first, ..., first + count - 1 of the step's batch. */
thm_status thm_task_draw(const thm_task *task, uint64_t seed, thm_split split,
                         int64_t step, int first, int count,
                         thm_samples *samples);

/* What the data were, for run.json: names and checksums, a JSON object. */
struct json_t;
struct json_t *thm_task_record(const thm_task *task);

#endif
