/* Tables of numbers as text: one row a line, blanks or single commas between
 * the numbers, '#' to the end of the line is a comment, lines without a number
 * are skipped.  Numbers are C's: decimal, hexadecimal, inf, nan. */
#include "io/formats.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *where;
    const char *at, *end; /* the rest; *end is a zero byte           */
    const char *line;     /* start of the line under the reader      */
    size_t number;        /* of that line, from 1                    */
    thm_message *msg;
    double *data;
    size_t *lines; /* of each row                                    */
    size_t count, capacity, rows, row_capacity;
} reader;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool ends_number(const reader *r, const char *c)
{
    return c == r->end || is_blank(*c) || *c == '\n' || *c == ',' || *c == '#';
}

/* Fails at the reader's place with what stands there. */
static thm_status found_instead(const reader *r, const char *expected)
{
    size_t column = (size_t)(r->at - r->line) + 1;
    if (r->at == r->end || *r->at == '\n') {
        return thm_fail(THM_EFORMAT, r->msg,
                        "%s:%zu:%zu: expected %s, found the end of the line",
                        r->where, r->number, column, expected);
    }
    const char *stop = r->at + 1;
    while (*r->at != ',' && !ends_number(r, stop) && stop - r->at < 24) {
        stop++;
    }
    if (!isprint((unsigned char)*r->at)) {
        return thm_fail(THM_EFORMAT, r->msg,
                        "%s:%zu:%zu: expected %s, found the byte 0x%02x",
                        r->where, r->number, column, expected,
                        (unsigned)(unsigned char)*r->at);
    }
    return thm_fail(THM_EFORMAT, r->msg,
                    "%s:%zu:%zu: expected %s, found '%.*s'", r->where,
                    r->number, column, expected, (int)(stop - r->at), r->at);
}

/* Makes room for one element more. */
static thm_status grow(void **array, size_t element, size_t used,
                       size_t *capacity)
{
    if (used < *capacity) {
        return THM_OK;
    }
    size_t larger = *capacity == 0 ? 64 : *capacity, bytes;
    if (thm_size_mul(larger, 2, &larger) != THM_OK ||
        thm_size_mul(larger, element, &bytes) != THM_OK) {
        return THM_EOVERFLOW;
    }
    void *moved = realloc(*array, bytes);
    if (moved == NULL) {
        return THM_ENOMEM;
    }
    *array = moved;
    *capacity = larger;
    return THM_OK;
}

static void skip_blanks(reader *r)
{
    while (r->at < r->end && is_blank(*r->at)) {
        r->at++;
    }
    if (r->at < r->end && *r->at == '#') {
        const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
        r->at = newline == NULL ? r->end : newline;
    }
}

static bool at_line_end(const reader *r)
{
    return r->at == r->end || *r->at == '\n';
}

static thm_status read_number(reader *r)
{
    char *stop;
    errno = 0;
    /* strtod would skip a line's end, but nothing blank stands here. */
    double x = strtod(r->at, &stop);
    if (stop == r->at || !ends_number(r, stop)) {
        return found_instead(r, "a number");
    }
    if (errno == ERANGE && isinf(x)) {
        return found_instead(r, "a number below 1.8e308");
    }
    thm_status status =
        grow((void **)&r->data, sizeof *r->data, r->count, &r->capacity);
    if (status != THM_OK) {
        return thm_fail(status, r->msg, "%s:%zu: %s", r->where, r->number,
                        thm_status_text(status));
    }
    r->data[r->count++] = x;
    r->at = stop;
    return THM_OK;
}

/* Reads one line up to its end; *n counts its numbers. */
static thm_status read_line(reader *r, size_t *n)
{
    *n = 0;
    skip_blanks(r);
    while (!at_line_end(r)) {
        thm_status status = read_number(r);
        if (status != THM_OK) {
            return status;
        }
        (*n)++;
        skip_blanks(r);
        if (r->at < r->end && *r->at == ',') {
            r->at++;
            skip_blanks(r);
            if (at_line_end(r)) {
                return found_instead(r, "a number after the comma");
            }
        }
    }
    return THM_OK;
}

static thm_status read_table(reader *r, size_t *columns)
{
    while (r->at < r->end) {
        size_t n;
        thm_status status = read_line(r, &n);
        if (status != THM_OK) {
            return status;
        }
        if (n > 0 && r->rows > 0 && n != *columns) {
            return thm_fail(THM_EFORMAT, r->msg,
                            "%s:%zu: expected %zu numbers as in line %zu, "
                            "found %zu",
                            r->where, r->number, *columns, r->lines[0], n);
        }
        if (n > 0) {
            status = grow((void **)&r->lines, sizeof *r->lines, r->rows,
                          &r->row_capacity);
            if (status != THM_OK) {
                return thm_fail(status, r->msg, "%s:%zu: %s", r->where,
                                r->number, thm_status_text(status));
            }
            *columns = n;
            r->lines[r->rows++] = r->number;
        }
        r->at += r->at < r->end;
        r->line = r->at;
        r->number++;
    }
    if (r->rows == 0) {
        return thm_fail(THM_EFORMAT, r->msg,
                        "%s: expected at least one number, found none",
                        r->where);
    }
    return THM_OK;
}

thm_status thm_text_parse(const char *where, const unsigned char *bytes,
                          size_t size, thm_tensor *out, thm_message *msg)
{
    size_t with_end;
    if (thm_size_add(size, 1, &with_end) != THM_OK) {
        return thm_fail(THM_EOVERFLOW, msg, "%s: too large", where);
    }
    char *text = malloc(with_end); /* strtod wants an end to stop at */
    if (text == NULL) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", where);
    }
    memcpy(text, bytes, size);
    text[size] = '\0';

    /* Some editors mark UTF-8 by three bytes at the start. */
    bool marked = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
    reader r = {.where = where,
                .at = text + (marked ? 3 : 0),
                .end = text + size,
                .line = text,
                .number = 1,
                .msg = msg};
    size_t columns = 0;
    thm_status status = read_table(&r, &columns);
    if (status == THM_OK) {
        *out = (thm_tensor){.ndim = 2,
                            .shape = {r.rows, columns},
                            .count = r.count,
                            .data = r.data,
                            .lines = r.lines,
                            .eps = 0x1p-53,
                            .text = true};
    } else {
        free(r.data);
        free(r.lines);
    }
    free(text);
    return status;
}
