/* Folders of texts, as the bytes say: up to 12 pieces, ended by zero bytes, the
 * first byte of each its place (train or test, class, name), the rest the file.
 * Whatever is accepted has two classes or more, texts of at least a byte that
 * lie one after the other, and windows of them and blanks. */
#include "tests/fuzz/target.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/texts.h"

enum { PLACES = 12, WINDOW = 16 };

static char root[32];

/* Of place k: bit 0 the part, bit 1 whether *.txt, the rest the class. */
static const char *path_of(int k, int parts)
{
    static char path[128];
    const char *const part = k & 1 ? "/train" : "/test";
    const char *const name = k & 2 ? "/1.txt" : "/other";
    const char class[] = {'/', (char)('a' + k / 4), '\0'};
    snprintf(path, sizeof path, "%s%s%s%s", root, part, parts > 1 ? class : "",
             parts > 2 ? name : "");
    return path;
}

static void clear(void)
{
    for (int k = 0; k < PLACES; k++) {
        unlink(path_of(k, 3));
    }
    for (int k = 0; k < PLACES; k++) {
        rmdir(path_of(k, 2));
    }
    for (int k = 0; k < 2; k++) {
        rmdir(path_of(k, 1));
    }
    rmdir(root);
}

static void put(const uint8_t *bytes, size_t size)
{
    const int k = bytes[0] % PLACES;
    mkdir(path_of(k, 1), 0700);
    mkdir(path_of(k, 2), 0700);
    FILE *file = fopen(path_of(k, 3), "wb");
    MUST(file != NULL);
    MUST(fwrite(bytes + 1, 1, size - 1, file) == size - 1);
    MUST(fclose(file) == 0);
}

static void look(const thm_texts *t)
{
    size_t at = 0;
    MUST(t->classes >= 2 && t->count >= t->classes);
    for (int k = 0; k < t->count; k++) {
        const thm_text *text = &t->texts[k];
        unsigned char window[WINDOW];
        MUST(text->start == at && text->size >= 1);
        MUST(text->class >= 0 && text->class < t->classes);
        at += text->size + 1;
        MUST(t->bytes[at - 1] == '\n');
        for (size_t from = 0; from <= text->size + 1; from++) {
            thm_texts_cut(t, k, from, WINDOW, window);
            for (size_t j = 0; j < WINDOW; j++) {
                MUST(window[j] == (from + j < text->size
                                       ? t->bytes[text->start + from + j]
                                       : ' '));
            }
        }
    }
    MUST(at == t->used && at <= t->capacity);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (root[0] == '\0') {
        strcpy(root, "/tmp/thm-fuzz-XXXXXX");
        MUST(mkdtemp(root) != NULL);
    } else {
        MUST(mkdir(root, 0700) == 0);
    }
    for (int k = 0; k < PLACES && size > 0; k++) {
        const uint8_t *end = memchr(bytes, 0, size);
        const size_t piece = end != NULL ? (size_t)(end - bytes) : size;
        if (piece > 0) {
            put(bytes, piece);
        }
        const size_t past = piece + (end != NULL);
        bytes += past;
        size -= past;
    }
    for (int part = 0; part < 2; part++) {
        thm_texts texts;
        thm_message msg = {""};
        if (thm_texts_read(root, (thm_texts_part)part, &texts, &msg) ==
            THM_OK) {
            look(&texts);
            thm_texts_free(&texts);
        } else {
            MUST(msg.text[0] != '\0' && strchr(msg.text, '\n') == NULL);
        }
    }
    clear();
    return 0;
}
