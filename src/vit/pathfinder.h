/* Pathfinder pictures, after Linsley, Kim, Veerabadran, Windolf and Serre 2018
 * (arXiv 1805.08315): two long snakes of dashes, two discs on their ends, short
 * snakes around; do both discs lie on one snake?
 *
 * Of the published generator this one has the parameters (32: those of the Long
 * Range Arena) and the order of events.  Geometry is exact where theirs is on
 * pixels: a dash is a segment in real coordinates, its turn is drawn from the
 * density cos^2 instead of from weighted grid points, and dashes that are not
 * neighbours in a snake stay at least 2 margin + thickness apart, while
 * neighbours lie within 2 margin: the picture always tells the label. */
#ifndef THM_VIT_PATHFINDER_H
#define THM_VIT_PATHFINDER_H

#include <stdbool.h>

#include "core/rng.h"

enum {
    THM_PATHFINDER_CONTOUR = 14,
    THM_PATHFINDER_DASHES = 2 * THM_PATHFINDER_CONTOUR + 8 * 4
};

/* In pixels.  The lengths of 64 and 128 and the padding of 128 are not known:
 * ours. */
typedef struct {
    int size;                         /* of a side: 32, 64 or 128            */
    double length, thickness;         /* of a dash                           */
    double margins[2];                /* of a picture: either                */
    double padding;                   /* around: no dash, no margin of one   */
    double radius;                    /* of a disc                           */
    double seed_distance, continuity; /* of first tails; factor on turns     */
    int distractors;                  /* short snakes, of a third the length */
    double ink;                       /* of a dash at full coverage; at most
                                         1 comes out                         */
} thm_pathfinder;

/* NULL if there is none of that size. */
const thm_pathfinder *thm_pathfinder_of(int size);

typedef struct {
    double x, y; /* column, row; pixel (i, j) covers [j, j + 1) x [i, i + 1) */
} thm_spot;

typedef struct {
    bool joined; /* both discs on one snake                                  */
    double margin;
    int dashes; /* the first snake's, the second's (each CONTOUR), others    */
    thm_spot tail[THM_PATHFINDER_DASHES], head[THM_PATHFINDER_DASHES];
    thm_spot disc[2]; /* a first tail, a last head                           */
} thm_pathfinder_scene;

/* Draws until both snakes are whole: attempts of bounded length, each on its
 * own, of which about one in 5 to 15 succeeds. */
void thm_pathfinder_draw(const thm_pathfinder *kind, thm_rng *rng,
                         thm_pathfinder_scene *scene);

/* pixels: (size x size), from 0 to 1: the share of 2 x 2 points of a pixel that
 * a dash (times ink) or a disc covers, whichever is more. */
void thm_pathfinder_render(const thm_pathfinder *kind,
                           const thm_pathfinder_scene *scene, float *pixels);

#endif
