/* Oracles: the inverse (an outcome written and read back), the rules of exit
 * codes and lists as their headers state them, and for the notes the table. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "claims/catalogue.h"
#include "claims/decision.h"

static const double nan_ = (double)NAN, inf = (double)INFINITY;

/* ---- the table and its names ----------------------------------------------
 */

START_TEST(every_name_finds_its_entry_and_no_other)
{
    for (const thm_catalogue_entry *e = thm_catalogue; e->id; e++) {
        char twin[64];
        ck_assert_ptr_eq(thm_catalogue_find(e->id), e);
        ck_assert_ptr_eq(thm_catalogue_find(e->slug), e);
        ck_assert(!thm_catalogue_is_twin(e->id));
        ck_assert(!thm_catalogue_is_twin(e->slug));
        snprintf(twin, sizeof twin, "X%s", e->id);
        ck_assert_ptr_eq(thm_catalogue_find(twin), e);
        ck_assert(thm_catalogue_is_twin(twin));
        snprintf(twin, sizeof twin, "not-%s", e->slug);
        ck_assert_ptr_eq(thm_catalogue_find(twin), e);
        ck_assert(thm_catalogue_is_twin(twin));
        ck_assert(strlen(twin) < THM_DECISION_NAME);
        ck_assert(strchr(e->slug, ',') == NULL);
    }
    static const char *const unknown[] = {"", "S", "S5", "S99", "X", "s5.1"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        ck_assert_ptr_null(thm_catalogue_find(unknown[i]));
    }
}
END_TEST

static int selected(const char *list)
{
    int n = 0;
    for (const thm_catalogue_entry *e = thm_catalogue; e->id; e++) {
        n += thm_catalogue_selects(list, e);
    }
    return n;
}

START_TEST(a_list_selects_families_claims_parts_and_slugs)
{
    static const struct {
        const char *list;
        int count;
    } rows[] = {{"S5", 2},      {"S1", 4}, /* not S10, S11, S12 */
                {"S5.1", 1},    {"trace", 1},
                {"S5.1,S5", 2}, {" S3 , interlacing", 1},
                {"XS5.1", 1},   {"not-trace", 1},
                {"XS5", 2},     {"S10,S11,S12", 11},
                {"S3,", 1},     {"S", 30},
                {"", 0},        {",", 0},
                {"Z", 0},       {"S1.", 0},
                {"trac", 0},    {"S5.11", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(selected(rows[i].list) == rows[i].count, "'%s': %d",
                      rows[i].list, selected(rows[i].list));
    }
}
END_TEST

START_TEST(a_list_with_an_unknown_word_is_refused_by_name)
{
    thm_message msg;
    ck_assert_int_eq(thm_catalogue_check_list("S, S5.1,trace", &msg), THM_OK);
    ck_assert_int_eq(thm_catalogue_check_list("S,spam,S5", &msg), THM_EDOMAIN);
    ck_assert_ptr_nonnull(strstr(msg.text, "'spam'"));
    ck_assert_int_eq(thm_catalogue_check_list("S3,,S5", &msg), THM_EDOMAIN);
    ck_assert_int_eq(thm_catalogue_check_list("", &msg), THM_EDOMAIN);
    ck_assert_int_eq(thm_catalogue_check_list(NULL, &msg), THM_EDOMAIN);
}
END_TEST

START_TEST(the_opposite_of_a_decision)
{
    ck_assert_int_eq(thm_catalogue_opposite(THM_HOLDS), THM_REFUTED);
    ck_assert_int_eq(thm_catalogue_opposite(THM_REFUTED), THM_HOLDS);
    ck_assert_int_eq(thm_catalogue_opposite(THM_VACUOUS), THM_VACUOUS);
}
END_TEST

/* ---- the notes ------------------------------------------------------------
 */

START_TEST(a_section_is_headed_by_the_id_and_slug_of_the_table)
{
    static char section[1 << 16], field[1 << 16];
    for (const thm_catalogue_entry *e = thm_catalogue; e->id; e++) {
        char heading[128];
        ck_assert_msg(thm_catalogue_section(e, section, sizeof section),
                      "no section %s in %s", e->id, e->note);
        snprintf(heading, sizeof heading, "### %s · %s\n", e->id, e->slug);
        ck_assert_msg(strncmp(section, heading, strlen(heading)) == 0,
                      "expected %s, found %.60s", heading, section);
        ck_assert_ptr_null(strstr(section + 3, "\n### "));
        ck_assert(thm_catalogue_field(e, "Statement", field, sizeof field));
        ck_assert_ptr_nonnull(strstr(section, field));
        ck_assert_ptr_null(strstr(field, "**"));
        ck_assert(!thm_catalogue_field(e, "Nonsense", field, sizeof field));
        ck_assert_str_eq(field, "");
    }
}
END_TEST

START_TEST(a_claim_says_everything_that_explain_promises)
{
    static const char *const fields[] = {"Statement", "Hypotheses", "Source",
                                         "Expected",  "Proof",      "Rounding",
                                         "Twin"};
    static char field[1 << 16];
    for (const thm_catalogue_entry *e = thm_catalogue; e->id; e++) {
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
            ck_assert_msg(
                thm_catalogue_field(e, fields[i], field, sizeof field) &&
                    field[0],
                "%s has no field %s in %s", e->id, fields[i], e->note);
        }
        thm_catalogue_field(e, "Expected", field, sizeof field);
        const char *word = thm_verdict_text(e->expected);
        ck_assert_msg(strncmp(field, word, strlen(word)) == 0,
                      "%s: expected %s in the table, '%.40s' in the note",
                      e->id, word, field);
    }
}
END_TEST

START_TEST(a_field_is_cut_at_a_whole_character)
{
    const thm_catalogue_entry *e = thm_catalogue_find("S3");
    char section[16], nothing[1] = {'x'};
    /* "### S3 · inter": the middle dot has two bytes, 7 and 8 */
    ck_assert(thm_catalogue_section(e, section, 9));
    ck_assert_str_eq(section, "### S3 ");
    ck_assert(thm_catalogue_section(e, section, 10));
    ck_assert_str_eq(section, "### S3 ·");
    ck_assert(thm_catalogue_section(e, nothing, 1));
    ck_assert_str_eq(nothing, "");
    ck_assert(!thm_catalogue_section(e, nothing, 0));
    const thm_catalogue_entry other = {"S3", "x", "x", "nowhere.md", THM_HOLDS};
    ck_assert(!thm_catalogue_section(&other, section, sizeof section));
}
END_TEST

/* ---- decisions ------------------------------------------------------------
 */

static thm_decision sample(const char *id, thm_verdict verdict)
{
    thm_decision d = {.seconds = 0.125};
    thm_decision_name(&d, id);
    d.result = (thm_result){.verdict = verdict,
                            .evidence = THM_BOUNDED,
                            .margin = 2.385e-16,
                            .err = 1.127e-16,
                            .resolution = 2.254e-16,
                            .tight = 0.1,
                            .cases = 400,
                            .skipped = 3,
                            .worst_case = "tied-17",
                            .worst_seed = 42};
    return d;
}

START_TEST(a_decision_is_named_by_the_catalogue)
{
    thm_decision d;
    thm_decision_name(&d, "S5.1");
    ck_assert_str_eq(d.slug, "trace");
    ck_assert_int_eq(d.expected, THM_HOLDS);
    thm_decision_name(&d, "XS5.1");
    ck_assert_str_eq(d.id, "XS5.1");
    ck_assert_str_eq(d.slug, "not-trace");
    ck_assert_int_eq(d.expected, THM_REFUTED);
    thm_decision_name(&d, "XU1"); /* a user's own */
    ck_assert_str_eq(d.slug, "not-U1");
    ck_assert_int_eq(d.expected, THM_REFUTED);
}
END_TEST

START_TEST(a_decision_survives_its_json)
{
    const double edges[] = {0.1,
                            -0.0,
                            2.2250738585072014e-308,
                            5e-324,
                            1.7976931348623157e308,
                            nan_,
                            inf,
                            -inf};
    const uint64_t seeds[] = {0, INT64_MAX, (uint64_t)INT64_MAX + 1,
                              UINT64_MAX};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        thm_decision back, d = sample("S5.1", THM_REFUTED);
        thm_message msg;
        d.result.margin = edges[i];
        d.result.worst_seed = seeds[i % 4];
        d.result.all_inputs = i % 2 == 1;
        json_t *line = thm_decision_to_json(&d);
        char *text = json_dumps(line, JSON_REAL_PRECISION(17));
        json_t *read = json_loads(text, 0, NULL);
        ck_assert_int_eq(thm_decision_from_json(read, &back, &msg), THM_OK);
        if (!isfinite(edges[i])) {
            ck_assert_double_nan(back.result.margin);
            back.result.margin = edges[i];
        }
        ck_assert_mem_eq(&back.result.margin, &d.result.margin, 8);
        ck_assert_str_eq(back.id, d.id);
        ck_assert_str_eq(back.slug, d.slug);
        ck_assert_int_eq(back.expected, d.expected);
        ck_assert_int_eq(back.result.verdict, d.result.verdict);
        ck_assert_int_eq(back.result.evidence, d.result.evidence);
        ck_assert_int_eq(back.result.all_inputs, d.result.all_inputs);
        ck_assert_double_eq(back.result.err, d.result.err);
        ck_assert_double_eq(back.result.resolution, d.result.resolution);
        ck_assert_double_eq(back.result.tight, d.result.tight);
        ck_assert_int_eq(back.result.cases, d.result.cases);
        ck_assert_int_eq(back.result.skipped, d.result.skipped);
        ck_assert_str_eq(back.result.worst_case, d.result.worst_case);
        ck_assert_uint_eq(back.result.worst_seed, d.result.worst_seed);
        ck_assert_double_eq(back.seconds, d.seconds);
        json_decref(read);
        json_decref(line);
        free(text);
    }
}
END_TEST

static const char *const keys[] = {
    "id",    "slug",    "verdict",    "expected",   "evidence",
    "scope", "margin",  "err",        "resolution", "tight",
    "cases", "skipped", "worst_case", "worst_seed", "seconds"};
enum { KEYS = sizeof keys / sizeof *keys };

START_TEST(the_keys_come_in_their_order_and_each_is_needed)
{
    const thm_decision d = sample("S5.1", THM_HOLDS);
    json_t *line = thm_decision_to_json(&d), *value;
    const char *key;
    int i = 0;
    json_object_foreach(line, key, value)
    {
        ck_assert_int_lt(i, KEYS);
        ck_assert_str_eq(key, keys[i++]);
    }
    ck_assert_int_eq(i, KEYS);
    for (i = 0; i < KEYS; i++) {
        thm_decision back = {.seconds = 77};
        thm_message msg;
        json_t *broken = json_deep_copy(line);
        json_object_del(broken, keys[i]);
        ck_assert_int_eq(thm_decision_from_json(broken, &back, &msg),
                         THM_EFORMAT);
        ck_assert_ptr_nonnull(strstr(msg.text, keys[i]));
        json_object_set_new(broken, keys[i], json_true());
        ck_assert_int_eq(thm_decision_from_json(broken, &back, &msg),
                         THM_EFORMAT);
        ck_assert_double_eq(back.seconds, 77); /* untouched */
        json_decref(broken);
    }
    json_decref(line);
}
END_TEST

START_TEST(a_recorded_decision_keeps_its_day)
{
    thm_decision back, d = sample("S5.1", THM_HOLDS);
    thm_message msg;
    strcpy(d.result.recorded, "2026-11-22");
    json_t *line = thm_decision_to_json(&d);
    ck_assert_int_eq(thm_decision_from_json(line, &back, &msg), THM_OK);
    ck_assert_str_eq(back.result.recorded, "2026-11-22");
    json_object_set_new(line, "recorded", json_string("22 November 2026"));
    ck_assert_int_eq(thm_decision_from_json(line, &back, &msg), THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "recorded"));
    json_object_del(line, "recorded");
    ck_assert_int_eq(thm_decision_from_json(line, &back, &msg), THM_OK);
    ck_assert_str_eq(back.result.recorded, "");
    json_decref(line);
}
END_TEST

START_TEST(a_claim_without_cases_has_no_worst_one)
{
    thm_decision back, d = sample("S5.1", THM_VACUOUS);
    d.result.cases = 0;
    json_t *line = thm_decision_to_json(&d);
    ck_assert(json_is_null(json_object_get(line, "worst_case")));
    ck_assert(json_is_null(json_object_get(line, "worst_seed")));
    ck_assert_int_eq(thm_decision_from_json(line, &back, NULL), THM_OK);
    ck_assert_int_eq(back.result.verdict, THM_VACUOUS);
    json_decref(line);
}
END_TEST

START_TEST(exit_codes_in_their_order_of_weight)
{
    const thm_verdict H = THM_HOLDS, R = THM_REFUTED, U = THM_UNDECIDED,
                      V = THM_VACUOUS;
    const struct {
        thm_verdict claim, twin, claim2, twin2;
        int code;
    } rows[] = {{H, R, H, R, 0}, {R, R, H, R, 1}, {H, R, R, R, 1},
                {U, R, H, R, 3}, {V, R, H, R, 3}, {U, R, R, R, 1},
                {R, R, U, R, 1}, {H, H, H, R, 4}, {H, U, H, R, 4},
                {H, V, H, R, 4}, {R, R, H, H, 4}, {U, H, R, R, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const thm_decision d[] = {
            sample("S3", rows[i].claim), sample("XS3", rows[i].twin),
            sample("S8", rows[i].claim2), sample("XS8", rows[i].twin2)};
        ck_assert_int_eq(thm_decision_exit_code(4, d, true), rows[i].code);
    }
    const thm_decision replay[] = {sample("S3", H), sample("XS3", H)};
    ck_assert_int_eq(thm_decision_exit_code(2, replay, false), 0);
    /* a claim that is expected REFUTED, and its twin that must hold */
    thm_decision contradicted[] = {sample("S3", R), sample("XS3", H)};
    contradicted[0].expected = R;
    contradicted[1].expected = H;
    ck_assert_int_eq(thm_decision_exit_code(2, contradicted, true), 0);
    contradicted[0].result.verdict = H;
    ck_assert_int_eq(thm_decision_exit_code(2, contradicted, true), 1);
}
END_TEST

START_TEST(the_table_tells_what_was_not_expected)
{
    thm_decision d[] = {sample("S5.1", THM_HOLDS), sample("XS5.1", THM_REFUTED),
                        sample("S3", THM_UNDECIDED), sample("XS3", THM_REFUTED),
                        sample("XS8", THM_REFUTED)};
    d[0].result.all_inputs = true;
    d[2].result.margin = nan_;
    char *table = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&table, &size);
    thm_decision_table(5, d, false, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(table, "HOLDS (bounded, all inputs)"));
    ck_assert_ptr_nonnull(strstr(table, "UNDECIDED (bounded, 400 cases)"));
    ck_assert_ptr_nonnull(strstr(table, "not-entropy-rises"));
    ck_assert_ptr_null(strstr(table, "not-trace")); /* in its claim's row */
    ck_assert_ptr_nonnull(strstr(table, "S3: expected HOLDS, found UNDECIDED; "
                                        "worst case tied-17, seed 42\n"));
    ck_assert_ptr_null(strstr(table, "nan"));
    ck_assert_ptr_null(strchr(table, '\033'));
    for (char *l = strtok(table, "\n"); l; l = strtok(NULL, "\n")) {
        ck_assert_int_le((int)strlen(l), 100);
    }
    free(table);
    out = open_memstream(&table, &size);
    thm_decision_table(5, d, true, out);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(table, "\033[32mHOLDS"));
    ck_assert_ptr_nonnull(strstr(table, "\033[33mUNDECIDED"));
    free(table);
}
END_TEST

START_TEST(lines_are_saved_whole_or_not_at_all)
{
    char folder[] = "/tmp/theoremeter-decision-XXXXXX", path[64], line[512];
    const thm_decision d[] = {sample("S3", THM_HOLDS),
                              sample("XS3", THM_REFUTED)};
    thm_message msg;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(thm_decision_save(folder, "a.jsonl", 2, d, &msg), THM_OK);
    snprintf(path, sizeof path, "%s/a.jsonl", folder);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 2; i++) {
        thm_decision back;
        ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
        json_t *object = json_loads(line, 0, NULL);
        ck_assert_int_eq(thm_decision_from_json(object, &back, &msg), THM_OK);
        ck_assert_str_eq(back.id, d[i].id);
        json_decref(object);
    }
    ck_assert_ptr_null(fgets(line, sizeof line, file));
    fclose(file);
    /* a folder where a file is */
    ck_assert_int_eq(thm_decision_save(path, "b.jsonl", 2, d, &msg), THM_EIO);
    ck_assert_ptr_nonnull(strstr(msg.text, path));
    ck_assert_int_eq(remove(path), 0);
    ck_assert_int_eq(rmdir(folder), 0); /* no temporary left behind */
    file = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(file);
    setvbuf(file, NULL, _IONBF, 0);
    ck_assert_int_eq(thm_decision_write(&d[0], file), THM_EIO);
    fclose(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue");
    TCase *t = tcase_create("catalogue");
    tcase_add_test(t, every_name_finds_its_entry_and_no_other);
    tcase_add_test(t, a_list_selects_families_claims_parts_and_slugs);
    tcase_add_test(t, a_list_with_an_unknown_word_is_refused_by_name);
    tcase_add_test(t, the_opposite_of_a_decision);
    tcase_add_test(t, a_section_is_headed_by_the_id_and_slug_of_the_table);
    tcase_add_test(t, a_claim_says_everything_that_explain_promises);
    tcase_add_test(t, a_field_is_cut_at_a_whole_character);
    suite_add_tcase(suite, t);
    t = tcase_create("decision");
    tcase_add_test(t, a_decision_is_named_by_the_catalogue);
    tcase_add_test(t, a_decision_survives_its_json);
    tcase_add_test(t, the_keys_come_in_their_order_and_each_is_needed);
    tcase_add_test(t, a_recorded_decision_keeps_its_day);
    tcase_add_test(t, a_claim_without_cases_has_no_worst_one);
    tcase_add_test(t, exit_codes_in_their_order_of_weight);
    tcase_add_test(t, the_table_tells_what_was_not_expected);
    tcase_add_test(t, lines_are_saved_whole_or_not_at_all);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
