/* The page that `theoremeter verify` leaves behind: DIR/report.html, one file
 * that opens offline, with the verdict table, what each claim says and rests
 * on, the figures as inline SVG and the record of the run. */
#ifndef THM_REPORT_H
#define THM_REPORT_H

#include <jansson.h>
#include <stdint.h>
#include "claims/decision.h"
#include "core/status.h"

typedef struct {
    uint64_t seed; /* of the figures' draws; the same as of the claims       */
    double effort; /* scales the number of draws in a figure's bands, > 0    */
    int at_once;   /* programs that run side by side, >= 1                   */
} report_options;

/* Writes DIR/report.html atomically, DIR/figures/NAME/ (TSV, script, run.json)
 * beside it; DIR is made if it is missing.
 *
 * decisions: n of them, claims and twins ("X" + id) in the order of the table;
 * a twin stands in its claim's row.  run: the run's record as an object (as in
 * run.json: machine, versions, options, ...), shown as a table of its keys;
 * NULL leaves the table out.  Statement, proof and the other texts come from
 * the notes (claims/catalogue.h).
 *
 * A figure that cannot be drawn (no gnuplot, an experiment that fails) is
 * replaced by a sentence that says so; the page still comes out.
 * THM_EIO (msg names the path), THM_ENOMEM, THM_EINTERRUPTED if a signal ended
 * a figure's program or arrived meanwhile. */
thm_status report_write(const char *dir, int n, const thm_decision *decisions,
                        const json_t *run, const report_options *options,
                        thm_message *msg);

#endif
