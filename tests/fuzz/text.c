/* The text reader: what it accepts is a table whose every bit survives being
 * written and read again; what it refuses has a message of one line. */
#include "tests/fuzz/target.h"

#include <math.h>
#include <string.h>

#include "io/formats.h"

static void check_table(const thm_tensor *t)
{
    MUST(t->ndim == 2 && t->shape[0] > 0 && t->shape[1] > 0);
    MUST(t->count == t->shape[0] * t->shape[1]);
    for (size_t i = 1; i < t->shape[0]; i++) {
        MUST(t->lines[i] > t->lines[i - 1]);
    }
}

static void check_again(const thm_tensor *t)
{
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    MUST(stream != NULL);
    for (size_t i = 0; i < t->count; i++) {
        fprintf(stream, "%.17g%s", t->data[i],
                (i + 1) % t->shape[1] == 0 ? "\n" : ", ");
    }
    MUST(fclose(stream) == 0);
    thm_tensor again;
    MUST(thm_text_parse("again", (const unsigned char *)text, size, &again,
                        NULL) == THM_OK);
    check_table(&again);
    MUST(again.shape[0] == t->shape[0] && again.shape[1] == t->shape[1]);
    for (size_t i = 0; i < t->count; i++) {
        bool both_nan = isnan(t->data[i]) && isnan(again.data[i]);
        MUST(both_nan || memcmp(&t->data[i], &again.data[i], 8) == 0);
    }
    thm_tensor_free(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    thm_tensor t;
    thm_message msg = {""};
    thm_status status = thm_text_parse("fuzz", bytes, size, &t, &msg);
    if (status == THM_OK) {
        check_table(&t);
        check_again(&t);
        thm_tensor_free(&t);
    } else {
        MUST(msg.text[0] != '\0' && strchr(msg.text, '\n') == NULL);
    }
    return 0;
}
