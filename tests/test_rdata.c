/* R's serialization and the data sets of packages.  Oracles: serializations put
 * together by the format's description, read back; liblzma's and zlib's own
 * encoders; every prefix of a good file, which none is; the reviews' counts as
 * recorded when the data were first looked at. */
#include <lzma.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <zlib.h>

#include "io/rdata.h"
#include "io/texts.h"
#include "tests/scratch.h"

static thm_message msg;

/* ---- what R would write ---------------------------------------------------
 */

typedef struct {
    unsigned char at[4096];
    size_t size;
} paper;

static void put(paper *p, const void *bytes, size_t size)
{
    ck_assert_uint_le(p->size + size, sizeof p->at);
    memcpy(p->at + p->size, bytes, size);
    p->size += size;
}

static void word(paper *p, uint32_t value)
{
    const unsigned char b[4] = {
        (unsigned char)(value >> 24), (unsigned char)(value >> 16),
        (unsigned char)(value >> 8), (unsigned char)value};
    put(p, b, 4);
}

static void chars(paper *p, const char *text)
{
    word(p, 0x40009);
    word(p, (uint32_t)strlen(text));
    put(p, text, strlen(text));
}

static void strings(paper *p, int count, const char *const *texts)
{
    word(p, 16);
    word(p, (uint32_t)count);
    for (int k = 0; k < count; k++) {
        chars(p, texts[k]);
    }
}

static void tag(paper *p, const char *name) /* of an attribute */
{
    word(p, 0x402);
    word(p, 1);
    chars(p, name);
}

static paper begin(void)
{
    paper p = {.size = 0};
    put(&p, "X\n", 2);
    word(&p, 3);
    word(&p, 0x40202);
    word(&p, 0x30500);
    word(&p, 5);
    put(&p, "UTF-8", 5);
    return p;
}

/* A data frame of two reviews, the second "other"; its names by reference. */
static paper frame(void)
{
    static const char *const reviews[] = {"good tea", "weak \xff tea"};
    static const char *const levels[] = {"great", "other"};
    static const char *const names[] = {"review", "score"};
    static const char *const class[] = {"factor"};
    paper p = begin();
    word(&p, 0x313);
    word(&p, 2);
    strings(&p, 2, reviews);
    word(&p, 0x30d);
    word(&p, 2);
    word(&p, 1);
    word(&p, 2);
    tag(&p, "levels");
    strings(&p, 2, levels);
    tag(&p, "class");
    strings(&p, 1, class);
    word(&p, 254);
    tag(&p, "names");
    strings(&p, 2, names);
    word(&p, 0x402);
    word(&p, 2 << 8 | 255); /* "class" again */
    strings(&p, 1, class);
    word(&p, 254);
    return p;
}

static paper packed(const paper *from)
{
    paper p = {.size = 0};
    lzma_options_lzma options;
    ck_assert(!lzma_lzma_preset(&options, 6));
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options},
                                   {LZMA_VLI_UNKNOWN, NULL}};
    word(&p, (uint32_t)from->size);
    put(&p, "Z", 1);
    ck_assert_int_eq(lzma_raw_buffer_encode(filters, NULL, from->at, from->size,
                                            p.at, &p.size, sizeof p.at),
                     LZMA_OK);
    return p;
}

/* A package of these data sets in the scratch folder, and its index. */
static void write_package(const paper *train, const paper *test)
{
    static const char *const parts[] = {"variables", "compressed"};
    static const char *const names[] = {"testing_data", "training_data"};
    const paper one = packed(train), two = packed(test);
    paper base = {.size = 0}, index = begin();
    put(&base, "rubbish", 7);
    put(&base, one.at, one.size);
    put(&base, two.at, two.size);
    scratch_write("Rdata.rdb", base.at, base.size);
    word(&index, 0x213);
    word(&index, 2);
    word(&index, 0x213);
    word(&index, 2);
    for (int k = 0; k < 2; k++) {
        word(&index, 13);
        word(&index, 2);
        word(&index, (uint32_t)(k == 0 ? 7 + one.size : 7));
        word(&index, (uint32_t)(k == 0 ? two.size : one.size));
    }
    tag(&index, "comment");
    strings(&index, 2, names);
    tag(&index, "names");
    strings(&index, 2, names);
    word(&index, 254);
    word(&index, 13);
    word(&index, 1);
    word(&index, 3);
    word(&index, 0x402);
    word(&index, 2 << 8 | 255); /* "names" again */
    strings(&index, 2, parts);
    word(&index, 254);
    gzFile file = gzopen(scratch_path("Rdata.rdx"), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(gzwrite(file, index.at, (unsigned)index.size),
                     (int)index.size);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

/* ---- serializations -------------------------------------------------------
 */

static bool equals(const thm_r_text *text, const char *word_of)
{
    return text->size == strlen(word_of) &&
           memcmp(text->at, word_of, text->size) == 0;
}

START_TEST(a_frame_comes_back)
{
    const paper p = frame();
    thm_r value;
    ck_assert_msg(thm_r_parse("f", p.at, p.size, &value, &msg) == THM_OK, "%s",
                  msg.text);
    const thm_r *review = thm_r_item(&value, "review");
    const thm_r *score = thm_r_item(&value, "score");
    ck_assert(review != NULL && review->kind == THM_R_STRINGS);
    ck_assert(score != NULL && score->kind == THM_R_INTS);
    ck_assert_int_eq(review->count, 2);
    ck_assert(equals(&review->texts[0], "good tea"));
    ck_assert(equals(&review->texts[1], "weak \xff tea"));
    ck_assert(score->count == 2 && score->numbers[0] == 1 &&
              score->numbers[1] == 2);
    ck_assert(score->levels != NULL && score->levels->count == 2);
    ck_assert(equals(&score->levels->texts[1], "other"));
    ck_assert_ptr_null(thm_r_item(&value, "scor"));
    ck_assert_ptr_null(thm_r_item(&value, "class"));
    ck_assert_ptr_null(thm_r_item(review, "review"));
    thm_r_free(&value);
    thm_r_free(NULL);
}
END_TEST

START_TEST(no_prefix_and_nothing_more)
{
    paper p = frame();
    thm_r value = {.count = 7};
    for (size_t size = 0; size < p.size; size++) {
        unsigned char *copy = malloc(size + (size == 0));
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, p.at, size);
        ck_assert_int_eq(thm_r_parse("f", copy, size, &value, &msg),
                         THM_EFORMAT);
        free(copy);
    }
    p.at[p.size] = 0;
    ck_assert_int_eq(thm_r_parse("f", p.at, p.size + 1, &value, &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "expected the end"));
    ck_assert_int_eq(value.count, 7);
}
END_TEST

/* Items that are wrong, after a good header. */
START_TEST(what_is_wrong_is_said)
{
    static const struct {
        uint32_t words[8];
        int count;
        const char *said;
    } bad[] = {
        {{19, 0x7fffffff}, 2, "byte 27: expected a length"},
        {{16, 0xfffffffb}, 2, "byte 27: expected a length"},
        {{13, 3, 0, 0}, 4, "expected a length"},
        {{16, 1, 13, 0}, 4, "expected a string"},
        {{16, 1, 9, 1}, 4, "expected a length"},
        {{14, 0}, 2, "expected a list, strings, whole numbers or nothing"},
        {{238, 0}, 2, "expected a list, strings"},
        {{0x210, 0, 16}, 3, "expected a tagged pair"},
        {{0x210, 0, 2, 254}, 4, "expected a tagged pair"},
        {{0x210, 0, 0x402, 0xff, 254}, 5, "expected a reference"},
        {{0x210, 0, 0x402, 0x1ff, 254}, 5, "expected a reference"},
        {{0x210, 0, 0x402, 9, 0}, 5, "expected a symbol"},
        {{0x210, 0, 0x402, 1, 13}, 5, "expected a string"},
        {{16}, 1, "byte 27: expected four bytes more, found the end"},
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        paper p = begin();
        thm_r value;
        for (int i = 0; i < bad[k].count; i++) {
            word(&p, bad[k].words[i]);
        }
        ck_assert_int_eq(thm_r_parse("f", p.at, p.size, &value, &msg),
                         THM_EFORMAT);
        ck_assert_msg(strstr(msg.text, bad[k].said) != NULL, "%zu: %s", k,
                      msg.text);
    }
    thm_r value;
    ck_assert_int_eq(
        thm_r_parse("f", (const unsigned char *)"A\n", 2, &value, &msg),
        THM_EFORMAT);
    paper p = begin();
    p.at[5] = 4;
    word(&p, 254);
    ck_assert_int_eq(thm_r_parse("f", p.at, p.size, &value, &msg), THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "byte 2: expected version 2 or 3"));
}
END_TEST

/* Lists in lists: 15 are read, 17 not.  Names twice, and names that are none.
 */
START_TEST(bounds_of_nesting_and_names)
{
    static const char *const one[] = {"x"};
    for (int depth = 15; depth <= 17; depth += 2) {
        paper p = begin();
        thm_r value;
        for (int k = 0; k < depth; k++) {
            word(&p, 19);
            word(&p, 1);
        }
        word(&p, 254);
        const thm_status status = thm_r_parse("f", p.at, p.size, &value, &msg);
        ck_assert_int_eq(status, depth == 15 ? THM_OK : THM_EFORMAT);
        if (status == THM_OK) {
            thm_r_free(&value);
        }
    }
    for (int twice = 0; twice < 2; twice++) {
        paper p = begin();
        thm_r value;
        word(&p, 0x210);
        word(&p, 0);
        for (int k = 0; k <= twice; k++) {
            tag(&p, "names");
            if (twice) {
                strings(&p, 1, one);
            } else {
                word(&p, 254);
            }
        }
        word(&p, 254);
        ck_assert_int_eq(thm_r_parse("f", p.at, p.size, &value, &msg),
                         THM_EFORMAT);
        ck_assert_ptr_nonnull(strstr(msg.text, "names or levels"));
    }
}
END_TEST

START_TEST(missing_texts_and_version_2)
{
    paper p = {.size = 0};
    thm_r value;
    put(&p, "X\n", 2);
    word(&p, 2);
    word(&p, 0);
    word(&p, 0);
    word(&p, 16);
    word(&p, 2);
    word(&p, 9);
    word(&p, UINT32_MAX);
    chars(&p, "x");
    ck_assert_int_eq(thm_r_parse("f", p.at, p.size, &value, &msg), THM_OK);
    ck_assert(value.count == 2 && value.texts[0].at == NULL &&
              equals(&value.texts[1], "x"));
    thm_r_free(&value);
}
END_TEST

/* ---- packed ---------------------------------------------------------------
 */

START_TEST(packed_bytes_come_back_or_are_refused)
{
    const paper plain = frame();
    paper p = packed(&plain);
    unsigned char *out = NULL;
    size_t length = 0;
    ck_assert_int_eq(thm_r_unpack("f", p.at, p.size, &out, &length, &msg),
                     THM_OK);
    ck_assert_uint_eq(length, plain.size);
    ck_assert_mem_eq(out, plain.at, length);
    free(out);
    for (size_t size = 0; size < p.size; size++) {
        ck_assert_int_eq(thm_r_unpack("f", p.at, size, &out, &length, &msg),
                         THM_EFORMAT);
    }
    ck_assert_int_eq(thm_r_unpack("f", p.at, p.size + 1, &out, &length, &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "another length"));
    for (int more = -1; more <= 1; more += 2) {
        paper lies = p;
        lies.size = 0;
        word(&lies, (uint32_t)((int)plain.size + more));
        ck_assert_int_eq(
            thm_r_unpack("f", lies.at, p.size, &out, &length, &msg),
            THM_EFORMAT);
        lies.size = 0;
        word(&lies, more < 0 ? 0 : THM_R_MOST + 1);
        ck_assert_int_eq(
            thm_r_unpack("f", lies.at, p.size, &out, &length, &msg),
            THM_EFORMAT);
        ck_assert_ptr_nonnull(strstr(msg.text, "expected a size from 1 to"));
    }
    p.at[4] = '2';
    ck_assert_int_eq(thm_r_unpack("f", p.at, p.size, &out, &length, &msg),
                     THM_EFORMAT);
    ck_assert_ptr_nonnull(strstr(msg.text, "kind Z"));
}
END_TEST

/* ---- reviews --------------------------------------------------------------
 */

static thm_status reviews(thm_texts *texts)
{
    return thm_texts_read_reviews(scratch, THM_TEXTS_TRAIN, texts, &msg);
}

START_TEST(reviews_of_a_package)
{
    const paper p = frame();
    thm_texts t = {0};
    write_package(&p, &p);
    ck_assert_msg(reviews(&t) == THM_OK, "%s", msg.text);
    ck_assert(t.classes == 2 && t.count == 2);
    ck_assert_str_eq(t.names[0], "great");
    ck_assert_str_eq(t.names[1], "other");
    ck_assert(t.texts[0].class == 0 && t.texts[1].class == 1);
    ck_assert_uint_eq(t.used, 9 + 11);
    ck_assert_mem_eq(t.bytes, "good tea\nweak \xff tea\n", t.used);
    thm_texts_free(&t);
    ck_assert_int_eq(thm_texts_read_reviews(scratch, THM_TEXTS_TEST, &t, &msg),
                     THM_OK);
    thm_texts_free(&t);
}
END_TEST

static void refused(const char *said, thm_status want)
{
    thm_texts t = {.count = 7};
    ck_assert_int_eq(reviews(&t), want);
    ck_assert_msg(strstr(msg.text, said) != NULL, "%s", msg.text);
    ck_assert_int_eq(t.count, 7);
}

START_TEST(packages_that_lie)
{
    const paper good = frame();
    paper p = good;
    refused("Rdata.rdx: expected a readable file", THM_EIO);
    /* a score of 3 of 2 levels: it stands 4 bytes before the tag "levels" */
    const unsigned char *levels = memmem(p.at, p.size, "\0\0\0\6levels", 10);
    ck_assert_ptr_nonnull(levels);
    p.at[levels - p.at - 13] = 3;
    write_package(&p, &good);
    refused("review 2: expected a text and a score from 1 to 2", THM_EFORMAT);
    p = good;
    memcpy(memmem(p.at, p.size, "review", 6), "rewiev", 6);
    write_package(&p, &good);
    refused("training_data: expected reviews", THM_EFORMAT);
    paper empty = begin();
    word(&empty, 254);
    write_package(&empty, &good);
    refused("training_data: expected reviews", THM_EFORMAT);

    write_package(&good, &good);
    ck_assert_int_eq(truncate(scratch_path("Rdata.rdb"), 40), 0);
    refused("found the end at 40", THM_EFORMAT);
    ck_assert_int_eq(unlink(scratch_path("Rdata.rdb")), 0);
    refused("Rdata.rdb: expected a readable file", THM_EIO);
    write_package(&good, &good);
    ck_assert_int_eq(truncate(scratch_path("Rdata.rdx"), 40), 0);
    refused("Rdata.rdx: expected", THM_EFORMAT);
    ck_assert_int_eq(truncate(scratch_path("Rdata.rdx"), 0), 0);
    refused("Rdata.rdx: expected a whole gzip file", THM_EFORMAT);
    scratch_write("Rdata.rdx", good.at, good.size); /* plain, without names */
    refused("expected where training_data lies", THM_EFORMAT);
}
END_TEST

/* What was counted when Debian's package 1.1.0-1 was first read. */
START_TEST(the_real_reviews)
{
    static const int count[] = {4000, 1000}, great[] = {2600, 658};
    if (access("data/reviews/Rdata.rdx", F_OK) != 0) {
        return; /* `make data-reviews` was not asked for */
    }
    for (int part = 0; part < 2; part++) {
        thm_texts t;
        ck_assert_int_eq(thm_texts_read_reviews("data/reviews",
                                                (thm_texts_part)part, &t, &msg),
                         THM_OK);
        int first = 0;
        for (int k = 0; k < t.count; k++) {
            first += t.texts[k].class == 0;
        }
        ck_assert_int_eq(t.count, count[part]);
        ck_assert_int_eq(first, great[part]);
        ck_assert_str_eq(t.names[0], "great");
        thm_texts_free(&t);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("rdata");
    TCase *t = tcase_create("rdata");
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, a_frame_comes_back);
    tcase_add_test(t, no_prefix_and_nothing_more);
    tcase_add_test(t, what_is_wrong_is_said);
    tcase_add_test(t, bounds_of_nesting_and_names);
    tcase_add_test(t, missing_texts_and_version_2);
    tcase_add_test(t, packed_bytes_come_back_or_are_refused);
    tcase_add_test(t, reviews_of_a_package);
    tcase_add_test(t, packages_that_lie);
    tcase_add_test(t, the_real_reviews);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
