/* Puts part of the poles into their ascending places: quickselect for the ends
 * of the part, a sort within it. */
#include <stdlib.h>
#include "softmax/spectrum_work.h"

static int compare(const void *left, const void *right)
{
    const thm_pole *a = left, *b = right;
    if (a->e != b->e) {
        return a->e < b->e ? -1 : 1;
    }
    if (a->m != b->m) {
        return a->m < b->m ? -1 : 1;
    }
    return (a->index > b->index) - (a->index < b->index);
}

static void swap(thm_pole *a, thm_pole *b)
{
    thm_pole t = *a;
    *a = *b;
    *b = t;
}

/* Moves the at-th smallest of pole[lo..hi-1] to its place, smaller ones before
 * it, larger ones behind; O(hi - lo) on average. */
static void select_pole(thm_pole *pole, int lo, int hi, int at)
{
    while (hi - lo > 1) {
        int middle = lo + (hi - lo) / 2, last = hi - 1;
        /* the median of three becomes the pivot at `last` */
        if (compare(&pole[middle], &pole[lo]) < 0) {
            swap(&pole[middle], &pole[lo]);
        }
        if (compare(&pole[last], &pole[lo]) < 0) {
            swap(&pole[last], &pole[lo]);
        }
        if (compare(&pole[middle], &pole[last]) < 0) {
            swap(&pole[middle], &pole[last]);
        }
        int store = lo;
        for (int i = lo; i < last; i++) {
            if (compare(&pole[i], &pole[last]) < 0) {
                swap(&pole[i], &pole[store++]);
            }
        }
        swap(&pole[store], &pole[last]);
        if (at == store) {
            return;
        }
        if (at < store) {
            hi = store;
        } else {
            lo = store + 1;
        }
    }
}

void thm_spectrum_sort(thm_spectrum_work *work, int from, int to)
{
    if (from >= to || (from >= work->sorted_from && to <= work->sorted_to)) {
        return;
    }
    if (from > 0) {
        select_pole(work->pole, 0, work->poles, from);
    }
    if (to < work->poles) {
        select_pole(work->pole, from, work->poles, to - 1);
    }
    qsort(work->pole + from, (size_t)(to - from), sizeof *work->pole, compare);
    work->sorted_from = from;
    work->sorted_to = to;
}
