/* The safetensors reader, by way of the choice of the format: an accepted
 * tensor has the shape that it says and never more numbers than bytes / 2. */
#include "tests/fuzz/target.h"

#include <string.h>

#include "io/tensor.h"

static void try_name(const char *name, const uint8_t *bytes, size_t size)
{
    thm_tensor t;
    thm_message msg = {""};
    thm_status status = thm_tensor_parse("fuzz", name, bytes, size, &t, &msg);
    if (status != THM_OK) {
        MUST(msg.text[0] != '\0' && strchr(msg.text, '\n') == NULL);
        return;
    }
    size_t count = 1;
    MUST(t.ndim >= 1 && t.ndim <= THM_TENSOR_MAX_DIMS);
    for (int i = 0; i < t.ndim; i++) {
        count *= t.shape[i];
    }
    MUST(count == t.count && t.eps > 0);
    MUST(t.text || t.count <= size / 2);
    volatile double sum = 0; /* reads every number */
    for (size_t i = 0; i < t.count; i++) {
        sum = sum + t.data[i];
    }
    thm_tensor_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    try_name(NULL, bytes, size);
    try_name("a", bytes, size);
    return 0;
}
