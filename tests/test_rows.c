/* Oracles: rows against the same row made alone, and images whose logits are
 * known by symmetry (identities). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "claims/claim.h"
#include "claims/families.h"
#include "claims/logits.h"
#include "tests/scratch.h"

/* ---- rows -----------------------------------------------------------------
 */

typedef thm_status make_row(void *, uint64_t, int64_t, void *, char *);

static const struct {
    make_row *make;
    int count;
} sources[] = {{thm_logits_make, THM_LOGITS_CASES},
               {thm_probs_make, THM_PROBS_CASES},
               {thm_rows_make, THM_ROWS_CASES}};
enum { SOURCES = sizeof sources / sizeof *sources };

START_TEST(a_row_is_the_same_alone)
{
    char name[THM_CASE_NAME], again[THM_CASE_NAME];
    thm_rows *rows = NULL, *other = NULL;
    ck_assert_int_eq(thm_rows_alloc(NULL, &rows), THM_OK);
    thm_row *row = thm_rows_row(rows);
    int compared = 0;
    for (int s = 0; s < SOURCES; s++) {
        for (int i = 0; i < sources[s].count; i += 7) {
            ck_assert_int_eq(sources[s].make(rows, 5, i, row, name), THM_OK);
            ck_assert_int_eq(thm_rows_alloc(NULL, &other), THM_OK);
            thm_row *twin = thm_rows_row(other);
            ck_assert_int_eq(sources[s].make(other, 5, i, twin, again), THM_OK);
            ck_assert_str_eq(name, again);
            ck_assert_int_eq(row->n, twin->n);
            ck_assert_uint_eq(row->rng.stream, twin->rng.stream);
            if (!row->absent) {
                ck_assert_mem_eq(row->value, twin->value,
                                 (size_t)row->n * sizeof *row->value);
                compared++;
            }
            thm_rows_free(other);
        }
    }
    ck_assert_int_gt(compared, 100);
    thm_rows_free(rows);
}
END_TEST

START_TEST(rows_are_in_their_domain_and_differ_in_name)
{
    static char names[THM_ROWS_CASES][THM_CASE_NAME];
    static uint64_t streams[THM_ROWS_CASES];
    thm_rows *rows = NULL;
    ck_assert_int_eq(thm_rows_alloc(NULL, &rows), THM_OK);
    thm_row *row = thm_rows_row(rows);
    for (int s = 0; s < SOURCES; s++) {
        for (int i = 0; i < sources[s].count; i++) {
            ck_assert_int_eq(sources[s].make(rows, 1, i, row, names[i]),
                             THM_OK);
            streams[i] = row->rng.stream;
            ck_assert(row->n >= 1 && row->n <= THM_ROW_MAX);
            double sum = 0.0;
            int support = 0;
            for (int j = 0; j < row->n && !row->absent; j++) {
                const double x = row->value[j];
                ck_assert(row->probs ? x >= 0.0 && x <= 1.0
                                     : x <= 1e5 || x == -HUGE_VAL);
                ck_assert(x == -HUGE_VAL || isfinite(x));
                sum += x;
                support += row->probs ? x > 0.0 : isfinite(x);
            }
            ck_assert(support > 0 || row->absent);
            ck_assert(!row->probs || fabs(sum - 1.0) <= 2.0 * row->n * 0x1p-53);
            for (int j = 0; j < i; j++) {
                ck_assert_str_ne(names[i], names[j]);
                ck_assert(streams[i] != streams[j]);
            }
        }
    }
    thm_rows_free(rows);
}
END_TEST

START_TEST(every_family_and_edge_comes_at_effort_one)
{
    char name[THM_CASE_NAME];
    bool family[THM_LOGIT_FAMILIES] = {false}, edge[THM_LOGIT_EDGES] = {false};
    bool longest = false;
    thm_rows *rows = NULL;
    ck_assert_int_eq(thm_rows_alloc(NULL, &rows), THM_OK);
    thm_row *row = thm_rows_row(rows);
    for (int i = 0; i < THM_LOGITS_CASES; i++) {
        ck_assert_int_eq(thm_logits_make(rows, 1, i, row, name), THM_OK);
        longest = longest || row->n == THM_ROW_MAX;
        for (int k = 0; k < THM_LOGIT_FAMILIES; k++) {
            family[k] |= strcmp(row->family, thm_logit_families[k].name) == 0;
        }
        for (int k = 0; k < THM_LOGIT_EDGES; k++) {
            edge[k] |= strcmp(row->family, thm_logit_edges[k].name) == 0;
        }
    }
    ck_assert(longest);
    for (int k = 0; k < THM_LOGIT_FAMILIES; k++) {
        ck_assert_msg(family[k] ||
                          strcmp(thm_logit_families[k].name, "edge") == 0,
                      "%s", thm_logit_families[k].name);
    }
    for (int k = 0; k < THM_LOGIT_EDGES; k++) {
        ck_assert_msg(edge[k], "%s", thm_logit_edges[k].name);
    }
    thm_rows_free(rows);
}
END_TEST

/* The first row of 4x4 patches. */
static thm_status make_fashion(thm_rows *rows, char *name)
{
    int i = 0;
    while (strcmp(thm_logit_families[i].name, "fashion4") != 0) {
        i++;
    }
    return thm_logits_make(rows, 1, i, thm_rows_row(rows), name);
}

START_TEST(without_images_their_rows_are_absent)
{
    char name[THM_CASE_NAME];
    thm_rows *rows = NULL;
    ck_assert_int_eq(thm_rows_alloc("/nonexistent/images", &rows), THM_OK);
    ck_assert_int_eq(make_fashion(rows, name), THM_OK);
    ck_assert(thm_rows_row(rows)->absent);
    ck_assert_int_eq(thm_logits_make(rows, 1, 0, thm_rows_row(rows), name),
                     THM_OK);
    ck_assert(!thm_rows_row(rows)->absent);
    thm_rows_free(rows);
}
END_TEST

/* 28 x 28 pixels of one value have equal tokens, hence equal logits; of zeros
 * none at all.  Another size is refused, and so is a file cut short. */
START_TEST(images_become_logits_or_an_error)
{
    char name[THM_CASE_NAME];
    unsigned char bytes[16 + 784] = {0, 0, 8, 3,  0, 0, 0, 1,
                                     0, 0, 0, 28, 0, 0, 0, 28};
    thm_rows *rows = NULL;
    for (int ink = 0; ink < 256; ink += 255) {
        memset(bytes + 16, ink, 784);
        const char *path = scratch_write("images", bytes, sizeof bytes);
        ck_assert_int_eq(thm_rows_alloc(path, &rows), THM_OK);
        ck_assert_int_eq(make_fashion(rows, name), THM_OK);
        const thm_row *row = thm_rows_row(rows);
        ck_assert(!row->absent);
        ck_assert_int_eq(row->n, 49);
        for (int i = 0; i < row->n; i++) {
            ck_assert(row->value[i] == row->value[0]);
            ck_assert((row->value[i] == 0.0) == (ink == 0));
        }
        thm_rows_free(rows);
    }
    const char *path = scratch_write("short", bytes, sizeof bytes - 1);
    ck_assert_int_eq(thm_rows_alloc(path, &rows), THM_OK);
    ck_assert_int_eq(make_fashion(rows, name), THM_EFORMAT);
    thm_rows_free(rows);
    bytes[11] = 14; /* 14 x 56 pixels */
    bytes[15] = 56;
    path = scratch_write("images", bytes, sizeof bytes);
    ck_assert_int_eq(thm_rows_alloc(path, &rows), THM_OK);
    ck_assert_int_eq(make_fashion(rows, name), THM_EFORMAT);
    thm_rows_free(rows);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rows");
    TCase *t = tcase_create("rows");
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_row_is_the_same_alone);
    tcase_add_test(t, every_family_and_edge_comes_at_effort_one);
    tcase_add_test(t, without_images_their_rows_are_absent);
    tcase_add_test(t, images_become_logits_or_an_error);
    suite_add_tcase(suite, t);
    TCase *slow = tcase_create("all");
    tcase_set_timeout(slow, 240);
    tcase_set_tags(slow, "long");
    tcase_add_checked_fixture(slow, scratch_make, scratch_remove);
    tcase_add_test(slow, rows_are_in_their_domain_and_differ_in_name);
    suite_add_tcase(suite, slow);
    return run_suite(suite);
}
