/* Suite of attn-rank.  Oracles: closed forms of one token and of B = X; the
 * same instance by another way (files, text, draw); the B that the program
 * saves; the verdicts of instances that are deficient by construction. */
#include <jansson.h>
#include <math.h>

#include "attn/instance.h"
#include "attn/rank.h"
#include "io/tensor.h"
#include "tests/program.h"

static void begin(void)
{
    scratch_make();
    write_in("");
}

/* Runs, expects the exit code and no complaint, and gives the line. */
static json_t *rank_of(const char *args, int code)
{
    outcome o = run(args, "");
    ck_assert_msg(o.code == code && o.err[0] == '\0', "%s: %d %s", args, o.code,
                  o.err);
    json_t *line = json_loads(o.out, 0, NULL);
    ck_assert_msg(json_is_object(line), "%s: %s", args, o.out);
    outcome_free(&o);
    return line;
}

static double number(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    ck_assert_msg(json_is_number(value), "%s", key);
    return json_number_value(value);
}

static const char *text(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

/* Writes one tensor of three dimensions. */
static void write_three(const char *file, const double *data, int a, int b,
                        int c)
{
    const thm_tensor_out out = {.name = "w",
                                .ndim = 3,
                                .shape = {(size_t)a, (size_t)b, (size_t)c},
                                .data = data};
    ck_assert_int_eq(thm_tensor_write(scratch_path(file), 1, &out, NULL),
                     THM_OK);
}

static void write_text(const char *file, const char *rows)
{
    scratch_write(file, rows, strlen(rows));
}

/* the flags of a good instance: x, wq, wk, 1 x 2 x 3, D = 3, d = 2 */
#define GOOD "--x x --wq w --wk w --shape 1,2,3 "
static void write_good(void)
{
    write_text("x", "1 0.5 -0.25\n2.385 -1.127 0.3\n");
    write_text("w", "0.5 -0.3\n0.25 0.7\n-0.1 1.5\n");
}

/* closed form: one token gives S = 1, B = X, sigma_min = |x| = 5 */
START_TEST(one_token)
{
    write_text("x", "3 4\n");
    write_text("w", "1\n-2\n");
    json_t *line = rank_of("--x x --wq w --wk w --shape 1,1,2", 0);
    ck_assert(fabs(number(line, "sigma_min") - 5.0) <= 1e-14);
    ck_assert(fabs(number(line, "sigma_max") - 5.0) <= 1e-5);
    ck_assert(number(line, "sigma_min_lower") <= 5.0);
    ck_assert(number(line, "sigma_min_lower") >= 5.0 - 1e-5);
    ck_assert(number(line, "sigma_min_upper") >= 5.0);
    ck_assert(fabs(number(line, "lambda_min_gram") - 25.0) <= 1e-13);
    ck_assert_str_eq(text(line, "verdict"), "HOLDS");
    ck_assert(json_is_null(json_object_get(line, "why")));
    ck_assert(json_is_null(json_object_get(line, "seed")));
    ck_assert(number(line, "H") == 1 && number(line, "d") == 1);
    json_decref(line);
}
END_TEST

/* stored: the keys and their order */
START_TEST(keys_are_in_order)
{
    char keys[512] = "";
    const char *key;
    json_t *value;
    json_t *line = rank_of("--draw 1,2,3,2,1", 0);
    json_object_foreach(line, key, value)
    {
        strcat(strcat(keys, key), " ");
    }
    ck_assert_str_eq(keys,
                     "N n D d H kernel kernel_scale seed rows columns "
                     "sigma_min sigma_min_lower sigma_min_upper "
                     "lambda_min_gram sigma_max rank_threshold residual gap "
                     "delta underflowed route certificate limited_by verdict "
                     "why ");
    json_decref(line);
}
END_TEST

/* second route: a draw, its arrays as files, and the same as text; the B that
 * is saved is that of the library, and its singular value is what is said */
START_TEST(files_and_draws_agree)
{
    static const char *const kernels[] = {"softmax", "gaussian",
                                          "gaussian-normalised"};
    thm_instance_plan plan = thm_instance_plan_default();
    ck_assert_int_eq(thm_instance_sizes("", "2,3,5,2,2", &plan, NULL), THM_OK);
    plan.seed = 7;
    plan.s = 0.5;
    plan.s_x = 0.75;
    plan.scheme = THM_SCHEME_XAVIER;
    for (int k = 0; k < 3; k++) {
        plan.kernel = (thm_kernel)k;
        thm_instance in;
        ck_assert_int_eq(thm_instance_draw(&plan, &in, NULL), THM_OK);
        write_three("x.st", in.X, 2, 3, 5);
        write_three("q.st", in.Wq, 2, 5, 2);
        write_three("k.st", in.Wk, 2, 5, 2);
        char rows[4096] = "", args[256];
        for (int i = 0; i < 30; i++) {
            sprintf(rows + strlen(rows), "%.17g%s", in.X[i],
                    i % 5 == 4 ? "\n" : ", ");
        }
        write_text("x.txt", rows);
        rows[0] = '\0';
        for (int i = 0; i < 20; i++) {
            sprintf(rows + strlen(rows), "%.17g%s", in.Wq[i],
                    i % 2 == 1 ? "\n" : ", ");
        }
        write_text("q.txt", rows);

        snprintf(args, sizeof args,
                 "--draw 2,3,5,2,2 --seed 7 --scale 0.5 --x-scale 0.75 "
                 "--scheme xavier --kernel %s --save B.st --out run",
                 kernels[k]);
        json_t *drawn = rank_of(args, 0);
        snprintf(args, sizeof args,
                 "--x x.st --wq q.st:w --wk k.st --kernel %s", kernels[k]);
        json_t *read = rank_of(args, 0);
        snprintf(args, sizeof args,
                 "--x x.txt --shape 2,3,5 --wq q.txt --wk k.st -k %s "
                 "--kernel-scale %.17g",
                 kernels[k], thm_kernel_scale(2));
        json_t *as_text = rank_of(args, 0);
        ck_assert(json_equal(read, as_text));
        ck_assert(number(drawn, "seed") == 7);
        json_object_set_new(drawn, "seed", json_null());
        ck_assert(json_equal(drawn, read));
        ck_assert_str_eq(text(drawn, "kernel"), kernels[k]);

        thm_tensor B;
        thm_layer_work *work = NULL;
        double want[6 * 10];
        ck_assert_int_eq(thm_tensor_read(scratch_path("B.st"), &B, NULL),
                         THM_OK);
        ck_assert(B.ndim == 2 && B.shape[0] == 6 && B.shape[1] == 10);
        ck_assert_int_eq(thm_layer_work_alloc(&in.layer, &work), THM_OK);
        ck_assert_int_eq(thm_layer_b(&in.layer, in.Wq, in.Wk, work, want),
                         THM_OK);
        ck_assert_mem_eq(B.data, want, sizeof want);
        thm_layer_work_free(work);
        thm_tensor_free(&B);
        thm_instance_free(&in);
        json_decref(drawn);
        json_decref(read);
        json_decref(as_text);
    }
    json_t *record = json_load_file(scratch_path("run/run.json"), 0, NULL);
    ck_assert_str_eq(text(record, "program"), "attn-rank");
    ck_assert_str_eq(text(json_object_get(record, "options"), "scheme"),
                     "xavier");
    json_decref(record);
}
END_TEST

/* identity: (c, W) and (c / 2, sqrt 2 W) are the same attention; half is half
 */
START_TEST(kernel_scales)
{
    char args[160];
    json_t *one = rank_of("--draw 1,3,4,2,1 -k gaussian --scale 0.7", 0);
    snprintf(args, sizeof args,
             "--draw 1,3,4,2,1 -k gaussian --scale %.17g --kernel-scale half",
             0.7 * sqrt(2.0));
    json_t *two = rank_of(args, 0);
    ck_assert(number(one, "kernel_scale") == 2 * number(two, "kernel_scale"));
    ck_assert(fabs(number(one, "sigma_min") - number(two, "sigma_min")) <=
              1e-13 * number(one, "sigma_max"));
    json_decref(one);
    json_decref(two);
}
END_TEST

/* identity: deficient by construction is REFUTED, and why; where attention has
 * hardened beyond double precision nothing is decided */
START_TEST(verdicts)
{
    static const struct {
        const char *args, *verdict, *limited_by, *why;
        int code;
    } cases[] = {
        {"--draw 2,3,5,2,1", "REFUTED", "rank", "HD < Nn", 1},
        {"--draw 2,3,8,2,1 --scale 0", "REFUTED", "rank", "W_Q", 1},
        {"--draw 5,1,4,2,3", "REFUTED", "rank", "n = 1", 1},
        {"--draw 5,1,4,2,3 -k gaussian --scale 0.3", "HOLDS", NULL, NULL, 0},
        {"--x t --wq w --wk w --shape 1,2,3", "REFUTED", "rank", "tokens", 1},
        {"--draw 3,4,16,3,1 --scale 30", "UNDECIDED", "condition", "sigma_min",
         3},
        /* 1.6e-13 and an error of 7e-13; 1.6e-12, which only B in twice the
         * precision decides */
        {"--draw 3,4,16,3,1 --seed 108", "UNDECIDED", "delta", "delta", 3},
        {"--draw 3,4,16,3,1 --seed 29", "HOLDS", NULL, NULL, 0},
    };
    write_good();
    write_text("t", "1 0.5 -0.25\n1 0.5 -0.25\n");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        json_t *line = rank_of(cases[k].args, cases[k].code);
        ck_assert_str_eq(text(line, "verdict"), cases[k].verdict);
        if (cases[k].why) {
            ck_assert_str_eq(text(line, "limited_by"), cases[k].limited_by);
            ck_assert_ptr_nonnull(strstr(text(line, "why"), cases[k].why));
            ck_assert(number(line, "sigma_min_lower") == 0.0);
        } else {
            ck_assert(json_is_null(json_object_get(line, "why")));
            ck_assert(number(line, "sigma_min_lower") > 0.0);
        }
        if (cases[k].code == 1) {
            ck_assert(number(line, "sigma_min") == 0.0);
            ck_assert(number(line, "sigma_min_upper") == 0.0);
        }
        json_decref(line);
    }
}
END_TEST

/* stored: a 28 x 28 image of few colours: its corners are equal patches */
START_TEST(images_as_tokens)
{
    unsigned char idx[16 + 2 * 784] = {0, 0, 8, 3,  0, 0, 0, 2,
                                       0, 0, 0, 28, 0, 0, 0, 28};
    for (int k = 0; k < 2 * 784; k++) {
        idx[16 + k] = (unsigned char)(k * k % 251);
    }
    scratch_write("noise", idx, sizeof idx);
    json_t *line = rank_of("--draw 2,4,49,3,1 --images noise --scale 0.2", 0);
    ck_assert(number(line, "sigma_min_lower") > 0.0);
    json_decref(line);
    memset(idx + 16, 0, sizeof idx - 16);
    scratch_write("black", idx, sizeof idx);
    line = rank_of("--draw 2,4,49,3,1 --images black", 1);
    ck_assert_ptr_nonnull(strstr(text(line, "why"), "tokens"));
    json_decref(line);
    if (access(THM_FASHION_MNIST "t10k-images-idx3-ubyte.gz", R_OK) == 0) {
        /* every patch of 4 x 4: the black margins of an image are equal */
        line = rank_of("--draw 1,49,16,3,4 --fashion", 1);
        json_decref(line);
    }
}
END_TEST

/* stored: the table for people */
START_TEST(table)
{
    outcome o = run("--draw 2,3,5,2,1 --table", "");
    ck_assert_int_eq(o.code, 1);
    ck_assert_ptr_nonnull(strstr(o.out, "\nsigma_min_lower  0\n"));
    ck_assert_ptr_nonnull(strstr(o.out, "\nverdict          REFUTED\n"));
    ck_assert_ptr_nonnull(strstr(o.out, "\ncertificate      -\n"));
    outcome_free(&o);
}
END_TEST

/* stored: bad input is one line that names it, exit 2, and nothing on stdout */
START_TEST(bad_input)
{
    static const struct {
        const char *args, *says;
    } cases[] = {
        {"", "expected --x FILE, or --draw N,n,D,d,H[,m], found nothing"},
        {"--x x --wk w", "expected --wq FILE"},
        {"--draw 1,2,3,2,1 --x x", "--x: expected no --draw, found both"},
        {GOOD "--scale 2",
         "--scale: expected --draw N,n,D,d,H[,m], found nothing"},
        {GOOD "--scheme equal", "--scheme: expected --draw"},
        {GOOD "--fashion", "--fashion: expected --draw"},
        {"--draw 1,2,3,2", "--draw: expected sizes N,n,D,d,H[,m]"},
        {"--draw 1,2,3,2,1,0", "found \"1,2,3,2,1,0\""},
        {"--draw 1,2,0,2,1", "--draw: expected sizes N,n,D,d,H[,m]"},
        {"--draw 1,2,3,0,1", "--draw: expected sizes N,n,D,d,H[,m]"},
        {"--draw 50000,50000,50000,1,1", "overflow"},
        {"--draw 1,2,3,2,1 --kernel cosine", "expected one of softmax"},
        {"--draw 1,2,3,2,1 --kernel-scale 0", "--kernel-scale: expected"},
        {GOOD "--kernel-scale -1", "--kernel-scale: expected a positive"},
        {GOOD "--kernel-scale nan", "--kernel-scale: expected a positive"},
        {"--draw 1,2,3,2,1 --scale -1", "--scale: expected"},
        {"--draw 1,2,3,2,1 --scale 1e200", "overflow"},
        {"--x none --wq w --wk w --shape 1,2,3", "none"},
        {"--x x --wq none --wk w --shape 1,2,3", "none"},
        {"--x x --wq w --wk w", "--x x: expected N x n x D (three dimensions, "
                                "or --shape N,n,D), found 2 x 3"},
        {"--x two.st --wq w --wk w", "or --shape N,n,D), found 2 x 3"},
        {"--x x --wq w --wk w --shape 2,2,3",
         "--x x: expected 2 x 2 x 3 (--shape), its first two as rows, found "
         "2 x 3"},
        {"--x x --wq w --wk w --shape 1,2", "--shape: expected three sizes"},
        {"--x x --wq w --wk w --shape 1,2,0", "--shape: expected three"},
        {"--x three.st --wq w --wk w --shape 2,1,3", "expected 2 x 1 x 3"},
        {"--x x --wq w4 --wk w --shape 1,2,3",
         "--wq w4: expected H x 3 x d (D as in X), its first two as rows, "
         "found 4 x 2"},
        {"--x x --wq w --wk w6 --shape 1,2,3",
         "--wk w6: expected 1 x 3 x 2 (as in WQ), its first two as rows, "
         "found 6 x 2"},
        {"--x x --wq two.st --wk w --shape 1,2,3", "--wq two.st: expected"},
        {"--x x --wq empty.st --wk w --shape 1,2,3", "found 1 x 3 x 0"},
        {"--x empty.st --wq w --wk w", "found 1 x 3 x 0"},
        {"--x x --wq nan --wk w --shape 1,2,3", "nan:2"},
        {"--x inf --wq w --wk w --shape 1,2,3", "inf:1"},
        {"--x int.st --wq w --wk w", "I32"},
        {"--x junk --wq w --wk w --shape 1,2,3", "junk:1"},
        {GOOD "--save no/such/folder/B", "no/such/folder"},
        {"--draw 1,5,400,2,1 --images none", "none"},
        {"--draw 1,2,3,2,1 --images x", "x"},
        {"--frobnicate", "frobnicate"},
        {GOOD "extra", "extra"},
    };
    static const double six[] = {1, 2, 3, 4, 5, 6};
    static const char header[] = "{\"x\":{\"dtype\":\"I32\",\"shape\":[1,1,1],"
                                 "\"data_offsets\":[0,4]}}";
    char bytes[8 + sizeof header - 1 + 4] = {(char)(sizeof header - 1)};
    memcpy(bytes + 8, header, sizeof header - 1);
    write_good();
    scratch_write("int.st", bytes, sizeof bytes);
    write_text("w4", "1 2\n3 4\n5 6\n7 8\n");
    write_text("w6", "1 2\n3 4\n5 6\n7 8\n9 8\n7 6\n");
    write_text("nan", "1 2\n3 nan\n5 6\n");
    write_text("inf", "1 inf 2\n3 4 5\n");
    write_text("junk", "1 two 3\n");
    write_three("three.st", six, 1, 2, 3);
    write_three("empty.st", six, 1, 3, 0);
    const thm_tensor_out two = {
        .name = "w", .ndim = 2, .shape = {2, 3}, .data = six};
    ck_assert_int_eq(thm_tensor_write(scratch_path("two.st"), 1, &two, NULL),
                     THM_OK);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        outcome o = run(cases[k].args, "");
        ck_assert_msg(o.code == 2 && o.lines == 1 && o.out[0] == '\0' &&
                          strstr(o.err, cases[k].says) != NULL,
                      "%s: exit %d, stdout '%s', stderr '%s'", cases[k].args,
                      o.code, o.out, o.err);
        outcome_free(&o);
    }
    json_decref(rank_of(GOOD, 0));
    json_decref(rank_of("--x three.st --wq w --wk w", 0));
    json_decref(rank_of("--x two.st --wq w --wk w --shape 1,2,3", 0));
}
END_TEST

int main(void)
{
    find_program("attn-rank");
    Suite *suite = suite_create("attn_rank");
    TCase *c = tcase_create("attn_rank");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, begin, scratch_remove);
    tcase_add_test(c, one_token);
    tcase_add_test(c, keys_are_in_order);
    tcase_add_test(c, files_and_draws_agree);
    tcase_add_test(c, kernel_scales);
    tcase_add_test(c, verdicts);
    tcase_add_test(c, images_as_tokens);
    tcase_add_test(c, table);
    tcase_add_test(c, bad_input);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
