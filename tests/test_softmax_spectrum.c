/* Suite of softmax-spectrum.  Oracles: closed forms of two and three tokens
 * and of uniform rows; the defining equations of an eigenpair; the Jacobian
 * that the program saves; the same run by another way. */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>

#include "io/tensor.h"
#include "tests/program.h"

static const double u = 0x1p-53;

/* Runs, expects success and gives the JSON lines as an array. */
static json_t *lines_of(const char *args)
{
    outcome o = run(args, "");
    ck_assert_msg(o.code == 0 && o.err[0] == '\0', "%s: %d %s", args, o.code,
                  o.err);
    json_t *rows = json_array();
    for (char *line = o.out; *line != '\0';) {
        char *end = strchr(line, '\n');
        ck_assert_ptr_nonnull(end);
        *end = '\0';
        json_t *row = json_loads(line, 0, NULL);
        ck_assert_msg(row != NULL, "%s", line);
        json_array_append_new(rows, row);
        line = end + 1;
    }
    outcome_free(&o);
    return rows;
}

static double number(const json_t *rows, size_t row, const char *key)
{
    const json_t *value = json_object_get(json_array_get(rows, row), key);
    ck_assert_msg(json_is_number(value), "%s", key);
    return json_number_value(value);
}

static double element(const json_t *rows, size_t row, const char *key, size_t i)
{
    const json_t *array = json_object_get(json_array_get(rows, row), key);
    ck_assert_msg(i < json_array_size(array), "%s[%zu]", key, i);
    return json_number_value(json_array_get(array, i));
}

static double entry(const json_t *rows, const char *key, size_t i, size_t j)
{
    const json_t *matrix = json_object_get(json_array_get(rows, 0), key);
    return json_number_value(json_array_get(json_array_get(matrix, i), j));
}

static void expect_near(double x, double want, double rel)
{
    ck_assert_msg(fabs(x - want) <= rel * fabs(want), "%.17g, not %.17g", x,
                  want);
}

/* identity: two tokens have p = (s, 1 - s), eigenvalue 2 s (1 - s) / tau, and
 * 4 s (1 - s) = 1 / cosh^2(d / 2 tau) for logits that differ by d */
START_TEST(two_tokens)
{
    write_in("0 0\n2.385 -1.127\n0 -500\n");
    json_t *rows = lines_of("--logits - --temperature 0.75 --values");
    static const double d[] = {0, 3.512, 500};
    ck_assert_uint_eq(json_array_size(rows), 3);
    for (size_t i = 0; i < 3; i++) {
        double c = cosh(d[i] / 1.5), want = 1 / (2 * 0.75 * c * c);
        /* the argument of cosh carries its own rounding */
        double rel = (20 + 4 * d[i]) * u;
        ck_assert(number(rows, i, "row") == (double)i);
        ck_assert(number(rows, i, "n") == 2 && number(rows, i, "tau") == 0.75);
        expect_near(number(rows, i, "norm2"), want, rel);
        expect_near(number(rows, i, "trace"), want, rel);
        expect_near(number(rows, i, "lambda_min_nonzero"), want, rel);
        ck_assert(element(rows, i, "eigenvalues", 0) == 0);
        expect_near(element(rows, i, "eigenvalues", 1), want, rel);
        ck_assert(number(rows, i, "underflowed") == 0);
    }
    expect_near(number(rows, 0, "entropy"), log(2), 4 * u);
    json_decref(rows);
}
END_TEST

/* stored: the keys and their order */
START_TEST(keys_are_in_order)
{
    static const struct {
        const char *args, *keys;
    } cases[] = {
        {"--logits -", "row n tau entropy norm2 trace lambda_min_nonzero "
                       "underflowed "},
        {"--logits - --values --extremes 1 --certify",
         "row n tau entropy norm2 trace lambda_min_nonzero underflowed "
         "eigenvalues smallest largest lower upper exponent2 certified "
         "evidence "},
        {"--logits - --vectors",
         "row n tau entropy norm2 trace lambda_min_nonzero underflowed "
         "eigenvalues eigenvectors "},
        {"--logits - --vectors --extremes 1",
         "row n tau entropy norm2 trace lambda_min_nonzero underflowed "
         "smallest smallest_vectors largest largest_vectors "},
        {"--probs - --sum-tol 1",
         "row n tau entropy norm2 trace lambda_min_nonzero underflowed "
         "sum_error "},
        {"--logits - --variant normsoftmax-std --values",
         "row n tau variant spread temperature entropy norm2 trace "
         "lambda_min_nonzero err singular_values "},
    };
    write_in("0.5 0.25\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *rows = lines_of(cases[i].args);
        char keys[512] = "";
        const char *key;
        json_t *value;
        json_object_foreach(json_array_get(rows, 0), key, value)
        {
            strcat(strcat(keys, key), " ");
        }
        ck_assert_str_eq(keys, cases[i].keys);
        json_decref(rows);
    }
}
END_TEST

/* identity: one token, uniform rows, and a mask, which is a zero probability */
START_TEST(edges)
{
    write_in("7\n");
    json_t *rows = lines_of("--logits - --values --certify");
    ck_assert(json_is_null(
        json_object_get(json_array_get(rows, 0), "lambda_min_nonzero")));
    ck_assert(number(rows, 0, "norm2") == 0);
    ck_assert(element(rows, 0, "eigenvalues", 0) == 0);
    json_decref(rows);

    write_in("3 -inf 3 3 -inf\n");
    rows = lines_of("--logits - --masked --values");
    for (size_t i = 0; i < 5; i++) {
        expect_near(element(rows, 0, "eigenvalues", i), i < 3 ? 0 : 1.0 / 3,
                    4 * u);
    }
    expect_near(number(rows, 0, "lambda_min_nonzero"), 1.0 / 3, 4 * u);
    json_decref(rows);

    write_in("0 -2000\n");
    rows = lines_of("--logits - --values --certify");
    ck_assert(number(rows, 0, "underflowed") == 1);
    ck_assert(
        json_is_true(json_object_get(json_array_get(rows, 0), "certified")));
    ck_assert(element(rows, 0, "lower", 1) > 0);
    /* 2 e^-2000 as a power of two: -2000 / ln 2 + 1 */
    double lower =
        log2(element(rows, 0, "lower", 1)) + element(rows, 0, "exponent2", 1);
    expect_near(lower, 1 - 2000 / log(2), 1e-12);
    json_decref(rows);
}
END_TEST

/* identity: J v = lambda v, |v| = 1, against the Jacobian that is saved, and
 * every enclosure holds its eigenvalue */
START_TEST(eigenpairs_and_enclosures)
{
    enum { N = 7 };
    write_in("2.385 -1.127 0.33 4.01 -7.9 0.33 1e-3\n");
    json_t *rows = lines_of("--logits - --temperature 1.3 --vectors "
                            "--certify --jacobian J");
    thm_tensor J;
    thm_message msg;
    ck_assert_msg(thm_tensor_read(scratch_path("J"), &J, &msg) == THM_OK, "%s",
                  msg.text);
    ck_assert(J.ndim == 3 && J.shape[0] == 1);
    ck_assert(J.shape[1] == N && J.shape[2] == N);
    double trace = 0;
    for (size_t k = 0; k < N; k++) {
        double lambda = element(rows, 0, "eigenvalues", k), square = 0;
        for (size_t i = 0; i < N; i++) {
            double residual = 0, v = entry(rows, "eigenvectors", k, i);
            for (size_t j = 0; j < N; j++) {
                residual +=
                    J.data[i * N + j] * entry(rows, "eigenvectors", k, j);
            }
            /* products of n entries below 1/2, each relative u */
            ck_assert_double_le(fabs(residual - lambda * v), 2 * N * u);
            square += v * v;
        }
        expect_near(square, 1, 2 * N * u);
        double e = element(rows, 0, "exponent2", k);
        ck_assert_double_le(ldexp(element(rows, 0, "lower", k), (int)e),
                            lambda);
        ck_assert_double_ge(ldexp(element(rows, 0, "upper", k), (int)e),
                            lambda);
        trace += lambda;
    }
    expect_near(number(rows, 0, "trace"), trace, 40 * u);
    ck_assert(number(rows, 0, "norm2") ==
              element(rows, 0, "eigenvalues", N - 1));
    thm_tensor_free(&J);
    json_decref(rows);
}
END_TEST

/* second route: extremes are the ends of the whole spectrum, and neither
 * threads nor instruction sets change a byte */
START_TEST(other_ways_agree)
{
    char text[4096] = "";
    for (int i = 0; i < 200; i++) {
        sprintf(text + strlen(text), "%.6f ", 30 * sin(i * 1.127) * cos(i));
    }
    write_in(text);
    json_t *all = lines_of("--logits - --values");
    json_t *ends = lines_of("--logits - --extremes 3");
    for (size_t i = 0; i < 3; i++) {
        expect_near(element(ends, 0, "smallest", i),
                    element(all, 0, "eigenvalues", i), 8e-15);
        expect_near(element(ends, 0, "largest", i),
                    element(all, 0, "eigenvalues", 197 + i), 8e-15);
    }
    json_decref(all);
    json_decref(ends);
    outcome one = run("--logits - --values -j 1 --isa baseline", "");
    outcome two = run("--logits - --values -j 2", "");
    ck_assert_str_eq(one.out, two.out);
    outcome_free(&one);
    outcome_free(&two);
}
END_TEST

/* identity: dividing by the variance reflects, so that the singular values are
 * softmax's eigenvalues at that temperature; dividing by the deviation projects
 * and loses one more; above the spread both are plain softmax */
START_TEST(variants_of_normsoftmax)
{
    write_in("0.1 0.5 -0.3 0.2\n");
    json_t *var = lines_of("--logits - --temperature 1 --values "
                           "--variant normsoftmax-var");
    json_t *std = lines_of("--logits - --temperature 1 --values "
                           "--variant normsoftmax-std");
    char args[96];
    snprintf(args, sizeof args, "--logits - --values --temperature %.17g",
             number(var, 0, "temperature"));
    json_t *plain = lines_of(args);
    for (size_t i = 0; i < 4; i++) {
        double err =
            number(var, 0, "err") + 1e-14 * element(plain, 0, "eigenvalues", i);
        ck_assert_double_le(fabs(element(var, 0, "singular_values", i) -
                                 element(plain, 0, "eigenvalues", i)),
                            err);
    }
    expect_near(number(var, 0, "spread"), 0.081875, 10 * u);
    expect_near(number(std, 0, "spread"), sqrt(0.3275 / 3), 10 * u);
    ck_assert_double_le(element(std, 0, "singular_values", 1),
                        number(std, 0, "err"));
    ck_assert(number(std, 0, "lambda_min_nonzero") ==
              element(std, 0, "singular_values", 2));
    json_decref(var);
    json_decref(std);
    json_decref(plain);

    write_in("-1 2\n");
    json_t *two = lines_of("--logits - --variant normsoftmax-std "
                           "--temperature 9");
    ck_assert(json_is_null(
        json_object_get(json_array_get(two, 0), "lambda_min_nonzero")));
    json_decref(two);
}
END_TEST

/* identity: a file, its twin as probabilities, and the record of the run */
START_TEST(probabilities_and_records)
{
    write_in("0.5 0.3 0.2000004\n");
    json_t *rows = lines_of("--probs - --values --out a/b");
    expect_near(number(rows, 0, "sum_error"), 4e-7, 1e-9);
    expect_near(number(rows, 0, "trace"),
                1.0000004 - 0.38000016000016 / 1.0000004, 1e-13);
    json_decref(rows);
    json_t *record = json_load_file(scratch_path("a/b/run.json"), 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(record, "program")),
                     "softmax-spectrum");
    ck_assert_str_eq(json_string_value(json_object_get(
                         json_object_get(record, "options"), "probs")),
                     "-");
    json_decref(record);
}
END_TEST

/* the exit code of the design: an interrupt ends by 130 a run that would
 * take a minute */
START_TEST(an_interrupt_is_130)
{
    char *text = malloc(1200001);
    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < 400000; i++) {
        memcpy(text + 3 * i, i % 200 == 199 ? "1\n\n" : "2, ", 4);
    }
    write_in(text);
    free(text);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        ck_assert_int_eq(chdir(scratch), 0);
        ck_assert_ptr_nonnull(freopen("in", "r", stdin));
        ck_assert_ptr_nonnull(freopen("out", "w", stdout));
        /* --vectors: a megabyte a row, so that it cannot be over yet */
        execl(program, program, "--logits", "-", "--vectors", (char *)NULL);
        _exit(127);
    }
    struct stat info = {0};
    while (stat(scratch_path("out"), &info) != 0 || info.st_size == 0) {
        usleep(1000);
    }
    ck_assert_int_eq(kill(pid, SIGINT), 0);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 130);
}
END_TEST

int main(void)
{
    find_program("softmax-spectrum");
    Suite *suite = suite_create("softmax_spectrum");
    TCase *c = tcase_create("softmax_spectrum");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, scratch_make, scratch_remove);
    tcase_add_test(c, two_tokens);
    tcase_add_test(c, keys_are_in_order);
    tcase_add_test(c, edges);
    tcase_add_test(c, eigenpairs_and_enclosures);
    tcase_add_test(c, other_ways_agree);
    tcase_add_test(c, variants_of_normsoftmax);
    tcase_add_test(c, probabilities_and_records);
    tcase_add_test(c, an_interrupt_is_130);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
