/* R's serialization, packed or not: whatever is accepted lies within the bytes,
 * has as many elements as it says, and is nested to a bound. */
#include "tests/fuzz/target.h"

#include <string.h>

#include "io/rdata.h"

static void look_text(const thm_r_text *text, const uint8_t *bytes, size_t size)
{
    volatile unsigned sum = 0; /* reads every byte */
    MUST(text->at == NULL || (text->at >= bytes &&
                              text->size <= (size_t)(bytes + size - text->at)));
    for (size_t k = 0; text->at != NULL && k < text->size; k++) {
        sum = sum + text->at[k];
    }
}

static void look(const thm_r *value, int depth, const uint8_t *bytes,
                 size_t size)
{
    volatile int32_t sum = 0;
    MUST(depth <= 16 && value->count >= 0);
    MUST((value->kind == THM_R_LIST) == (value->items != NULL));
    MUST((value->kind == THM_R_STRINGS) == (value->texts != NULL));
    MUST((value->kind == THM_R_INTS) == (value->numbers != NULL));
    for (int k = 0; k < value->count; k++) {
        if (value->kind == THM_R_LIST) {
            look(&value->items[k], depth + 1, bytes, size);
        } else if (value->kind == THM_R_STRINGS) {
            look_text(&value->texts[k], bytes, size);
        } else {
            sum = sum ^ value->numbers[k];
        }
    }
    const thm_r *const more[] = {value->names, value->levels};
    for (int k = 0; k < 2; k++) {
        if (more[k] != NULL) {
            MUST(more[k]->kind == THM_R_STRINGS);
            look(more[k], depth + 1, bytes, size);
        }
    }
    const thm_r *named = thm_r_item(value, "score");
    MUST(named == NULL ||
         (named >= value->items && named < value->items + value->count));
}

static void parse(const uint8_t *bytes, size_t size)
{
    thm_r value;
    thm_message msg = {""};
    if (thm_r_parse("fuzz", bytes, size, &value, &msg) == THM_OK) {
        look(&value, 0, bytes, size);
        thm_r_free(&value);
    } else {
        MUST(msg.text[0] != '\0' && strchr(msg.text, '\n') == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    unsigned char *unpacked;
    size_t length;
    thm_message msg = {""};
    parse(bytes, size);
    if (thm_r_unpack("fuzz", bytes, size, &unpacked, &length, &msg) == THM_OK) {
        MUST(length >= 1 && length <= THM_R_MOST);
        parse(unpacked, length);
        free(unpacked);
    } else {
        MUST(msg.text[0] != '\0' && strchr(msg.text, '\n') == NULL);
    }
    return 0;
}
