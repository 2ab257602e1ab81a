/* Tasks: endless streams of labelled samples, each a pure function of (seed,
 * split, step, index), and what a network can reach on them. */
#ifndef THM_VIT_TASK_H
#define THM_VIT_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include "core/checksum.h"
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

/* Two-step tasks show two indicators and two targets, the first beside the
 * first.  z = 1 if the indicators are equal, else 2; the label is the class of
 * target z.  Of their one-step control the label is always the first target's.
 *   tokens  indicators 0 and 3 among two codes, targets 1 and 2 among ten, all
 *           + 0.3 N(0, I); the other tokens are 0.5 N(0, I).  The codes are
 *           N(0, I) of dimension 16, drawn from the seed, the same in each
 *           split.
 *   images  2 x 2 tiles of 28 x 28 pixels, 0 to 1, drawn anew from the pictures
 *           of the split: indicators top left and bottom right, digits 1 or 2,
 *           each blue or red; targets top right and bottom left, garments in
 *           white; each colour + 0.05 N(0, 1) per channel.  `moving`: in each
 *           row the two swap sides with chance 1/2.  A token is a patch, rows
 *           first, of (channel, row, column).
 * classify: one picture, its class; a train sample is drawn, test sample i is
 * picture i of the test set, whatever seed and step.
 * cls-tokens: the 10 words of one of 4 classes, in random order; word k is of
 * class k / 10.
 * induction: BOS (0), 10 different words of 49, and one of these again, marked:
 * as word + 50.  The label there is what followed it, of the last the marked
 * word itself.  A train sample has the next word as label everywhere else, 0.2
 * for all of these against 1.
 * icl-regression: x_1, y_1, ..., y_10, x_11 with y = w.x, x from N(0, I),
 * w from N(0, I / 5), of dimension 5; tokens (x, 0) and (0, y); the target at
 * each x is its y.
 * pathfinder: a picture of pathfinder.h in patches of (row, column); 1 if both
 * discs are on one snake, else 0.
 * text-class: the class of a text by `tokens` of its bytes, in train from
 * anywhere in it, of test sample i the first of text i, whatever seed and step;
 * short texts end in blanks.
 * text-mlm: `tokens` bytes out of all texts of the split, a new line after
 * each; of 15 % (rounded) the byte is asked for: 8 of 10 show the mask (256), 1
 * any byte, 1 itself (Devlin et al. 2019). Invented texts (text_grammar.h) are
 * drawn anew, in both splits. */
typedef enum {
#define THM_TASK_ENUM(name, text) name,
    THM_TASK_TABLE(THM_TASK_ENUM)
#undef THM_TASK_ENUM
} thm_task_kind;

const char *thm_task_text(thm_task_kind kind);

/* What may be asked of a task; thm_task_options_default fills what shows its
 * phenomenon.  A task reads what it knows, nothing else. */
typedef struct {
    thm_task_kind kind;
    int tokens;   /* two-step-tokens: 16 to 64; texts: bytes, 64 to 1024      */
    int patch;    /* images: side in pixels, dividing that of a tile          */
    bool half;    /* images: tiles by 2 x 2 means to 14 x 14, one channel, no
                     colours                                                  */
    int size;     /* pathfinder: side of a picture, 32, 64 or 128; its patch
                     divides that                                             */
    double prior; /* two-step: the second indicator is forced to equal the
                     first with this chance; 0.5: drawn by itself             */
    const char *images; /* folder of Fashion-MNIST; NULL: Debian's            */
    const char *digits; /* folder of MNIST; NULL: THM_TASK_DIGITS if it is
                           there, else trousers and boots are the indicators  */
    const char *text;   /* folder of texts, as thm_texts_read wants it; NULL:
                           the reviews in THM_TASK_REVIEWS or of an installed
                           r-cran-modeldata, else, or THM_TASK_INVENTED,
                           invented ones                                      */
} thm_task_options;

/* Where `make data-mnist` puts MNIST. */
#define THM_TASK_DIGITS "data/mnist"
/* Where `make data-reviews` puts the reviews. */
#define THM_TASK_REVIEWS "data/reviews"
#define THM_TASK_INVENTED "invented"

thm_task_options thm_task_options_default(thm_task_kind kind);

typedef enum { THM_SPLIT_TRAIN, THM_SPLIT_TEST } thm_split;

/* Exact marks: what can be reached without the indicators and with task 2
 * solved, and by a perfect network; NaN where a task has none.  With P the
 * chance of z = 1 (never `prior`), a the chance that the targets agree, H the
 * entropy in nats, e the smoothing over c classes:
 *   cap             max(P, 1 - P) + min(P, 1 - P) a
 *   floor           (1 - a) H(P, 1 - P)
 *   perfect         H(1 - e + e/c, e/c, ...)
 *   smoothed_floor  (1 - a) H((1-e) P + e/c, (1-e) (1-P) + e/c, e/c, ...)
 *                   + a perfect                                              */
typedef struct {
    double cap;            /* accuracy without the indicators                 */
    double floor;          /* cross-entropy without them                      */
    double smoothed_floor; /* the same with label smoothing                   */
    double perfect;        /* smoothed loss of a perfect network              */
} thm_task_marks;

typedef struct thm_task thm_task;

/* THM_EDOMAIN, THM_EIO, THM_EFORMAT, THM_ENOMEM: msg says which option or
 * file, what was expected, what was found. */
thm_status thm_task_alloc(const thm_task_options *options, thm_task **task,
                          thm_message *msg);
void thm_task_free(thm_task *task);
thm_task_kind thm_task_kind_of(const thm_task *task);

/* *config <- the model that shows the phenomenon, softmax in every layer.  Of
 * it input, tokens, features, outputs, pool and causal belong to the task; the
 * rest may be changed. */
void thm_task_configure(const thm_task *task, thm_vit_config *config);

/* Of one split: data sets differ in how often a class occurs. */
thm_task_marks thm_task_marks_of(const thm_task *task, thm_split split,
                                 double smoothing);

/* Samples of the test split if they are a fixed set; 0: drawn, endless. */
int thm_task_test_size(const thm_task *task);

/* Side in pixels of the patches that its tokens are, row by row of a square
 * picture; 0: they are none. */
int thm_task_patch(const thm_task *task);

/* What a token is to a two-step task: an indicator, the target that gives the
 * label, the target that does not.  To induction: the word that is there twice,
 * the answer. */
typedef enum {
    THM_ROLE_NONE,
    THM_ROLE_INDICATOR,
    THM_ROLE_CHOSEN,
    THM_ROLE_OTHER
} thm_role;

/* A batch of up to `room` samples, filled by thm_task_draw. */
typedef struct {
    thm_vit_batch batch; /* points into what follows                         */
    int room;            /* samples                                          */
    float *x;            /* as thm_vit_batch has them; NULL where it has none */
    int32_t *ids, *labels;
    float *weights; /* of labels, of mean 1; NULL: all 1 */
    float *targets;
    int32_t *other_label; /* (room) of the target not chosen; else -1         */
    uint8_t *roles;       /* (room x tokens) thm_role, the CLS not among them */
} thm_samples;
/* THM_EDIM if room < 1, THM_EOVERFLOW, THM_ENOMEM.  Free takes zeroed. */
thm_status thm_samples_alloc(const thm_task *task, int room,
                             thm_samples *samples);
void thm_samples_free(thm_samples *samples);

/* Every sample of one task and split has as many labels, or targets.
 * Samples first, ..., first + count - 1 of the step's batch: samples made for
 * this task, no state, any number of threads.  THM_EDIM if first < 0, count < 1
 * or beyond the room; THM_EDOMAIN if step < 0 or >= 2^56. */
thm_status thm_task_draw(const thm_task *task, uint64_t seed, thm_split split,
                         int64_t step, int first, int count,
                         thm_samples *samples);

/* What the data were, with checksums, for run.json: a JSON object, a new
 * reference; NULL if out of memory. */
struct json_t;
struct json_t *thm_task_record(const thm_task *task);

/* SHA-256 of the task, its options and what its data hold, wherever they lie:
 * two tasks with the same one draw the same samples.  THM_ENOMEM. */
thm_status thm_task_checksum(const thm_task *task, char text[THM_CHECKSUM]);

#endif
