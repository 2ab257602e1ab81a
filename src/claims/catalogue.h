/* The catalogue: every claim of the project, in the order of verify.
 *
 * Statement, hypotheses, source, proof, rounding bound, twin and expected
 * verdict are read from the note that carries the claim (paper-notes/, embedded
 * in the binary); this table adds only what a program needs to find it. */
#ifndef THM_CATALOGUE_H
#define THM_CATALOGUE_H

#include <stdbool.h>
#include "core/verdict.h"

typedef struct {
    const char *id;       /* "S5.1"                                    */
    const char *slug;     /* "trace"                                   */
    const char *program;  /* the proof program that decides it         */
    const char *note;     /* file name in paper-notes/                 */
    thm_verdict expected; /* the twin's is the opposite                */
} thm_catalogue_entry;

/* The table, ended by an entry whose id is NULL. */
extern const thm_catalogue_entry thm_catalogue[];

/* The entry of an id ("S5.1"), a twin's id ("XS5.1") or a slug; NULL if none. */
const thm_catalogue_entry *thm_catalogue_find(const char *id_or_slug);

/* Whether id is selected by a comma-separated list such as "S,F3,G4.1": a family
 * letter, a claim with all its parts, one part, or a slug. */
bool thm_catalogue_selects(const char *list, const thm_catalogue_entry *e);

/* One field of a claim's section in its note ("Statement", "Hypotheses",
 * "Source", "Proof", "Rounding", "Twin", "Expected"), copied into out (size
 * bytes, cut if longer); false if the note has no such field. */
bool thm_catalogue_field(const thm_catalogue_entry *e, const char *field,
                         char *out, int size);

/* The whole section of the claim, as written. */
bool thm_catalogue_section(const thm_catalogue_entry *e, char *out, int size);

#endif
