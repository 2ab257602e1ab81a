/* Tasks on texts.  Oracles: folders made for the test, in which a byte tells
 * text and place; the grammar of invented texts, parsed back; what is hidden,
 * counted; frequencies against the stated chances. */
#include <jansson.h>

#include "tests/task_case.h"
#include "vit/text_grammar.h"

enum { TOKENS = 64, MASK = 256, ROUNDS = BATCH };

/* ---- a folder in which every byte is known --------------------------------
 */

/* Each class has one text, the first shorter than a window. */
static const int lengths[2] = {40, 100};

static int byte_of(int split, int k, int j)
{
    const int at = j + 100 * k;
    return split == 0 ? at : 255 - at;
}

static void make_folder(void)
{
    static const char *const parts[] = {"train", "test"};
    scratch_make();
    for (int split = 0; split < 2; split++) {
        for (int k = 0; k < 2; k++) {
            char name[64], command[400];
            unsigned char text[100];
            snprintf(name, sizeof name, "%s/%c", parts[split], 'a' + k);
            snprintf(command, sizeof command, "mkdir -p '%s'",
                     scratch_path(name));
            ck_assert_int_eq(system(command), 0);
            for (int j = 0; j < lengths[k]; j++) {
                text[j] = (unsigned char)byte_of(split, k, j);
            }
            strcat(name, "/0.txt");
            scratch_write(name, text, (size_t)lengths[k]);
        }
    }
}

static thm_task_options made_options(thm_task_kind kind)
{
    thm_task_options o = thm_task_options_default(kind);
    o.tokens = TOKENS;
    o.text = scratch;
    return o;
}

static thm_task_options invented_options(thm_task_kind kind)
{
    thm_task_options o = thm_task_options_default(kind);
    o.text = THM_TASK_INVENTED;
    return o;
}

/* The window begins at byte `from` of text k. */
static bool shows(const int32_t *ids, int split, int k, int from)
{
    for (int t = 0; t < TOKENS; t++) {
        const bool past = from + t >= lengths[k];
        if (ids[t] != (past ? ' ' : byte_of(split, k, from + t))) {
            return false;
        }
    }
    return true;
}

START_TEST(windows_of_texts_and_their_classes)
{
    const thm_task_options o = made_options(THM_TASK_TEXT_CLASS);
    thm_task *task = open_task(&o);
    const thm_vit_config c = config_of(task);
    ck_assert(c.input == THM_VIT_VOCABULARY && c.features == 256 &&
              c.tokens == TOKENS && c.outputs == 2 && c.pool == THM_VIT_MEAN &&
              !c.causal);
    ck_assert_int_eq(thm_task_test_size(task), 2);
    thm_samples s = room_of(task, BATCH);
    draw(task, THM_SPLIT_TEST, 9, 0, BATCH, &s);
    for (int i = 0; i < BATCH; i++) {
        ck_assert_int_eq(s.labels[i], i % 2);
        ck_assert(shows(s.ids + i * TOKENS, 1, i % 2, 0));
        ck_assert_int_eq(s.other_label[i], -1);
    }
    int64_t second = 0, from[100 - TOKENS + 1] = {0};
    draw(task, THM_SPLIT_TRAIN, 9, 0, BATCH, &s);
    for (int i = 0; i < BATCH; i++) {
        const int32_t *ids = s.ids + i * TOKENS;
        const int k = s.labels[i];
        int begin = 0;
        while (begin <= 100 - TOKENS && !shows(ids, 0, k, begin)) {
            begin++;
        }
        ck_assert_int_le(begin, k == 0 ? 0 : 100 - TOKENS);
        second += k;
        from[begin] += k;
    }
    expect_frequency(second, BATCH, 0.5, "second text");
    for (int j = 0; j <= 100 - TOKENS; j++) {
        expect_frequency(from[j], second, 1 / 37.0, "begin");
    }
    ck_assert(from[0] > 0 && from[100 - TOKENS] > 0);
    const thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TEST, 0.1);
    ck_assert(isnan(m.cap) && isnan(m.floor) && isnan(m.perfect));
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

/* ---- what is hidden -------------------------------------------------------
 */

START_TEST(as_many_are_hidden_in_each)
{
    static const struct {
        int tokens, hidden;
    } rows[] = {{64, 10}, {70, 11}, {100, 15}, {128, 19}};
    thm_task_options o = made_options(THM_TASK_TEXT_MLM);
    o.tokens = rows[_i].tokens;
    const int n = o.tokens;
    thm_task *task = open_task(&o);
    const thm_vit_config c = config_of(task);
    ck_assert(c.features == 257 && c.outputs == 256 && c.tokens == n &&
              c.pool == THM_VIT_PER_TOKEN && !c.causal);
    ck_assert_int_eq(thm_task_test_size(task), 0);
    thm_samples s = room_of(task, ROUNDS);
    int64_t masked = 0, kept = 0, all = 0, place[128] = {0};
    for (int split = 0; split < 2; split++) {
        draw(task, (thm_split)split, 3, 0, ROUNDS, &s);
        ck_assert_int_eq(thm_vit_labelled(&c, &s.batch),
                         (int64_t)ROUNDS * rows[_i].hidden);
        for (int i = 0; i < ROUNDS; i++) {
            int hidden = 0;
            bool good = true;
            for (int t = 0; t < n; t++) {
                const int32_t id = s.ids[i * n + t];
                const int32_t label = s.labels[i * n + t];
                good &= id >= 0 && id <= MASK && label >= -1 && label < 256;
                good &= label >= 0 || id != MASK;
                if (label >= 0) {
                    hidden++;
                    place[t]++;
                    masked += id == MASK;
                    kept += id == label;
                }
            }
            ck_assert(good);
            ck_assert_int_eq(hidden, rows[_i].hidden);
            all += hidden;
        }
    }
    expect_frequency(masked, all, 0.8, "masked");
    expect_frequency(kept, all, 0.1 + 0.1 / 256, "kept");
    for (int t = 0; t < n; t++) {
        expect_frequency(place[t], 2 * ROUNDS, (double)rows[_i].hidden / n,
                         "place");
    }
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

/* Labels and what is shown, put together, are the split's bytes: 40, a new
 * line, 100, a new line, from one of 142 - 64 + 1 places. */
START_TEST(windows_run_through_all_texts)
{
    const thm_task_options o = made_options(THM_TASK_TEXT_MLM);
    thm_task *task = open_task(&o);
    thm_samples s = room_of(task, BATCH);
    for (int split = 0; split < 2; split++) {
        int all[142], at = 0;
        int64_t from[142 - TOKENS + 1] = {0};
        for (int k = 0; k < 2; k++) {
            for (int j = 0; j < lengths[k]; j++) {
                all[at++] = byte_of(split, k, j);
            }
            all[at++] = '\n';
        }
        ck_assert_int_eq(at, 142);
        draw(task, (thm_split)split, 0, 0, BATCH, &s);
        for (int i = 0; i < BATCH; i++) {
            int found = -1;
            for (int f = 0; f <= 142 - TOKENS; f++) {
                bool alike = true;
                for (int t = 0; t < TOKENS; t++) {
                    const int32_t label = s.labels[i * TOKENS + t];
                    const int32_t id = s.ids[i * TOKENS + t];
                    alike &= (label >= 0 ? label : id) == all[f + t];
                }
                found = alike ? f : found;
            }
            ck_assert_int_ge(found, 0);
            from[found]++;
        }
        int64_t early = 0;
        for (int f = 0; f < 40; f++) {
            early += from[f];
        }
        expect_frequency(early, BATCH, 40.0 / 79, "begin before 40");
    }
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

/* ---- invented texts -------------------------------------------------------
 */

static const char *const bad_words[] = {"stale", "awful", "bitter", "bland",
                                        "sour",  "nasty", "burnt",  "rotten"};
static const char *const good_words[] = {
    "fresh", "great", "lovely", "tasty", "fine", "superb", "sweet", "perfect"};

/* How often words of the list stand in the text. */
static int count_of(const char *text, const char *const *words, int64_t *each)
{
    int count = 0;
    for (int k = 0; k < 8; k++) {
        for (const char *at = text; (at = strstr(at, words[k])) != NULL; at++) {
            count++;
            each[k]++;
        }
    }
    return count;
}

START_TEST(invented_texts_tell_their_class)
{
    const thm_task_options o = invented_options(THM_TASK_TEXT_CLASS);
    thm_task *task = open_task(&o);
    const thm_vit_config c = config_of(task);
    const int n = c.tokens;
    ck_assert(n == 128 && c.outputs == 2);
    ck_assert_int_eq(thm_task_test_size(task), 0);
    thm_samples s = room_of(task, BATCH);
    int64_t good = 0, words[2][8] = {{0}}, sum[2] = {0};
    for (int split = 0; split < 2; split++) {
        draw(task, (thm_split)split, 1, 0, BATCH, &s);
        for (int i = 0; i < BATCH; i++) {
            char text[129] = "";
            bool letters = true;
            for (int t = 0; t < n; t++) {
                text[t] = (char)s.ids[i * n + t];
                letters &=
                    strchr("abcdefghijklmnopqrstuvwxyz. ", text[t]) != NULL;
            }
            ck_assert(letters && (int)strlen(text) == n);
            ck_assert(strncmp(text, "the ", 4) == 0);
            const int class = s.labels[i];
            const int sad = count_of(text, bad_words, words[0]);
            const int glad = count_of(text, good_words, words[1]);
            ck_assert_int_ge(class == 1 ? glad : sad, 1);
            ck_assert_int_eq(class == 1 ? sad : glad, 0);
            const char *end = strchr(text, '.');
            ck_assert(end != NULL && end + 2 - text <= THM_GRAMMAR_VERDICT);
            good += class;
            sum[0] += sad;
            sum[1] += glad;
        }
    }
    expect_frequency(good, 2 * BATCH, 0.5, "good");
    for (int k = 0; k < 8; k++) { /* longer ones are cut off more often */
        ck_assert(words[0][k] > sum[0] / 16 && words[0][k] < sum[0] / 4);
        ck_assert(words[1][k] > sum[1] / 16 && words[1][k] < sum[1] / 4);
    }
    const thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TEST, 0.1);
    ck_assert(isnan(m.cap) && isnan(m.floor));
    ck_assert_double_eq_tol(m.perfect, -0.95 * log(0.95) - 0.05 * log(0.05),
                            SUM_BOUND);
    ck_assert_str_eq(thm_grammar_class(0), "bad");
    ck_assert_str_eq(thm_grammar_class(1), "good");
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

/* ---- records and bad input ------------------------------------------------
 */

static char *checksum_of(const thm_task_options *o)
{
    static char text[THM_CHECKSUM];
    thm_task *task = open_task(o);
    ck_assert_int_eq(thm_task_checksum(task, text), THM_OK);
    thm_task_free(task);
    return text;
}

START_TEST(records_say_what_was_read)
{
    const thm_task_options o = made_options(THM_TASK_TEXT_CLASS);
    thm_task *task = open_task(&o);
    json_t *record = thm_task_record(task);
    const json_t *data = json_object_get(record, "data");
    const json_t *train = json_object_get(data, "train");
    ck_assert_str_eq(json_string_value(json_object_get(data, "folder")),
                     scratch);
    ck_assert_uint_eq(json_array_size(json_object_get(data, "classes")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(train, "items")), 2);
    ck_assert_uint_eq(
        strlen(json_string_value(json_object_get(train, "texts_sha256"))), 64);
    json_decref(record);
    thm_task_free(task);

    char before[THM_CHECKSUM];
    strcpy(before, checksum_of(&o));
    ck_assert_str_eq(before, checksum_of(&o));
    scratch_write("train/a/0.txt", "another text", 12);
    ck_assert_str_ne(before, checksum_of(&o));
    strcpy(before, checksum_of(&o));
    char command[400];
    snprintf(command, sizeof command,
             "cd '%s' && mv test/a test/c && mv "
             "train/a train/c",
             scratch); /* the same texts, other classes */
    ck_assert_int_eq(system(command), 0);
    ck_assert_str_ne(before, checksum_of(&o));

    const thm_task_options drawn = invented_options(THM_TASK_TEXT_MLM);
    task = open_task(&drawn);
    record = thm_task_record(task);
    ck_assert_str_eq(json_string_value(json_object_get(record, "data")),
                     "invented");
    json_decref(record);
    thm_task_free(task);
}
END_TEST

static void refused(const thm_task_options *o, thm_status want,
                    const char *said)
{
    thm_task *task = NULL;
    thm_message msg = {""};
    ck_assert_int_eq(thm_task_alloc(o, &task, &msg), want);
    ck_assert_ptr_null(task);
    ck_assert_msg(strstr(msg.text, said) != NULL, "%s", msg.text);
}

START_TEST(bad_options_and_folders)
{
    thm_task_options o = invented_options(THM_TASK_TEXT_CLASS);
    o.tokens = 63;
    refused(&o, THM_EDOMAIN, "tokens: expected 64 to 1024, found 63");
    o.tokens = 1025;
    refused(&o, THM_EDOMAIN, "tokens: expected 64 to 1024, found 1025");
    o = made_options(THM_TASK_TEXT_MLM);
    o.tokens = 142;
    thm_task_free(open_task(&o));
    o.tokens = 143;
    refused(&o, THM_EFORMAT,
            "expected at least 143 bytes in each part, found "
            "142");
    o.text = scratch_path("train");
    refused(&o, THM_EIO, "train/test: expected a readable folder");
    scratch_write("test/b/0.txt", "", 0);
    o = made_options(THM_TASK_TEXT_CLASS);
    refused(&o, THM_EFORMAT, "found an empty file");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("task_text");
    TCase *t = tcase_create("text");
    tcase_add_checked_fixture(t, make_folder, scratch_remove);
    tcase_add_test(t, windows_of_texts_and_their_classes);
    tcase_add_loop_test(t, as_many_are_hidden_in_each, 0, 4);
    tcase_add_test(t, windows_run_through_all_texts);
    tcase_add_test(t, invented_texts_tell_their_class);
    tcase_add_test(t, records_say_what_was_read);
    tcase_add_test(t, bad_options_and_folders);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
