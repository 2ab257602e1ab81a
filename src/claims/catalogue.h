/* The catalogue: every claim of the project, in the order of verify.
 *
 * Statement, hypotheses, source, proof, rounding bound, twin and expected
 * verdict are read from the note that carries the claim (paper-notes/, embedded
 * in the binary); this table adds only what a program needs to find it.
 *
 * A note carries a claim in a section headed "### S5.1 · trace" (id, middle
 * dot, slug) whose fields are paragraphs that begin "**Statement.**" and so
 * on; a field ends where the next one, or the next heading, begins. */
#ifndef THM_CATALOGUE_H
#define THM_CATALOGUE_H

#include <stdbool.h>
#include "core/status.h"
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

/* The entry of an id ("S5.1"), a slug ("trace"), or of either as its twin
 * carries it ("XS5.1", "not-trace"); NULL if none. */
const thm_catalogue_entry *thm_catalogue_find(const char *id_or_slug);

/* Whether a name is a twin's: "XS5.1" or "not-trace". */
bool thm_catalogue_is_twin(const char *id_or_slug);

/* HOLDS <-> REFUTED; anything else is its own opposite. */
thm_verdict thm_catalogue_opposite(thm_verdict expected);

/* Whether an entry is selected by a comma-separated list such as "S,F3,G4.1": a
 * family letter, a claim with all its parts, one part, or a slug; a twin's name
 * selects the claim together with its twin. */
bool thm_catalogue_selects(const char *list, const thm_catalogue_entry *e);

/* THM_EDOMAIN, msg naming the first offender, unless every word of the list
 * selects at least one entry of the catalogue. */
thm_status thm_catalogue_check_list(const char *list, thm_message *msg);

/* One field of a claim's section in its note ("Statement", "Hypotheses",
 * "Source", "Proof", "Rounding", "Twin", "Expected"), without its label, copied
 * into out (size bytes, cut if longer); false, out empty, if the note has no
 * such field. */
bool thm_catalogue_field(const thm_catalogue_entry *e, const char *field,
                         char *out, int size);

/* The whole section of the claim, heading included, as written. */
bool thm_catalogue_section(const thm_catalogue_entry *e, char *out, int size);

#endif
