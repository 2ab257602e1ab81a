/* Folders of texts.  Oracles: folders made for the test, read back; every way
 * in which a folder is no such thing, provoked. */
#include <sys/stat.h>

#include "io/texts.h"
#include "tests/scratch.h"

static thm_message msg;

static void put(const char *name, const char *text)
{
    char folders[400];
    snprintf(folders, sizeof folders, "mkdir -p \"$(dirname '%s')\"",
             scratch_path(name));
    ck_assert_int_eq(system(folders), 0);
    scratch_write(name, text, strlen(text));
}

static void make_good(void)
{
    scratch_make();
    put("train/pos/b.txt", "fine\n");
    put("train/pos/a.txt", "great");
    put("train/pos/notes.md", "no text of the class");
    put("train/pos/.hidden.txt", "nor this");
    put("train/neg/1.txt", "awful \xff\xfe");
    put("train/unsup/1.txt", "of no class");
    put("train/urls.txt", "of no class");
    put("test/pos/1.txt", "nice");
    put("test/neg/1.txt", "bad");
    put("test/urls.txt", "no folder");
}

START_TEST(texts_in_the_order_of_their_names)
{
    static const char *const want[] = {"awful \xff\xfe", "great", "fine\n"};
    thm_texts t;
    ck_assert_msg(thm_texts_read(scratch, THM_TEXTS_TRAIN, &t, &msg) == THM_OK,
                  "%s", msg.text);
    ck_assert_int_eq(t.classes, 2);
    ck_assert_str_eq(t.names[0], "neg");
    ck_assert_str_eq(t.names[1], "pos");
    ck_assert_int_eq(t.count, 3);
    for (int k = 0; k < 3; k++) {
        ck_assert_int_eq(t.texts[k].class, k > 0);
        ck_assert_uint_eq(t.texts[k].size, strlen(want[k]));
        ck_assert_mem_eq(t.bytes + t.texts[k].start, want[k], t.texts[k].size);
    }
    ck_assert_uint_eq(t.used, 8 + 1 + 5 + 1 + 5 + 1);
    ck_assert_mem_eq(t.bytes, "awful \xff\xfe\ngreat\nfine\n\n", t.used);
    thm_texts_free(&t);
    ck_assert_int_eq(thm_texts_read(scratch, THM_TEXTS_TEST, &t, &msg), THM_OK);
    ck_assert(t.count == 2 && t.texts[0].size == 3);
    thm_texts_free(&t);
    thm_texts_free(NULL);
}
END_TEST

START_TEST(windows_end_in_blanks)
{
    thm_texts t = {0};
    unsigned char out[6];
    ck_assert_int_eq(thm_texts_add(&t, (const unsigned char *)"abcdef", 6, 1),
                     THM_OK);
    ck_assert_int_eq(thm_texts_add(&t, (const unsigned char *)"xy", 2, 0),
                     THM_OK);
    static const char *const want[] = {"abcdef", "bcdef ", "ef    ",
                                       "f     ", "      ", "      "};
    static const size_t from[] = {0, 1, 4, 5, 6, 99};
    for (int k = 0; k < 6; k++) {
        thm_texts_cut(&t, 0, from[k], 6, out);
        ck_assert_mem_eq(out, want[k], 6);
    }
    thm_texts_cut(&t, 1, 0, 6, out); /* not into what follows */
    ck_assert_mem_eq(out, "xy    ", 6);
    thm_texts_cut(&t, 0, 2, 3, out);
    ck_assert_mem_eq(out, "cde", 3);
    thm_texts_free(&t);
}
END_TEST

START_TEST(many_texts_are_kept)
{
    thm_texts t = {0};
    for (int k = 0; k < 1000; k++) {
        unsigned char text[100];
        memset(text, 'a' + k % 26, sizeof text);
        ck_assert_int_eq(thm_texts_add(&t, text, (size_t)(k % 100), k), THM_OK);
    }
    ck_assert_int_eq(t.count, 1000);
    size_t at = 0;
    for (int k = 0; k < 1000; k++) {
        ck_assert(t.texts[k].start == at && t.texts[k].class == k);
        for (size_t j = 0; j < t.texts[k].size; j++) {
            ck_assert_int_eq(t.bytes[at + j], 'a' + k % 26);
        }
        at += t.texts[k].size + 1;
        ck_assert_int_eq(t.bytes[at - 1], '\n');
    }
    ck_assert_uint_eq(t.used, at);
    thm_texts_free(&t);
}
END_TEST

static void refused(const char *said, thm_status want)
{
    thm_texts t = {.count = 7};
    ck_assert_int_eq(thm_texts_read(scratch, THM_TEXTS_TRAIN, &t, &msg), want);
    ck_assert_msg(strstr(msg.text, said) != NULL, "%s", msg.text);
    ck_assert_int_eq(t.count, 7);
}

static void gone(const char *name)
{
    char command[400];
    snprintf(command, sizeof command, "rm -r '%s'", scratch_path(name));
    ck_assert_int_eq(system(command), 0);
}

START_TEST(folders_that_are_none)
{
    put("train/pos/c.txt", "");
    refused("train/pos/c.txt: expected a text, found an empty file",
            THM_EFORMAT);
    gone("train/pos/c.txt");
    ck_assert_int_eq(mkdir(scratch_path("train/pos/d.txt"), 0700), 0);
    refused("train/pos/d.txt: expected a readable file", THM_EIO);
    gone("train/pos/d.txt");
    ck_assert_int_eq(symlink("nowhere", scratch_path("train/pos/e.txt")), 0);
    refused("train/pos/e.txt: expected a readable file", THM_EIO);
    gone("train/pos/e.txt");
    gone("train/neg/1.txt");
    refused("train/neg: expected files *.txt, found none", THM_EFORMAT);
    gone("train/neg");
    refused("train/neg: expected a readable folder", THM_EIO);
    gone("test/neg");
    refused("test: expected at least 2 folders, one a class, found 1",
            THM_EFORMAT);
    gone("test/pos");
    refused("found 0", THM_EFORMAT);
    gone("test");
    refused("test: expected a readable folder, found: No such file", THM_EIO);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("texts");
    TCase *t = tcase_create("texts");
    tcase_add_checked_fixture(t, make_good, scratch_remove);
    tcase_add_test(t, texts_in_the_order_of_their_names);
    tcase_add_test(t, windows_end_in_blanks);
    tcase_add_test(t, many_texts_are_kept);
    tcase_add_test(t, folders_that_are_none);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
