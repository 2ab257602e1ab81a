/* The IDX reader, plain and gzip: accepted images have every byte that they
 * say, and the first image read alone is the first of all. */
#include "tests/fuzz/target.h"

#include <string.h>

#include "io/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    thm_idx all, first;
    thm_message msg = {""};
    thm_status status = thm_idx_parse("fuzz", bytes, size, 0, &all, &msg);
    if (status != THM_OK) {
        MUST(msg.text[0] != '\0' && strchr(msg.text, '\n') == NULL);
        return 0;
    }
    MUST(all.count >= 1 && all.rows >= 1 && all.cols >= 1);
    size_t item = (size_t)all.rows * (size_t)all.cols;
    volatile unsigned sum = 0; /* reads every byte */
    for (size_t i = 0; i < item * (size_t)all.count; i++) {
        sum = sum + all.data[i];
    }
    MUST(thm_idx_parse("fuzz", bytes, size, 1, &first, NULL) == THM_OK);
    MUST(first.count == 1 && memcmp(first.data, all.data, item) == 0);
    thm_idx_free(&first);
    thm_idx_free(&all);
    return 0;
}
