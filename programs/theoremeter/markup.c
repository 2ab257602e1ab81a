/* Markdown as the notes use it, to HTML: see markup.h. */
#include "markup.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static void put_escaped(FILE *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)text[i];
        switch (c) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            if ((c >= ' ' && c != 127) || c == '\n' || c == '\t') {
                putc(c, out);
            }
        }
    }
}

void markup_plain(FILE *out, const char *text)
{
    put_escaped(out, text, strlen(text));
}

/* The place of `mark` in text[from, n), n if there is none. */
static size_t find(const char *text, size_t from, size_t n, const char *mark)
{
    const size_t m = strlen(mark);
    for (size_t i = from; i + m <= n; i++) {
        if (memcmp(text + i, mark, m) == 0) {
            return i;
        }
    }
    return n;
}

/* ---- formulas ---------------------------------------------------------------
 */

/* Whether what ends before text[i] can carry an index: one letter, a closing
 * bracket or bar, or a name of mathematics.  A longer word with an underscore
 * is the name of a function, not a formula. */
static bool takes_index(const char *text, size_t i)
{
    static const char *const words[] = {"max",   "min",    "sum",  "exp",
                                        "gamma", "lambda", "sigma"};
    if (i == 0 || strchr(" \n\t(,=_^", text[i - 1])) {
        return false;
    }
    size_t n = 0;
    while (n < i && isalpha((unsigned char)text[i - n - 1])) {
        n++;
    }
    if (n <= 1) {
        return n == 0 || i == 1 || text[i - 2] != '_' || text[i] == '^';
    }
    if (n == 2 && text[i - 2] == 'd') { /* dW_Q */
        return true;
    }
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        if (strlen(words[k]) == n && memcmp(text + i - n, words[k], n) == 0) {
            return true;
        }
    }
    return false;
}

/* The length of the index at the start of text: a group in brackets, a sign and
 * a run of digits or of letters, or one character beyond ASCII; 0 if there is
 * none. */
static size_t index_length(const char *text, size_t n)
{
    size_t i = 0;
    if (n > 0 && (text[0] == '(' || text[0] == '{')) {
        int depth = 0;
        for (; i < n; i++) {
            depth += text[i] == '(' || text[i] == '{';
            depth -= text[i] == ')' || text[i] == '}';
            if (depth == 0) {
                return i + 1;
            }
        }
        return 0;
    }
    if (n > 0 && (unsigned char)text[0] >= 0x80) {
        for (i = 1; i < n && ((unsigned char)text[i] & 0xc0) == 0x80; i++) {
        }
        return i;
    }
    const size_t sign = n > 0 && text[0] == '-';
    const bool number = sign < n && isdigit((unsigned char)text[sign]);
    for (i = sign; i < n; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (number ? !isdigit(c) : !isalpha(c)) {
            break;
        }
    }
    return i > sign ? i : 0;
}

/* p_i and 2^-53 with a lowered or raised index: returns the bytes it took, 0 if
 * text[i] begins no index. */
static size_t put_index(FILE *out, const char *text, size_t i, size_t n)
{
    if (text[i] != '_' && text[i] != '^') {
        return 0;
    }
    const char *tag = text[i] == '_' ? "sub" : "sup";
    const size_t length = index_length(text + i + 1, n - i - 1);
    const size_t brace = length > 0 && text[i + 1] == '{';
    if (length == 0 || !takes_index(text, i)) {
        return 0;
    }
    fprintf(out, "<%s>", tag);
    markup_inline(out, text + i + 1 + brace, length - 2 * brace);
    fprintf(out, "</%s>", tag);
    return length + 1;
}

void markup_inline(FILE *out, const char *text, size_t n)
{
    size_t i = 0, taken;
    while (i < n) {
        const bool code = text[i] == '`';
        const bool bold = i + 1 < n && memcmp(text + i, "**", 2) == 0;
        const size_t mark = code ? 1 : 2;
        const size_t end =
            code || bold ? find(text, i + mark, n, code ? "`" : "**") : n;
        if (end < n) {
            fputs(code ? "<code>" : "<strong>", out);
            (code ? put_escaped : markup_inline)(out, text + i + mark,
                                                 end - i - mark);
            fputs(code ? "</code>" : "</strong>", out);
            i = end + mark;
        } else if ((taken = put_index(out, text, i, n)) > 0) {
            i += taken;
        } else { /* plain, or a mark without its partner */
            put_escaped(out, text + i, 1);
            i++;
        }
    }
}

void markup_sentence(FILE *out, const char *text)
{
    bool code = false;
    size_t n = 0;
    while (text[n] && strncmp(text + n, "\n\n", 2) != 0) {
        code ^= text[n] == '`';
        if (!code && text[n] == '.' && isspace((unsigned char)text[n + 1])) {
            n++;
            break;
        }
        n++;
    }
    markup_inline(out, text, n);
}

/* ---- blocks ---------------------------------------------------------------
 */

static bool is_fence(const char *line)
{
    return strncmp(line, "```", 3) == 0;
}

/* The length of a list item's mark at the start of a line, 0 if it is none. */
static size_t item_mark(const char *line)
{
    if (strncmp(line, "- ", 2) == 0 || strncmp(line, "* ", 2) == 0) {
        return 2;
    }
    const size_t digits = strspn(line, "0123456789");
    return digits > 0 && strncmp(line + digits, ". ", 2) == 0 ? digits + 2 : 0;
}

static const char *line_end(const char *line)
{
    return line + strcspn(line, "\n");
}

static bool is_blank(const char *line)
{
    line += strspn(line, " \t");
    return *line == '\n' || *line == '\0';
}

/* The end of the text that begins at `line` and runs on until a blank line, a
 * list item or a fence. */
static const char *run_end(const char *line)
{
    const char *end = line_end(line);
    while (*end && !is_blank(end + 1) && item_mark(end + 1) == 0 &&
           !is_fence(end + 1)) {
        end = line_end(end + 1);
    }
    return end;
}

static const char *put_fence(FILE *out, const char *line)
{
    const char *begin = line_end(line);
    begin += *begin != '\0';
    const char *end = begin;
    while (*end && !is_fence(end)) {
        end = line_end(end);
        end += *end != '\0';
    }
    fputs("<pre>", out);
    put_escaped(out, begin, (size_t)(end - begin));
    fputs("</pre>\n", out);
    return line_end(end);
}

static const char *put_list(FILE *out, const char *line)
{
    const char *tag = isdigit((unsigned char)*line) ? "ol" : "ul";
    const char *end = line;
    fprintf(out, "<%s>\n", tag);
    for (size_t mark; (mark = item_mark(line)) > 0;) {
        end = run_end(line);
        fputs("<li>", out);
        markup_inline(out, line + mark, (size_t)(end - line) - mark);
        fputs("</li>\n", out);
        line = *end ? end + 1 : end;
    }
    fprintf(out, "</%s>\n", tag);
    return end;
}

void markup_blocks(FILE *out, const char *text)
{
    while (*text) {
        if (is_blank(text)) {
            text = line_end(text);
        } else if (is_fence(text)) {
            text = put_fence(out, text);
        } else if (item_mark(text) > 0) {
            text = put_list(out, text);
        } else {
            const char *end = run_end(text);
            fputs("<p>", out);
            markup_inline(out, text, (size_t)(end - text));
            fputs("</p>\n", out);
            text = end;
        }
        text += *text == '\n';
    }
}
