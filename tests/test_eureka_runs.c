/* Oracle: curves drawn by hand, on which each statement is true or false by its
 * words.  Programs: those which judge records; eureka-runs, which
 * trains. */
#include "tests/program.h"
#include "tests/record.h"

/* As another implementation saw it, or better for the statements, ... */
static const curve as_said[][6] = {
    {{"softmax", {4500, 0, 0, 0, 0}, 0.2, 0.55, 0.97, 1.0301, 0.53, 0.2, 0},
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
     {"normsoftmax-var", {1700}, 0.2, 0.55, 0.9, 1.03, 0.5, 1.1, 0},
     {"heat", {0}, 0.2, 0.55, 0.9, 1.03, 0.5, 1.4, 0}},
    {{"softmax", {0}, 0.2, 0.55, 0.9, 1.03, 0.5, 0.2, 0},
     {"normsoftmax-std", {0}, 0.2, 0.55, 0.9, 1.03, 0.5, 0.3, 0}},
    {{"softmax", {5000, 0, 5100}, 0.2, 0.53, 0.86, 1.1, 0.8, 0.2, 0},
     {"normsoftmax-std", {0}, 0.2, 0.53, 0.86, 1.1, 0.8, 0.2, 0}},
    {{"one-step", {300}, 0.6, 0.8, 0.8, 0.7, 0.7, 1.0, 0},
     {"normsoftmax-std",
      {1700, 2200, 2000},
      0.2,
      0.49,
      0.85,
      1.1,
      0.8,
      0.5,
      0.65},
     {"softmax", {3700, 3700, 1900}, 0.3, 0.53, 0.83, 1.1, 0.8, 0.2, 0}},
};

/* ... and the other way round. */
static const curve otherwise[][6] = {
    {{"softmax",
      {0, 4500, 4900, 4900, 4800},
      0.2,
      0.55,
      0.97,
      1.034,
      0.53,
      0.2,
      0},
     {"normsoftmax-std",
      {0, 0, 0, 5100, 5100},
      0.2,
      0.55,
      0.7,
      1.03,
      0.52,
      0.37,
      0},
     {"one-step", {900, 900, 900, 900}, 0.4, 0.5, 1.0, 1.02, 1.02, 0.5, 0},
     {"uniform", {1000, 1000, 1000, 1000}, 0.2, 0.55, 0.9, 1.03, 0.5, 0.0, 0},
     {"normsoftmax-var", {1700}, 0.2, 0.55, 0.9, 1.03, 0.5, 1.1, 0},
     {"heat", {0}, 0.2, 0.55, 0.9, 1.03, 0.5, 1.4, 0}},
    {{"softmax", {0}, 0.2, 0.55, 0.9, 1.03, 0.5, 0.2, 0},
     {"normsoftmax-std", {0}, 0.2, 0.55, 0.9, 1.03, 0.5, 0.15, 0}},
    {{"softmax", {0, 0, 5100}, 0.2, 0.53, 0.86, 1.1, 0.8, 0.2, 0},
     {"normsoftmax-std", {3000, 4000, 900}, 0.2, 0.53, 0.86, 1.1, 0.8, 0.2, 0}},
    {{"one-step", {0}, 0.6, 0.5, 0.8, 0.7, 0.7, 1.0, 0},
     {"normsoftmax-std",
      {3700, 3800, 2000},
      0.2,
      0.5,
      0.78,
      1.1,
      0.8,
      0.5,
      0.8},
     {"softmax", {3700, 3700, 1900}, 0.3, 0.55, 0.8, 1.1, 0.8, 0.2, 0}},
};

static void write_records(const curve (*curves)[6])
{
    static const char *const groups[] = {"tokens", "gradients", "images-5",
                                         "images-17"};
    for (int g = 0; g < 4; g++) {
        char name[32];
        char *text = record_text(groups[g], curves[g]);
        snprintf(name, sizeof name, "%s.tsv", groups[g]);
        scratch_write(name, text, strlen(text));
        free(text);
    }
}

/* The line of a claim says its verdict, and that it is recorded. */
static void says(const char *lines, const char *id, const char *verdict)
{
    char from[64];
    snprintf(from, sizeof from, "\"id\": \"%s\"", id);
    const char *line = strstr(lines, from);
    ck_assert_msg(line != NULL, "no line of %s in %s", id, lines);
    char *copy = strndup(line, strcspn(line, "\n"));
    ck_assert_ptr_nonnull(copy);
    snprintf(from, sizeof from, "\"verdict\": \"%s\"", verdict);
    ck_assert_msg(strstr(copy, from) != NULL, "%s: expected %s: %s", id,
                  verdict, copy);
    ck_assert_ptr_nonnull(strstr(copy, "\"recorded\": \"2026-11-22\"}"));
    free(copy);
}

static const char *const twin_is_corrected[] = {"H4.2", "H5.2", "H10.2"};

/* Of a claim that is expected REFUTED the twin is a weaker statement, which
 * holds where the claim does. */
static bool is_corrected(const char *id)
{
    return strcmp(id, twin_is_corrected[0]) == 0 ||
           strcmp(id, twin_is_corrected[1]) == 0 ||
           strcmp(id, twin_is_corrected[2]) == 0;
}

static void judge(const curve (*curves)[6], const char *verdict,
                  const char *opposite)
{
    static const struct {
        const char *program, *claims[8];
    } proofs[] = {
        {"h4-runs", {"H4.1", "H4.2", "H5.1", "H5.2", "H6.1", "H6.2", "H7"}},
        {"h8-gradients", {"H8"}},
        {"h10-images", {"H10.1", "H10.2", "H11.1", "H11.2", "H11.3"}}};
    write_in("");
    write_records(curves);
    for (size_t p = 0; p < sizeof proofs / sizeof *proofs; p++) {
        find_program(proofs[p].program);
        outcome o = run("--recorded . --json", "");
        ck_assert_str_eq(o.err, "");
        for (const char *const *id = proofs[p].claims; *id; id++) {
            char twin[16];
            snprintf(twin, sizeof twin, "X%s", *id);
            says(o.out, *id, verdict);
            says(o.out, twin, is_corrected(*id) ? verdict : opposite);
        }
        outcome_free(&o);
    }
}

START_TEST(statements_hold_where_they_are_true)
{
    judge(as_said, "HOLDS", "REFUTED");
}
END_TEST

START_TEST(statements_are_refuted_where_they_are_false)
{
    judge(otherwise, "REFUTED", "HOLDS");
}
END_TEST

START_TEST(evidence_and_the_day_are_shown)
{
    find_program("h4-runs");
    write_in("");
    write_records(as_said);
    outcome o = run("--recorded . --only H6.1 --json", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_ptr_nonnull(strstr(o.out, "\"evidence\": \"sampled\""));
    ck_assert_ptr_nonnull(strstr(o.out, "\"margin\": 1000.0,"));
    ck_assert_ptr_nonnull(strstr(o.out, "\"worst_case\": \"tokens\""));
    outcome_free(&o);
    o = run("--recorded . --only H6.1 --table", "");
    ck_assert_ptr_nonnull(strstr(o.out, "HOLDS (recorded 2026-11-22)"));
    outcome_free(&o);
    find_program("h8-gradients");
    o = run("--recorded . --only H8 --json", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_ptr_nonnull(strstr(o.out, "\"evidence\": \"statistical\""));
    outcome_free(&o);
}
END_TEST

/* With less than 16 pairs on the plateau no interval has the level. */
START_TEST(too_few_pairs_decide_nothing)
{
    curve c[4][6];
    memcpy(c, as_said, sizeof c);
    c[1][0].moment[7] = 900; /* seeds 8 to 40 have left it */
    find_program("h8-gradients");
    write_in("");
    write_records((const curve(*)[6])c);
    outcome o = run("--recorded . --only H8 --json", "");
    says(o.out, "H8", "VACUOUS");
    outcome_free(&o);
}
END_TEST

START_TEST(a_bad_record_is_one_line)
{
    find_program("h4-runs");
    write_in("");
    outcome o = run("--recorded . --only H4", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_str_eq(o.out, "");
    ck_assert_str_eq(o.err, "h4-runs: ./tokens.tsv: No such file or "
                            "directory\n");
    outcome_free(&o);
    scratch_write("tokens.tsv", "{}\n", 3);
    o = run("--recorded . --only H4", "");
    ck_assert_int_eq(o.code, 2);
    ck_assert_int_eq(o.lines, 1);
    ck_assert_ptr_nonnull(strstr(o.err, "./tokens.tsv: line 1: expected"));
    outcome_free(&o);
    find_program("h1-heat"); /* judges no records */
    o = run("--recorded .", "");
    ck_assert_int_eq(o.code, 2);
    outcome_free(&o);
}
END_TEST

START_TEST(what_was_recorded_is_left_alone)
{
    find_program("eureka-runs");
    write_in("");
    scratch_write("tokens.tsv", "mine", 4);
    outcome o = run("--group tokens --out .", "");
    ck_assert_int_eq(o.code, 0);
    ck_assert_str_eq(o.out, "{\"group\": \"tokens\", \"runs\": 30, "
                            "\"missing\": 0, \"kept\": true}\n");
    outcome_free(&o);
    char *text = scratch_read(scratch_path("tokens.tsv"));
    ck_assert_str_eq(text, "mine");
    free(text);
}
END_TEST

START_TEST(bad_usage_is_one_line)
{
    static const struct {
        const char *args, *says;
    } bad[] = {
        {"--group token --out .",
         "--group: expected tokens, gradients, images-5 or images-17, found "
         "'token'"},
        {"--group tokens, --out .", "found ''"},
        {"--group '' --out .", "found ''"},
        {"--shard 3/2 --out .", "3/2"},
        {"--group images-5 --mnist nowhere --out .", "nowhere"},
        {"--group tokens --out in", "in"},
    };
    find_program("eureka-runs");
    write_in("");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        outcome o = run(bad[i].args, "");
        ck_assert_msg(o.code == 2 && o.lines == 1 &&
                          strstr(o.err, bad[i].says) != NULL,
                      "%s: %d: %s", bad[i].args, o.code, o.err);
        ck_assert_str_eq(o.out, "");
        outcome_free(&o);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("eureka-runs");
    TCase *t = tcase_create("eureka-runs");
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, statements_hold_where_they_are_true);
    tcase_add_test(t, statements_are_refuted_where_they_are_false);
    tcase_add_test(t, evidence_and_the_day_are_shown);
    tcase_add_test(t, too_few_pairs_decide_nothing);
    tcase_add_test(t, a_bad_record_is_one_line);
    tcase_add_test(t, what_was_recorded_is_left_alone);
    tcase_add_test(t, bad_usage_is_one_line);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
