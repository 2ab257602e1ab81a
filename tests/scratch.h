/* A folder for a test's files, and the frame of a suite. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch[64]; /* path of the folder, set by the fixture */

static inline void scratch_make(void)
{
    strcpy(scratch, "/tmp/thm-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static inline const char *scratch_path(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

/* Number of files in the folder, hidden ones included. */
static inline int scratch_count(void)
{
    int count = 0;
    DIR *dir = opendir(scratch);
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2; /* "." and ".." */
}

static inline void scratch_remove(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", scratch);
    ck_assert_int_eq(system(command), 0);
}

static inline const char *scratch_write(const char *name, const void *bytes,
                                        size_t size)
{
    const char *path = scratch_path(name);
    FILE *stream = fopen(path, "wb");
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(bytes, 1, size, stream), size);
    ck_assert_int_eq(fclose(stream), 0);
    return path;
}

/* The whole file, ended by a zero byte, freed by the caller. */
static inline char *scratch_read(const char *path)
{
    FILE *stream = fopen(path, "rb");
    ck_assert_ptr_nonnull(stream);
    char *text = calloc(1, 1 << 16);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_lt(fread(text, 1, (1 << 16) - 1, stream), (1 << 16) - 1);
    fclose(stream);
    return text;
}

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
