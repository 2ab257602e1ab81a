/* Oracle: HTML written by hand for short texts, and for a page of made-up
 * decisions the words that must and must not be on it. */
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <sys/stat.h>
#include "claims/decision.h"
#include "programs/theoremeter/markup.h"
#include "programs/theoremeter/report.h"
#include "tests/scratch.h"

/* ---- markup ---------------------------------------------------------------
 */

static void ck_markup(void (*put)(FILE *, const char *), const char *text,
                      const char *html)
{
    char *got = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&got, &size);
    ck_assert_ptr_nonnull(out);
    put(out, text);
    fclose(out);
    ck_assert_str_eq(got, html);
    free(got);
}

static void put_inline(FILE *out, const char *text)
{
    markup_inline(out, text, strlen(text));
}

START_TEST(what_means_something_in_html_is_escaped)
{
    ck_markup(markup_plain, "<b> & \"x\" 'y'\x01\x7f",
              "&lt;b&gt; &amp; &quot;x&quot; &#39;y&#39;");
    ck_markup(put_inline, "`<b>` **&**",
              "<code>&lt;b&gt;</code> <strong>&amp;</strong>");
}
END_TEST

START_TEST(code_and_bold_are_rendered_and_lone_marks_kept)
{
    ck_markup(put_inline, "a `b` **c `d**` e** f",
              "a <code>b</code> <strong>c `d</strong>` e** f");
    ck_markup(put_inline, "2 ** 3 and ` alone", "2 ** 3 and ` alone");
    ck_markup(put_inline, "``", "<code></code>");
    ck_markup(put_inline, "", "");
}
END_TEST

START_TEST(indices_are_lowered_and_raised_names_kept)
{
    ck_markup(put_inline, "p_i(1 - p_i), |J|_F",
              "p<sub>i</sub>(1 - p<sub>i"
              "</sub>), |J|<sub>F</sub>");
    ck_markup(put_inline, "p_(i-1) + 2^-53 e^{-x}",
              "p<sub>(i-1)</sub> + 2<sup>-53</sup> e<sup>-x</sup>");
    ck_markup(put_inline, "\xce\xbb_1, |v|_\xe2\x88\x9e, max_i",
              "\xce\xbb<sub>1</sub>, |v|<sub>\xe2\x88\x9e</sub>, "
              "max<sub>i</sub>");
    ck_markup(put_inline, "(a b)^(1/2) |x|_a^2 p_1p_2 dW_Q",
              "(a b)<sup>(1/2)</sup> |x|<sub>a</sub><sup>2</sup> "
              "p<sub>1</sub>p<sub>2</sub> dW<sub>Q</sub>");
    ck_markup(put_inline, "thm_softmax_jvp _x_ a_ ^2 p_(i `q_1`",
              "thm_softmax_jvp _x_ a_ ^2 p_(i <code>q_1</code>");
}
END_TEST

START_TEST(a_sentence_ends_outside_code_only)
{
    ck_markup(markup_sentence, "For `p. q` it is 0.5 at most. Then more.",
              "For <code>p. q</code> it is 0.5 at most.");
    ck_markup(markup_sentence, "One paragraph\n\nand another.",
              "One paragraph");
    ck_markup(markup_sentence, "No end", "No end");
}
END_TEST

START_TEST(blocks_are_paragraphs_lists_and_fences)
{
    ck_markup(markup_blocks, "One\ntwo.\n\n\nThree.\n",
              "<p>One\ntwo.</p>\n<p>Three.</p>\n");
    ck_markup(markup_blocks, "So:\n- a\n  b\n- `c`\n\nEnd",
              "<p>So:</p>\n<ul>\n<li>a\n  b</li>\n<li><code>c</code></li>\n"
              "</ul>\n<p>End</p>\n");
    ck_markup(markup_blocks, "1. a\n2. b",
              "<ol>\n<li>a</li>\n<li>b</li>\n"
              "</ol>\n");
    ck_markup(markup_blocks, "```\na < **b**\n```\nc",
              "<pre>a &lt; **b**\n</pre>\n<p>c</p>\n");
    ck_markup(markup_blocks, "```\nno end", "<pre>no end</pre>\n");
}
END_TEST

/* ---- page -----------------------------------------------------------------
 */

static const char hostile[] = "<script>alert(1)</script> it's \"n\" & m";

static thm_decision decide(const char *id, thm_verdict verdict, int64_t cases)
{
    thm_decision d = {.seconds = 0.25};
    thm_decision_name(&d, id);
    thm_result_init(&d.result);
    d.result.verdict = verdict;
    d.result.cases = cases;
    d.result.margin = 1.25e-9;
    d.result.err = 2.5e-16;
    d.result.tight = (double)NAN;
    d.result.worst_seed = 18446744073709551615u;
    strcpy(d.result.worst_case, "gauss-n17");
    return d;
}

/* The page of some decisions, from a folder made for it; freed by the caller.
 */
static char *write_page(int n, const thm_decision *decisions, const json_t *run)
{
    const report_options options = {.seed = 1, .effort = 1, .at_once = 1};
    thm_message msg = {""};
    ck_assert_msg(report_write(scratch_path("new/out"), n, decisions, run,
                               &options, &msg) == THM_OK,
                  "%s", msg.text);
    FILE *in = fopen(scratch_path("new/out/report.html"), "r");
    char *page = NULL;
    size_t size = 0;
    ck_assert_ptr_nonnull(in);
    ck_assert_int_gt(getdelim(&page, &size, '\0', in), 0);
    fclose(in);
    return page;
}

static void has(const char *page, const char *text)
{
    ck_assert_msg(strstr(page, text) != NULL, "not on the page: %s", text);
}

static void has_not(const char *page, const char *text)
{
    ck_assert_msg(strstr(page, text) == NULL, "on the page: %s", text);
}

START_TEST(a_row_says_verdict_margin_twin_and_replay)
{
    const thm_decision d[] = {decide("S3", THM_HOLDS, 400),
                              decide("XS3", THM_REFUTED, 7)};
    char *page = write_page(2, d, NULL);
    has(page, "<title>Theoremeter: 1 claim, 1 false twin</title>");
    has(page, "Each of the 1 claim came out as expected");
    has(page, "data-verdict=\"HOLDS\" data-unexpected=\"no\"");
    has(page, "<span class=\"verdict HOLDS\">HOLDS</span> "
              "<span class=\"basis\">(enclosure, 400&nbsp;cases)</span>");
    has(page, "<td class=\"number wide\">1.25e-09</td>");
    has(page, "<td class=\"number wide\">\xe2\x80\x93</td>");
    has(page, "<td class=\"twin\"><span class=\"verdict REFUTED\">");
    has(page, "verify --only S3 --case gauss-n17 --seed "
              "18446744073709551615</pre>");
    has(page, "verify --only XS3 --case gauss-n17");
    has(page, "This run was not recorded.");
    has_not(page, "{{");
    free(page);
}
END_TEST

START_TEST(a_recorded_verdict_says_so_and_how_to_train_anew)
{
    thm_decision d[] = {decide("H6.1", THM_HOLDS, 1),
                        decide("XH6.1", THM_REFUTED, 1)};
    for (int i = 0; i < 2; i++) {
        strcpy(d[i].result.recorded, "2026-11-22");
        strcpy(d[i].result.worst_case, "tokens");
    }
    char *page = write_page(2, d, NULL);
    has(page, "(enclosure, recorded 2026-11-22)");
    has(page, "<pre>build/bin/eureka-runs --group tokens\n"
              "build/bin/h4-runs --recorded out/recorded --only H6.1</pre>");
    has_not(page, "verify --only");
    free(page);
}
END_TEST

START_TEST(what_was_not_expected_is_named)
{
    const thm_decision d[] = {
        decide("S3", THM_REFUTED, 4), decide("XS3", THM_HOLDS, 4),
        decide("S8", THM_VACUOUS, 0), decide("XS8", THM_REFUTED, 1)};
    char *page = write_page(4, d, NULL);
    has(page, "3 of 4 outcomes are not as expected");
    has(page, "<a href=\"#S3\">S3</a> came out REFUTED, expected HOLDS");
    has(page, "the twin <a href=\"#S3\">XS3</a> came out HOLDS");
    has(page, "<span class=\"alarm\">expected HOLDS</span>");
    has(page, "data-verdict=\"VACUOUS\" data-unexpected=\"yes\"");
    has_not(page, "--only S8");
    has(page, "--only XS8");
    free(page);
}
END_TEST

START_TEST(a_claim_of_the_users_own_and_a_lone_twin_have_rows)
{
    thm_decision d[] = {decide("U1", THM_HOLDS, 1),
                        decide("XS5.1", THM_REFUTED, 1)};
    d[0].result.all_inputs = true;
    char *page = write_page(2, d, NULL);
    has(page, "id=\"U1\"");
    has(page, "id=\"XS5.1\"");
    has(page, "(enclosure, all inputs)");
    has(page, "<span class=\"basis\">not run</span>");
    free(page);
}
END_TEST

START_TEST(hostile_names_stay_text)
{
    thm_decision d[] = {decide("S3", THM_HOLDS, 2),
                        decide("XS3", THM_REFUTED, 2)};
    strcpy(d[0].result.worst_case, hostile);
    json_t *run = json_pack("{s:s, s:{s:s}}", "cpu", hostile, "options", "out",
                            "</td>{{rows}}");
    char *page = write_page(2, d, run);
    has_not(page, "<script>alert");
    has(page, "--case &#39;&lt;script&gt;alert(1)&lt;/script&gt; "
              "it&#39;\\&#39;&#39;s &quot;n&quot; &amp; m&#39; --seed");
    has(page, "<th scope=\"row\">options: out</th><td>&lt;/td&gt;{{rows}}");
    json_decref(run);
    free(page);
}
END_TEST

START_TEST(figures_whose_programs_are_missing_are_said_to_be)
{
    /* no experiment is installed beside a test */
    const thm_decision d[] = {decide("S3", THM_HOLDS, 2)};
    char *page = write_page(1, d, NULL);
    has(page, "This figure was not drawn: the program softmax-widths is not "
              "installed.");
    has_not(page, "<svg");
    free(page);
}
END_TEST

START_TEST(a_folder_that_cannot_be_made_is_named)
{
    const report_options options = {.seed = 1, .effort = 1, .at_once = 1};
    const thm_decision d[] = {decide("S3", THM_HOLDS, 2)};
    thm_message msg = {""};
    char *file = strdup(scratch_write("file", "x", 1));
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(
        report_write(scratch_path("file/out"), 1, d, NULL, &options, &msg),
        THM_EIO);
    ck_assert_ptr_nonnull(strstr(msg.text, file));
    free(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *markup = tcase_create("markup");
    tcase_add_test(markup, what_means_something_in_html_is_escaped);
    tcase_add_test(markup, code_and_bold_are_rendered_and_lone_marks_kept);
    tcase_add_test(markup, indices_are_lowered_and_raised_names_kept);
    tcase_add_test(markup, a_sentence_ends_outside_code_only);
    tcase_add_test(markup, blocks_are_paragraphs_lists_and_fences);
    suite_add_tcase(suite, markup);
    TCase *page = tcase_create("page");
    tcase_add_checked_fixture(page, scratch_make, scratch_remove);
    tcase_add_test(page, a_row_says_verdict_margin_twin_and_replay);
    tcase_add_test(page, a_recorded_verdict_says_so_and_how_to_train_anew);
    tcase_add_test(page, what_was_not_expected_is_named);
    tcase_add_test(page, a_claim_of_the_users_own_and_a_lone_twin_have_rows);
    tcase_add_test(page, hostile_names_stay_text);
    tcase_add_test(page, figures_whose_programs_are_missing_are_said_to_be);
    tcase_add_test(page, a_folder_that_cannot_be_made_is_named);
    suite_add_tcase(suite, page);
    return run_suite(suite);
}
