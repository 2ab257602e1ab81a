/* The table of claims: see catalogue.h. */
#include "claims/catalogue.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define SOFTMAX(id, slug, program)                                             \
    {                                                                          \
        id, slug, program, "softmax.md", THM_HOLDS                             \
    }

#define FLOW(id, slug, program, expected)                                      \
    {                                                                          \
        id, slug, program, "varre2026.md", expected                            \
    }

#define DESCENT(id, slug, program, expected)                                   \
    {                                                                          \
        id, slug, program, "song2024.md", expected                             \
    }

#define EUREKA(id, slug, program, expected)                                    \
    {                                                                          \
        id, slug, program, "hoffmann2024.md", expected                         \
    }

const thm_catalogue_entry thm_catalogue[] = {
    SOFTMAX("S1.1", "jacobian-psd", "s1-rank"),
    SOFTMAX("S1.2", "jacobian-kernel-ones", "s1-rank"),
    SOFTMAX("S1.3", "rank-logits", "s1-rank"),
    SOFTMAX("S1.4", "rank-probs", "s1-rank"),
    SOFTMAX("S2.1", "norm-half", "s2-norm"),
    SOFTMAX("S2.2", "norm-half-attained", "s2-norm"),
    SOFTMAX("S3", "interlacing", "s3-interlacing"),
    SOFTMAX("S4.1", "uniform-eigenvalues", "s4-uniform"),
    SOFTMAX("S4.2", "uniform-frobenius", "s4-uniform"),
    SOFTMAX("S5.1", "trace", "s5-trace"),
    SOFTMAX("S5.2", "norm-gershgorin", "s5-trace"),
    SOFTMAX("S6.1", "subset-eigenvalues", "s6-subset"),
    SOFTMAX("S6.2", "subset-no-response", "s6-subset"),
    SOFTMAX("S7.1", "lipschitz-2", "s7-lipschitz"),
    SOFTMAX("S7.2", "lipschitz-1-inf", "s7-lipschitz"),
    SOFTMAX("S8", "entropy-rises", "s8-entropy"),
    SOFTMAX("S9.1", "frobenius-uniform-minimum", "s9-frobenius"),
    SOFTMAX("S9.2", "frobenius-vanishes", "s9-frobenius"),
    SOFTMAX("S9.3", "frobenius-interior-maximum", "s9-frobenius"),
    SOFTMAX("S10.1", "grad-scores", "s10-gradients"),
    SOFTMAX("S10.2", "grad-wq", "s10-gradients"),
    SOFTMAX("S10.3", "grad-wk", "s10-gradients"),
    SOFTMAX("S10.4", "grad-wv", "s10-gradients"),
    SOFTMAX("S10.5", "grad-scores-row-sums", "s10-gradients"),
    SOFTMAX("S11", "gradient-gap", "s11-gradient-gap"),
    SOFTMAX("S12.1", "normsoftmax-std-jacobian", "s12-jacobian"),
    SOFTMAX("S12.2", "normsoftmax-var-jacobian", "s12-jacobian"),
    SOFTMAX("S12.3", "normsoftmax-unit-std", "s12-normsoftmax"),
    SOFTMAX("S12.4", "normsoftmax-pmax-bound", "s12-normsoftmax"),
    SOFTMAX("S12.5", "normsoftmax-pmax-attained", "s12-normsoftmax"),
    FLOW("F1.1", "energy-rate", "f1-energy", THM_HOLDS),
    FLOW("F1.2", "energy", "f1-flows", THM_HOLDS),
    FLOW("F2.1", "logit-sum-rate", "f1-energy", THM_HOLDS),
    FLOW("F2.2", "logit-sum", "f1-flows", THM_HOLDS),
    FLOW("F3.1", "values-along-target", "f1-energy", THM_HOLDS),
    FLOW("F3.2", "values-across-target", "f1-flows", THM_HOLDS),
    FLOW("F4", "naive-balance", "f4-balance", THM_REFUTED),
    FLOW("F5.1", "pair-rate", "f4-balance", THM_HOLDS),
    FLOW("F5.2", "pair-invariant", "f1-flows", THM_HOLDS),
    FLOW("F6.1", "group-rate", "f4-balance", THM_HOLDS),
    FLOW("F6.2", "group-invariant", "f1-flows", THM_HOLDS),
    FLOW("F7", "output-flow", "f7-output", THM_HOLDS),
    FLOW("F8", "entropy-rate", "f7-output", THM_HOLDS),
    FLOW("F9.1", "order-kept", "f9-order", THM_HOLDS),
    FLOW("F9.2", "entropy-falls", "f9-order", THM_HOLDS),
    FLOW("F9.3", "shares-spread", "f9-order", THM_HOLDS),
    FLOW("F10.1", "all-gaps-grow", "f10-gaps", THM_REFUTED),
    FLOW("F10.2", "loser-gap-peaks", "f10-gaps", THM_HOLDS),
    FLOW("F11", "leader-escapes", "f10-gaps", THM_HOLDS),
    FLOW("F12", "late-concentration", "f12-late", THM_HOLDS),
    FLOW("F13.1", "two-token-orbit", "f13-two-tokens", THM_HOLDS),
    FLOW("F13.2", "two-token-time", "f13-two-tokens", THM_HOLDS),
    FLOW("F13.3", "two-token-square-limit", "f13-two-tokens", THM_HOLDS),
    FLOW("F14", "two-token-winner", "f14-winner", THM_HOLDS),
    FLOW("F15.1", "lock-in-driven", "f15-lock-in", THM_HOLDS),
    FLOW("F15.2", "lock-in-flow", "f15-lock-in", THM_HOLDS),
    FLOW("F16", "shared-orbit", "f16-shared-orbit", THM_HOLDS),
    FLOW("F17.1", "square-rates", "f17-square", THM_HOLDS),
    FLOW("F17.2", "square-bounds", "f17-square", THM_HOLDS),
    FLOW("F18", "amplification", "f18-amplification", THM_HOLDS),
    FLOW("F19.1", "logistic-lower-bound", "f19-logistic", THM_HOLDS),
    FLOW("F19.2", "logistic-loss-rate", "f19-logistic", THM_HOLDS),
    FLOW("F19.3", "escape-time", "f19-logistic", THM_HOLDS),
    FLOW("F20.1", "tie-shares", "f20-ties", THM_HOLDS),
    FLOW("F20.2", "symmetric-start", "f20-ties", THM_HOLDS),
    FLOW("F21.1", "entropy-always-falls", "f21-entropy-may-rise", THM_REFUTED),
    FLOW("F21.2", "entropy-never-rises", "f21-entropy-may-rise", THM_REFUTED),
    FLOW("F22.1", "squares-conserved", "f22-normalisations", THM_HOLDS),
    FLOW("F22.2", "pair-invariant-l2", "f22-normalisations", THM_HOLDS),
    FLOW("F22.3", "pair-invariant-l1", "f22-normalisations", THM_HOLDS),
    FLOW("F23", "massive-column", "f23-massive-column", THM_HOLDS),
    FLOW("F24", "softmax-sink", "f24-sink", THM_HOLDS),
    FLOW("F25.1", "steppers-agree", "f25-steppers", THM_HOLDS),
    FLOW("F25.2", "stiffness", "f25-steppers", THM_HOLDS),
    FLOW("F26", "figure-anchors", "f26-anchors", THM_HOLDS),
    FLOW("F27.1", "one-word-decides", "f27-classes", THM_HOLDS),
    FLOW("F27.2", "one-word-holds-the-row", "f27-classes", THM_HOLDS),
    FLOW("F28.1", "printed-sign-descends", "f28-sign", THM_REFUTED),
    FLOW("F28.2", "printed-sign-winner", "f28-sign", THM_REFUTED),
    FLOW("F29", "attention-sink", "f29-induction", THM_HOLDS),
    DESCENT("G1.1", "softmax-rows-sum", "g1-kernels", THM_HOLDS),
    DESCENT("G1.2", "gaussian-at-most-one", "g1-kernels", THM_HOLDS),
    DESCENT("G2", "normalised-gaussian", "g1-kernels", THM_HOLDS),
    DESCENT("G3", "b-factorisation", "g3-factorisation", THM_HOLDS),
    DESCENT("G4", "values-gram", "g3-factorisation", THM_HOLDS),
    DESCENT("G5.1", "pl-values", "g5-pl-values", THM_HOLDS),
    DESCENT("G5.2", "pl-values-sharp", "g5-pl-values", THM_HOLDS),
    DESCENT("G5.3", "alpha-bound", "g5-alpha", THM_HOLDS),
    DESCENT("G5.4", "alpha-one-head", "g5-alpha", THM_HOLDS),
    DESCENT("G5.5", "alpha-narrow-heads", "g5-alpha", THM_HOLDS),
    DESCENT("G6.1", "rank-threshold", "g6-rank", THM_HOLDS),
    DESCENT("G6.2", "rank-flat-attention", "g6-rank", THM_HOLDS),
    DESCENT("G6.3", "rank-token-twice", "g6-rank", THM_HOLDS),
    DESCENT("G6.4", "rank-one-token", "g6-rank", THM_HOLDS),
    DESCENT("G6.5", "rank-constant-feature", "g6-rank", THM_HOLDS),
    DESCENT("G6.6", "rank-real-tokens", "g6-rank", THM_REFUTED),
    DESCENT("G7", "lambda-b-bound", "g7-lambda-b", THM_HOLDS),
    DESCENT("G8.1", "scale-moderate", "g8-init-scale", THM_HOLDS),
    DESCENT("G8.2", "scale-equal-weights", "g8-init-scale", THM_HOLDS),
    DESCENT("G9", "values-rate", "g9-descent", THM_HOLDS),
    DESCENT("G10", "values-floor", "g9-descent", THM_HOLDS),
    DESCENT("G11.1", "narrow-heads-rank", "g11-heads", THM_HOLDS),
    DESCENT("G11.2", "narrow-heads-deficit", "g11-heads", THM_HOLDS),
    DESCENT("G12.1", "row-slope-ones", "g12-attention-rows", THM_HOLDS),
    DESCENT("G12.2", "row-slope-half", "g12-attention-rows", THM_HOLDS),
    DESCENT("G12.3", "row-slope-rank", "g12-attention-rows", THM_HOLDS),
    DESCENT("G13", "query-jacobian", "g13-query-jacobian", THM_HOLDS),
    DESCENT("G14.1", "pl-queries-bound", "g14-query-bound", THM_HOLDS),
    DESCENT("G14.2", "pl-queries-positive", "g14-query-bound", THM_HOLDS),
    DESCENT("G15.1", "rank-dichotomy", "g15-rank-dichotomy", THM_HOLDS),
    DESCENT("G15.2", "softmax-rank", "g15-rank-dichotomy", THM_HOLDS),
    DESCENT("G15.3", "tied-start", "g15-rank-dichotomy", THM_HOLDS),
    DESCENT("G16", "stationary-residual", "g15-rank-dichotomy", THM_HOLDS),
    DESCENT("G17", "blind-softmax", "g15-rank-dichotomy", THM_HOLDS),
    DESCENT("G18.1", "bad-minimum", "g18-bad-minimum", THM_HOLDS),
    DESCENT("G18.2", "bad-minimum-beaten", "g18-bad-minimum", THM_HOLDS),
    DESCENT("G18.3", "descent-trapped", "g18-bad-minimum", THM_HOLDS),
    DESCENT("G19", "hull-floor", "g19-hull-floor", THM_HOLDS),
    DESCENT("G20.1", "local-ball-rate", "g20-balls", THM_HOLDS),
    DESCENT("G20.2", "local-ball-path", "g20-balls", THM_HOLDS),
    DESCENT("G21.1", "joint-ball-rate", "g20-balls", THM_HOLDS),
    DESCENT("G21.2", "joint-ball-sigma", "g20-balls", THM_HOLDS),
    DESCENT("G21.3", "zero-trap", "g20-balls", THM_HOLDS),
    DESCENT("G22.1", "lipschitz-b-softmax", "g22-lipschitz", THM_HOLDS),
    DESCENT("G22.2", "lipschitz-b-gaussian", "g22-lipschitz", THM_HOLDS),
    DESCENT("G23.1", "affine-hull", "g23-affine-hull", THM_HOLDS),
    DESCENT("G23.2", "affine-hull-linear", "g23-affine-hull", THM_HOLDS),
    DESCENT("G24", "values-slice-quadratic", "g24-slices", THM_HOLDS),
    DESCENT("G25", "scale-convention", "g24-slices", THM_HOLDS),
    DESCENT("G26.1", "entries-full", "g26-entries", THM_HOLDS),
    DESCENT("G26.2", "entries-softmax", "g26-entries", THM_HOLDS),
    DESCENT("G26.3", "entries-need-features", "g26-entries", THM_REFUTED),
    DESCENT("G27", "few-features-trap", "g27-few-features", THM_REFUTED),
    EUREKA("H1.1", "heat-schedule", "h1-heat", THM_HOLDS),
    EUREKA("H1.2", "heat-falls", "h1-heat", THM_HOLDS),
    EUREKA("H2.1", "label-rule", "h2-task", THM_HOLDS),
    EUREKA("H2.2", "prior", "h2-task", THM_HOLDS),
    EUREKA("H3", "task-floors", "h3-floors", THM_HOLDS),
    EUREKA("H4.1", "stuck-at-the-floor", "h4-runs", THM_HOLDS),
    EUREKA("H4.2", "softmax-stays", "h4-runs", THM_REFUTED),
    EUREKA("H5.1", "normsoftmax-finds", "h4-runs", THM_HOLDS),
    EUREKA("H5.2", "softmax-seldom-finds", "h4-runs", THM_REFUTED),
    EUREKA("H6.1", "normsoftmax-soon", "h4-runs", THM_HOLDS),
    EUREKA("H6.2", "softmax-late", "h4-runs", THM_HOLDS),
    EUREKA("H7", "abrupt", "h4-runs", THM_HOLDS),
    EUREKA("H8", "plateau-gradients", "h8-gradients", THM_HOLDS),
    EUREKA("H9", "rescaled-gradients", "h9-rescaling", THM_HOLDS),
    EUREKA("H10.1", "softmax-at-5-tokens", "h10-images", THM_HOLDS),
    EUREKA("H10.2", "normsoftmax-at-5-tokens", "h10-images", THM_REFUTED),
    EUREKA("H11.1", "image-plateau", "h10-images", THM_HOLDS),
    EUREKA("H11.2", "images-sooner", "h10-images", THM_HOLDS),
    EUREKA("H11.3", "images-solved", "h10-images", THM_HOLDS),
    EUREKA("H12", "interventions-raise-entropy", "h12-entropy", THM_REFUTED),
    {NULL, NULL, NULL, NULL, THM_VACUOUS},
};

/* The name without the mark of a twin; the name itself if it has none. */
static const char *without_twin(const char *name)
{
    if (strncmp(name, "not-", 4) == 0) {
        return name + 4;
    }
    if (name[0] == 'X' && isupper((unsigned char)name[1])) {
        return name + 1;
    }
    return name;
}

bool thm_catalogue_is_twin(const char *id_or_slug)
{
    return without_twin(id_or_slug) != id_or_slug;
}

thm_verdict thm_catalogue_opposite(thm_verdict expected)
{
    switch (expected) {
    case THM_HOLDS:
        return THM_REFUTED;
    case THM_REFUTED:
        return THM_HOLDS;
    default:
        return expected;
    }
}

const thm_catalogue_entry *thm_catalogue_find(const char *id_or_slug)
{
    const char *name = without_twin(id_or_slug);
    for (const thm_catalogue_entry *e = thm_catalogue; e->id; e++) {
        if (strcmp(name, e->id) == 0 || strcmp(name, e->slug) == 0) {
            return e;
        }
    }
    return NULL;
}

/* ---- lists of claims ------------------------------------------------------
 */

enum { WORD_SIZE = 64 };

/* Copies the next word of a list into word (cut to its size: no id or slug is
 * that long) and returns where the rest begins, or NULL after the last one. */
static const char *next_word(const char *list, char word[WORD_SIZE])
{
    if (!list || !*list) {
        return NULL;
    }
    const char *end = list + strcspn(list, ",");
    const char *rest = *end ? end + 1 : end;
    while (list < end && isspace((unsigned char)*list)) {
        list++;
    }
    while (list < end && isspace((unsigned char)end[-1])) {
        end--;
    }
    size_t n = (size_t)(end - list);
    n = n < WORD_SIZE - 1 ? n : WORD_SIZE - 1;
    memcpy(word, list, n);
    word[n] = '\0';
    return rest;
}

static bool word_selects(const char *word, const thm_catalogue_entry *e)
{
    const char *name = without_twin(word);
    const size_t n = strlen(name);
    if (n == 0) {
        return false;
    }
    if (strcmp(name, e->id) == 0 || strcmp(name, e->slug) == 0) {
        return true;
    }
    /* "S" is a whole family, "S5" a claim with all its parts. */
    return strncmp(name, e->id, n) == 0 && (n == 1 || e->id[n] == '.');
}

bool thm_catalogue_selects(const char *list, const thm_catalogue_entry *e)
{
    char word[WORD_SIZE];
    while ((list = next_word(list, word)) != NULL) {
        if (word_selects(word, e)) {
            return true;
        }
    }
    return false;
}

thm_status thm_catalogue_check_list(const char *list, thm_message *msg)
{
    char word[WORD_SIZE];
    if (!list || !*list) {
        return thm_fail(THM_EDOMAIN, msg, "expected claims, found nothing");
    }
    while ((list = next_word(list, word)) != NULL) {
        bool known = false;
        for (const thm_catalogue_entry *e = thm_catalogue; e->id && !known;
             e++) {
            known = word_selects(word, e);
        }
        if (!known) {
            return thm_fail(THM_EDOMAIN, msg,
                            "expected a family, id or slug, found '%s'", word);
        }
    }
    return THM_OK;
}
