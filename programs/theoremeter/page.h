/* The parts of the report's page that are made from a run's decisions: each
 * writes HTML where the template plots/report.html names it. */
#ifndef THM_PAGE_H
#define THM_PAGE_H

#include <jansson.h>
#include <stdio.h>
#include "claims/decision.h"

enum { PAGE_FIELD = 1 << 16 };

typedef struct {
    int n;
    const thm_decision *decisions;
    const json_t *run;          /* NULL: none                             */
    double effort;              /* of the run: it sets which cases exist  */
    const char *const *figures; /* HTML by section, made by figures.h */
    char field[PAGE_FIELD];     /* scratch for one field of a note        */
} page;

/* The text of the window: how many claims. */
void page_title(FILE *out, page *p);

/* Whether all came out as expected, and what did not; counts by verdict. */
void page_summary(FILE *out, page *p);

/* The options of the paper filter: families, and the claims in each. */
void page_families(FILE *out, page *p);

/* One tbody a claim: its row and what opens below it. */
void page_rows(FILE *out, page *p);

/* The run's record. */
void page_run(FILE *out, page *p);

/* What page_rows and page_summary share. */
const thm_decision *page_twin(const page *p, const thm_decision *claim);
bool page_is_claim(const page *p, const thm_decision *o);
bool page_as_expected(const thm_decision *o);

#endif
