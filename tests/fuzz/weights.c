/* The reader of a transformer's parameters: what it accepts is a model that the
 * check accepts, with as many finite numbers as its table has, no more than
 * bytes / 2. */
#include "tests/fuzz/target.h"

#include <math.h>
#include <string.h>

#include "vit/weights.h"

static void try_heads(int heads, const uint8_t *bytes, size_t size)
{
    thm_vit_weights w;
    thm_message msg = {""};
    const thm_status status =
        thm_vit_weights_parse("fuzz", bytes, size, heads, &w, &msg);
    if (status != THM_OK) {
        MUST(status == THM_ENOMEM || status == THM_EOVERFLOW ||
             msg.text[0] != '\0');
        MUST(strchr(msg.text, '\n') == NULL);
        return;
    }
    MUST(thm_vit_config_check(&w.record.config, NULL) == THM_OK);
    MUST(heads == 0 || w.record.config.heads == heads);
    MUST((size_t)w.layout.total <= size / 2 && w.channels >= 0);
    for (int64_t k = 0; k < w.layout.total; k++) {
        MUST(isfinite(w.params[k]));
    }
    thm_vit_weights_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    try_heads(0, bytes, size);
    try_heads(1, bytes, size);
    try_heads(2, bytes, size);
    return 0;
}
