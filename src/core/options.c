/* Options from a table, through argp. */
#include "core/options.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/version.h"

/* argp's keys: a letter, or beyond all letters FIRST_KEY + index. */
enum { KEY_HELP = 1, KEY_VERSION, FIRST_KEY = 1000 };

typedef struct {
    const thm_options *spec;
    thm_message *msg;
    thm_status status;
    int told; /* KEY_HELP or KEY_VERSION once asked for */
    int next; /* argv's index after the last good option  */
    int bad;  /* argv's index of the option that getopt refused */
} parser;

static int table_count(const thm_options *spec)
{
    int count = 0;
    while (spec->table != NULL && spec->table[count].name != NULL) {
        count++;
    }
    return count;
}

bool thm_parse_real(const char *text, double *out)
{
    char *end;
    /* strtod skips blanks; a number starts with its first character. */
    if (strchr("+-.0123456789iI", text[0]) == NULL || text[0] == '\0') {
        return false;
    }
    errno = 0;
    double x = strtod(text, &end);
    bool overflow = errno == ERANGE && isinf(x);
    if (end == text || *end != '\0' || isnan(x) || overflow) {
        return false;
    }
    *out = x;
    return true;
}

bool thm_parse_int(const char *text, int *out)
{
    char *end;
    if (strchr("+-0123456789", text[0]) == NULL || text[0] == '\0') {
        return false;
    }
    errno = 0;
    long x = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || x < INT_MIN ||
        x > INT_MAX) {
        return false;
    }
    *out = (int)x;
    return true;
}

bool thm_parse_u64(const char *text, uint64_t *out)
{
    char *end;
    /* strtoull would take a minus sign and wrap. */
    if (strchr("0123456789", text[0]) == NULL || text[0] == '\0') {
        return false;
    }
    errno = 0;
    unsigned long long x = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0) {
        return false;
    }
    *out = x;
    return true;
}

/* Index of text among the words of "one|two", or -1. */
static int choice_index(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (int i = 0;; i++) {
        size_t word = strcspn(words, "|");
        if (word == length && strncmp(words, text, word) == 0) {
            return i;
        }
        if (words[word] == '\0') {
            return -1;
        }
        words += word + 1;
    }
}

static bool set_real(const thm_option *o, const char *text)
{
    double x;
    if (!thm_parse_real(text, &x) || !(x >= o->min) || !(x <= o->max)) {
        return false;
    }
    *(double *)o->value = x;
    return true;
}

static bool set_int(const thm_option *o, const char *text)
{
    int x;
    if (!thm_parse_int(text, &x) || !(x >= o->min) || !(x <= o->max)) {
        return false;
    }
    *(int *)o->value = x;
    return true;
}

static bool set_choice(const thm_option *o, const char *text)
{
    int i = choice_index(o->argument, text);
    if (i >= 0) {
        *(int *)o->value = i;
    }
    return i >= 0;
}

static thm_status set_value(const thm_option *o, const char *text, parser *p)
{
    switch (o->type) {
    case THM_OPTION_FLAG:
        *(bool *)o->value = true;
        return THM_OK;
    case THM_OPTION_TEXT:
        *(const char **)o->value = text;
        return THM_OK;
    case THM_OPTION_U64:
        if (thm_parse_u64(text, o->value)) {
            return THM_OK;
        }
        return thm_fail(THM_EDOMAIN, p->msg,
                        "--%s: expected an integer from 0 to 2^64 - 1, "
                        "found '%s'",
                        o->name, text);
    case THM_OPTION_INT:
        if (set_int(o, text)) {
            return THM_OK;
        }
        return thm_fail(THM_EDOMAIN, p->msg,
                        "--%s: expected an integer from %.0f to %.0f, "
                        "found '%s'",
                        o->name, o->min, o->max, text);
    case THM_OPTION_CHOICE:
        if (set_choice(o, text)) {
            return THM_OK;
        }
        return thm_fail(THM_EDOMAIN, p->msg,
                        "--%s: expected one of %s, found '%s'", o->name,
                        o->argument, text);
    case THM_OPTION_REAL:
        break;
    }
    if (set_real(o, text)) {
        return THM_OK;
    }
    if (o->min == THM_POSITIVE && o->max == DBL_MAX) {
        return thm_fail(THM_EDOMAIN, p->msg,
                        "--%s: expected a positive finite number, found "
                        "'%s'",
                        o->name, text);
    }
    return thm_fail(THM_EDOMAIN, p->msg,
                    "--%s: expected a number from %g to %g, found '%s'",
                    o->name, o->min, o->max, text);
}

static thm_status add_operand(parser *p, const char *text)
{
    const thm_options *spec = p->spec;
    if (spec->operand_count == NULL ||
        *spec->operand_count >= spec->max_operands) {
        return thm_fail(
            THM_EDOMAIN, p->msg, "expected %s, found '%s'; see --help",
            spec->max_operands == 0 ? "options only" : "fewer arguments", text);
    }
    spec->operand[(*spec->operand_count)++] = text;
    return THM_OK;
}

/* argp's callback; a failure ends the parsing with EINVAL. */
static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    parser *p = state->input;
    const thm_option *table = p->spec->table;

    if (key == ARGP_KEY_ERROR) {
        /* getopt is past the option, unless it sits inside a cluster. */
        p->bad = state->next > p->next ? state->next - 1 : state->next;
        return 0;
    }
    p->next = state->next > 1 ? state->next : 1;
    if (key == KEY_HELP || key == KEY_VERSION) {
        p->told = key;
        return ECANCELED;
    }
    if (key == ARGP_KEY_ARG) {
        p->status = add_operand(p, argument);
        return p->status == THM_OK ? 0 : EINVAL;
    }
    for (int i = 0; table != NULL && table[i].name != NULL; i++) {
        if (key == FIRST_KEY + i ||
            (table[i].letter && key == table[i].letter)) {
            p->status = set_value(&table[i], argument, p);
            return p->status == THM_OK ? 0 : EINVAL;
        }
    }
    return ARGP_ERR_UNKNOWN;
}

/* Says what getopt only marks as wrong: the option before argv[next]. */
static thm_status bad_option(const thm_options *spec, const char *text,
                             thm_message *msg)
{
    const char *why = "is unknown";
    const thm_option *found = NULL;
    int matches = 0;
    if (strncmp(text, "--", 2) == 0) {
        size_t length = strcspn(text + 2, "=");
        for (int i = 0; i < table_count(spec); i++) {
            const char *name = spec->table[i].name;
            if (strncmp(name, text + 2, length) == 0) {
                found = &spec->table[i];
                matches++;
                if (strlen(name) == length) {
                    matches = 1;
                    break;
                }
            }
        }
    } else {
        why = "is unknown or lacks its argument";
    }
    if (matches > 1) {
        why = "is ambiguous";
    } else if (matches == 1) {
        why = found->argument == NULL ? "takes no argument"
                                      : "lacks its argument";
    }
    return thm_fail(THM_EDOMAIN, msg, "the option '%s' %s; see --help", text,
                    why);
}

/* The table in argp's form; owned by the caller. */
static struct argp_option *make_argp_table(const thm_options *spec)
{
    int count = table_count(spec);
    struct argp_option *table = calloc((size_t)count + 3, sizeof *table);
    for (int i = 0; i < count && table != NULL; i++) {
        const thm_option *o = &spec->table[i];
        table[i] =
            (struct argp_option){.name = o->name,
                                 .key = o->letter ? o->letter : FIRST_KEY + i,
                                 .arg = o->argument,
                                 .doc = o->help};
    }
    if (table != NULL) {
        table[count] = (struct argp_option){.name = "help",
                                            .key = KEY_HELP,
                                            .doc = "print this and exit",
                                            .group = -1};
        table[count + 1] = (struct argp_option){.name = "version",
                                                .key = KEY_VERSION,
                                                .doc = "print the version and "
                                                       "exit",
                                                .group = -1};
    }
    return table;
}

thm_status thm_options_parse(const thm_options *spec, int argc, char **argv,
                             FILE *help, thm_outcome *outcome, thm_message *msg)
{
    struct argp_option *table = make_argp_table(spec);
    char *doc = NULL;
    if (table == NULL ||
        asprintf(&doc, "%s%s%s", spec->purpose,
                 spec->details == NULL ? "" : "\v",
                 spec->details == NULL ? "" : spec->details) < 0) {
        free(table);
        return thm_fail(THM_ENOMEM, msg, "out of memory");
    }
    struct argp argp = {.options = table,
                        .parser = parse_key,
                        .args_doc = spec->operands,
                        .doc = doc};
    parser p = {.spec = spec, .msg = msg, .status = THM_OK, .next = 1};
    int end = argc;
    char *name = strdup(spec->program); /* argp_help wants it writable */

    if (spec->operand_count != NULL) {
        *spec->operand_count = 0;
    }
    error_t error =
        name == NULL
            ? ENOMEM
            : argp_parse(&argp, argc, argv,
                         ARGP_NO_EXIT | ARGP_NO_ERRS | ARGP_NO_HELP, &end, &p);
    thm_status status = p.status;
    if (p.told == KEY_HELP) {
        argp_help(&argp, help,
                  ARGP_HELP_LONG | ARGP_HELP_SHORT_USAGE | ARGP_HELP_DOC, name);
    } else if (p.told == KEY_VERSION) {
        fprintf(help, "%s (Theoremeter) %s\n", spec->program, THM_VERSION);
    } else if (status == THM_OK && error == ENOMEM) {
        status = thm_fail(THM_ENOMEM, msg, "out of memory");
    } else if (status == THM_OK && error != 0) {
        status =
            bad_option(spec, p.bad < argc ? argv[p.bad] : argv[argc - 1], msg);
    } else if (status == THM_OK && spec->operand_count != NULL &&
               *spec->operand_count < spec->min_operands) {
        status = thm_fail(THM_EDOMAIN, msg,
                          "expected %s, found %d "
                          "argument(s); see --help",
                          spec->operands, *spec->operand_count);
    }
    free(name);
    free(doc);
    free(table);
    if (status == THM_OK) {
        *outcome = p.told != 0 ? THM_TOLD : THM_RUN;
    }
    return status;
}

static json_t *option_json(const thm_option *o)
{
    switch (o->type) {
    case THM_OPTION_FLAG:
        return json_boolean(*(const bool *)o->value);
    case THM_OPTION_INT:
        return json_integer(*(const int *)o->value);
    case THM_OPTION_REAL:
        return thm_json_real(*(const double *)o->value);
    case THM_OPTION_TEXT:
        return thm_json_string(*(const char *const *)o->value);
    case THM_OPTION_U64:
        return thm_json_u64(*(const uint64_t *)o->value);
    case THM_OPTION_CHOICE:
        break;
    }
    const char *word = o->argument;
    for (int i = 0; i < *(const int *)o->value; i++) {
        word += strcspn(word, "|") + 1;
    }
    return json_stringn(word, strcspn(word, "|"));
}

json_t *thm_options_json(const thm_options *spec)
{
    json_t *object = json_object();
    bool good = object != NULL;
    for (int i = 0; good && i < table_count(spec); i++) {
        const thm_option *o = &spec->table[i];
        good = json_object_set_new(object, o->name, option_json(o)) == 0;
    }
    if (good && spec->operand_count != NULL) {
        json_t *operands = json_array();
        good = json_object_set_new(object, "arguments", operands) == 0;
        for (int i = 0; good && i < *spec->operand_count; i++) {
            good = json_array_append_new(
                       operands, thm_json_string(spec->operand[i])) == 0;
        }
    }
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}
