/* R's serialization: see rdata.h. */
#include "io/rdata.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16 };

/* Types of items, in the low byte of the flags. */
enum {
    SYMBOL = 1,
    PAIRS = 2,
    CHARS = 9,
    LOGICAL = 10,
    INTEGER = 13,
    STRINGS = 16,
    LIST = 19,
    NIL = 254,
    REFERENCE = 255
};
enum { HAS_ATTRIBUTES = 0x200, HAS_TAG = 0x400 };

typedef struct {
    const char *where;
    const unsigned char *bytes;
    size_t size, at;
    thm_message *msg;
    thm_r_text *symbols; /* as they come: what references count */
    int known, room;
} reader;

static thm_status bad(const reader *r, size_t at, const char *expected)
{
    return thm_fail(THM_EFORMAT, r->msg,
                    "%s: byte %zu: expected %s, found something else", r->where,
                    at, expected);
}

static thm_status no_memory(const reader *r)
{
    return thm_fail(THM_ENOMEM, r->msg, "%s: out of memory", r->where);
}

static thm_status word(reader *r, uint32_t *out)
{
    if (r->size - r->at < 4) {
        return thm_fail(THM_EFORMAT, r->msg,
                        "%s: byte %zu: expected four bytes more, found the end",
                        r->where, r->at);
    }
    const unsigned char *b = r->bytes + r->at;
    *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
           b[3];
    r->at += 4;
    return THM_OK;
}

/* How many elements follow, each of at least `each` bytes. */
static thm_status length(reader *r, size_t each, int *out)
{
    uint32_t n = 0;
    const thm_status status = word(r, &n);
    if (status != THM_OK) {
        return status;
    }
    if (n > INT32_MAX || n > (r->size - r->at) / each) {
        return bad(r, r->at - 4, "a length that the rest can hold");
    }
    *out = (int)n;
    return THM_OK;
}

/* A string after its flags: the length, or -1 (missing), and the bytes. */
static thm_status chars(reader *r, thm_r_text *out)
{
    uint32_t n = 0;
    thm_status status = word(r, &n);
    if (status != THM_OK || n == UINT32_MAX) {
        *out = (thm_r_text){NULL, 0};
        return status;
    }
    if (n > INT32_MAX || n > r->size - r->at) {
        return bad(r, r->at - 4, "a length that the rest can hold");
    }
    *out = (thm_r_text){r->bytes + r->at, n};
    r->at += n;
    return THM_OK;
}

static thm_status flagged_chars(reader *r, thm_r_text *out)
{
    uint32_t flags = 0;
    const thm_status status = word(r, &flags);
    if (status != THM_OK) {
        return status;
    }
    return (flags & 255) == CHARS ? chars(r, out)
                                  : bad(r, r->at - 4, "a string");
}

/* A tag: a new symbol, or a reference to one. */
static thm_status symbol(reader *r, thm_r_text *out)
{
    uint32_t flags = 0;
    thm_status status = word(r, &flags);
    if (status != THM_OK) {
        return status;
    }
    if ((flags & 255) == REFERENCE) {
        const uint32_t which = flags >> 8;
        if (which < 1 || which > (uint32_t)r->known) {
            return bad(r, r->at - 4, "a reference to a symbol before");
        }
        *out = r->symbols[which - 1];
        return THM_OK;
    }
    if ((flags & 255) != SYMBOL) {
        return bad(r, r->at - 4, "a symbol");
    }
    if (r->known == r->room) {
        const int room = r->room > 0 ? 2 * r->room : 16;
        thm_r_text *more =
            realloc(r->symbols, (size_t)room * sizeof *r->symbols);
        if (more == NULL) {
            return no_memory(r);
        }
        r->symbols = more;
        r->room = room;
    }
    status = flagged_chars(r, out);
    if (status == THM_OK) {
        r->symbols[r->known++] = *out;
    }
    return status;
}

/* ---- items ----------------------------------------------------------------
 */

static thm_status item(reader *r, int depth, thm_r *out);

static bool is(thm_r_text text, const char *word)
{
    return text.at != NULL && text.size == strlen(word) &&
           memcmp(text.at, word, text.size) == 0;
}

/* Keeps an attribute that is wanted: names or levels. */
static thm_status keep(const reader *r, thm_r *value, thm_r **to)
{
    if (value->kind != THM_R_STRINGS || *to != NULL) {
        return bad(r, r->at,
                   "one vector of strings before, as names or levels");
    }
    *to = malloc(sizeof **to);
    if (*to == NULL) {
        return no_memory(r);
    }
    **to = *value;
    *value = (thm_r){THM_R_NULL, 0, NULL, NULL, NULL, NULL, NULL};
    return THM_OK;
}

/* Pairs (tag, value), ended by nil. */
static thm_status attributes(reader *r, int depth, thm_r *of)
{
    for (;;) {
        uint32_t flags = 0;
        thm_status status = word(r, &flags);
        if (status != THM_OK || (flags & 255) == NIL) {
            return status;
        }
        if ((flags & 255) != PAIRS || (flags & HAS_ATTRIBUTES) != 0 ||
            (flags & HAS_TAG) == 0) {
            return bad(r, r->at - 4, "a tagged pair");
        }
        thm_r_text tag;
        thm_r value = {.kind = THM_R_NULL};
        status = symbol(r, &tag);
        if (status == THM_OK) {
            status = item(r, depth, &value);
        }
        if (status == THM_OK && is(tag, "names")) {
            status = keep(r, &value, &of->names);
        } else if (status == THM_OK && is(tag, "levels")) {
            status = keep(r, &value, &of->levels);
        }
        thm_r_free(&value);
        if (status != THM_OK) {
            return status;
        }
    }
}

static thm_status list(reader *r, int depth, thm_r *out)
{
    int n = 0;
    thm_status status = length(r, 4, &n);
    if (status != THM_OK) {
        return status;
    }
    out->kind = THM_R_LIST;
    out->items = calloc((size_t)n + 1, sizeof *out->items);
    if (out->items == NULL) {
        return no_memory(r);
    }
    while (status == THM_OK && out->count < n) {
        status = item(r, depth, &out->items[out->count++]);
    }
    return status;
}

static thm_status strings(reader *r, thm_r *out)
{
    thm_status status = length(r, 8, &out->count);
    if (status != THM_OK) {
        return status;
    }
    out->kind = THM_R_STRINGS;
    out->texts = calloc((size_t)out->count + 1, sizeof *out->texts);
    if (out->texts == NULL) {
        return no_memory(r);
    }
    for (int k = 0; status == THM_OK && k < out->count; k++) {
        status = flagged_chars(r, &out->texts[k]);
    }
    return status;
}

static thm_status integers(reader *r, thm_r *out)
{
    thm_status status = length(r, 4, &out->count);
    if (status != THM_OK) {
        return status;
    }
    out->kind = THM_R_INTS;
    out->numbers = calloc((size_t)out->count + 1, sizeof *out->numbers);
    if (out->numbers == NULL) {
        return no_memory(r);
    }
    for (int k = 0; status == THM_OK && k < out->count; k++) {
        uint32_t bits = 0;
        status = word(r, &bits);
        memcpy(&out->numbers[k], &bits, sizeof bits);
    }
    return status;
}

static thm_status item(reader *r, int depth, thm_r *out)
{
    uint32_t flags = 0;
    thm_status status = word(r, &flags);
    if (status != THM_OK) {
        return status;
    }
    if (depth >= DEEPEST) {
        return bad(r, r->at - 4, "lists nested less deeply");
    }
    switch (flags & 255) {
    case NIL:
        return THM_OK;
    case LOGICAL:
    case INTEGER:
        status = integers(r, out);
        break;
    case STRINGS:
        status = strings(r, out);
        break;
    case LIST:
        status = list(r, depth + 1, out);
        break;
    default:
        return bad(r, r->at - 4, "a list, strings, whole numbers or nothing");
    }
    return status == THM_OK && (flags & HAS_ATTRIBUTES) != 0
               ? attributes(r, depth + 1, out)
               : status;
}

static thm_status header(reader *r)
{
    uint32_t version = 0, skipped;
    if (r->size < 2 || memcmp(r->bytes, "X\n", 2) != 0) {
        return bad(r, 0, "R's serialization, \"X\" and a new line");
    }
    r->at = 2;
    thm_status status = word(r, &version);
    for (int k = 0; k < 2 && status == THM_OK; k++) {
        status = word(r, &skipped);
    }
    if (status == THM_OK && version != 2 && version != 3) {
        return bad(r, 2, "version 2 or 3");
    }
    thm_r_text encoding;
    return status == THM_OK && version == 3 ? chars(r, &encoding) : status;
}

thm_status thm_r_parse(const char *where, const unsigned char *bytes,
                       size_t size, thm_r *out, thm_message *msg)
{
    reader r = {.where = where, .bytes = bytes, .size = size, .msg = msg};
    thm_r value = {.kind = THM_R_NULL};
    thm_status status = header(&r);
    if (status == THM_OK) {
        status = item(&r, 0, &value);
    }
    if (status == THM_OK && r.at != size) {
        status = bad(&r, r.at, "the end");
    }
    free(r.symbols);
    if (status != THM_OK) {
        thm_r_free(&value);
        return status;
    }
    *out = value;
    return THM_OK;
}

void thm_r_free(thm_r *value)
{
    if (value == NULL) {
        return;
    }
    for (int k = 0; value->items != NULL && k < value->count; k++) {
        thm_r_free(&value->items[k]);
    }
    thm_r_free(value->names);
    thm_r_free(value->levels);
    free(value->names);
    free(value->levels);
    free(value->items);
    free(value->texts);
    free(value->numbers);
    *value = (thm_r){.kind = THM_R_NULL};
}

const thm_r *thm_r_item(const thm_r *value, const char *name)
{
    if (value->kind != THM_R_LIST || value->names == NULL ||
        value->names->count != value->count) {
        return NULL;
    }
    for (int k = 0; k < value->count; k++) {
        if (is(value->names->texts[k], name)) {
            return &value->items[k];
        }
    }
    return NULL;
}
