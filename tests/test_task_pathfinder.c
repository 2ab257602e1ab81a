/* Pathfinder pictures.  Oracles: the published parameters; a second renderer,
 * which says that a picture shows its dashes and discs and nothing else; the
 * dashes so seen, joined by nearness alone (union-find), which say what is a
 * snake, where it ends and whether the discs share one. */
#include "tests/task_case.h"
#include "vit/pathfinder.h"
#include "vit/task_inside.h"

enum { PICTURES = 40, CONTOUR = THM_PATHFINDER_CONTOUR };
enum { MOST = THM_PATHFINDER_DASHES };
static const int sizes[] = {32, 64, 128};

static double apart(thm_spot a, thm_spot b)
{
    return hypot(a.x - b.x, a.y - b.y);
}

/* Distance of p from a b: by its coordinates along and beside the segment. */
static double from_segment(thm_spot p, thm_spot a, thm_spot b)
{
    const double length = apart(a, b);
    if (length == 0) {
        return apart(p, a);
    }
    const double ex = (b.x - a.x) / length, ey = (b.y - a.y) / length;
    const double ahead = (p.x - a.x) * ex + (p.y - a.y) * ey;
    return ahead < 0        ? apart(p, a)
           : ahead > length ? apart(p, b)
                            : fabs((p.x - a.x) * ey - (p.y - a.y) * ex);
}

/* Distance of two segments from above, off by at most length / 200: from points
 * of the first. */
static double between(thm_spot a, thm_spot b, thm_spot c, thm_spot d)
{
    double least = INFINITY;
    for (int k = 0; k <= 100; k++) {
        const double t = k / 100.0;
        const thm_spot p = {a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)};
        least = fmin(least, from_segment(p, c, d));
    }
    return least;
}

static thm_pathfinder_scene scene_of(const thm_pathfinder *kind, int k)
{
    thm_pathfinder_scene s;
    thm_rng rng = thm_rng_make(SEED, 0);
    rng.index = (uint64_t)k << 32;
    thm_pathfinder_draw(kind, &rng, &s);
    return s;
}

START_TEST(three_sizes_with_their_parameters)
{
    static const struct {
        int size, distractors;
        double radius, thickness, seed_distance, continuity, low, high, ink;
    } want[] = {{32, 5, 1.5, 0.5, 7, 1.0, 1, 1, 1.5},
                {64, 5, 2.5, 1.0, 12, 1.8, 1, 1, 0.8},
                {128, 8, 3.0, 1.5, 20, 1.8, 2, 3, 0.9}};
    for (int k = 0; k < 3; k++) {
        const thm_pathfinder *p = thm_pathfinder_of(want[k].size);
        ck_assert_ptr_nonnull(p);
        ck_assert_int_eq(p->size, want[k].size);
        ck_assert_int_eq(p->distractors, want[k].distractors);
        ck_assert(
            p->radius == want[k].radius && p->thickness == want[k].thickness &&
            p->seed_distance == want[k].seed_distance &&
            p->continuity == want[k].continuity &&
            p->margins[0] == want[k].low && p->margins[1] == want[k].high &&
            p->ink == want[k].ink && p->padding == 1 && p->length >= 2);
    }
    ck_assert_int_eq(CONTOUR, 14);
    ck_assert_ptr_null(thm_pathfinder_of(33));
    ck_assert_ptr_null(thm_pathfinder_of(0));
}
END_TEST

/* ---- what is in the picture -----------------------------------------------
 */

/* How many quarters of pixel k lie within `by` of a b. */
static int quarters(int size, int k, thm_spot a, thm_spot b, double by)
{
    int count = 0;
    for (int q = 0; q < 4; q++) {
        const int across = q % 2, down = q / 2;
        const thm_spot p = {k % size + 0.25 + 0.5 * across,
                            (k - k % size) / size + 0.25 + 0.5 * down};
        count += from_segment(p, a, b) <= by;
    }
    return count;
}

START_TEST(a_picture_shows_its_dashes_and_discs)
{
    const thm_pathfinder *kind = thm_pathfinder_of(sizes[_i]);
    const int area = kind->size * kind->size;
    float *pixels = malloc((size_t)area * sizeof *pixels);
    ck_assert_ptr_nonnull(pixels);
    for (int n = 0; n < PICTURES / (1 << 2 * _i); n++) {
        const thm_pathfinder_scene s = scene_of(kind, n);
        thm_pathfinder_render(kind, &s, pixels);
        bool alike = true, brightest = false;
        for (int k = 0; k < area; k++) {
            double best = 0;
            for (int d = 0; d < s.dashes; d++) {
                const int q = quarters(kind->size, k, s.tail[d], s.head[d],
                                       kind->thickness / 2);
                best = fmax(best, kind->ink * q / 4);
            }
            for (int d = 0; d < 2; d++) {
                const int q =
                    quarters(kind->size, k, s.disc[d], s.disc[d], kind->radius);
                best = fmax(best, q / 4.0);
            }
            alike &= pixels[k] == (float)fmin(best, 1);
            brightest |= pixels[k] == 1;
        }
        ck_assert(alike && brightest);
    }
    free(pixels);
}
END_TEST

/* ---- what the picture means -----------------------------------------------
 */

static int root(const int *parent, int k)
{
    while (parent[k] != k) {
        k = parent[k];
    }
    return k;
}

typedef struct {
    int parent[MOST], size[MOST]; /* dashes of a root's snake        */
    int links[MOST], near[MOST];  /* neighbours, and the last of them */
} snakes;

/* Neighbours are within 2 margin; what is not is 2 margin + thickness away:
 * half of the thickness, ten times the error of `between`, tells them apart. */
static void join(const thm_pathfinder *kind, const thm_pathfinder_scene *s,
                 snakes *out)
{
    const double most = 2 * s->margin, least = most + kind->thickness;
    *out = (snakes){.size = {0}};
    for (int k = 0; k < s->dashes; k++) {
        out->parent[k] = k;
    }
    for (int k = 0; k < s->dashes; k++) {
        for (int j = 0; j < k; j++) {
            const double gap =
                between(s->tail[k], s->head[k], s->tail[j], s->head[j]);
            if (gap < most + kind->thickness / 2) {
                ck_assert_double_le(gap, most + 1e-9);
                out->parent[root(out->parent, k)] = root(out->parent, j);
                out->links[k]++;
                out->links[j]++;
                out->near[k] = j;
                out->near[j] = k;
            } else {
                ck_assert_double_ge(gap, least - 1e-9);
            }
        }
    }
    for (int k = 0; k < s->dashes; k++) {
        out->size[root(out->parent, k)]++;
    }
}

/* The dash whose free end the disc is on. */
static int dash_under(const thm_pathfinder_scene *s, const snakes *of, int disc)
{
    int found = -1;
    for (int k = 0; k < s->dashes; k++) {
        const bool at_tail = apart(s->disc[disc], s->tail[k]) < 1e-9;
        const bool at_head = apart(s->disc[disc], s->head[k]) < 1e-9;
        if (at_tail || at_head) {
            const int j = of->near[k];
            const thm_spot end = at_tail ? s->tail[k] : s->head[k];
            const thm_spot other = at_tail ? s->head[k] : s->tail[k];
            ck_assert_int_eq(found, -1);
            ck_assert_int_eq(of->links[k], 1);
            ck_assert(from_segment(end, s->tail[j], s->head[j]) >
                      from_segment(other, s->tail[j], s->head[j]));
            found = k;
        }
    }
    ck_assert_int_ge(found, 0);
    return found;
}

START_TEST(the_label_is_what_connection_says)
{
    const thm_pathfinder *kind = thm_pathfinder_of(sizes[_i]);
    int joined = 0;
    for (int n = 0; n < PICTURES; n++) {
        const thm_pathfinder_scene s = scene_of(kind, n);
        snakes of;
        join(kind, &s, &of);
        const double edge =
            kind->padding + s.margin + kind->thickness / 2 - 1e-9;
        int whole = 0;
        for (int k = 0; k < s.dashes; k++) {
            const thm_spot ends[] = {s.tail[k], s.head[k]};
            ck_assert_int_ge(of.links[k], of.size[root(of.parent, k)] > 1);
            ck_assert_int_le(of.links[k], 2);
            ck_assert_double_eq_tol(apart(ends[0], ends[1]), kind->length,
                                    1e-9);
            for (int e = 0; e < 2; e++) {
                ck_assert(ends[e].x >= edge && ends[e].x <= kind->size - edge);
                ck_assert(ends[e].y >= edge && ends[e].y <= kind->size - edge);
            }
            ck_assert(of.size[k] <= CONTOUR / 3 || of.size[k] == CONTOUR);
            whole += of.size[k] == CONTOUR;
        }
        ck_assert_int_eq(whole, 2);
        ck_assert_double_eq_tol(apart(s.tail[0], s.tail[CONTOUR]),
                                kind->seed_distance, 1e-9);
        const int a = dash_under(&s, &of, 0), b = dash_under(&s, &of, 1);
        const int one = root(of.parent, a), two = root(of.parent, b);
        ck_assert_int_eq(of.size[one], CONTOUR);
        ck_assert_int_eq(of.size[two], CONTOUR);
        ck_assert_int_ne(a, b);
        ck_assert_int_eq(s.joined, one == two);
        joined += s.joined;
    }
    ck_assert(joined > 0 && joined < PICTURES);
}
END_TEST

/* Of the density cos^2 on |d| <= pi / (2 c) a share of 1/2 + 1/pi = 0.818 has
 * |d| < pi / (4 c); collisions take some of it away. */
START_TEST(turns_are_as_wide_as_continuity_lets_them)
{
    const thm_pathfinder *kind = thm_pathfinder_of(sizes[_i]);
    const double most = acos(-1.0) / 2 / kind->continuity;
    int small = 0, all = 0;
    for (int n = 0; n < PICTURES; n++) {
        const thm_pathfinder_scene s = scene_of(kind, n);
        for (int k = 1; k < 2 * CONTOUR; k++) {
            if (k != CONTOUR) {
                const double ax = s.head[k - 1].x - s.tail[k - 1].x;
                const double ay = s.head[k - 1].y - s.tail[k - 1].y;
                const double bx = s.head[k].x - s.tail[k].x;
                const double by = s.head[k].y - s.tail[k].y;
                const double turn =
                    fabs(atan2(ax * by - ay * bx, ax * bx + ay * by));
                ck_assert_double_le(turn, most + 1e-9);
                small += turn < most / 2;
                all++;
            }
        }
    }
    ck_assert_int_gt(small, all * 6 / 10);
    ck_assert_int_lt(small, all * 9 / 10);
}
END_TEST

/* ---- the task -------------------------------------------------------------
 */

START_TEST(a_sample_is_its_picture_in_patches)
{
    thm_task_options o = thm_task_options_default(THM_TASK_PATHFINDER);
    o.size = sizes[_i];
    const thm_pathfinder *kind = thm_pathfinder_of(o.size);
    thm_task *task = open_task(&o);
    const thm_vit_config c = config_of(task);
    const int across = o.size / o.patch;
    ck_assert_int_eq(c.tokens, across * across);
    ck_assert_int_eq(c.features, 16);
    ck_assert_int_eq(c.outputs, 2);
    ck_assert(_i > 0 || c.tokens == 64);
    thm_samples s = room_of(task, 3);
    float *pixels = malloc((size_t)(o.size * o.size) * sizeof *pixels);
    ck_assert_ptr_nonnull(pixels);
    for (int split = 0; split < 2; split++) {
        const thm_task_at at = {SEED, (thm_split)split, 7};
        draw(task, at.split, at.step, 5, 3, &s);
        for (int i = 0; i < 3; i++) {
            thm_rng rng = thm_task_rng(&at, 5 + i);
            thm_pathfinder_scene scene;
            thm_pathfinder_draw(kind, &rng, &scene);
            thm_pathfinder_render(kind, &scene, pixels);
            ck_assert_int_eq(s.labels[i], scene.joined);
            ck_assert_int_eq(s.other_label[i], -1);
            bool alike = true;
            const float *x = s.x + (ptrdiff_t)i * o.size * o.size;
            for (int t = 0; t < c.tokens; t++) {
                for (int f = 0; f < 16; f++) {
                    const int row = t / across * 4 + f / 4;
                    const int col = t % across * 4 + f % 4;
                    alike &= x[t * 16 + f] == pixels[row * o.size + col];
                }
            }
            ck_assert(alike);
        }
    }
    free(pixels);
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

START_TEST(labels_are_fair_and_told_by_the_picture)
{
    const thm_task_options o = thm_task_options_default(THM_TASK_PATHFINDER);
    thm_task *task = open_task(&o);
    thm_samples s = room_of(task, BATCH);
    int64_t joined = 0;
    for (int split = 0; split < 2; split++) {
        draw(task, (thm_split)split, 0, 0, BATCH, &s);
        for (int i = 0; i < BATCH; i++) {
            ck_assert(s.labels[i] == 0 || s.labels[i] == 1);
            joined += s.labels[i];
        }
    }
    expect_frequency(joined, 2 * BATCH, 0.5, "joined");
    const thm_task_marks m = thm_task_marks_of(task, THM_SPLIT_TEST, 0.1);
    ck_assert(isnan(m.cap) && isnan(m.floor) && isnan(m.smoothed_floor));
    ck_assert_double_eq_tol(m.perfect, -0.95 * log(0.95) - 0.05 * log(0.05),
                            SUM_BOUND);
    ck_assert_int_eq(thm_task_test_size(task), 0);
    thm_samples_free(&s);
    thm_task_free(task);
}
END_TEST

START_TEST(bad_options_get_one_line)
{
    thm_task *task = NULL;
    thm_message msg = {""};
    thm_task_options o = thm_task_options_default(THM_TASK_PATHFINDER);
    o.size = 48;
    ck_assert_int_eq(thm_task_alloc(&o, &task, &msg), THM_EDOMAIN);
    ck_assert_str_eq(msg.text, "size: expected 32, 64 or 128, found 48");
    o.size = 32;
    for (int patch = -1; patch < 40; patch += 4) { /* 3, 7, ...: odd */
        o.patch = patch;
        ck_assert_int_eq(thm_task_alloc(&o, &task, &msg), THM_EDOMAIN);
        ck_assert_ptr_nonnull(strstr(msg.text, "patch: expected a divisor"));
    }
    ck_assert_ptr_null(task);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("task_pathfinder");
    TCase *t = tcase_create("pathfinder"), *slow = tcase_create("slow");
    tcase_add_test(t, three_sizes_with_their_parameters);
    tcase_add_loop_test(t, turns_are_as_wide_as_continuity_lets_them, 0, 3);
    tcase_add_loop_test(t, a_sample_is_its_picture_in_patches, 0, 3);
    tcase_add_test(t, bad_options_get_one_line);
    tcase_set_tags(slow, "long");
    tcase_set_timeout(slow, 60);
    tcase_add_loop_test(slow, a_picture_shows_its_dashes_and_discs, 0, 3);
    tcase_add_loop_test(slow, the_label_is_what_connection_says, 0, 3);
    tcase_add_test(slow, labels_are_fair_and_told_by_the_picture);
    suite_add_tcase(s, t);
    suite_add_tcase(s, slow);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
