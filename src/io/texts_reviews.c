/* Reviews as an R package keeps them: see texts.h. */
#include <stdlib.h>
#include <string.h>

#include "io/rdata.h"
#include "io/texts.h"

static const char *const names[] = {"training_data", "testing_data"};

static thm_status name_levels(const thm_r *levels, thm_texts *t)
{
    t->names = calloc((size_t)levels->count, sizeof *t->names);
    if (t->names == NULL) {
        return THM_ENOMEM;
    }
    for (int k = 0; k < levels->count; k++) {
        const thm_r_text *text = &levels->texts[k];
        t->names[k] = text->at != NULL
                          ? strndup((const char *)text->at, text->size)
                          : strdup("NA");
        if (t->names[k] == NULL) {
            return THM_ENOMEM;
        }
        t->classes++;
    }
    return THM_OK;
}

static thm_status take(const char *where, const char *name, const thm_r *frame,
                       thm_texts *t, thm_message *msg)
{
    const thm_r *reviews = thm_r_item(frame, "review");
    const thm_r *scores = thm_r_item(frame, "score");
    if (reviews == NULL || reviews->kind != THM_R_STRINGS || scores == NULL ||
        scores->kind != THM_R_INTS || scores->levels == NULL ||
        scores->levels->count < 2 || scores->count != reviews->count ||
        reviews->count < 1) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: %s: expected reviews, each with a score of at "
                        "least 2 levels, found something else",
                        where, name);
    }
    thm_status status = name_levels(scores->levels, t);
    for (int k = 0; status == THM_OK && k < reviews->count; k++) {
        const thm_r_text *text = &reviews->texts[k];
        const int32_t score = scores->numbers[k];
        if (text->at == NULL || text->size == 0 || score < 1 ||
            score > t->classes) {
            return thm_fail(THM_EFORMAT, msg,
                            "%s: %s: review %d: expected a text and a score "
                            "from 1 to %d, found none",
                            where, name, k + 1, t->classes);
        }
        status = thm_texts_add(t, text->at, text->size, score - 1);
    }
    return status;
}

thm_status thm_texts_read_reviews(const char *folder, thm_texts_part part,
                                  thm_texts *out, thm_message *msg)
{
    unsigned char *bytes;
    thm_r frame;
    thm_texts t = {0};
    thm_status status = thm_r_read(folder, names[part], &bytes, &frame, msg);
    if (status != THM_OK) {
        return status;
    }
    thm_fail(THM_ENOMEM, msg, "%s: out of memory", folder);
    status = take(folder, names[part], &frame, &t, msg);
    thm_r_free(&frame);
    free(bytes);
    if (status != THM_OK) {
        thm_texts_free(&t);
        return status;
    }
    *out = t;
    return THM_OK;
}
