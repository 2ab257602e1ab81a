/* Two-step tasks on pictures, their one-step control, and classification.
 *
 * Two-step sample: the indicators' classes and z, their pictures, colours and
 * the targets' pictures (tile by tile, row by row), then whether each row
 * swaps, then the noise of the colours.  Halved, there are no colours. */
#include <math.h>
#include <stdlib.h>

#include "vit/data.h"
#include "vit/task_inside.h"

enum { SIDE = THM_PICTURE_SIDE, TILES = 4, CHANNELS = 3, COLOURS = 10 };
static const double COLOUR_NOISE = 0.05;

/* The two classes of indicators: digits 1 and 2; of Fashion-MNIST, trousers and
 * ankle boots, which a tile of 14 x 14 still tells apart. */
static const int digit_classes[2] = {1, 2}, garment_classes[2] = {1, 9};

typedef struct {
    thm_pictures garments[2], digits[2]; /* by split; digits may be empty */
    bool has_digits;
    const int *classes;
} store;

static const thm_pictures *indicators(const store *s, thm_split split)
{
    return s->has_digits ? &s->digits[split] : &s->garments[split];
}

/* Pictures of a tile: its side, and how many there are in a row. */
static int tile_side(const thm_task *task)
{
    return task->options.half ? SIDE / 2 : SIDE;
}

static int tiles_in_row(const thm_task *task)
{
    return task->options.kind == THM_TASK_CLASSIFY ? 1 : 2;
}

static int channels(const thm_task *task)
{
    return task->two_step && !task->options.half ? CHANNELS : 1;
}

static thm_status read_both(const char *folder, thm_pictures by_split[2],
                            thm_message *msg)
{
    thm_status status =
        thm_pictures_read(folder, THM_SPLIT_TRAIN, &by_split[0], msg);
    if (status == THM_OK) {
        status = thm_pictures_read(folder, THM_SPLIT_TEST, &by_split[1], msg);
    }
    return status;
}

static thm_status read_digits(store *s, const char *folder, thm_message *msg)
{
    s->has_digits = folder != NULL || thm_pictures_present(THM_TASK_DIGITS);
    s->classes = s->has_digits ? digit_classes : garment_classes;
    if (s->has_digits) {
        const thm_status status =
            read_both(folder ? folder : THM_TASK_DIGITS, s->digits, msg);
        if (status != THM_OK) {
            return status;
        }
    }
    for (int i = 0; i < 4; i++) {
        const thm_pictures *p = indicators(s, (thm_split)(i / 2));
        const int class = s->classes[i % 2];
        if (p->count_of[class] == 0) {
            return thm_fail(THM_EFORMAT, msg,
                            "%s: expected pictures of classes %d and %d, found "
                            "none of %d",
                            p->folder, s->classes[0], s->classes[1], class);
        }
    }
    return THM_OK;
}

/* How often the second of the two classes occurs among indicators. */
static double second_share(const store *s, thm_split split)
{
    const thm_pictures *p = indicators(s, split);
    const double one = p->count_of[s->classes[0]];
    const double two = p->count_of[s->classes[1]];
    return two / (one + two);
}

static void fill_chances(thm_task *task, const store *s)
{
    for (int split = 0; split < 2; split++) {
        task->chance[split] =
            thm_two_step_chance(task, second_share(s, (thm_split)split));
        task->agree[split] = 0;
        for (int c = 0; c < THM_PICTURE_CLASSES; c++) {
            const double share = s->garments[split].share[c];
            task->agree[split] += share * share;
        }
    }
}

static thm_status open_images(thm_task *task, thm_message *msg)
{
    const thm_task_options *o = &task->options;
    const bool single = o->kind == THM_TASK_CLASSIFY;
    const int side = tile_side(task);
    if (o->patch < 1 || side % o->patch != 0) {
        return thm_fail(THM_EDOMAIN, msg,
                        "patch: expected a divisor of %d, the side of a tile, "
                        "found %d",
                        side, o->patch);
    }
    thm_status status = thm_two_step_check(task, msg);
    if (status != THM_OK) {
        return status;
    }
    store *s = task->own = calloc(1, sizeof *s);
    if (s == NULL) {
        return thm_fail(THM_ENOMEM, msg, "task: out of memory");
    }
    task->one_step = o->kind == THM_TASK_ONE_STEP;
    task->two_step = !single;
    task->labelled = task->certain = true;
    task->patch = o->patch;
    status =
        read_both(o->images ? o->images : THM_FASHION_MNIST, s->garments, msg);
    if (status == THM_OK && !single) {
        status = read_digits(s, o->digits, msg);
    }
    if (status != THM_OK) {
        return status;
    }
    if (single) {
        task->test_size = s->garments[THM_SPLIT_TEST].images.count;
    } else {
        fill_chances(task, s);
    }
    const int in_row = tiles_in_row(task) * side / o->patch;
    thm_vit_config *c = &task->config;
    c->tokens = in_row * in_row;
    c->features = channels(task) * o->patch * o->patch;
    c->outputs = THM_PICTURE_CLASSES;
    c->width = 64;
    c->heads = 4;
    c->head_width = 16;
    c->depth = 3;
    c->mlp_width = 128;
    /* Logits at the start as spread as in the paper's width of 256. */
    c->weight_std = 0.32 / sqrt(c->width);
    return THM_OK;
}

static void close_images(thm_task *task)
{
    store *s = task->own;
    if (s != NULL) {
        for (int split = 0; split < 2; split++) {
            thm_pictures_free(&s->garments[split]);
            thm_pictures_free(&s->digits[split]);
        }
        free(s);
    }
}

static json_t *images_data(const thm_task *task)
{
    const store *s = task->own;
    json_t *all =
        json_pack("{s:o, s:o}", "train", thm_pictures_record(&s->garments[0]),
                  "test", thm_pictures_record(&s->garments[1]));
    if (task->two_step) {
        json_t *digits =
            s->has_digits
                ? json_pack("{s:o, s:o}", "train",
                            thm_pictures_record(&s->digits[0]), "test",
                            thm_pictures_record(&s->digits[1]))
                : json_pack("[i, i]", s->classes[0], s->classes[1]);
        all = json_pack("{s:o, s:o}", "targets", all, "indicators", digits);
    }
    return all;
}

/* Pixel (row, col) of a tile, 0 to 1. */
static double pixel(const unsigned char *picture, bool half, int row, int col)
{
    if (!half) {
        return picture[row * SIDE + col] / 255.0;
    }
    const unsigned char *p = picture + 2 * (row * SIDE + col);
    return (p[0] + p[1] + p[SIDE] + p[SIDE + 1]) / (4 * 255.0);
}

/* Puts a picture into tile (ty, tx) of x: (tokens x channels x patch x patch),
 * each channel times its colour. */
static void put_tile(const thm_task *task, const unsigned char *picture, int ty,
                     int tx, const double *colour, float *x)
{
    const int side = tile_side(task), patch = task->options.patch;
    const int in_row = tiles_in_row(task) * side / patch;
    const int area = patch * patch, depth = channels(task);
    for (int row = 0; row < side; row++) {
        const int y = ty * side + row;
        for (int col = 0; col < side; col++) {
            const int at = tx * side + col;
            const int token = y / patch * in_row + at / patch;
            float *to = x + (ptrdiff_t)token * depth * area +
                        y % patch * patch + at % patch;
            const double ink = pixel(picture, task->options.half, row, col);
            for (int c = 0; c < depth; c++) {
                to[c * area] = (float)(ink * colour[c]);
            }
        }
    }
}

/* The tokens of a tile play its role. */
static void put_role(const thm_task *task, int ty, int tx, thm_role role,
                     uint8_t *roles)
{
    const int in_tile = tile_side(task) / task->options.patch;
    for (int row = 0; row < in_tile; row++) {
        for (int col = 0; col < in_tile; col++) {
            roles[(ty * in_tile + row) * 2 * in_tile + tx * in_tile + col] =
                (uint8_t)role;
        }
    }
}

/* The three channels of a tile's colour. */
static void draw_colour(const double base[CHANNELS], thm_rng *rng, double *out)
{
    for (int c = 0; c < CHANNELS; c++) {
        out[c] = base[c] + COLOUR_NOISE * thm_rng_normal(rng);
    }
}

static const unsigned char *draw_indicator(const store *s, thm_split split,
                                           int which, thm_rng *rng)
{
    const thm_pictures *p = indicators(s, split);
    const int class = s->classes[which];
    const uint64_t k = thm_rng_below(rng, (uint64_t)p->count_of[class]);
    return thm_picture(p, p->of_class[class][k]);
}

static void draw_two_step(const thm_task *task, const thm_task_at *at, int i,
                          int sample, thm_samples *s)
{
    static const double blue[] = {0, 0, 1}, red[] = {1, 0, 0},
                        white[] = {1, 1, 1};
    const store *own = task->own;
    const thm_pictures *garments = &own->garments[at->split];
    const uint64_t items = (uint64_t)garments->images.count;
    thm_rng rng = thm_task_rng(at, sample);
    const thm_two_step z =
        thm_two_step_draw(task, second_share(own, at->split), &rng);
    const int shown[2] = {z.first, z.second};
    const unsigned char *indicator[2];
    const double *base[2];
    int target[2];
    bool swap[2];
    for (int row = 0; row < 2; row++) {
        indicator[row] = draw_indicator(own, at->split, shown[row], &rng);
        base[row] = thm_rng_below(&rng, COLOURS) < COLOURS / 2 ? blue : red;
        target[row] = (int)thm_rng_below(&rng, items);
        swap[row] = thm_rng_below(&rng, 2) == 1 &&
                    task->options.kind == THM_TASK_TWO_STEP_MOVING;
    }
    const size_t tokens = (size_t)task->config.tokens;
    float *x = s->x + (size_t)i * tokens * (size_t)task->config.features;
    uint8_t *roles = s->roles + (size_t)i * tokens;
    for (int row = 0; row < 2; row++) {
        /* indicators on the diagonal, unless the row is swapped */
        const int left = row ^ (swap[row] ? 1 : 0);
        const int column = left, other = 1 - left;
        const bool chosen = (row == 0) == z.top;
        double colour[CHANNELS] = {1, 1, 1}, pale[CHANNELS] = {1, 1, 1};
        if (!task->options.half) {
            draw_colour(base[row], &rng, colour);
            draw_colour(white, &rng, pale);
        }
        put_tile(task, indicator[row], row, column, colour, x);
        put_tile(task, thm_picture(garments, target[row]), row, other, pale, x);
        put_role(task, row, column, THM_ROLE_INDICATOR, roles);
        put_role(task, row, other, chosen ? THM_ROLE_CHOSEN : THM_ROLE_OTHER,
                 roles);
    }
    const unsigned char *label = garments->labels.data;
    s->labels[i] = label[target[z.top ? 0 : 1]];
    s->other_label[i] = label[target[z.top ? 1 : 0]];
}

static void draw_single(const thm_task *task, const thm_task_at *at, int i,
                        int sample, thm_samples *s)
{
    static const double white[1] = {1};
    const store *own = task->own;
    const thm_pictures *p = &own->garments[at->split];
    thm_rng rng = thm_task_rng(at, sample);
    const int k = at->split == THM_SPLIT_TEST
                      ? sample % p->images.count
                      : (int)thm_rng_below(&rng, (uint64_t)p->images.count);
    const size_t size =
        (size_t)task->config.tokens * (size_t)task->config.features;
    put_tile(task, thm_picture(p, k), 0, 0, white, s->x + (size_t)i * size);
    s->labels[i] = p->labels.data[k];
}

static void draw_images(const thm_task *task, const thm_task_at *at, int first,
                        int count, thm_samples *s)
{
    for (int i = 0; i < count; i++) {
        if (task->two_step) {
            draw_two_step(task, at, i, first + i, s);
        } else {
            draw_single(task, at, i, first + i, s);
        }
    }
}

const thm_task_family thm_task_images = {.open = open_images,
                                         .draw = draw_images,
                                         .close = close_images,
                                         .data = images_data};
