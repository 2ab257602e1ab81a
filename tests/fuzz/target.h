/* What a fuzz target is: a reader under arbitrary bytes, with the properties
 * that must hold of whatever it accepts. */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's entry; always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* An assertion that no build option removes. */
#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__,       \
                    #condition);                                               \
            abort();                                                           \
        }                                                                      \
    } while (0)

#endif
