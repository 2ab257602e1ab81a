/* Text for the report's page.  Everything is escaped; of markdown, what the
 * notes use is rendered: paragraphs, lists, `code`, **bold**, fences, and the
 * indices of formulas such as p_i, |J|_F, p_(i-1) and 2^-53. */
#ifndef THM_MARKUP_H
#define THM_MARKUP_H

#include <stddef.h>
#include <stdio.h>

/* Escaped text; control characters but newline and tab are dropped. */
void markup_plain(FILE *out, const char *text);

/* One run of n bytes with code, bold and indices. */
void markup_inline(FILE *out, const char *text, size_t n);

/* The first sentence, for a table's cell: ends at the first full stop before a
 * blank that is not inside code, or with the paragraph. */
void markup_sentence(FILE *out, const char *text);

/* The whole text as paragraphs, lists and blocks of code. */
void markup_blocks(FILE *out, const char *text);

#endif
