/* Verdicts of cases and their sum over a claim. */
#include "core/verdict.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const verdict_text[] = {
#define VERDICT_TEXT(name, text) [name] = text,
    THM_VERDICT_TABLE(VERDICT_TEXT)
#undef VERDICT_TEXT
};

static const char *const evidence_text[] = {
#define EVIDENCE_TEXT(name, text) [name] = text,
    THM_EVIDENCE_TABLE(EVIDENCE_TEXT)
#undef EVIDENCE_TEXT
};

enum { VERDICTS = sizeof verdict_text / sizeof *verdict_text };

const char *thm_verdict_text(thm_verdict verdict)
{
    return verdict_text[verdict];
}

const char *thm_evidence_text(thm_evidence evidence)
{
    return evidence_text[evidence];
}

bool thm_verdict_parse(const char *text, thm_verdict *verdict)
{
    for (int i = 0; i < VERDICTS; i++) {
        if (strcmp(text, verdict_text[i]) == 0) {
            *verdict = (thm_verdict)i;
            return true;
        }
    }
    return false;
}

thm_verdict thm_verdict_of(double margin, double err)
{
    if (!isfinite(margin) || !isfinite(err) || !(err >= 0)) {
        return THM_UNDECIDED;
    }
    if (margin >= err) {
        return THM_HOLDS;
    }
    return margin < -err ? THM_REFUTED : THM_UNDECIDED;
}

double thm_finding_margin(const thm_finding *f)
{
    double margin = f->allowed - f->observed;
    return f->resolution ? margin + 2 * f->err : margin;
}

double thm_worse(double a, double b)
{
    return isnan(a) || a >= b ? a : b;
}

void thm_result_init(thm_result *r)
{
    *r = (thm_result){.verdict = THM_VACUOUS, .evidence = THM_ENCLOSURE};
}

static int severity(thm_verdict verdict)
{
    switch (verdict) {
    case THM_REFUTED:
        return 3;
    case THM_UNDECIDED:
        return 2;
    case THM_HOLDS:
        return 1;
    case THM_VACUOUS:
        break;
    }
    return 0;
}

/* margin - err as an order: what is not a number is the worst there is. */
static double score(double margin, double err)
{
    double s = margin - err;
    return isnan(s) ? -HUGE_VAL : s;
}

void thm_result_add(thm_result *r, const thm_finding *f, const char *name,
                    uint64_t seed)
{
    double margin = thm_finding_margin(f);
    thm_verdict verdict = thm_verdict_of(margin, f->err);
    int worse = severity(verdict) - severity(r->verdict);

    if (worse > 0 ||
        (worse == 0 && score(margin, f->err) < score(r->margin, r->err))) {
        r->verdict = verdict;
        r->margin = margin;
        r->err = f->err;
        r->resolution = f->resolution ? 2 * f->err : 0;
        r->worst_seed = seed;
        snprintf(r->worst_case, sizeof r->worst_case, "%s", name);
    }
    if (f->evidence > r->evidence) {
        r->evidence = f->evidence;
    }
    /* an identity allows nothing but its resolution */
    double most = f->resolution && f->allowed == 0 ? 2 * f->err : f->allowed;
    double tight = f->observed / most;
    if (most > 0 && isfinite(tight) && tight > r->tight) {
        r->tight = tight;
    }
    r->cases++;
}

void thm_result_skip(thm_result *r)
{
    r->skipped++;
}
