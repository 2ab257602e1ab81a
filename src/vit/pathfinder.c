/* Pathfinder pictures: see pathfinder.h.
 *
 * Draws: the label, the margin, which snake has the first disc, then attempts:
 * first tails and directions, and dash by dash the turn; then the others. */
#include "vit/pathfinder.h"

#include <math.h>
#include <string.h>

enum {
    CONTOUR = THM_PATHFINDER_CONTOUR,
    SHORT = CONTOUR / 3,
    ANTIALIAS = 2,
    TRIES = 8,  /* of a dash before it is given up                  */
    BACKS = 40, /* times that it is, before both snakes begin again */
    SEEDS = 32, /* of a short snake before the picture counts full  */
};

static const thm_pathfinder kinds[] = {
    {32, 2, 0.5, {1, 1}, 1, 1.5, 7, 1.0, 20 / SHORT, 2 * 0.75},
    {64, 3, 1.0, {1, 1}, 1, 2.5, 12, 1.8, 22 / SHORT, 0.8},
    {128, 5, 1.5, {2, 3}, 1, 3.0, 20, 1.8, 35 / SHORT, 0.9},
};

const thm_pathfinder *thm_pathfinder_of(int size)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (kinds[k].size == size) {
            return &kinds[k];
        }
    }
    return NULL;
}

/* ---- distances ------------------------------------------------------------
 */

/* Squared distance of p from the segment a b. */
static double distance2(thm_spot p, thm_spot a, thm_spot b)
{
    const double ux = b.x - a.x, uy = b.y - a.y;
    const double vx = p.x - a.x, vy = p.y - a.y;
    const double t = (ux * vx + uy * vy) / (ux * ux + uy * uy);
    const double s = t > 0 ? (t < 1 ? t : 1) : 0; /* 0 where a = b */
    const double dx = vx - s * ux, dy = vy - s * uy;
    return dx * dx + dy * dy;
}

/* Of two segments that do not cross.  Where they do, it is at most half of the
 * shorter one's length: less than what dashes must be apart, as it should. */
static double segments2(thm_spot a, thm_spot b, thm_spot c, thm_spot d)
{
    return fmin(fmin(distance2(a, c, d), distance2(b, c, d)),
                fmin(distance2(c, a, b), distance2(d, a, b)));
}

/* ---- growing --------------------------------------------------------------
 */

typedef struct {
    const thm_pathfinder *kind;
    thm_rng *rng;
    thm_pathfinder_scene *scene;
    double angle[THM_PATHFINDER_DASHES]; /* of each dash */
} maker;

static double draw_angle(thm_rng *rng)
{
    return 2 * acos(-1.0) * thm_rng_uniform(rng);
}

/* Density cos^2(continuity d) where continuity |d| <= pi / 2. */
static double draw_turn(const maker *m)
{
    for (;;) {
        /* both numbers from one draw: here goes most of the time */
        const uint64_t bits = thm_rng_bits(m->rng);
        const double where = (double)(bits >> 32) * 0x1p-32;
        const double level = (double)(bits & UINT32_MAX) * 0x1p-32;
        const double d = acos(-1.0) * (where - 0.5), c = cos(d);
        if (level < c * c) {
            return d / m->kind->continuity;
        }
    }
}

static bool inside(const maker *m, thm_spot p)
{
    const double edge =
        m->kind->padding + m->scene->margin + m->kind->thickness / 2;
    const double far = m->kind->size - edge;
    return p.x >= edge && p.x <= far && p.y >= edge && p.y <= far;
}

/* Whether a dash may lie there: `but` is the neighbour that it may be near. */
static bool is_free(const maker *m, thm_spot tail, thm_spot head, int but)
{
    const thm_pathfinder_scene *s = m->scene;
    const double apart = 2 * s->margin + m->kind->thickness;
    /* tails farther than this cannot be too near */
    const double far = apart + 2 * m->kind->length;
    if (!inside(m, tail) || !inside(m, head)) {
        return false;
    }
    for (int k = 0; k < s->dashes; k++) {
        const double dx = s->tail[k].x - tail.x, dy = s->tail[k].y - tail.y;
        if (k != but && dx * dx + dy * dy < far * far &&
            segments2(tail, head, s->tail[k], s->head[k]) < apart * apart) {
            return false;
        }
    }
    return true;
}

/* A dash `gap` beyond `from` in that direction, if it is free there. */
static bool put(maker *m, thm_spot from, double gap, double angle, int but)
{
    thm_pathfinder_scene *s = m->scene;
    const double c = cos(angle), e = sin(angle);
    const double far = gap + m->kind->length;
    const thm_spot tail = {from.x + gap * c, from.y + gap * e};
    const thm_spot head = {from.x + far * c, from.y + far * e};
    if (!is_free(m, tail, head, but)) {
        return false;
    }
    m->angle[s->dashes] = angle;
    s->tail[s->dashes] = tail;
    s->head[s->dashes++] = head;
    return true;
}

/* The dash after `last` turns about a point `margin` ahead of its head, and
 * begins `margin` beyond that. */
static bool extend(maker *m, int last)
{
    const double margin = m->scene->margin, angle = m->angle[last];
    thm_spot pivot = m->scene->head[last];
    pivot.x += margin * cos(angle);
    pivot.y += margin * sin(angle);
    for (int k = 0; k < TRIES; k++) {
        if (put(m, pivot, margin, angle + draw_turn(m), last)) {
            return true;
        }
    }
    return false;
}

/* A spot at least `edge` from every edge. */
static thm_spot draw_spot(const maker *m, double edge)
{
    const double room = m->kind->size - 2 * edge;
    thm_spot p;
    p.x = edge + room * thm_rng_uniform(m->rng);
    p.y = edge + room * thm_rng_uniform(m->rng);
    return p;
}

/* Both snakes, dash by dash in turn: k - 2 is before k.  Where none fits, the
 * last of each is taken away and drawn afresh. */
static bool grow_both(maker *m)
{
    thm_pathfinder_scene *s = m->scene;
    const double apart = m->kind->seed_distance;
    const thm_spot first = draw_spot(m, 2 * apart);
    const double toward = draw_angle(m->rng);
    const thm_spot second = {first.x + apart * cos(toward),
                             first.y + apart * sin(toward)};
    s->dashes = 0;
    if (!put(m, first, 0, draw_angle(m->rng), -1) ||
        !put(m, second, 0, draw_angle(m->rng), -1)) {
        return false;
    }
    for (int back = 0; back < BACKS; back++) {
        while (s->dashes < 2 * CONTOUR && extend(m, s->dashes - 2)) {
        }
        if (s->dashes == 2 * CONTOUR) {
            return true;
        }
        s->dashes = s->dashes > 4 ? s->dashes - 2 : 2;
    }
    return false;
}

static void add_short(maker *m)
{
    const int first = m->scene->dashes;
    for (int k = 0; k < SEEDS && m->scene->dashes == first; k++) {
        const thm_spot tail = draw_spot(m, m->kind->padding);
        put(m, tail, 0, draw_angle(m->rng), -1);
    }
    bool grows = m->scene->dashes > first;
    for (int k = 0; k + 1 < SHORT && grows; k++) {
        grows = extend(m, first + k);
    }
}

/* From alternating dashes to one snake after the other. */
static void sort(thm_pathfinder_scene *s)
{
    thm_spot tail[2 * CONTOUR], head[2 * CONTOUR];
    memcpy(tail, s->tail, sizeof tail);
    memcpy(head, s->head, sizeof head);
    for (int k = 0; k < 2 * CONTOUR; k++) {
        const int to = k % 2 * CONTOUR + k / 2;
        s->tail[to] = tail[k];
        s->head[to] = head[k];
    }
}

void thm_pathfinder_draw(const thm_pathfinder *kind, thm_rng *rng,
                         thm_pathfinder_scene *scene)
{
    maker m = {.kind = kind, .rng = rng, .scene = scene};
    scene->joined = thm_rng_below(rng, 2) == 1;
    scene->margin = kind->margins[thm_rng_below(rng, 2)];
    const int begins = (int)thm_rng_below(rng, 2);
    const int ends = scene->joined ? begins : 1 - begins;
    while (!grow_both(&m)) {
    }
    sort(scene);
    for (int k = 0; k < kind->distractors; k++) {
        add_short(&m);
    }
    scene->disc[0] = scene->tail[begins * CONTOUR];
    scene->disc[1] = scene->head[ends * CONTOUR + CONTOUR - 1];
}

/* ---- drawing --------------------------------------------------------------
 */

/* The pixels that [low - by, high + by] meets. */
static void range(int size, double low, double high, double by, int *from,
                  int *to)
{
    *from = (int)fmax(floor(low - by), 0);
    *to = (int)fmin(ceil(high + by), size);
}

/* Whatever lies within `by` of a b, as bright as `ink`; a may be b. */
static void blend(int size, thm_spot a, thm_spot b, double by, double ink,
                  float *pixels)
{
    int left, right, top, low;
    range(size, fmin(a.x, b.x), fmax(a.x, b.x), by, &left, &right);
    range(size, fmin(a.y, b.y), fmax(a.y, b.y), by, &top, &low);
    for (int row = top; row < low; row++) {
        for (int col = left; col < right; col++) {
            int covered = 0;
            for (int k = 0; k < ANTIALIAS * ANTIALIAS; k++) {
                const double dx = (k % ANTIALIAS + 0.5) / ANTIALIAS;
                const double dy =
                    (double)(k / ANTIALIAS) / ANTIALIAS + 0.5 / ANTIALIAS;
                const thm_spot p = {col + dx, row + dy};
                covered += distance2(p, a, b) <= by * by;
            }
            const double share = (double)covered / (ANTIALIAS * ANTIALIAS);
            const float bright = (float)fmin(ink * share, 1);
            float *pixel = &pixels[row * size + col];
            *pixel = bright > *pixel ? bright : *pixel;
        }
    }
}

void thm_pathfinder_render(const thm_pathfinder *kind,
                           const thm_pathfinder_scene *scene, float *pixels)
{
    const int size = kind->size;
    memset(pixels, 0, sizeof *pixels * (size_t)size * (size_t)size);
    for (int k = 0; k < scene->dashes; k++) {
        blend(size, scene->tail[k], scene->head[k], kind->thickness / 2,
              kind->ink, pixels);
    }
    for (int k = 0; k < 2; k++) {
        blend(size, scene->disc[k], scene->disc[k], kind->radius, 1, pixels);
    }
}
