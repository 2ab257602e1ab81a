/* The decision on a claim: its result beside what was expected of it, as the
 * programs print it (one JSON line), read it back and tabulate it. */
#ifndef THM_DECISION_H
#define THM_DECISION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "core/status.h"
#include "core/verdict.h"

enum { THM_DECISION_NAME = 48 };

typedef struct {
    char id[THM_DECISION_NAME];   /* "S5.1", of a twin "XS5.1"    */
    char slug[THM_DECISION_NAME]; /* "trace", of a twin "not-trace" */
    thm_verdict expected;
    thm_result result;
    double seconds;
} thm_decision;

/* Names and expectation of a claim or twin by its id, from the catalogue; a
 * claim outside it is expected to HOLD, its twin to be REFUTED, and has its id
 * as slug.  Ids of THM_DECISION_NAME - 5 characters or more are cut. */
void thm_decision_name(thm_decision *o, const char *id);

/* The object that one line prints, keys in this order: id, slug, verdict,
 * expected, evidence, scope, margin, err, resolution, tight, cases, skipped,
 * worst_case, worst_seed, seconds; and recorded, if it rests on measurements of
 * that day.  Non-finite numbers, and the worst case of a claim without cases,
 * are null.  The caller owns it; NULL: out of memory. */
json_t *thm_decision_to_json(const thm_decision *o);

/* One line: the object and a newline. THM_EIO, THM_ENOMEM. */
thm_status thm_decision_write(const thm_decision *o, FILE *out);

/* The lines of n decisions as the file dir/name, whole or not at all; dir is
 * made if it is missing.  THM_EIO (msg names the path), THM_ENOMEM. */
thm_status thm_decision_save(const char *dir, const char *name, int n,
                             const thm_decision *decisions, thm_message *msg);

/* The inverse of thm_decision_to_json, null as NaN. THM_EFORMAT, *o untouched,
 * msg naming the key. */
thm_status thm_decision_from_json(const json_t *line, thm_decision *o,
                                  thm_message *msg);

/* The exit code of a run (proofs/proof.h): 4 if a twin has another verdict
 * than expected, else 1 if a claim was decided otherwise, else 3 if one stayed
 * UNDECIDED or VACUOUS, else 0.  With judge_twins false - the replay of one
 * case, which need not be the one that refutes a twin - twins do not count. */
int thm_decision_exit_code(int n, const thm_decision *decisions,
                           bool judge_twins);

/* The one of two exit codes that a run of both answers with: 4, 1, 3, 0 from
 * the strongest to the weakest. */
int thm_decision_worse_exit(int a, int b);

/* The verdict table: a row a claim, its twin's verdict in it, then one line on
 * each decision that was not expected.  A twin without its claim has a row of
 * its own. */
void thm_decision_table(int n, const thm_decision *decisions, bool colour,
                        FILE *out);

#endif
