/* Oracles: rows as the same sweep leaves them when nothing stops it (identity),
 * whatever the threads, the shards and the moments at which it was killed. */
#include <check.h>
#include <math.h>
#include <sys/stat.h>
#include "core/rng.h"
#include "sweep/sweep.h"
#include "tests/interrupt.h"
#include "tests/scratch.h"

enum { CASES = 40, VALUES = 5, ALL = CASES * VALUES };

static const char plan[] = "seed 3\nsizes 2 5\n";

/* What a run of cases is to do, and what it did. */
typedef struct {
    useconds_t pause;      /* in each case                       */
    int fails, also_fails; /* indices; -1: none                  */
    bool together;         /* neither of the two before both run */
    int slow;              /* which of the two fails later       */
    int stop_after;        /* cases; -1: never                   */
    int calls;
} script;

static const script nothing = {.fails = -1, .also_fails = -1, .stop_after = -1};

static thm_status make_row(int index, double *values, thm_message *msg,
                           void *ctx)
{
    script *s = ctx;
    thm_rng rng = thm_rng_make(3, (uint64_t)index);
#pragma omp atomic
    s->calls++;
    if (index == s->fails || index == s->also_fails) {
        for (int calls = 0; s->together && calls < 2;) {
#pragma omp atomic read
            calls = s->calls;
        }
        usleep(s->together && index == s->slow ? 50000 : 0);
        return thm_fail(THM_ESINGULAR, msg, "case %d is singular", index);
    }
    for (int v = 0; v < VALUES; v++) {
        values[v] =
            v == 3 && index % 7 == 0 ? (double)NAN : thm_rng_normal(&rng);
    }
    usleep(s->pause);
    return THM_OK;
}

static bool stop(void *ctx)
{
    const script *s = ctx;
    return s->stop_after >= 0 && s->calls >= s->stop_after;
}

static thm_sweep sweep_of(script *s, const char *folder)
{
    return (thm_sweep){.folder = folder,
                       .plan = plan,
                       .cases = CASES,
                       .values = VALUES,
                       .shards = 1,
                       .threads = 1,
                       .run = make_row,
                       .stop = stop,
                       .ctx = s};
}

static void reference(double *rows)
{
    script s = nothing;
    thm_sweep_count count;
    const thm_sweep sweep = sweep_of(&s, NULL);
    ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, NULL), THM_OK);
    ck_assert(count.made == CASES && count.found == 0 && count.missing == 0);
}

static int count_nans(const double *rows)
{
    int nans = 0;
    for (int i = 0; i < ALL; i++) {
        nans += isnan(rows[i]) != 0;
    }
    return nans;
}

START_TEST(threads_change_nothing)
{
    double rows[ALL], want[ALL];
    reference(want);
    ck_assert_int_eq(count_nans(want), 6);
    for (int threads = 1; threads <= 7; threads += 2) {
        script s = nothing;
        thm_sweep_count count;
        thm_sweep sweep = sweep_of(&s, scratch_path("rows"));
        sweep.threads = threads;
        ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, NULL), THM_OK);
        ck_assert(count.made == CASES && s.calls == CASES);
        ck_assert_mem_eq(rows, want, sizeof want);
        /* again: everything is there */
        memset(rows, 0, sizeof rows);
        ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, NULL), THM_OK);
        ck_assert(count.found == CASES && s.calls == CASES);
        ck_assert_mem_eq(rows, want, sizeof want);
        thm_sweep_remove(&sweep);
        ck_assert_int_eq(scratch_count(), 0);
    }
}
END_TEST

START_TEST(shards_make_the_whole)
{
    static const int order[] = {2, 0, 1};
    double rows[ALL], want[ALL];
    reference(want);
    for (int k = 0; k < 3; k++) {
        script s = nothing;
        thm_sweep_count count;
        thm_sweep sweep = sweep_of(&s, scratch_path("rows"));
        sweep.shard = order[k];
        sweep.shards = 3;
        ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, NULL), THM_OK);
        ck_assert_int_eq(s.calls, order[k] == 0 ? 14 : 13);
        ck_assert_int_eq(count.made, s.calls);
        ck_assert_int_eq(count.made + count.found + count.missing, CASES);
        ck_assert_int_eq(count.missing == 0, k == 2);
        ck_assert_int_eq(count_nans(rows) > 20, k < 2);
    }
    ck_assert_mem_eq(rows, want, sizeof want);
}
END_TEST

/* A child that runs the sweep and is killed once there are so many files. */
static bool run_until(const char *folder, int files)
{
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        static double rows[ALL];
        script s = nothing;
        thm_sweep_count count;
        s.pause = 2000;
        const thm_sweep sweep = sweep_of(&s, folder);
        _exit(thm_sweep_run(&sweep, rows, &count, NULL) == THM_OK ? 0 : 1);
    }
    return kill_at(pid, folder, files);
}

START_TEST(killed_at_any_moment_it_goes_on)
{
    char folder[128];
    double rows[ALL], want[ALL];
    strcpy(folder, scratch_path("rows"));
    reference(want);
    for (int round = 0; round < 6; round++) {
        script s = nothing;
        thm_sweep_count count;
        thm_sweep sweep = sweep_of(&s, folder);
        sweep.threads = 1 + round % 3;
        for (int kills = 0; kills < 4; kills++) {
            ck_assert(run_until(folder, round + 9 * kills));
        }
        ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, NULL), THM_OK);
        ck_assert_int_eq(count.found + count.made, CASES);
        ck_assert_int_eq(count.made, s.calls);
        /* the plan, and a row half-written by each of those killed */
        ck_assert_int_ge(count.found, 27 + round - 5);
        ck_assert_mem_eq(rows, want, sizeof want);
        thm_sweep_remove(&sweep);
        ck_assert_int_eq(scratch_count(), 0);
    }
}
END_TEST

START_TEST(broken_rows_are_made_anew)
{
    double rows[ALL], want[ALL];
    const char bytes[VALUES * 8 + 1] = {0};
    script s = nothing;
    thm_sweep_count count;
    char folder[128];
    strcpy(folder, scratch_path("rows"));
    const thm_sweep sweep = sweep_of(&s, folder);
    reference(want);
    ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, NULL), THM_OK);
    scratch_write("rows/00000003", bytes, 0);
    scratch_write("rows/00000011", bytes, VALUES * 8 - 1);
    scratch_write("rows/00000012", bytes, VALUES * 8 + 1);
    scratch_write("rows/.00000013.77-0.tmp", bytes, 3);
    ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, NULL), THM_OK);
    ck_assert(count.found == CASES - 3 && count.made == 3);
    ck_assert_mem_eq(rows, want, sizeof want);
    /* what is not the sweep's stays */
    scratch_write("rows/notes", bytes, 3);
    thm_sweep_remove(&sweep);
    ck_assert_int_eq(access(scratch_path("rows/notes"), F_OK), 0);
    ck_assert_int_eq(unlink(scratch_path("rows/notes")), 0);
    ck_assert_int_eq(rmdir(scratch_path("rows")), 0);
    thm_sweep_remove(&sweep);
}
END_TEST

START_TEST(another_plan_is_refused)
{
    static const struct {
        const char *plan, *expected, *found;
    } others[] = {{"seed 3\nsizes 2 6\n", "\"sizes 2 6\"", "\"sizes 2 5\""},
                  {"seed 4\nsizes 2 5\n", "\"seed 4\"", "\"seed 3\""},
                  {"seed 3\n", "\"\"", "\"sizes 2 5\""},
                  {"seed 3\nsizes 2 5\nnew 1\n", "\"new 1\"", "\"\""},
                  {"", "\"\"", "\"seed 3\""}};
    double rows[ALL];
    thm_sweep_count count;
    script s = nothing;
    thm_sweep sweep = sweep_of(&s, scratch_path("rows"));
    ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, NULL), THM_OK);
    s.calls = 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        thm_message msg = {""};
        sweep.plan = others[i].plan;
        ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, &msg),
                         THM_EDOMAIN);
        const char *expected = strstr(msg.text, others[i].expected);
        ck_assert_msg(expected && strstr(expected, others[i].found), "%s",
                      msg.text);
        ck_assert_ptr_nonnull(strstr(msg.text, "rows: "));
    }
    ck_assert_int_eq(s.calls, 0);
}
END_TEST

START_TEST(a_failure_names_its_case_and_keeps_the_others)
{
    double rows[ALL], want[ALL];
    thm_sweep_count count;
    reference(want);
    for (int threads = 1; threads <= 4; threads += 3) {
        script s = nothing;
        thm_message msg = {""};
        thm_sweep sweep = sweep_of(&s, scratch_path("rows"));
        sweep.threads = threads;
        s.fails = 17;
        s.also_fails = 17;
        ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, &msg),
                         THM_ESINGULAR);
        ck_assert_str_eq(msg.text, "case 17 is singular");
        ck_assert(s.calls >= 18 && s.calls < 18 + threads);
        s = nothing;
        ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, &msg), THM_OK);
        ck_assert(count.found >= 17 && count.made == s.calls && s.calls > 0);
        ck_assert_mem_eq(rows, want, sizeof want);
        thm_sweep_remove(&sweep);
    }
    /* of two the first, whichever of them fails first */
    for (int slow = 0; slow < 2; slow++) {
        script s = nothing;
        thm_message msg = {""};
        thm_sweep sweep = sweep_of(&s, NULL);
        s.fails = 1;
        s.also_fails = 0;
        s.together = true;
        s.slow = slow;
        sweep.threads = 2;
        ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, &msg),
                         THM_ESINGULAR);
        ck_assert_str_eq(msg.text, "case 0 is singular");
    }
}
END_TEST

START_TEST(stopped_it_says_what_is_kept)
{
    double rows[ALL], want[ALL];
    thm_sweep_count count;
    script s = nothing;
    thm_message msg = {""};
    const thm_sweep sweep = sweep_of(&s, scratch_path("rows"));
    reference(want);
    s.stop_after = 9;
    ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, &msg),
                     THM_EINTERRUPTED);
    ck_assert_ptr_nonnull(strstr(msg.text, "interrupted: 9 cases"));
    s = nothing;
    ck_assert_int_eq(thm_sweep_run(&sweep, rows, &count, &msg), THM_OK);
    ck_assert(count.found == 9 && count.made == CASES - 9);
    ck_assert_mem_eq(rows, want, sizeof want);
}
END_TEST

START_TEST(bad_arguments)
{
    double rows[ALL];
    thm_sweep_count count;
    script s = nothing;
    thm_message msg = {""};
    const thm_sweep good = sweep_of(&s, NULL);
    thm_sweep bad = good;
#define REFUSED(field, value)                                                  \
    bad = good;                                                                \
    bad.field = value;                                                         \
    ck_assert_int_eq(thm_sweep_run(&bad, rows, &count, &msg), THM_EDIM)
    REFUSED(cases, 0);
    REFUSED(values, 0);
    REFUSED(threads, 0);
    REFUSED(shard, -1);
    REFUSED(shard, 1);
    REFUSED(shards, 0);
    REFUSED(shards, 2); /* and no folder */
    /* a file where the folder should be; a folder where a row should be */
    bad = good;
    bad.folder = scratch_write("rows", "x", 1);
    ck_assert_int_eq(thm_sweep_run(&bad, rows, &count, &msg), THM_EIO);
    ck_assert_int_eq(unlink(bad.folder), 0);
    ck_assert_int_eq(thm_sweep_run(&bad, rows, &count, &msg), THM_OK);
    ck_assert_int_eq(unlink(scratch_path("rows/00000003")), 0);
    ck_assert_int_eq(mkdir(scratch_path("rows/00000003"), 0777), 0);
    bad.folder = scratch_path("rows");
    ck_assert_int_eq(thm_sweep_run(&bad, rows, &count, &msg), THM_EIO);
    ck_assert_ptr_nonnull(strstr(msg.text, "00000003"));
}
END_TEST

START_TEST(shards_are_parsed)
{
    int shard = 8, shards = 8;
    thm_message msg = {""};
    ck_assert_int_eq(thm_sweep_parse_shard(NULL, &shard, &shards, &msg),
                     THM_OK);
    ck_assert(shard == 0 && shards == 1);
    ck_assert_int_eq(thm_sweep_parse_shard("2/13", &shard, &shards, &msg),
                     THM_OK);
    ck_assert(shard == 2 && shards == 13);
    static const char *const bad[] = {"3",         "3/3",
                                      "-1/3",      "1/0",
                                      "/3",        "1/",
                                      "1/3/4",     "1/3 ",
                                      " 1/3",      "a/b",
                                      "1/1000001", "0/0",
                                      "/",         "00000000000000000001/2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        msg.text[0] = '\0';
        ck_assert_int_eq(thm_sweep_parse_shard(bad[i], &shard, &shards, &msg),
                         THM_EDOMAIN);
        ck_assert_ptr_nonnull(strstr(msg.text, bad[i]));
    }
    ck_assert(shard == 2 && shards == 13);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sweep");
    TCase *t = tcase_create("sweep");
    TCase *slow = tcase_create("slow"); /* minutes under valgrind */
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    tcase_add_checked_fixture(slow, scratch_make, scratch_remove);
    suite_add_tcase(suite, slow);
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, threads_change_nothing);
    tcase_add_test(t, shards_make_the_whole);
    tcase_add_test(slow, killed_at_any_moment_it_goes_on);
    tcase_add_test(t, broken_rows_are_made_anew);
    tcase_add_test(t, another_plan_is_refused);
    tcase_add_test(t, a_failure_names_its_case_and_keeps_the_others);
    tcase_add_test(t, stopped_it_says_what_is_kept);
    tcase_add_test(t, bad_arguments);
    tcase_add_test(t, shards_are_parsed);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
