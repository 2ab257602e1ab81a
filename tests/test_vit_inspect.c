/* Oracles: a run's own instruments, on the same samples of the same network;
 * LAPACK's full SVD of the weights; an untrained file with timm's names against
 * closed forms of uniform attention; exit codes and single lines. */
#include <jansson.h>
#include <math.h>

#include "io/tensor.h"
#include "la/svd.h"
#include "tests/program.h"
#include "vit/instruments.h"
#include "vit/inspect.h"
#include "vit/weights.h"

static void setup(void)
{
    find_program("vit-inspect");
    scratch_make();
    write_in("");
}

/* A run of vit-train in the folder "run". */
static void train(const char *options)
{
    find_program("vit-train");
    char args[512];
    snprintf(args, sizeof args,
             "--depth 2 --width 12 --heads 2 --batch 8 --steps 20 --evaluate "
             "10 --samples 16 --probe 6 --threads 1 -q --out run %s",
             options);
    outcome o = run(args, "");
    ck_assert_msg(o.code == 0, "%s", o.err);
    outcome_free(&o);
    find_program("vit-inspect");
}

static json_t *line_of(const char *text, int number)
{
    for (; number > 0; number--) {
        text = strchr(text, '\n') + 1;
    }
    json_t *line = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    ck_assert_msg(line != NULL, "no JSON: %.200s", text);
    return line;
}

static double number(const json_t *line, const char *key)
{
    json_t *value = json_object_get(line, key);
    ck_assert_msg(value != NULL, "no %s", key);
    return json_number_value(value);
}

START_TEST(agrees_with_the_instruments)
{
    static const char *const shared[] = {
        "entropy",      "entropy_std",      "jacobian_norm2",
        "jacobian_fro", "logit_std",        "sink",
        "sink_token",   "sink_relative",    "massive",
        "sigma_s",      "sigma_b",          "sigma_b_lower",
        "hd_over_nt",   "sigma_b_threshold"};
    train("--attention normsoftmax-std --temperature 1.5 --seed 3");
    outcome o = run("run/checkpoint.safetensors -k 6 --json", "");
    ck_assert_msg(o.code == 0, "%s", o.err);
    ck_assert_int_eq(o.lines, 0);
    json_t *head = line_of(o.out, 0);
    ck_assert_str_eq(json_string_value(json_object_get(head, "probe")),
                     "two-step-tokens");
    ck_assert(number(head, "heads") == 2 && number(head, "samples") == 6);
    ck_assert(json_is_true(json_object_get(head, "checkpoint")));
    json_decref(head);

    thm_tensor t;
    thm_message msg;
    ck_assert_int_eq(
        thm_tensor_read(scratch_path("run/instruments.tsv"), &t, &msg), THM_OK);
    /* the last four rows are those of step 20 */
    for (int k = 0; k < 4; k++) {
        const double *row = t.data + (t.shape[0] - 4 + (size_t)k) * t.shape[1];
        json_t *line = line_of(o.out, 1 + k);
        ck_assert(number(line, "layer") == k / 2 &&
                  number(line, "head") == k % 2);
        for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
            int c = 0;
            while (strcmp(thm_instruments_columns[c].name, shared[i]) != 0) {
                ck_assert_int_lt(++c, THM_INSTRUMENTS);
            }
            ck_assert_double_eq_tol(number(line, shared[i]), row[c],
                                    1e-12 * (fabs(row[c]) + 1e-6));
        }
        json_decref(line);
    }
    thm_tensor_free(&t);
    outcome_free(&o);
}
END_TEST

START_TEST(weights_by_the_full_svd)
{
    thm_vit_weights w;
    thm_message msg;
    train("");
    ck_assert_int_eq(
        thm_vit_weights_read(scratch_path("run/checkpoint.safetensors"), 0, &w,
                             &msg),
        THM_OK);
    outcome o =
        run("run/checkpoint.safetensors -k 2 --rank-samples 1 --json", "");
    const thm_vit_config *c = &w.record.config;
    const int d = c->head_width, D = c->width;
    ck_assert(d <= D && D == 12);
    for (int l = 0; l < 2; l++) {
        for (int h = 0; h < 2; h++) {
            json_t *line = line_of(o.out, 1 + l * 2 + h);
            char name[64];
            double W[12 * 12], s[12];
            snprintf(name, sizeof name, "blocks.%d.attn.qkv.weight", l);
            for (int part = 0; part < 2; part++) {
                const float *from = w.params +
                                    thm_vit_find(&w.layout, name)->offset +
                                    (part * 2 + h) * d * D;
                for (int k = 0; k < d * D; k++) {
                    W[k] = (double)from[k];
                }
                ck_assert_int_eq(thm_svd_values(d, D, W, s, NULL), THM_OK);
                ck_assert_double_eq_tol(number(line, part ? "k_max" : "q_max"),
                                        s[0], 1e-14);
                ck_assert_double_eq_tol(number(line, part ? "k_min" : "q_min"),
                                        s[d - 1], 1e-14);
            }
            ck_assert(number(line, "nt") == 17 && number(line, "hd") == 24);
            json_decref(line);
        }
    }
    outcome_free(&o);
    thm_vit_weights_free(&w);
}
END_TEST

/* A ViT with timm's names whose W_Q is 0: T = 5, width 6, patches 2 x 2 x 3. */
static void put_timm(void)
{
    thm_vit_config c = thm_vit_config_default();
    thm_vit_layout layout;
    c.tokens = 4;
    c.features = 12;
    c.width = 6;
    c.heads = 2;
    c.head_width = 3;
    c.mlp_width = 8;
    c.outputs = 3;
    c.qkv_bias = true;
    ck_assert_int_eq(thm_vit_layout_alloc(&c, &layout), THM_OK);
    float params[4096];
    double data[4096];
    thm_tensor_out out[64];
    thm_vit_initialise(&c, &layout, 7, params);
    for (int k = 0; k < layout.count; k++) {
        const thm_vit_tensor *t = &layout.tensors[k];
        const bool qkv = strstr(t->name, "qkv.weight") != NULL;
        for (int e = 0; e < t->rows * t->cols; e++) {
            const double x = (double)params[t->offset + e];
            data[t->offset + e] = qkv && e < 6 * 6 ? 0.0 : x;
        }
        out[k] = (thm_tensor_out){.name = t->name,
                                  .ndim = t->vector ? 1 : 2,
                                  .shape = {(size_t)t->rows, (size_t)t->cols},
                                  .data = data + t->offset,
                                  .f32 = true};
        if (t->vector) {
            out[k].shape[0] = (size_t)t->cols;
        } else if (strcmp(t->name, "patch_embed.proj.weight") == 0) {
            out[k].ndim = 4;
            out[k].shape[1] = 3;
            out[k].shape[2] = out[k].shape[3] = 2;
        } else if (strcmp(t->name, "pos_embed") == 0) {
            out[k].ndim = 3;
            out[k].shape[0] = 1;
            out[k].shape[1] = 5;
            out[k].shape[2] = 6;
        }
    }
    ck_assert_int_eq(
        thm_tensor_write(scratch_path("timm"), layout.count, out, NULL),
        THM_OK);
    thm_vit_layout_free(&layout);
    double x[3 * 3 * 4 * 4];
    for (int k = 0; k < 3 * 3 * 4 * 4; k++) {
        x[k] = sin(k * 2.385);
    }
    const thm_tensor_out images = {
        .name = "x", .ndim = 4, .shape = {3, 3, 4, 4}, .data = x};
    ck_assert_int_eq(thm_tensor_write(scratch_path("x"), 1, &images, NULL),
                     THM_OK);
}

START_TEST(a_file_of_timms)
{
    put_timm();
    outcome o = run("timm --heads 2 --images x --json --maps m", "");
    ck_assert_msg(o.code == 0, "%s", o.err);
    json_t *head = line_of(o.out, 0);
    ck_assert(json_is_false(json_object_get(head, "checkpoint")));
    ck_assert(json_is_true(json_object_get(head, "qkv_bias")));
    ck_assert(number(head, "samples") == 3 && number(head, "tokens") == 4);
    json_decref(head);
    for (int k = 0; k < 4; k++) {
        json_t *line = line_of(o.out, 1 + k);
        ck_assert_double_eq_tol(number(line, "entropy"), 1, 1e-6);
        ck_assert_double_eq_tol(number(line, "jacobian_norm2"), 0.2, 1e-6);
        ck_assert_double_eq_tol(number(line, "jacobian_fro"), 0.4, 1e-6);
        ck_assert_double_eq_tol(number(line, "margin"), 0, 1e-6);
        ck_assert_double_eq_tol(number(line, "sink_relative"), 1, 1e-6);
        ck_assert(number(line, "q_max") == 0 && number(line, "k_min") > 0);
        ck_assert_double_lt(number(line, "sigma_s"), 1e-6);
        ck_assert(json_is_false(json_object_get(line, "rank_full")));
        /* HD = 12: two samples of 5 tokens */
        ck_assert(number(line, "nt") == 10 && number(line, "hd") == 12);
        json_decref(line);
    }
    thm_tensor t;
    char spec[512];
    snprintf(spec, sizeof spec, "%s:attention.received", scratch_path("m"));
    ck_assert_int_eq(thm_tensor_read(spec, &t, NULL), THM_OK);
    ck_assert_uint_eq(t.count, 3 * 4 * 5);
    ck_assert_double_eq_tol(t.data[59], 0.2, 1e-6);
    thm_tensor_free(&t);
    outcome_free(&o);
}
END_TEST

START_TEST(files_and_figure)
{
    static const char *const names[] = {"heads.tsv", "maps.safetensors",
                                        "attention-maps.tsv", "plot.gp",
                                        "run.json"};
    put_timm();
    outcome o = run("timm --heads 2 -i x --table --out o --map-samples 2", "");
    ck_assert_msg(o.code == 0, "%s", o.err);
    ck_assert_ptr_nonnull(strstr(o.out, "undecided"));
    outcome_free(&o);
    for (int k = 0; k < 5; k++) {
        char path[64];
        snprintf(path, sizeof path, "o/%s", names[k]);
        ck_assert_msg(access(scratch_path(path), R_OK) == 0, "%s", path);
    }
    thm_tensor t;
    ck_assert_int_eq(thm_tensor_read(scratch_path("o/heads.tsv"), &t, NULL),
                     THM_OK);
    ck_assert(t.shape[0] == 4 && t.shape[1] == THM_VIT_INSPECT);
    thm_tensor_free(&t);

    if (system("command -v gnuplot >/dev/null") == 0) {
        o = run("timm --heads 2 -i x --figure f.svg", "");
        ck_assert_msg(o.code == 0, "%s", o.err);
        outcome_free(&o);
        char *svg = scratch_read(scratch_path("f.svg"));
        ck_assert_ptr_nonnull(strstr(svg, "layer 2 head 2"));
        ck_assert_ptr_nonnull(strstr(svg, "</svg>"));
        free(svg);
    }
}
END_TEST

START_TEST(no_gnuplot)
{
    char command[256];
    put_timm();
    snprintf(command, sizeof command,
             "mkdir %s/bin && ln -s $(command -v mkdir) $(command -v rm) "
             "%s/bin",
             scratch, scratch);
    ck_assert_int_eq(system(command), 0);
    setenv("PATH", scratch_path("bin"), 1);
    outcome o = run("timm --heads 2 -i x --figure f.png", "");
    ck_assert(o.code == 2 && o.lines == 1 && o.out[0] == '\0');
    ck_assert_ptr_nonnull(
        strstr(o.err, "gnuplot: expected to be installed, found none"));
    ck_assert(access(scratch_path("f.png"), F_OK) != 0);
    outcome_free(&o);
}
END_TEST

START_TEST(refused_in_one_line)
{
    static const struct {
        const char *args, *words;
    } bad[] = {
        {"timm --heads 2", "timm: expected --images FILE or --task NAME"},
        {"timm --images x", "heads: expected a divisor of 6"},
        {"timm --heads 2 -i x -f maps.pdf", "ends in .svg or .png"},
        {"timm --heads 2 -i x --rank-samples 4",
         "--rank-samples: expected at most the 3 samples"},
        {"timm --heads 2 -i timm", "timm: expected a choice FILE:NAME"},
        {"timm --heads 2 -i nothing", "nothing: expected a readable file"},
        {"timm --heads 2 --task two-step-tokens",
         "--task two-step-tokens: tokens: expected 4, as the network has, "
         "found 16"},
        {"timm --heads 2 --task induction", "kind of input: expected 0"},
        {"timm --heads 2 -i x --seed pi", "--seed: expected a whole number"},
        {"x", "x: expected a tensor 'patch_embed.proj.weight', found none"},
        {"nothing", "nothing: expected a readable file"},
        {"timm --heads 2 -i x --maps /nowhere/m", "/nowhere/m"},
        {"", "FILE"}};
    put_timm();
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        outcome o = run(bad[k].args, "");
        ck_assert_msg(o.code == 2 && o.lines == 1 && o.out[0] == '\0',
                      "%s: %d: %s", bad[k].args, o.code, o.err);
        ck_assert_msg(strstr(o.err, bad[k].words) != NULL, "%s: %s",
                      bad[k].args, o.err);
        outcome_free(&o);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vit-inspect");
    TCase *tc = tcase_create("program");
    tcase_add_checked_fixture(tc, setup, scratch_remove);
    tcase_add_test(tc, agrees_with_the_instruments);
    tcase_add_test(tc, weights_by_the_full_svd);
    tcase_add_test(tc, a_file_of_timms);
    tcase_add_test(tc, files_and_figure);
    tcase_add_test(tc, no_gnuplot);
    tcase_add_test(tc, refused_in_one_line);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
