/* The reader of the claims' notes: see catalogue.h. */
#include <ctype.h>
#include <string.h>
#include "claims/catalogue.h"
#include "core/embed.h"

static const char *next_line(const char *line, const char *end)
{
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    return newline ? newline + 1 : end;
}

/* Whether a line is a heading of level 1 to 3: it ends a claim's section. */
static bool is_heading(const char *line)
{
    const size_t hashes = strspn(line, "#");
    return hashes >= 1 && hashes <= 3 && line[hashes] == ' ';
}

/* Whether a line opens a field: "**Word.**". */
static bool is_field(const char *line)
{
    if (strncmp(line, "**", 2) != 0 || !isupper((unsigned char)line[2])) {
        return false;
    }
    const char *p = line + 2;
    while (isalpha((unsigned char)*p)) {
        p++;
    }
    return strncmp(p, ".**", 3) == 0;
}

/* Whether a line is the heading "### ID · ..." of the claim. */
static bool is_section_of(const char *line, const char *id)
{
    const size_t n = strlen(id);
    return strncmp(line, "### ", 4) == 0 && strncmp(line + 4, id, n) == 0 &&
           (line[4 + n] == ' ' || line[4 + n] == '\n' || !line[4 + n]);
}

/* The text [*begin, *end) of a claim's section. */
static bool find_section(const thm_catalogue_entry *e, const char **begin,
                         const char **end)
{
    const thm_embedded *note = thm_notes;
    while (note->name && strcmp(note->name, e->note) != 0) {
        note++;
    }
    if (!note->name) {
        return false;
    }
    const char *stop = note->text + strlen(note->text);
    const char *line = note->text;
    while (line < stop && !is_section_of(line, e->id)) {
        line = next_line(line, stop);
    }
    if (line == stop) {
        return false;
    }
    *begin = line;
    do {
        line = next_line(line, stop);
    } while (line < stop && !is_heading(line));
    *end = line;
    return true;
}

/* Copies [begin, end) without the white space around it. */
static void copy_trimmed(const char *begin, const char *end, char *out,
                         int size)
{
    while (begin < end && isspace((unsigned char)*begin)) {
        begin++;
    }
    while (begin < end && isspace((unsigned char)end[-1])) {
        end--;
    }
    size_t n = (size_t)(end - begin);
    if (n > (size_t)size - 1) {
        n = (size_t)size - 1;
        while (n > 0 && ((unsigned char)begin[n] & 0xC0) == 0x80) {
            n--; /* never cut inside a UTF-8 sequence */
        }
    }
    memcpy(out, begin, n);
    out[n] = '\0';
}

bool thm_catalogue_field(const thm_catalogue_entry *e, const char *field,
                         char *out, int size)
{
    if (size < 1) {
        return false;
    }
    out[0] = '\0';
    const char *line = NULL, *stop = NULL;
    if (!find_section(e, &line, &stop)) {
        return false;
    }
    const size_t n = strlen(field);
    while (line < stop &&
           !(is_field(line) && strncmp(line + 2, field, n) == 0 &&
             line[2 + n] == '.')) {
        line = next_line(line, stop);
    }
    if (line == stop) {
        return false;
    }
    const char *begin = line + 2 + n + 3; /* after "**Field.**" */
    do {
        line = next_line(line, stop);
    } while (line < stop && !is_field(line));
    copy_trimmed(begin, line, out, size);
    return true;
}

bool thm_catalogue_section(const thm_catalogue_entry *e, char *out, int size)
{
    if (size < 1) {
        return false;
    }
    out[0] = '\0';
    const char *begin = NULL, *end = NULL;
    if (!find_section(e, &begin, &end)) {
        return false;
    }
    copy_trimmed(begin, end, out, size);
    return true;
}
