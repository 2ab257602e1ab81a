/* Oracle: curves drawn by hand, whose counts and medians are known. */
#include <math.h>
#include "claims/moments.h"
#include "tests/record.h"
#include "tests/scratch.h"

static const curve tokens[] = {
    {"softmax", {4500, 0, 0, 9900, 0}, 0.2, 0.5517, 0.97, 1.0301, 0.53, 0.2, 0},
    {"normsoftmax-std",
     {1500, 1200, 1200, 1700, 0},
     0.2,
     0.55,
     0.81,
     1.03,
     0.52,
     0.37,
     0},
    {"one-step", {0}, 0.4, 1.0, 1.0, 0.52, 0.52, 0.5, 0},
    {"uniform", {0}, 0.2, 0.55, 0.9, 1.03, 0.5, 0.0, 0},
    {"normsoftmax-var",
     {1700, 1700, 2000, 1000, 1000},
     0.2,
     0.55,
     0.9,
     1.03,
     0.5,
     1.1,
     0},
    {"heat", {0, 1500, 1700, 2700, 0}, 0.2, 0.55, 0.9, 1.03, 0.5, 1.4, 0}};

static thm_recorded open_drawn(const char *group, const curve *curves)
{
    char *text = record_text(group, curves);
    thm_recorded r;
    thm_message msg = {""};
    ck_assert_msg(thm_recorded_parse(thm_recorded_find(group), "drawn", text,
                                     &r, &msg) == THM_OK,
                  "%s", msg.text);
    free(text);
    return r;
}

START_TEST(a_record_is_read_run_by_run)
{
    thm_recorded r = open_drawn("tokens", tokens);
    ck_assert_str_eq(r.date, "2026-11-22");
    ck_assert(r.cap == 0.55 && r.floor == 1.0246);
    ck_assert_int_eq(r.runs, 30);
    const thm_recorded_run *run = &r.run[0];
    ck_assert_str_eq(run->arm->name, "softmax");
    ck_assert_int_eq(run->seed, 1);
    ck_assert(run->found);
    ck_assert_int_eq(run->moment, 4500);
    ck_assert_int_eq(run->n, 55); /* 1000 steps after it */
    ck_assert(run->row[0].accuracy == 0.2 && run->row[54].accuracy == 0.97);
    ck_assert(run->row[0].loss == 1.0301 && run->row[54].loss == 0.53);
    run = &r.run[1];
    ck_assert_int_eq(run->seed, 2);
    ck_assert(!run->found && run->row[99].ratio == 0.202);
    ck_assert_int_eq(run->moment, 10100);
    ck_assert_int_eq(run->n, 100);
    ck_assert_int_eq(r.run[3].n, 100); /* its steps end first */
    ck_assert(r.run[3].found);
    ck_assert_str_eq(r.run[14].arm->name, "one-step");
    ck_assert_int_eq(r.run[14].seed, 5);
    ck_assert_int_eq(r.run[14].n, 20);
    thm_recorded_free(&r);
    ck_assert_ptr_null(r.run);
}
END_TEST

START_TEST(runs_are_numbered_arm_by_arm)
{
    int seed;
    const thm_recorded_group *g = thm_recorded_find("gradients");
    ck_assert_int_eq(thm_recorded_runs(g), 80);
    ck_assert_str_eq(thm_recorded_run_of(g, 39, &seed)->name, "softmax");
    ck_assert_int_eq(seed, 40);
    ck_assert_str_eq(thm_recorded_run_of(g, 40, &seed)->name,
                     "normsoftmax-std");
    ck_assert_int_eq(seed, 1);
    ck_assert_ptr_null(thm_recorded_find("token"));
}
END_TEST

/* ---- bad files ------------------------------------------------------------
 */

/* The text with the first `from` after line `line` replaced; freed by the
 * caller. */
static char *spoil(const char *text, int line, const char *from, const char *to)
{
    const char *p = text;
    for (int l = 1; l < line; l++) {
        p = strchr(p, '\n') + 1;
    }
    const char *at = strstr(p, from);
    ck_assert_ptr_nonnull(at);
    char *out = calloc(1, strlen(text) + strlen(to) + 1);
    ck_assert_ptr_nonnull(out);
    memcpy(out, text, (size_t)(at - text));
    strcat(out, to);
    strcat(out, at + strlen(from));
    return out;
}

START_TEST(a_bad_record_is_refused_with_its_line)
{
    static const struct {
        int line;
        const char *from, *to, *says;
    } bad[] = {
        {1, "# {", "{", "line 1: expected '# ' and a JSON object"},
        {1, "2026-11-22", "22.11.2026", "line 1: expected"},
        {1, "\"2026-11-22\"", "20261122", "line 1: expected"},
        {1, "\"cap\": 0.55", "\"cap\": null", "line 1: expected"},
        {1, "smoothed_floor", "floor", "line 1: expected"},
        {2, "seed", "seeds", "line 2: expected the columns"},
        {2, "\tratio (1)", "", "line 2: expected the columns"},
        {3, "\t100\t", "\t200\t",
         "line 3: expected softmax, seed 1, step 100, found"},
        {4, "softmax\t1", "softmax\t2",
         "line 4: expected softmax, seed 1, step 200, found"},
        {5, "softmax", "sigmoid", "line 5: expected softmax, seed 1"},
        {5, "\t300\t0.2\t", "\t300\t1.2\t", "line 5: expected an accuracy"},
        {5, "\t300\t0.2\t", "\t300\tnan\t", "line 5: expected an accuracy"},
        {5, "\t300\t0.2\t", "\t300\t\t", "line 5: expected an accuracy"},
        {5, "\t300\t0.2\t", "\t300\t0.2 ", "line 5: expected an accuracy"},
        {6, "1.0301", "inf", "line 6: expected an accuracy"},
        {6, "1.0301", "-1", "line 6: expected an accuracy"},
        {7, "\t0.2\n", "\t-0.2\n", "line 7: expected an accuracy"},
        {7, "\t0.2\n", "\t0.2\t9\n", "line 7: expected an accuracy"},
        {7, "\t0.2\n", "\n", "line 7: expected an accuracy"},
        /* a run that goes on after its end, and one that ends before */
        {57, "\t5500\t", "\t5500\t0.97\t0.53\t0.2\nsoftmax\t1\t5600\t",
         "line 58: expected softmax, seed 2, step 100, found"},
        {57, "softmax\t1\t5500\t0.97\t0.53\t0.2\n", "",
         "line 57: expected softmax, seed 1, step 5500, found"},
    };
    const thm_recorded_group *g = thm_recorded_find("tokens");
    char *text = record_text("tokens", tokens);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        thm_recorded r;
        thm_message msg = {""};
        char *spoilt = spoil(text, bad[i].line, bad[i].from, bad[i].to);
        ck_assert_int_eq(thm_recorded_parse(g, "x.tsv", spoilt, &r, &msg),
                         THM_EFORMAT);
        ck_assert_msg(strncmp(msg.text, "x.tsv: ", 7) == 0 &&
                          strstr(msg.text, bad[i].says) != NULL,
                      "%zu: %s", i, msg.text);
        ck_assert_ptr_null(r.run);
        free(spoilt);
    }
    free(text);
}
END_TEST

START_TEST(too_short_and_too_long_are_bad)
{
    const thm_recorded_group *g = thm_recorded_find("tokens");
    char *text = record_text("tokens", tokens);
    thm_recorded r;
    thm_message msg;
    char *more = calloc(1, strlen(text) + 16);
    ck_assert_ptr_nonnull(more);
    strcat(strcat(more, text), "heat");
    ck_assert_int_eq(thm_recorded_parse(g, "x", more, &r, &msg), THM_EFORMAT);
    ck_assert_ptr_nonnull(
        strstr(msg.text, "expected the end of the file, found 'heat'"));
    text[strlen(text) - 1] = '\0';
    *(strrchr(text, '\n') + 1) = '\0';
    ck_assert_int_eq(thm_recorded_parse(g, "x", text, &r, &msg), THM_EFORMAT);
    ck_assert_ptr_nonnull(
        strstr(msg.text, "seed 5, step 10000, found the end of the file"));
    ck_assert_int_eq(thm_recorded_parse(g, "x", "", &r, &msg), THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "x: line 1: expected"));
    ck_assert_int_eq(thm_recorded_parse(g, "x", "# {}", &r, &msg), THM_EFORMAT);
    free(more);
    free(text);
}
END_TEST

START_TEST(files_are_opened_where_they_are)
{
    thm_recorded r;
    thm_message msg = {""};
    ck_assert_int_eq(thm_recorded_open(scratch, "tokens", &r, &msg), THM_EIO);
    ck_assert_ptr_nonnull(strstr(msg.text, "/tokens.tsv: No such file"));
    char *text = record_text("tokens", tokens);
    scratch_write("tokens.tsv", text, strlen(text));
    ck_assert_int_eq(thm_recorded_open(scratch, "tokens", &r, &msg), THM_OK);
    ck_assert_int_eq(r.runs, 30);
    thm_recorded_free(&r);
    scratch_write("tokens.tsv", text, strlen(text) + 1);
    ck_assert_int_eq(thm_recorded_open(scratch, "tokens", &r, &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "found a zero byte"));
    ck_assert_int_eq(thm_recorded_open(scratch, "fate", &r, &msg), THM_EDOMAIN);
    free(text);
}
END_TEST

START_TEST(the_records_in_the_library_are_whole)
{
    for (const thm_recorded_group *g = thm_recorded_groups; g->name; g++) {
        thm_recorded r;
        thm_message msg = {""};
        ck_assert_msg(thm_recorded_open(NULL, g->name, &r, &msg) == THM_OK,
                      "%s", msg.text);
        thm_recorded_free(&r);
    }
}
END_TEST

/* ---- rules ----------------------------------------------------------------
 */

START_TEST(moments_are_counted_and_ranked)
{
    thm_recorded r = open_drawn("tokens", tokens);
    ck_assert_int_eq(thm_moments_count(&r, "softmax", 1), 2);
    ck_assert_int_eq(thm_moments_count(&r, "softmax", 2), 1);
    ck_assert_int_eq(thm_moments_count(&r, "uniform", 1), 0);
    ck_assert_int_eq(thm_moments_count(&r, "heat", 3), 2);
    ck_assert(thm_moments_median(&r, "softmax") == 10100);
    ck_assert(thm_moments_median(&r, "normsoftmax-std") == 1500);
    ck_assert(thm_moments_median(&r, "normsoftmax-var") == 1700);
    ck_assert_int_eq(thm_moments_earlier(&r, "normsoftmax-std", "softmax"), 4);
    ck_assert_int_eq(thm_moments_earlier(&r, "softmax", "normsoftmax-std"), 0);
    thm_recorded_free(&r);
}
END_TEST

START_TEST(stuck_runs_are_held_against_the_floor)
{
    double off;
    thm_recorded r = open_drawn("tokens", tokens);
    ck_assert(thm_moments_off_floor(&r, "softmax", false, &off));
    ck_assert_double_eq_tol(off, 0.0055, 1e-12);
    ck_assert(thm_moments_off_floor(&r, "softmax", true, &off));
    ck_assert_double_eq_tol(off, 0.4946, 1e-12);
    ck_assert(!thm_moments_off_floor(&r, "normsoftmax-var", false, &off));
    thm_recorded_free(&r);
}
END_TEST

START_TEST(a_jump_is_sudden_and_no_start)
{
    curve c[6];
    memcpy(c, tokens, sizeof c);
    thm_recorded r = open_drawn("tokens", c);
    ck_assert_int_eq(thm_moments_jumps(&r, "normsoftmax-std"), 4);
    ck_assert_int_eq(thm_moments_jumps(&r, "one-step"), 0);
    ck_assert_int_eq(thm_moments_jumps(&r, "uniform"), 0);
    thm_recorded_free(&r);
    c[1].top = 0.74; /* not far enough */
    c[4].rest = 0.6; /* not from below */
    r = open_drawn("tokens", c);
    ck_assert_int_eq(thm_moments_jumps(&r, "normsoftmax-std"), 0);
    ck_assert_int_eq(thm_moments_jumps(&r, "normsoftmax-var"), 0);
    /* 0.59 at step 500, 0.76 not before 1000, 1100 */
    thm_recorded_row *row = r.run[0].row;
    for (int k = 4; k < 55; k++) {
        row[k].accuracy = k < 10 ? 0.7 : 0.76;
    }
    row[4].accuracy = 0.59;
    ck_assert_int_eq(thm_moments_jumps(&r, "softmax"), 1);
    row[9].accuracy = 0.76;
    ck_assert_int_eq(thm_moments_jumps(&r, "softmax"), 2);
    row[3].accuracy = 0.59;
    row[4].accuracy = 0.61; /* below 0.60 before step 500 only */
    ck_assert_int_eq(thm_moments_jumps(&r, "softmax"), 1);
    thm_recorded_free(&r);
}
END_TEST

static const curve images[] = {
    {"one-step", {300}, 0.6, 0.8, 0.8, 0.7, 0.7, 1.0, 0},
    {"normsoftmax-std", {1700, 2200, 2000}, 0.2, 0.5, 0.85, 1.1, 0.8, 0.5, 0},
    {"softmax", {3700, 0, 1900}, 0.3, 0.53, 0.83, 1.1, 0.8, 0.2, 0}};

START_TEST(plateau_and_end_of_images)
{
    double low, high;
    thm_recorded r = open_drawn("images-17", images);
    ck_assert(thm_moments_plateau(&r, "softmax", false, &low, &high));
    ck_assert(low == 0.53 && high == 0.53);
    /* more than half of what lies between step 500 and the moment */
    for (int k = 4; k < 11; k++) {
        r.run[3].row[k].accuracy = 0.47;
    }
    ck_assert(thm_moments_plateau(&r, "normsoftmax-std", false, &low, &high));
    ck_assert(low == 0.47 && high == 0.5);
    ck_assert(!thm_moments_plateau(&r, "one-step", false, &low, &high));
    ck_assert(thm_moments_plateau(&r, "one-step", true, &low, &high));
    ck_assert(low == 0.8 && high == 0.8);
    r.run[3].moment = 500; /* nothing before it */
    ck_assert(!thm_moments_plateau(&r, "normsoftmax-std", false, &low, &high));
    r.run[3].moment = 1700;
    ck_assert(thm_moments_ends(&r, "softmax", &low, &high));
    ck_assert(low == 0.83 && high == 0.83);
    r.run[8].row[18].accuracy = 0.65; /* at 1900 */
    r.run[8].row[r.run[8].n - 1].accuracy = 0.7;
    ck_assert(thm_moments_ends(&r, "softmax", &low, &high));
    ck_assert(low == 0.65 && high == 0.7);
    r.run[0].found = false; /* its only one */
    ck_assert(!thm_moments_ends(&r, "one-step", &low, &high));
    thm_recorded_free(&r);
}
END_TEST

static const curve gradients[] = {
    {"softmax", {0}, 0.2, 0.55, 0.9, 1.03, 0.5, 0.2, 0},
    {"normsoftmax-std", {0, 1000, 0}, 0.2, 0.55, 0.9, 1.03, 0.5, 0.3, 0}};

START_TEST(factors_are_of_the_plateau)
{
    double factor[40];
    thm_recorded r = open_drawn("gradients", gradients);
    /* seed 2 has left it at step 1000 */
    ck_assert_int_eq(
        thm_moments_factors(&r, "normsoftmax-std", "softmax", factor), 39);
    ck_assert_int_eq(
        thm_moments_factors(&r, "softmax", "normsoftmax-std", factor), 39);
    thm_moments_factors(&r, "normsoftmax-std", "softmax", factor);
    for (int i = 0; i < 39; i++) {
        ck_assert_double_eq_tol(factor[i], 1.5, 2e-5);
    }
    for (int k = 0; k < 10; k++) { /* what is not of 501 to 1000 */
        r.run[0].row[k].ratio = k < 5 ? 9.0 : 0.1 * (k - 4);
    }
    thm_moments_factors(&r, "normsoftmax-std", "softmax", factor);
    ck_assert_double_eq_tol(factor[0], 1.0, 1e-12);
    thm_recorded_free(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recorded");
    TCase *t = tcase_create("recorded");
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, a_record_is_read_run_by_run);
    tcase_add_test(t, runs_are_numbered_arm_by_arm);
    tcase_add_test(t, a_bad_record_is_refused_with_its_line);
    tcase_add_test(t, too_short_and_too_long_are_bad);
    tcase_add_test(t, files_are_opened_where_they_are);
    tcase_add_test(t, the_records_in_the_library_are_whole);
    tcase_add_test(t, moments_are_counted_and_ranked);
    tcase_add_test(t, stuck_runs_are_held_against_the_floor);
    tcase_add_test(t, a_jump_is_sudden_and_no_start);
    tcase_add_test(t, plateau_and_end_of_images);
    tcase_add_test(t, factors_are_of_the_plateau);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
