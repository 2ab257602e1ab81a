/* Folders of labelled texts: see texts.h. */
#include "io/texts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"
#include "io/bytes.h"

static const char *const part_names[] = {"train", "test"};

void thm_texts_free(thm_texts *texts)
{
    if (texts != NULL) {
        for (int c = 0; texts->names != NULL && c < texts->classes; c++) {
            free(texts->names[c]);
        }
        free(texts->names);
        free(texts->texts);
        free(texts->bytes);
        *texts = (thm_texts){0};
    }
}

thm_status thm_texts_add(thm_texts *t, const unsigned char *bytes, size_t size,
                         int class)
{
    size_t needed;
    if (t->count == INT_MAX || thm_size_add(t->used, size, &needed) != THM_OK ||
        thm_size_add(needed, 1, &needed) != THM_OK || needed > SIZE_MAX / 4) {
        return THM_EOVERFLOW;
    }
    if (t->count == t->room) {
        const int room = t->room > INT_MAX / 2 ? INT_MAX
                         : t->room > 0         ? 2 * t->room
                                               : 64;
        thm_text *more = realloc(t->texts, (size_t)room * sizeof *more);
        if (more == NULL) {
            return THM_ENOMEM;
        }
        t->texts = more;
        t->room = room;
    }
    if (t->bytes == NULL || needed > t->capacity) {
        unsigned char *more = realloc(t->bytes, 2 * needed);
        if (more == NULL) {
            return THM_ENOMEM;
        }
        t->bytes = more;
        t->capacity = 2 * needed;
    }
    if (size > 0) {
        memcpy(t->bytes + t->used, bytes, size);
    }
    t->texts[t->count++] = (thm_text){t->used, size, class};
    t->used = needed;
    t->bytes[needed - 1] = '\n';
    return THM_OK;
}

void thm_texts_cut(const thm_texts *texts, int k, size_t from, int n,
                   unsigned char *out)
{
    const thm_text *text = &texts->texts[k];
    const size_t left = from < text->size ? text->size - from : 0;
    const size_t taken = left < (size_t)n ? left : (size_t)n;
    if (taken > 0) {
        memcpy(out, texts->bytes + text->start + from, taken);
    }
    memset(out + taken, ' ', (size_t)n - taken);
}

/* ---- folders --------------------------------------------------------------
 */

static bool is_folder(const char *folder, const char *name)
{
    struct stat info;
    char *path = thm_path_join(folder, name);
    const bool yes =
        path != NULL && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    free(path);
    return yes;
}

static int seen(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int is_text(const struct dirent *e)
{
    const size_t n = strlen(e->d_name);
    return n > 4 && seen(e) && strcmp(e->d_name + n - 4, ".txt") == 0;
}

/* By bytes: the same order under every locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Sorted entries, freed by drop_entries. */
static thm_status list_entries(const char *folder,
                               int (*wanted)(const struct dirent *),
                               struct dirent ***entries, int *count,
                               thm_message *msg)
{
    const int found = scandir(folder, entries, wanted, by_name);
    if (found < 0) {
        return errno == ENOMEM
                   ? thm_fail(THM_ENOMEM, msg, "%s: out of memory", folder)
                   : thm_fail(THM_EIO, msg,
                              "%s: expected a readable folder, found: %s",
                              folder, strerror(errno));
    }
    *count = found;
    return THM_OK;
}

static void drop_entries(struct dirent **entries, int count)
{
    for (int k = 0; entries != NULL && k < count; k++) {
        free(entries[k]);
    }
    free(entries);
}

static thm_status name_classes(const char *folder, thm_texts *t,
                               thm_message *msg)
{
    struct dirent **entries = NULL;
    int count = 0;
    char *test = thm_path_join(folder, part_names[THM_TEXTS_TEST]);
    thm_status status = test != NULL
                            ? list_entries(test, seen, &entries, &count, msg)
                            : THM_ENOMEM;
    if (status == THM_OK) {
        t->names = calloc((size_t)count + 1, sizeof *t->names);
        status = t->names != NULL ? THM_OK : THM_ENOMEM;
    }
    for (int k = 0; status == THM_OK && k < count; k++) {
        if (is_folder(test, entries[k]->d_name)) {
            t->names[t->classes] = strdup(entries[k]->d_name);
            status = t->names[t->classes] != NULL ? THM_OK : THM_ENOMEM;
            t->classes += status == THM_OK;
        }
    }
    if (status == THM_OK && t->classes < 2) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: expected at least 2 folders, one a class, found "
                          "%d",
                          test, t->classes);
    }
    drop_entries(entries, count);
    free(test);
    return status;
}

static thm_status add_file(const char *path, int class, thm_texts *t,
                           thm_message *msg)
{
    unsigned char *bytes;
    size_t size;
    thm_status status = thm_bytes_read(path, &bytes, &size, msg);
    if (status != THM_OK) {
        return status;
    }
    status = size > 0
                 ? thm_texts_add(t, bytes, size, class)
                 : thm_fail(THM_EFORMAT, msg,
                            "%s: expected a text, found an empty file", path);
    free(bytes);
    return status;
}

static thm_status add_class(const char *folder, int class, thm_texts *t,
                            thm_message *msg)
{
    struct dirent **entries = NULL;
    int count = 0;
    thm_status status = list_entries(folder, is_text, &entries, &count, msg);
    for (int k = 0; status == THM_OK && k < count; k++) {
        char *path = thm_path_join(folder, entries[k]->d_name);
        status = path != NULL ? add_file(path, class, t, msg) : THM_ENOMEM;
        free(path);
    }
    if (status == THM_OK && count == 0) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: expected files *.txt, found none", folder);
    }
    drop_entries(entries, count);
    return status;
}

thm_status thm_texts_read(const char *folder, thm_texts_part part,
                          thm_texts *out, thm_message *msg)
{
    thm_texts t = {0};
    thm_fail(THM_ENOMEM, msg, "%s: out of memory", folder);
    char *whole = thm_path_join(folder, part_names[part]);
    thm_status status =
        whole != NULL ? name_classes(folder, &t, msg) : THM_ENOMEM;
    for (int c = 0; status == THM_OK && c < t.classes; c++) {
        char *path = thm_path_join(whole, t.names[c]);
        status = path != NULL ? add_class(path, c, &t, msg) : THM_ENOMEM;
        free(path);
    }
    free(whole);
    if (status != THM_OK) {
        thm_texts_free(&t);
        return status;
    }
    *out = t;
    return THM_OK;
}
