/* Invented reviews: see text_grammar.h.  A word is a draw. */
#include "vit/text_grammar.h"

#include <string.h>

enum { WORDS = 8 };

static const char *const things[WORDS] = {"tea",  "soup",   "bread", "cheese",
                                          "rice", "coffee", "salad", "honey"};
static const char *const places[WORDS] = {
    "at home",  "for lunch",    "twice a week", "on the train",
    "at night", "with friends", "in the park",  "after work"};
static const char *const verdicts[THM_GRAMMAR_CLASSES][WORDS] = {
    {"stale", "awful", "bitter", "bland", "sour", "nasty", "burnt", "rotten"},
    {"fresh", "great", "lovely", "tasty", "fine", "superb", "sweet",
     "perfect"}};
static const char *const verbs[] = {"is ", "was "};
static const char *const degrees[] = {"very ", "really ", "quite ", "just "};

const char *thm_grammar_class(int class)
{
    return class == 0 ? "bad" : "good";
}

/* Where the next byte goes. */
typedef struct {
    unsigned char *at;
    size_t left;
} sheet;

static void write(sheet *to, const char *word)
{
    const size_t size = strlen(word);
    const size_t taken = size < to->left ? size : to->left;
    memcpy(to->at, word, taken);
    to->at += taken;
    to->left -= taken;
}

static const char *draw(thm_rng *rng, const char *const *words, uint64_t count)
{
    return words[thm_rng_below(rng, count)];
}

static void verdict(thm_rng *rng, int class, sheet *to)
{
    write(to, "the ");
    write(to, draw(rng, things, WORDS));
    write(to, " ");
    write(to, draw(rng, verbs, 2));
    if (thm_rng_below(rng, 2) == 1) {
        write(to, draw(rng, degrees, 4));
    }
    write(to, draw(rng, verdicts[class], WORDS));
    write(to, ". ");
}

static void report(thm_rng *rng, sheet *to)
{
    write(to, "we had the ");
    write(to, draw(rng, things, WORDS));
    write(to, " ");
    write(to, draw(rng, places, WORDS));
    write(to, ". ");
}

void thm_grammar_draw(thm_rng *rng, int class, int n, unsigned char *out)
{
    sheet to = {out, (size_t)n};
    verdict(rng, class, &to);
    while (to.left > 0) {
        if (thm_rng_below(rng, 2) == 1) {
            verdict(rng, class, &to);
        } else {
            report(rng, &to);
        }
    }
}
