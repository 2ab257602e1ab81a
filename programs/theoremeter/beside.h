/* The programs that are installed beside this one, and names for people who
 * mistype them. */
#ifndef BESIDE_H
#define BESIDE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include "core/status.h"

/* The path of the program `name` in the folder of this executable.
 * THM_EDOMAIN (msg) if the name is empty, hidden or holds a slash, or if no
 * such program can be executed; THM_EIO if our own path cannot be read. */
thm_status beside_path(const char *name, char path[PATH_MAX], thm_message *msg);

/* Keeps the candidate nearest to a word so far.  Start from {word, "", 0}. */
typedef struct {
    const char *word;
    char name[64];
    size_t distance;
} beside_nearest;

void beside_offer(beside_nearest *nearest, const char *candidate);

/* Whether the nearest is near enough to be meant: at most a third of the
 * word's letters, and at least one, need changing. */
bool beside_plausible(const beside_nearest *nearest);

/* Offers the programs of our folder. */
void beside_offer_programs(beside_nearest *nearest);

#endif
