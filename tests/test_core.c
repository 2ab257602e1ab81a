/* Suite of statuses, JSON lines, files, series, progress and run records.
 * Oracles: the headers' words, the file system's state, Jansson's reader. */
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "core/checksum.h"
#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/run.h"
#include "core/status.h"
#include "core/tsv.h"
#include "core/version.h"
#include "tests/scratch.h"

/* ---- statuses and sizes ------------------------------------------------- */

/* identity: every status of the table has its own text */
/* The example of FIPS 180-4, and nothing at all. */
START_TEST(checksums)
{
    char text[THM_CHECKSUM];
    thm_checksum(3, "abc", text);
    ck_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223"
                           "b00361a396177a9cb410ff61f20015ad");
    thm_checksum(0, "", text);
    ck_assert_str_eq(text, "e3b0c44298fc1c149afbf4c8996fb924"
                           "27ae41e4649b934ca495991b7852b855");
}
END_TEST

START_TEST(statuses_have_texts)
{
    for (int i = THM_OK; i <= THM_EINTERNAL; i++) {
        for (int j = THM_OK; j < i; j++) {
            ck_assert_str_ne(thm_status_text((thm_status)i),
                             thm_status_text((thm_status)j));
        }
    }
    ck_assert_str_eq(thm_status_text((thm_status)99), "unknown status");
}
END_TEST

/* identity: one line whatever a name holds, cut to its room */
START_TEST(messages_are_one_line)
{
    thm_message msg;
    ck_assert_int_eq(thm_fail(THM_EFORMAT, &msg, "%s:%d", "a\nb\x1b[2J", 7),
                     THM_EFORMAT);
    ck_assert_str_eq(msg.text, "a?b?[2J:7");
    ck_assert_int_eq(thm_fail(THM_EIO, NULL, "nobody reads it"), THM_EIO);
    char big[2000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    thm_fail(THM_EIO, &msg, "%s", big);
    ck_assert_uint_eq(strlen(msg.text), sizeof msg.text - 1);
}
END_TEST

/* identity: a product or sum beyond size_t is refused, out untouched */
START_TEST(sizes_do_not_wrap)
{
    size_t out = 7;
    ck_assert_int_eq(thm_size_mul(SIZE_MAX / 2 + 1, 2, &out), THM_EOVERFLOW);
    ck_assert_int_eq(thm_size_add(SIZE_MAX, 1, &out), THM_EOVERFLOW);
    ck_assert_uint_eq(out, 7);
    ck_assert_int_eq(thm_size_mul(SIZE_MAX / 2, 2, &out), THM_OK);
    ck_assert_uint_eq(out, SIZE_MAX - 1);
    ck_assert_int_eq(thm_size_add(SIZE_MAX - 1, 1, &out), THM_OK);
    ck_assert_uint_eq(out, SIZE_MAX);
}
END_TEST

/* ---- JSON lines --------------------------------------------------------- */

/* second route: Jansson's own reader gets the same doubles back */
START_TEST(json_lines_keep_numbers_and_order)
{
    static const double x[] = {2.385,   -1.127,       0.1,
                               1.0 / 3, DBL_MAX,      -0.0,
                               DBL_MIN, DBL_TRUE_MIN, 6.02214076e23};
    enum { N = sizeof x / sizeof *x };
    json_t *object = json_object();
    json_object_set_new(object, "z", thm_json_reals(N, x));
    json_object_set_new(object, "nan", thm_json_real((double)NAN));
    json_object_set_new(object, "a", thm_json_real(-HUGE_VAL));
    json_object_set_new(object, "seed", thm_json_u64(UINT64_MAX));
    json_object_set_new(object, "small", thm_json_u64(2385));
    json_object_set_new(object, "name", thm_json_string("caf\xe9\n"));
    json_object_set_new(object, "none", thm_json_string(NULL));

    FILE *stream = fopen(scratch_path("lines"), "w");
    ck_assert_int_eq(thm_json_write(stream, object), THM_OK);
    fclose(stream);
    char *line = scratch_read(scratch_path("lines"));
    ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
    ck_assert_ptr_nonnull(
        strstr(line, "\"nan\": null, \"a\": null, "
                     "\"seed\": \"18446744073709551615\", \"small\": 2385, "
                     "\"name\": \"caf?\\n\", \"none\": null}"));
    json_t *back = json_loads(line, 0, NULL);
    for (size_t i = 0; i < N; i++) {
        double y =
            json_number_value(json_array_get(json_object_get(back, "z"), i));
        ck_assert(memcmp(&x[i], &y, sizeof y) == 0);
    }
    json_decref(back);
    json_decref(object);
    free(line);
}
END_TEST

/* the device that is always full, and a value that memory had no room for */
START_TEST(json_write_reports_failure)
{
    FILE *full = fopen("/dev/full", "w");
    setvbuf(full, NULL, _IONBF, 0);
    json_t *value = json_integer(1);
    ck_assert_int_eq(thm_json_write(full, value), THM_EIO);
    ck_assert_int_eq(thm_json_write(full, NULL), THM_ENOMEM);
    json_decref(value);
    fclose(full);
}
END_TEST

/* ---- files -------------------------------------------------------------- */

/* the folder's state: nothing under the name before the commit, old content
 * until then, and no other file after it */
START_TEST(files_appear_whole)
{
    thm_file *file;
    thm_message msg;
    const char *path = scratch_path("target");
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(thm_file_begin(path, &file, &msg), THM_OK);
        fprintf(thm_file_stream(file), "round %d", round);
        fflush(thm_file_stream(file));
        ck_assert_int_eq(scratch_count(), round + 1);
        if (round == 1) {
            char *old = scratch_read(path);
            ck_assert_str_eq(old, "round 0");
            free(old);
        }
        ck_assert_int_eq(thm_file_commit(file, &msg), THM_OK);
        ck_assert_int_eq(scratch_count(), 1);
    }
    char *text = scratch_read(path);
    ck_assert_str_eq(text, "round 1");
    free(text);
}
END_TEST

/* the folder's state: an abort leaves what was there */
START_TEST(aborted_files_leave_no_trace)
{
    thm_file *file;
    thm_file_abort(NULL);
    ck_assert_int_eq(thm_file_begin(scratch_path("x"), &file, NULL), THM_OK);
    fputs("half", thm_file_stream(file));
    thm_file_abort(file);
    ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

/* the folder's state: two writers at once, a link, and a name without folder */
START_TEST(files_share_and_follow_links)
{
    thm_file *a, *b;
    ck_assert_int_eq(thm_file_begin(scratch_path("x"), &a, NULL), THM_OK);
    ck_assert_int_eq(thm_file_begin(scratch_path("x"), &b, NULL), THM_OK);
    fputs("a", thm_file_stream(a));
    fputs("b", thm_file_stream(b));
    ck_assert_int_eq(thm_file_commit(a, NULL), THM_OK);
    ck_assert_int_eq(thm_file_commit(b, NULL), THM_OK);
    ck_assert_int_eq(symlink("x", scratch_path("link")), 0);
    ck_assert_int_eq(thm_file_begin(scratch_path("link"), &a, NULL), THM_OK);
    fputs("through", thm_file_stream(a));
    ck_assert_int_eq(thm_file_commit(a, NULL), THM_OK);
    char *text = scratch_read(scratch_path("x"));
    ck_assert_str_eq(text, "through");
    free(text);
    struct stat info;
    ck_assert_int_eq(lstat(scratch_path("link"), &info), 0);
    ck_assert(S_ISLNK(info.st_mode));

    ck_assert_int_eq(chdir(scratch), 0);
    ck_assert_int_eq(thm_file_begin("bare", &a, NULL), THM_OK);
    ck_assert_int_eq(thm_file_commit(a, NULL), THM_OK);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(access(scratch_path("bare"), F_OK), 0);
    ck_assert_int_eq(scratch_count(), 3);
}
END_TEST

/* the system's refusals: no folder, a folder, a full device */
START_TEST(file_errors_are_reported)
{
    thm_file *file = NULL;
    thm_message msg;
    ck_assert_int_eq(thm_file_begin(scratch_path("no/x"), &file, &msg),
                     THM_EIO);
    ck_assert_ptr_nonnull(strstr(msg.text, "No such file"));
    ck_assert_int_eq(thm_file_begin(scratch, &file, &msg), THM_EIO);
    ck_assert_ptr_nonnull(strstr(msg.text, "Is a directory"));
    ck_assert_ptr_null(file);
    ck_assert_int_eq(thm_file_begin("/dev/full", &file, &msg), THM_OK);
    fputs("lost", thm_file_stream(file));
    ck_assert_int_eq(thm_file_commit(file, &msg), THM_EIO);
    ck_assert_ptr_nonnull(strstr(msg.text, "/dev/full"));
    struct stat info;
    ck_assert_int_eq(stat("/dev/full", &info), 0);
    ck_assert(S_ISCHR(info.st_mode));
}
END_TEST

/* the file system's state: parents are made, files in the way refused */
START_TEST(folders_are_made_with_parents)
{
    thm_message msg;
    char deep[256];
    snprintf(deep, sizeof deep, "%s/a//b/c/", scratch);
    ck_assert_int_eq(thm_dir_make(deep, &msg), THM_OK);
    ck_assert_int_eq(thm_dir_make(deep, &msg), THM_OK);
    struct stat info;
    ck_assert(stat(deep, &info) == 0 && S_ISDIR(info.st_mode));
    scratch_write("f", "", 0);
    ck_assert_int_eq(thm_dir_make(scratch_path("f"), &msg), THM_EIO);
    ck_assert_int_eq(thm_dir_make(scratch_path("f/below"), &msg), THM_EIO);
    ck_assert_int_eq(thm_dir_make("", &msg), THM_EIO);
    char *joined = thm_path_join("a", "b"), *slash = thm_path_join("a/", "b");
    ck_assert_str_eq(joined, "a/b");
    ck_assert_str_eq(slash, "a/b");
    free(joined);
    free(slash);
}
END_TEST

/* stored: the format of the header's first line */
START_TEST(series_are_written)
{
    static const thm_tsv_column columns[] = {{"tau", "1"}, {"entropy", "nat"}};
    thm_tsv *tsv;
    thm_message msg;
    const char *path = scratch_path("series.tsv");
    ck_assert_int_eq(thm_tsv_begin(path, 0, columns, &tsv, &msg), THM_EDIM);
    ck_assert_int_eq(thm_tsv_begin(path, 2, columns, &tsv, &msg), THM_OK);
    thm_tsv_row(tsv, (double[]){0.1, (double)NAN});
    thm_tsv_break(tsv);
    thm_tsv_row(tsv, (double[]){2, -1.127});
    ck_assert_int_eq(thm_tsv_commit(tsv, &msg), THM_OK);
    char *text = scratch_read(path);
    ck_assert_str_eq(text, "# tau (1)\tentropy (nat)\n"
                           "0.10000000000000001\tnan\n\n2\t-1.127\n");
    free(text);
    ck_assert_int_eq(thm_tsv_begin(path, 2, columns, &tsv, &msg), THM_OK);
    thm_tsv_abort(tsv);
    thm_tsv_abort(NULL);
    ck_assert_int_eq(scratch_count(), 1);
    ck_assert_int_eq(
        thm_tsv_begin(scratch_path("no/x"), 2, columns, &tsv, &msg), THM_EIO);
    ck_assert_int_eq(thm_tsv_begin("/dev/full", 2, columns, &tsv, &msg),
                     THM_OK);
    ck_assert_int_eq(thm_tsv_commit(tsv, &msg), THM_EIO);
}
END_TEST

/* ---- progress and run.json ---------------------------------------------- */

/* identity: nothing at once, a line after a while, blank when it ends */
START_TEST(progress_is_throttled_and_erased)
{
    FILE *stream = fopen(scratch_path("progress"), "w");
    thm_progress p = thm_progress_begin(stream, "cases");
    thm_progress_update(&p, 1, 400);
    ck_assert_int_eq(p.shown, 0);
    nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
    thm_progress_update(&p, 100, 400);
    thm_progress_update(&p, 101, 400);
    ck_assert_int_gt(p.shown, 0);
    thm_progress_end(&p);
    fclose(stream);
    char *text = scratch_read(scratch_path("progress"));
    ck_assert_ptr_nonnull(strstr(text, "cases   25% (100/400)"));
    ck_assert_ptr_nonnull(strstr(text, "ETA"));
    ck_assert_ptr_null(strstr(text, "101"));
    ck_assert_int_eq(text[strlen(text) - 1], '\r');
    free(text);

    thm_progress silent = thm_progress_begin(NULL, "cases");
    thm_progress_update(&silent, 100, 0);
    thm_progress_end(&silent);
}
END_TEST

/* second route: Jansson reads what was written */
START_TEST(runs_are_recorded)
{
    static double x = 2.385;
    static const thm_option table[] = {
        {"x", 0, "X", THM_OPTION_REAL, &x, "", 0, 9}, {0}};
    static const thm_options spec = {
        .program = "probe", .purpose = "", .table = table};
    const thm_run run = {.options = &spec,
                         .seed = 2385,
                         .isa = "avx2",
                         .threads = 2,
                         .wall_seconds = 1.127};
    thm_message msg;
    ck_assert_int_eq(thm_run_write(scratch_path("a/b"), &run, &msg), THM_OK);
    json_t *back = json_load_file(scratch_path("a/b/run.json"), 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(back, "program")),
                     "probe");
    ck_assert_str_eq(json_string_value(json_object_get(back, "version")),
                     THM_VERSION);
    ck_assert(json_real_value(
                  json_object_get(json_object_get(back, "options"), "x")) == x);
    ck_assert_int_eq(json_integer_value(json_object_get(back, "seed")), 2385);
    ck_assert(json_is_null(json_object_get(back, "blas_core")));
    ck_assert(json_is_string(json_object_get(back, "compiler")));
    ck_assert(json_is_string(json_object_get(back, "cpu")));
    ck_assert(json_real_value(json_object_get(back, "wall_seconds")) == 1.127);
    json_decref(back);
    ck_assert_int_eq(thm_run_write("/dev/null/x", &run, &msg), THM_EIO);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("core");
    TCase *c = tcase_create("core");
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, checksums);
    tcase_add_test(c, statuses_have_texts);
    tcase_add_test(c, messages_are_one_line);
    tcase_add_test(c, sizes_do_not_wrap);
    tcase_add_test(c, json_lines_keep_numbers_and_order);
    tcase_add_test(c, json_write_reports_failure);
    tcase_add_test(c, files_appear_whole);
    tcase_add_test(c, aborted_files_leave_no_trace);
    tcase_add_test(c, files_share_and_follow_links);
    tcase_add_test(c, file_errors_are_reported);
    tcase_add_test(c, folders_are_made_with_parents);
    tcase_add_test(c, series_are_written);
    tcase_add_test(c, progress_is_throttled_and_erased);
    tcase_add_test(c, runs_are_recorded);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
