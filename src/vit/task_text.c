/* Tasks on bytes of texts: which class, and which byte stood here.
 *
 * Sample of text-class: the text and where its window begins (train only); of
 * an invented one the class, then its words.  Of text-mlm: where the window
 * begins, or the invented text; then place by place whether it is asked for,
 * and of those what is shown. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/checksum.h"
#include "core/file.h"
#include "io/texts.h"
#include "vit/task_inside.h"
#include "vit/text_grammar.h"

enum { BYTES = 256, MASK = BYTES, LEAST = 64, MOST = 1024 };
static const double ASKED = 0.15; /* of the bytes, as BERT does */

typedef struct {
    thm_texts of[2]; /* by split; empty: invented */
    char *folder;    /* of real ones; owned       */
} store;

static bool invented(const store *s)
{
    return s->of[0].count == 0;
}

static bool present(const char *folder)
{
    char *path = thm_path_join(folder, "Rdata.rdx");
    const bool there = path != NULL && access(path, F_OK) == 0;
    free(path);
    return there;
}

static thm_status read_both(thm_status (*read)(const char *, thm_texts_part,
                                               thm_texts *, thm_message *),
                            const char *folder, store *s, thm_message *msg)
{
    s->folder = strdup(folder);
    if (s->folder == NULL) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", folder);
    }
    thm_status status = read(folder, THM_TEXTS_TRAIN, &s->of[0], msg);
    return status == THM_OK ? read(folder, THM_TEXTS_TEST, &s->of[1], msg)
                            : status;
}

static thm_status read_texts(const char *folder, store *s, thm_message *msg)
{
    if (folder != NULL) {
        return strcmp(folder, THM_TASK_INVENTED) == 0
                   ? THM_OK
                   : read_both(thm_texts_read, folder, s, msg);
    }
    static const char *const places[] = {THM_TASK_REVIEWS,
                                         "/usr/lib/R/site-library/modeldata/"
                                         "data"};
    for (int k = 0; k < 2; k++) {
        if (present(places[k])) {
            return read_both(thm_texts_read_reviews, places[k], s, msg);
        }
    }
    return THM_OK;
}

/* Masked windows come from all of a split, one text after the other. */
static thm_status check_sizes(const store *s, int tokens, thm_message *msg)
{
    for (int split = 0; split < 2; split++) {
        if (s->of[split].used < (size_t)tokens) {
            return thm_fail(THM_EFORMAT, msg,
                            "%s: expected at least %d bytes in each part, "
                            "found %zu",
                            s->folder, tokens, s->of[split].used);
        }
    }
    return THM_OK;
}

static void choose_model(thm_task *task, bool masked, int classes)
{
    thm_vit_config *c = &task->config;
    c->input = THM_VIT_VOCABULARY;
    c->tokens = task->options.tokens;
    c->features = masked ? BYTES + 1 : BYTES;
    c->outputs = masked ? BYTES : classes;
    c->pool = masked ? THM_VIT_PER_TOKEN : THM_VIT_MEAN;
    c->width = 64;
    c->heads = 4;
    c->head_width = 16;
    c->depth = 2;
    c->mlp_width = 128;
    c->weight_std = 0.32 / sqrt(c->width);
}

static thm_status open_text(thm_task *task, thm_message *msg)
{
    const thm_task_options *o = &task->options;
    const bool masked = o->kind == THM_TASK_TEXT_MLM;
    if (o->tokens < LEAST || o->tokens > MOST) {
        return thm_fail(THM_EDOMAIN, msg, "tokens: expected %d to %d, found %d",
                        LEAST, MOST, o->tokens);
    }
    store *s = task->own = calloc(1, sizeof *s);
    if (s == NULL) {
        return thm_fail(THM_ENOMEM, msg, "task: out of memory");
    }
    thm_status status = read_texts(o->text, s, msg);
    if (status == THM_OK && masked && !invented(s)) {
        status = check_sizes(s, o->tokens, msg);
    }
    if (status != THM_OK) {
        return status;
    }
    task->labelled = true;
    task->certain = !masked && invented(s);
    task->test_size = masked ? 0 : s->of[THM_SPLIT_TEST].count;
    choose_model(task, masked,
                 invented(s) ? THM_GRAMMAR_CLASSES : s->of[0].classes);
    return THM_OK;
}

static void close_text(thm_task *task)
{
    store *s = task->own;
    if (s != NULL) {
        thm_texts_free(&s->of[0]);
        thm_texts_free(&s->of[1]);
        free(s->folder);
        free(s);
    }
}

static json_t *part_record(const thm_texts *texts)
{
    char bytes[THM_CHECKSUM], places[THM_CHECKSUM];
    thm_checksum(texts->used, texts->bytes, bytes);
    thm_checksum((size_t)texts->count * sizeof *texts->texts, texts->texts,
                 places);
    return json_pack("{s:i, s:s, s:s}", "items", texts->count, "texts_sha256",
                     bytes, "labels_sha256", places);
}

static json_t *text_data(const thm_task *task)
{
    const store *s = task->own;
    if (invented(s)) {
        return json_string("invented");
    }
    json_t *classes = json_array();
    for (int c = 0; c < s->of[0].classes; c++) {
        /* a name may be no UTF-8: then only its number is known */
        json_t *name = json_string(s->of[0].names[c]);
        json_array_append_new(classes, name ? name : json_integer(c));
    }
    json_t *folder = json_string(s->folder);
    return json_pack("{s:o, s:o, s:o, s:o}", "folder",
                     folder ? folder : json_null(), "classes", classes, "train",
                     part_record(&s->of[0]), "test", part_record(&s->of[1]));
}

/* ---- samples --------------------------------------------------------------
 */

static void draw_class(const thm_task *task, const thm_task_at *at, int index,
                       unsigned char *window, int32_t *label)
{
    const store *s = task->own;
    const thm_texts *texts = &s->of[at->split];
    const int n = task->config.tokens;
    thm_rng rng = thm_task_rng(at, index);
    if (invented(s)) {
        *label = (int32_t)thm_rng_below(&rng, THM_GRAMMAR_CLASSES);
        thm_grammar_draw(&rng, *label, n, window);
        return;
    }
    const bool train = at->split == THM_SPLIT_TRAIN;
    const int k = train ? (int)thm_rng_below(&rng, (uint64_t)texts->count)
                        : index % texts->count;
    const size_t size = texts->texts[k].size, room = (size_t)n;
    const size_t from =
        train && size > room ? (size_t)thm_rng_below(&rng, size - room + 1) : 0;
    thm_texts_cut(texts, k, from, n, window);
    *label = (int32_t)texts->texts[k].class;
}

static void draw_window(const thm_task *task, thm_split split, thm_rng *rng,
                        unsigned char *window)
{
    const store *s = task->own;
    const thm_texts *texts = &s->of[split];
    const int n = task->config.tokens;
    if (invented(s)) {
        const int class = (int)thm_rng_below(rng, THM_GRAMMAR_CLASSES);
        thm_grammar_draw(rng, class, n, window);
    } else {
        const size_t from =
            (size_t)thm_rng_below(rng, texts->used - (size_t)n + 1);
        memcpy(window, texts->bytes + from, (size_t)n);
    }
}

/* Hides bytes: as many in every sample, any places alike. */
static void hide(int n, thm_rng *rng, int32_t *ids, int32_t *labels)
{
    int left = (int)lround(ASKED * n);
    for (int t = 0; t < n; t++) {
        labels[t] = -1;
        if (thm_rng_below(rng, (uint64_t)(n - t)) < (uint64_t)left) {
            left--;
            labels[t] = ids[t];
            const uint64_t shown = thm_rng_below(rng, 10);
            if (shown < 8) {
                ids[t] = MASK;
            } else if (shown == 8) {
                ids[t] = (int32_t)thm_rng_below(rng, BYTES);
            }
        }
    }
}

static void draw_text(const thm_task *task, const thm_task_at *at, int first,
                      int count, thm_samples *s)
{
    const int n = task->config.tokens;
    unsigned char window[MOST];
    for (int i = 0; i < count; i++) {
        int32_t *ids = s->ids + (ptrdiff_t)i * n;
        const bool masked = task->options.kind == THM_TASK_TEXT_MLM;
        thm_rng rng = thm_task_rng(at, first + i);
        if (masked) {
            draw_window(task, at->split, &rng, window);
        } else {
            draw_class(task, at, first + i, window, &s->labels[i]);
        }
        for (int t = 0; t < n; t++) {
            ids[t] = window[t];
        }
        if (masked) {
            hide(n, &rng, ids, s->labels + (ptrdiff_t)i * n);
        }
    }
}

const thm_task_family thm_task_text_family = {.open = open_text,
                                              .draw = draw_text,
                                              .close = close_text,
                                              .data = text_data};
