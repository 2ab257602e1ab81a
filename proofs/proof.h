/* What makes a table of claims a program: proofs/ holds one main per family,
 *     int main(int argc, char **argv) { return proof_main(argc, argv, &table);
 * } which runs the claims, prints one JSON line a claim and a twin (a table for
 * a human on a terminal) and answers with the exit code of a verdict:
 *     0   every claim came out as expected and every twin as its opposite
 *     1   a claim was decided otherwise
 *     2   bad usage, or a record that cannot be read
 *     3   a claim stayed undecided, or no case met its hypotheses
 *     4   a twin has the wrong verdict, or a measure failed: the instrument is
 *         broken, and this outranks the other codes
 *     130 interrupted
 * Expected verdicts and slugs come from the catalogue; a claim outside it (a
 * user's own) is expected to HOLD and has its id as slug. */
#ifndef PROOF_H
#define PROOF_H

#include <stdint.h>
#include "claims/claim.h"
#include "core/status.h"

/* Claims that are measured over the same cases. */
typedef struct {
    int n_claims;            /* even */
    const thm_claim *claims; /* each followed by its twin */

    /* Fills *source, its count scaled by effort (see proof_count), and *ctx,
     * which every measure receives; both arrive zeroed.  A draw depends on
     * the seed given to source->make only; the one given here is the same. */
    thm_status (*open)(double effort, uint64_t seed, thm_case_source *source,
                       void **ctx, thm_message *msg);

    /* Releases what open took, also after a failed open; may be NULL. */
    void (*close)(thm_case_source *source, void *ctx);
} proof_group;

typedef struct {
    const char *summary; /* one line for --help: what the program decides */
    int n_groups;
    const proof_group *groups;
} proof_table;

/* The number of cases at an effort: base at effort 1, never below 1. */
int64_t proof_count(double effort, int64_t base);

/* Openers of the rows that most claims share (claims/logits.h), with a
 * thm_ball_row as context: rows of logits, of probabilities, and both in turns.
 * To be closed by thm_ball_source_close. */
thm_status proof_open_logits(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg);
thm_status proof_open_probs(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg);
thm_status proof_open_rows(double effort, uint64_t seed,
                           thm_case_source *source, void **ctx,
                           thm_message *msg);

/* The same for drawn states of the value-softmax flow under any loss
 * (claims/flow_cases.h), closed by thm_flow_states_close. */
thm_status proof_open_flows(double effort, uint64_t seed,
                            thm_case_source *source, void **ctx,
                            thm_message *msg);

/* The same for instances of the single-layer model (claims/layers.h) with their
 * ball model, closed by thm_layer_balls_close. */
thm_status proof_open_layers(double effort, uint64_t seed,
                             thm_case_source *source, void **ctx,
                             thm_message *msg);

int proof_main(int argc, char **argv, const proof_table *table);

/* The same for claims about recorded runs: *dir <- what --recorded DIR says,
 * left alone without.  A record that cannot be read is the user's to mend. */
int proof_main_recorded(int argc, char **argv, const proof_table *table,
                        const char **dir);

#endif
