/* Verdicts: how a measured margin and the bound of its error become HOLDS,
 * REFUTED, UNDECIDED or VACUOUS, and how cases add up to a claim.
 *
 * For one case, margin = allowed - observed in the claim's own unit and
 * err >= 0 bounds the error of margin:
 *     HOLDS iff margin >= err, REFUTED iff margin < -err, else UNDECIDED;
 * a non-finite margin or err, or a negative err, is UNDECIDED.  A claim is
 * REFUTED if any case is, else UNDECIDED if any is, else HOLDS; VACUOUS if no
 * case met the hypotheses. */
#ifndef THM_VERDICT_H
#define THM_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#define THM_VERDICT_TABLE(X)                                                   \
    X(THM_HOLDS, "HOLDS")                                                      \
    X(THM_REFUTED, "REFUTED")                                                  \
    X(THM_UNDECIDED, "UNDECIDED")                                              \
    X(THM_VACUOUS, "VACUOUS")

typedef enum {
#define THM_VERDICT_ENUM(name, text) name,
    THM_VERDICT_TABLE(THM_VERDICT_ENUM)
#undef THM_VERDICT_ENUM
} thm_verdict;

/* From the strongest to the weakest; a claim's evidence is that of its weakest
 * case.
 *   enclosure    rigorous for the exact statement on the given doubles
 *   bounded      floating point with a proved error bound
 *   sampled      no counterexample among the cases
 *   statistical  an estimate with an interval whose level and rule were fixed
 *                before the run */
#define THM_EVIDENCE_TABLE(X)                                                  \
    X(THM_ENCLOSURE, "enclosure")                                              \
    X(THM_BOUNDED, "bounded")                                                  \
    X(THM_SAMPLED, "sampled")                                                  \
    X(THM_STATISTICAL, "statistical")

typedef enum {
#define THM_EVIDENCE_ENUM(name, text) name,
    THM_EVIDENCE_TABLE(THM_EVIDENCE_ENUM)
#undef THM_EVIDENCE_ENUM
} thm_evidence;

const char *thm_verdict_text(thm_verdict verdict);
const char *thm_evidence_text(thm_evidence evidence);

/* Parses the text form; returns false, *verdict untouched, if it is none. */
bool thm_verdict_parse(const char *text, thm_verdict *verdict);

/* The verdict of one case. */
thm_verdict thm_verdict_of(double margin, double err);

/* One case, measured.  observed and allowed are in the claim's unit;
 * observed <= allowed is what the claim says.  With resolution set (identities
 * and attained bounds) the margin is allowed - observed + 2 err: a true
 * statement always HOLDS, a violation above 4 err is always REFUTED. */
typedef struct {
    double observed, allowed; /* margin = allowed - observed (+ 2 err)        */
    double err;               /* proved bound of the margin's error, >= 0     */
    bool resolution;          /* equality is possible: judge with resolution  */
    thm_evidence evidence;
} thm_finding;

double thm_finding_margin(const thm_finding *f);

/* The larger of two, or the one that is NaN: how a measure takes a maximum
 * without losing what must leave its case undecided. */
double thm_worse(double a, double b);

enum { THM_CASE_NAME = 80, THM_DATE = 11 };

/* A claim's verdict over its cases; margin and err are the worst case's. */
typedef struct {
    thm_verdict verdict;
    thm_evidence evidence;
    bool all_inputs;    /* scope: all inputs, not only the cases             */
    double margin, err; /* of the worst case                                 */
    double resolution;  /* 2 err of the worst case if judged so, else 0      */
    double tight;       /* largest observed / allowed over the cases; of an
                           identity (allowed = 0) observed / resolution      */
    int64_t cases;      /* cases that met the hypotheses                     */
    int64_t skipped;    /* cases that did not                                */
    char worst_case[THM_CASE_NAME];
    uint64_t worst_seed;
    char recorded[THM_DATE]; /* "2026-11-22": when the cases were measured, if
                                not now; else empty                          */
} thm_result;

/* VACUOUS, no cases; evidence starts at the strongest. */
void thm_result_init(thm_result *r);

/* Adds one case.  The worst case is that of the worst verdict, among equals
 * the one with the smallest margin - err; the first added wins a draw. */
void thm_result_add(thm_result *r, const thm_finding *f, const char *name,
                    uint64_t seed);

/* Counts a case that does not meet the hypotheses. */
void thm_result_skip(thm_result *r);

#endif
