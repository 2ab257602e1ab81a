/* Labelled texts of one split: a folder in the layout of the Large Movie Review
 * Dataset (aclImdb), or the reviews in Debian's r-cran-modeldata.  Texts are
 * bytes, in whatever encoding. */
#ifndef THM_TEXTS_H
#define THM_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef struct {
    size_t start, size; /* in bytes */
    int64_t class;
} thm_text;

typedef struct {
    int classes, count, room;
    char **names;         /* (classes) owned                                 */
    thm_text *texts;      /* (count) owned                                   */
    unsigned char *bytes; /* all texts, each with a new line after it; owned */
    size_t used, capacity;
} thm_texts;

typedef enum { THM_TEXTS_TRAIN, THM_TEXTS_TEST } thm_texts_part;

/* The classes are the folders in test/, in the order of their bytes (neg, pos);
 * train/ must have each, and what else it has (unsup) is left alone.  Texts are
 * a class's files *.txt.  THM_EFORMAT: fewer than two classes, a class without
 * texts, an empty text; THM_EIO, THM_ENOMEM; msg says where, what was expected,
 * what was found. */
thm_status thm_texts_read(const char *folder, thm_texts_part part,
                          thm_texts *out, thm_message *msg);

/* 4000 and 1000 reviews of food (r-cran-modeldata 1.1.0: training_data and
 * testing_data), from the folder of Rdata.rdb and Rdata.rdx.  The classes are
 * the levels of `score`: great, other. */
thm_status thm_texts_read_reviews(const char *folder, thm_texts_part part,
                                  thm_texts *out, thm_message *msg);

void thm_texts_free(thm_texts *texts); /* takes zeroed and NULL */

/* Appends a text of that class; texts starts zeroed.  THM_ENOMEM, THM_EOVERFLOW
 * beyond INT_MAX texts. */
thm_status thm_texts_add(thm_texts *texts, const unsigned char *bytes,
                         size_t size, int class);

/* out: (n) <- n bytes of text k from `from` on, blanks where it has none. */
void thm_texts_cut(const thm_texts *texts, int k, size_t from, int n,
                   unsigned char *out);

#endif
