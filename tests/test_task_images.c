/* Tasks on pictures.  Oracles: pictures made for the test that show their class
 * and number, read back from the tokens by the layout that the header states;
 * marks by enumeration; the probabilities recorded for MNIST's ones and twos;
 * what IDX files may not be. */
#include <jansson.h>

#include "tests/picture_folder.h"
#include "tests/task_case.h"

enum { AREA = SIDE * SIDE };

/* Unequal on purpose, 60 pictures. */
static const int garment_counts[10] = {9, 3, 6, 6, 4, 8, 6, 6, 5, 7};
static const int digit_counts[10] = {2, 53, 47, 1};

static char garments[256], digits[256];

static void make_folders(void)
{
    scratch_make();
    strcpy(garments, folder_of("garments", garment_counts));
    strcpy(digits, folder_of("digits", digit_counts));
}

static thm_task_options made_options(thm_task_kind kind, double prior)
{
    thm_task_options o = options_of(kind, prior);
    o.images = garments;
    o.digits = digits;
    return o;
}

/* ---- reading a sample back ------------------------------------------------
 */

typedef struct {
    const thm_task_options *o;
    thm_vit_config config;
    int across, side, channels; /* tokens in a row; pixels; channels */
} geometry;

static geometry geometry_of(const thm_task *task, const thm_task_options *o)
{
    geometry g = {.o = o, .config = config_of(task)};
    const int tiles = o->kind == THM_TASK_CLASSIFY ? 1 : 2;
    g.side = tiles * (o->half ? SIDE / 2 : SIDE);
    g.across = g.side / o->patch;
    g.channels = tiles == 2 && !o->half ? 3 : 1;
    ck_assert_int_eq(g.config.tokens, g.across * g.across);
    ck_assert_int_eq(g.config.features, g.channels * o->patch * o->patch);
    return g;
}

static double pixel_of(const geometry *g, const float *x, int channel, int y,
                       int col)
{
    const int p = g->o->patch;
    const int token = (y / p) * g->across + col / p;
    const int feature = (channel * p + y % p) * p + col % p;
    return (
        double)x[(size_t)token * (size_t)g->config.features + (size_t)feature];
}

/* What a tile shows, and its colour: the mean of channel c over white ink. */
typedef struct {
    int class, number;
    double colour[3];
} seen;

static seen look(const geometry *g, const float *x, int ty, int tx)
{
    const int step = g->o->half ? 1 : 2, side = step * SIDE / 2;
    const int y0 = ty * side, x0 = tx * side;
    seen s = {.class = -1};
    double brightest = 0;
    for (int class = 0; class < 10; class ++) {
        double sum = 0;
        for (int c = 0; c < g->channels; c++) {
            sum += pixel_of(g, x, c, y0 + class * step, x0);
        }
        if (sum > brightest) {
            brightest = sum;
            s.class = class;
        }
    }
    ck_assert_int_ge(s.class, 0);
    for (int c = 0; c < g->channels; c++) {
        s.colour[c] = pixel_of(g, x, c, y0 + s.class * step, x0);
        /* all of the two rows alike, the row after them black */
        bool alike = true;
        for (int col = 0; col < side; col++) {
            for (int r = 0; r < step; r++) {
                alike &= pixel_of(g, x, c, y0 + s.class * step + r, x0 + col) ==
                         s.colour[c];
            }
            alike &=
                pixel_of(g, x, c, y0 + (s.class + 1) * step, x0 + col) == 0.0;
        }
        ck_assert(alike);
    }
    for (int b = 0; b < BITS; b++) {
        double sum = 0;
        for (int c = 0; c < g->channels; c++) {
            sum += pixel_of(g, x, c, y0 + side - 1, x0 + b * step);
        }
        s.number |= (sum > brightest / 2) << b;
    }
    return s;
}

static void expect_role(const geometry *g, const uint8_t *roles, int ty, int tx,
                        thm_role role)
{
    const int in_tile = g->across / 2;
    bool alike = true;
    for (int r = 0; r < in_tile; r++) {
        for (int c = 0; c < in_tile; c++) {
            alike &= roles[(ty * in_tile + r) * g->across + tx * in_tile + c] ==
                     role;
        }
    }
    ck_assert(alike);
}

/* ---- the two-step rule ----------------------------------------------------
 */

static const struct {
    thm_task_kind kind;
    bool half;
    int patch;
    double prior;
} cases[] = {{THM_TASK_TWO_STEP, true, 7, 0.5},
             {THM_TASK_TWO_STEP, true, 14, 0.9},
             {THM_TASK_TWO_STEP, false, 4, 0.5},
             {THM_TASK_TWO_STEP, false, 28, 0.7},
             {THM_TASK_TWO_STEP_MOVING, true, 2, 0.5},
             {THM_TASK_TWO_STEP_MOVING, false, 14, 0.5},
             {THM_TASK_ONE_STEP, true, 7, 0.5},
             {THM_TASK_ONE_STEP, false, 7, 0.5}};
enum { CASES = sizeof cases / sizeof *cases };

/* P(z = 1) by the statement of the prior, from the counts. */
static double chance_of(thm_task_kind kind, double prior)
{
    const double f1 = 0.53, f2 = 0.47, same = f1 * f1 + f2 * f2;
    return kind == THM_TASK_ONE_STEP ? 1.0
           : prior == 0.5            ? same
                                     : prior + (1 - prior) * same;
}

typedef struct {
    int64_t all, top, first_moved, second_moved, best, twos, forced;
    int64_t colour_label[4][10], colour_chosen[4][10], label[10];
    double noise;
    int64_t numbers;
    bool shown[60];
} tally;

static void count_colours(tally *t, const seen *one, const seen *two,
                          int32_t label, bool first)
{
    const bool red[2] = {one->colour[0] > 0.5, two->colour[0] > 0.5};
    const seen *both[2] = {one, two};
    for (int i = 0; i < 2; i++) {
        for (int c = 0; c < 3; c++) {
            const double base = c == (red[i] ? 0 : 2);
            const double miss = both[i]->colour[c] - base;
            ck_assert_double_le(fabs(miss), 0.05 * 8.6 + 1e-6);
            t->noise += miss * miss;
            t->numbers++;
        }
    }
    t->colour_label[red[0] * 2 + red[1]][label]++;
    t->colour_chosen[red[0] * 2 + red[1]][first ? 0 : 1]++;
}

static void check_sample(const geometry *g, const thm_samples *s, int i,
                         tally *t)
{
    const size_t n = (size_t)g->config.tokens;
    const float *x = s->x + (size_t)i * n * (size_t)g->config.features;
    const uint8_t *roles = s->roles + (size_t)i * n;
    /* Of the top row, the indicator is where the role says; by default left. */
    const int top_at = roles[0] == THM_ROLE_INDICATOR ? 0 : 1;
    const int low_at = roles[n - 1] == THM_ROLE_INDICATOR ? 1 : 0;
    const seen a = look(g, x, 0, top_at), one = look(g, x, 0, 1 - top_at);
    const seen d = look(g, x, 1, low_at), two = look(g, x, 1, 1 - low_at);
    const bool first = a.class == d.class || g->o->kind == THM_TASK_ONE_STEP;
    ck_assert(a.class == 1 || a.class == 2);
    ck_assert(d.class == 1 || d.class == 2);
    ck_assert_int_eq(s->labels[i], first ? one.class : two.class);
    ck_assert_int_eq(s->other_label[i], first ? two.class : one.class);
    expect_role(g, roles, 0, top_at, THM_ROLE_INDICATOR);
    expect_role(g, roles, 1, low_at, THM_ROLE_INDICATOR);
    expect_role(g, roles, 0, 1 - top_at,
                first ? THM_ROLE_CHOSEN : THM_ROLE_OTHER);
    expect_role(g, roles, 1, 1 - low_at,
                first ? THM_ROLE_OTHER : THM_ROLE_CHOSEN);
    if (g->channels == 3) {
        count_colours(t, &a, &d, s->labels[i], first);
    } else {
        ck_assert_double_eq(a.colour[0], 1.0);
        ck_assert_double_eq(two.colour[0], 1.0);
    }
    t->all++;
    t->top += first;
    t->first_moved += top_at == 1;
    t->second_moved += low_at == 0;
    t->twos += a.class == 2;
    t->best += s->labels[i] == one.class;
    t->label[s->labels[i]]++;
    t->shown[one.number] = t->shown[two.number] = true;
}

/* Pearson's statistic of a table with four rows, whose columns all occur: its
 * chance to pass the bound is below 8e-7 if the two are independent. */
static void expect_independent(int columns, int64_t (*table)[10], int64_t all)
{
    double row[4] = {0}, column[10] = {0}, sum = 0;
    for (int r = 0; r < 4; r++) {
        for (int c = 0; c < columns; c++) {
            row[r] += (double)table[r][c];
            column[c] += (double)table[r][c];
        }
    }
    for (int r = 0; r < 4; r++) {
        for (int c = 0; c < columns; c++) {
            const double want = row[r] * column[c] / (double)all;
            const double miss = (double)table[r][c] - want;
            ck_assert_double_gt(want, 5.0);
            sum += miss * miss / want;
        }
    }
    const double dof = 3 * (columns - 1);
    ck_assert_double_le(sum, dof + 2 * sqrt(14 * dof) + 28);
}

START_TEST(labels_follow_the_rule)
{
    thm_task_options o = made_options(cases[_i].kind, cases[_i].prior);
    o.half = cases[_i].half;
    o.patch = cases[_i].patch;
    thm_task *task = open_task(&o);
    const geometry g = geometry_of(task, &o);
    thm_samples s = room_of(task, BATCH);
    tally t = {0};
    for (int64_t step = 0; step < 6; step++) {
        draw(task, (thm_split)(step % 2), step, 0, BATCH, &s);
        for (int i = 0; i < BATCH; i++) {
            check_sample(&g, &s, i, &t);
        }
    }
    const thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TRAIN, 0.1);
    const double P = chance_of(o.kind, o.prior);
    double share[10];
    for (int c = 0; c < 10; c++) {
        share[c] = garment_counts[c] / 60.0;
        expect_frequency(t.label[c], t.all, share[c], "label");
    }
    const thm_task_marks want = enumerated(P, 10, share, 0.1);
    expect_marks(m, want);
    expect_frequency(t.top, t.all, P, "z = 1");
    expect_frequency(t.twos, t.all, 0.47, "twos");
    expect_frequency(t.best, t.all, m.cap, "cap");
    const double moved = o.kind == THM_TASK_TWO_STEP_MOVING ? 0.5 : 0.0;
    expect_frequency(t.first_moved, t.all, moved, "first row moved");
    expect_frequency(t.second_moved, t.all, moved, "second row moved");
    for (int k = 0; k < 60; k++) {
        ck_assert_msg(t.shown[k], "picture %d is never a target", k);
    }
    if (g.channels == 3) {
        expect_independent(10, t.colour_label, t.all);
        if (P < 1) { /* nor does colour say which target is chosen */
            expect_independent(2, t.colour_chosen, t.all);
        }
        const double n = (double)t.numbers;
        ck_assert_double_eq_tol(t.noise / n, 0.0025, 0.0025 * 5 * sqrt(2 / n));
    }
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

/* Without digits, classes 1 and 9 of the garments are the indicators. */
START_TEST(garments_stand_in_for_digits)
{
    thm_task_options o = made_options(THM_TASK_TWO_STEP, 0.5);
    o.digits = NULL;
    ck_assert_int_eq(chdir(scratch), 0); /* no data/mnist here */
    thm_task *task = open_task(&o);
    const geometry g = geometry_of(task, &o);
    thm_samples s = room_of(task, BATCH);
    draw(task, THM_SPLIT_TRAIN, 0, 0, BATCH, &s);
    int64_t equal = 0;
    for (int i = 0; i < BATCH; i++) {
        const float *x = s.x + (size_t)i * 16 * 49;
        const seen a = look(&g, x, 0, 0), d = look(&g, x, 1, 1);
        ck_assert(a.class == 1 || a.class == 9);
        ck_assert(d.class == 1 || d.class == 9);
        equal += a.class == d.class;
    }
    expect_frequency(equal, BATCH, 0.3 * 0.3 + 0.7 * 0.7, "equal");
    thm_samples_free(&s);
    json_t *record = thm_task_record(task);
    const json_t *data = json_object_get(record, "data");
    const json_t *classes = json_object_get(data, "indicators");
    ck_assert_int_eq(json_integer_value(json_array_get(classes, 1)), 9);
    const json_t *train =
        json_object_get(json_object_get(data, "targets"), "train");
    ck_assert_str_eq(json_string_value(json_object_get(train, "folder")),
                     garments);
    ck_assert_int_eq(json_integer_value(json_object_get(train, "items")), 60);
    json_decref(record);
    thm_task_free(task);
}
END_TEST

/* Recorded for 6742 ones and 5958 twos, to the digits given. */
START_TEST(chances_of_the_record)
{
    static const struct {
        double prior, P;
    } rows[] = {{0.5, 0.5019}, {0.6, 0.8008}, {0.7, 0.8506},
                {0.8, 0.9004}, {0.9, 0.9502}, {0.95, 0.9751}};
    static const int mnist[10] = {0, 6742, 5958};
    static const int balanced[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    char train[256], even[256];
    strcpy(train, folder_of("mnist", mnist));
    strcpy(even, folder_of("balanced", balanced));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        thm_task_options o = options_of(THM_TASK_TWO_STEP, rows[i].prior);
        o.images = even;
        o.digits = train;
        thm_task *task = open_task(&o);
        const thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TRAIN, 0.1);
        ck_assert_double_eq_tol(m.cap, 0.9 * rows[i].P + 0.1, 0.9 * 5e-5);
        if (i == 0) {
            ck_assert_double_eq_tol(m.cap, 0.5517, 5e-5);
            ck_assert_double_eq_tol(m.floor, 0.6238, 5e-5);
            ck_assert_double_eq_tol(m.smoothed_floor, 1.0246, 5e-5);
            ck_assert_double_eq_tol(m.perfect, 0.50029, 5e-6);
        }
        thm_task_free(task);
    }
}
END_TEST

/* ---- classification -------------------------------------------------------
 */

START_TEST(classification_shows_every_picture)
{
    thm_task_options o = made_options(THM_TASK_CLASSIFY, 0.5);
    o.half = _i == 1;
    o.patch = _i == 1 ? 7 : 4;
    thm_task *task = open_task(&o);
    ck_assert_int_eq(thm_task_test_size(task), 60);
    const geometry g = geometry_of(task, &o);
    const size_t size = (size_t)g.config.tokens * (size_t)g.config.features;
    thm_samples s = room_of(task, BATCH);
    draw(task, THM_SPLIT_TEST, 5, 0, 60, &s);
    for (int i = 0; i < 60; i++) {
        const seen p = look(&g, s.x + (size_t)i * size, 0, 0);
        ck_assert_int_eq(p.number, i);
        ck_assert_int_eq(p.class, s.labels[i]);
        ck_assert_int_eq(s.other_label[i], -1);
    }
    draw(task, THM_SPLIT_TRAIN, 0, 0, BATCH, &s);
    int64_t label[10] = {0};
    for (int i = 0; i < BATCH; i++) {
        const seen p = look(&g, s.x + (size_t)i * size, 0, 0);
        ck_assert_int_eq(p.class, s.labels[i]);
        label[p.class]++;
    }
    for (int c = 0; c < 10; c++) {
        expect_frequency(label[c], BATCH, garment_counts[c] / 60.0, "label");
    }
    const thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TEST, 0.1);
    ck_assert(isnan(m.cap) && isnan(m.floor) && isnan(m.smoothed_floor));
    ck_assert_double_eq_tol(m.perfect, 0.50029, 5e-6);
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

/* ---- what is refused ------------------------------------------------------
 */

static void expect_refused(const thm_task_options *o, thm_status want,
                           const char *found)
{
    thm_task *task = NULL;
    thm_message msg = {""};
    ck_assert_int_eq(thm_task_alloc(o, &task, &msg), want);
    ck_assert_ptr_null(task);
    ck_assert_msg(strstr(msg.text, found) != NULL, "%s", msg.text);
    ck_assert_ptr_null(strchr(msg.text, '\n'));
}

/* Puts another file in the place of one of the folder's. */
static void spoil(const char *folder, const char *name, const void *bytes,
                  size_t size)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *stream = fopen(path, "wb"); /* the plain file goes first */
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(bytes, 1, size, stream), size);
    ck_assert_int_eq(fclose(stream), 0);
}

START_TEST(bad_options)
{
    thm_task_options o = made_options(THM_TASK_TWO_STEP, 0.5);
    for (int patch = -1; patch < 30; patch++) {
        o.patch = patch;
        if (patch < 1 || 14 % patch != 0) {
            expect_refused(&o, THM_EDOMAIN,
                           "patch: expected a divisor of 14, the side of a "
                           "tile, found ");
        }
    }
    o = made_options(THM_TASK_TWO_STEP, NAN);
    expect_refused(&o, THM_EDOMAIN, "prior: expected 0 to 1, found nan");
}
END_TEST

START_TEST(bad_folders)
{
    thm_task_options o = made_options(THM_TASK_TWO_STEP, 0.5);
    o.images = scratch_path("nowhere");
    expect_refused(&o, THM_EIO, "nowhere/train-images-idx3-ubyte");
    o = made_options(THM_TASK_TWO_STEP, 0.5);
    o.digits = "nowhere";
    expect_refused(&o, THM_EIO, "nowhere/train-images-idx3-ubyte");
    static const int ones[10] = {0, 4};
    o.digits = folder_of("ones", ones);
    expect_refused(&o, THM_EFORMAT,
                   "expected pictures of classes 1 and 2, found none of 2");
    static const int two[10] = {1, 1};
    o = made_options(THM_TASK_CLASSIFY, 0.5);
    o.images = folder_of("spoilt", two);
    unsigned char small[16 + 8] = {0, 0, 8, 3, 0, 0, 0, 2,
                                   0, 0, 0, 2, 0, 0, 0, 2};
    const char *const file = "t10k-images-idx3-ubyte";
    spoil(o.images, file, small, sizeof small);
    expect_refused(&o, THM_EFORMAT,
                   "spoilt/t10k-images-idx3-ubyte: expected pictures of 28 x "
                   "28, found 2 x 2");
    spoil(o.images, file, small, sizeof small - 1);
    expect_refused(&o, THM_EFORMAT, "t10k-images-idx3-ubyte: ");
    spoil(o.images, file, "", 0);
    expect_refused(&o, THM_EFORMAT, "t10k-images-idx3-ubyte: ");
    spoil(o.images, file, "\x1f\x8b\x08", 3);
    expect_refused(&o, THM_EFORMAT, "t10k-images-idx3-ubyte: ");
    const unsigned char three[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 0};
    const unsigned char high[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 10};
    o.images = folder_of("labels", two);
    spoil(o.images, "train-labels-idx1-ubyte", three, sizeof three);
    expect_refused(&o, THM_EFORMAT,
                   "labels/train-labels-idx1-ubyte: expected 2 labels, found 3 "
                   "x 1 x 1");
    spoil(o.images, "train-labels-idx1-ubyte", high, sizeof high);
    expect_refused(&o, THM_EFORMAT,
                   "labels/train-labels-idx1-ubyte: item 1: expected a label "
                   "from 0 to 9, found 10");
    spoil(o.images, "train-labels-idx1-ubyte", high, sizeof high - 1);
    expect_refused(&o, THM_EFORMAT, "train-labels-idx1-ubyte: ");
}
END_TEST

/* The data set itself; its checksums are zlib's of the unpacked pixels. */
START_TEST(fashion_mnist_is_balanced)
{
    thm_task_options o = options_of(THM_TASK_ONE_STEP, 0.5);
    o.digits = digits;
    thm_task *task = open_task(&o);
    for (int split = 0; split < 2; split++) {
        const thm_task_marks m = thm_task_marks_of(task, (thm_split)split, 0.1);
        ck_assert_double_eq(m.cap, 1.0);
    }
    thm_task_free(task);
    o = options_of(THM_TASK_TWO_STEP, 1.0 / 3);
    o.digits = digits;
    task = open_task(&o);
    static const double tenth[10] = {0.1, 0.1, 0.1, 0.1, 0.1,
                                     0.1, 0.1, 0.1, 0.1, 0.1};
    const double P = chance_of(THM_TASK_TWO_STEP, 1.0 / 3);
    expect_marks(thm_task_marks_of(task, THM_SPLIT_TEST, 0.1),
                 enumerated(P, 10, tenth, 0.1));
    thm_task_free(task);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("task_images");
    TCase *t = tcase_create("pictures");
    TCase *slow = tcase_create("slow"); /* minutes under valgrind */
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 300);
    tcase_add_checked_fixture(slow, make_folders, scratch_remove);
    suite_add_tcase(s, slow);
    tcase_add_checked_fixture(t, make_folders, scratch_remove);
    tcase_add_loop_test(slow, labels_follow_the_rule, 0, CASES);
    tcase_add_test(t, garments_stand_in_for_digits);
    tcase_add_test(t, chances_of_the_record);
    tcase_add_loop_test(t, classification_shows_every_picture, 0, 2);
    tcase_add_test(t, bad_options);
    tcase_add_test(t, bad_folders);
    tcase_add_test(slow, fashion_mnist_is_balanced);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
