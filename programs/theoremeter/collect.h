/* What a proof program that has ended says, or why it says nothing. */
#ifndef COLLECT_H
#define COLLECT_H

#include <stdbool.h>
#include "claims/catalogue.h"
#include "claims/decision.h"
#include "core/status.h"
#include "programs/theoremeter/children.h"

/* A place for a claim and for its twin, in the order of the catalogue. */
typedef struct {
    const thm_catalogue_entry *entry;
    thm_decision claim, twin;
    bool has_claim, has_twin;
} claim_slot;

/* Reads the lines of `program` into its slots.  THM_EINTERNAL, the program's
 * slots left empty, if it cannot be trusted, msg saying why: it was ended by a
 * signal, a line is malformed, names another program's claim, appears twice or
 * expects what the catalogue does not, a claim or twin is missing, or the exit
 * code contradicts the lines.  In the replay of one case (replay) claims that
 * are measured over other cases may be missing, and twins do not count. */
thm_status collect(const char *program, const child_process *child, bool replay,
                   int n, claim_slot *slots, thm_message *msg);

#endif
