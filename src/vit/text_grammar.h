/* Invented reviews, for when there are no real ones.
 *
 *   text     sentence 1, sentence 2, ... cut to its length
 *   sentence 1 is a verdict, each other one a verdict or a report, 1/2 each
 *   verdict  "the THING VERB [VERY] WORD. "    with VERY in half of them
 *   report   "we had the THING PLACE. "
 *
 * every word drawn evenly: THING from 8, VERB from 2, VERY from 4, PLACE from
 * 8, WORD from the 8 of the text's class (0: bad, 1: good).  A verdict has at
 * most 31 bytes: any text of as many tells its class for certain. */
#ifndef THM_VIT_TEXT_GRAMMAR_H
#define THM_VIT_TEXT_GRAMMAR_H

#include "core/rng.h"

enum { THM_GRAMMAR_CLASSES = 2, THM_GRAMMAR_VERDICT = 31 };

const char *thm_grammar_class(int class); /* "bad", "good" */

/* out: (n), n >= 1, no zero byte after it. */
void thm_grammar_draw(thm_rng *rng, int class, int n, unsigned char *out);

#endif
