/* The options of a program, from one table that drives parsing, --help,
 * --version and the record in run.json.
 *
 *     static double tau = 1;
 *     static thm_common common = THM_COMMON_DEFAULT;
 *     static const thm_option options[] = {
 *         {"temperature", 't', "T", THM_OPTION_REAL, &tau,
 *          "divide the logits by T (default 1)", THM_POSITIVE, DBL_MAX},
 *         THM_COMMON_THREADS(common),
 *         THM_COMMON_PRINT(common),
 *         {0}};
 *     static const thm_options spec = {
 *         .program = "heat", .purpose = "Warms a row.", .table = options};
 *
 * Defaults are what the values hold before parsing; the help text states
 * them.  --help and --version need no entry. */
#ifndef THM_OPTIONS_H
#define THM_OPTIONS_H

#include <float.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>

#include "core/status.h"

typedef enum {
    THM_OPTION_FLAG,   /* bool: set to true                                 */
    THM_OPTION_INT,    /* int in min .. max                                 */
    THM_OPTION_U64,    /* uint64_t, any; decimal                            */
    THM_OPTION_REAL,   /* double in min .. max, finite unless max says so   */
    THM_OPTION_TEXT,   /* const char *, points into argv                    */
    THM_OPTION_CHOICE, /* int: index of the word in argument = "one|two"    */
} thm_option_type;

/* The smallest positive double, as min of a number that must be positive. */
#define THM_POSITIVE DBL_TRUE_MIN

typedef struct {
    const char *name;     /* long name without the dashes; NULL ends a table */
    char letter;          /* short name or 0                                 */
    const char *argument; /* its name in --help; NULL for a flag             */
    thm_option_type type;
    void *value;
    const char *help;
    double min, max;
} thm_option;

typedef struct {
    const char *program; /* "softmax-spectrum"                              */
    const char *purpose; /* a sentence or two                               */
    const char *details; /* after the options: examples, exits; or NULL     */
    const thm_option *table;
    /* Positional arguments; all zero if there are none. */
    const char *operands; /* "FILE..." in --help                            */
    int min_operands, max_operands;
    const char **operand; /* (max_operands), point into argv                */
    int *operand_count;
} thm_options;

typedef enum {
    THM_RUN,  /* go on                                          */
    THM_TOLD, /* --help or --version was answered: exit 0       */
} thm_outcome;

/* Parses argv, which is permuted so that operands come last.  --help and
 * --version write to help and end the parsing.  Long names may be shortened
 * while they stay unique.  On failure values may have been set already.
 * THM_EDOMAIN with one line in msg; THM_ENOMEM. */
thm_status thm_options_parse(const thm_options *spec, int argc, char **argv,
                             FILE *help, thm_outcome *outcome,
                             thm_message *msg);

/* The options and operands as parsed, for run.json; NULL if out of memory. */
json_t *thm_options_json(const thm_options *spec);

/* Strict numbers: the whole text, no blanks; NaN is refused, and so is what
 * overflows.  False, *out untouched, if text is none. */
bool thm_parse_real(const char *text, double *out);
bool thm_parse_int(const char *text, int *out);
bool thm_parse_u64(const char *text, uint64_t *out);

/* Options that programs share; each takes those that mean something to it. */
typedef struct {
    uint64_t seed;
    double effort;
    int threads; /* 0: one a processor                      */
    int isa;     /* 0: the best of this CPU, else 1 + thm_isa */
    const char *out;
    const char *only; /* --case, NULL for all                 */
    bool json, table, quiet;
} thm_common;

#define THM_COMMON_DEFAULT                                                     \
    {                                                                          \
        .seed = 1, .effort = 1, .out = "out"                                   \
    }

#define THM_COMMON_SEED(c)                                                     \
    {                                                                          \
        "seed", 's', "N", THM_OPTION_U64, &(c).seed,                           \
            "seed of every random draw (default 1)", 0, 0                      \
    }
#define THM_COMMON_EFFORT(c)                                                   \
    {                                                                          \
        "effort", 'e', "X", THM_OPTION_REAL, &(c).effort,                      \
            "multiply the number of cases by X (default 1)", THM_POSITIVE, 1e6 \
    }
#define THM_COMMON_CASE(c)                                                     \
    {                                                                          \
        "case", 'c', "ID", THM_OPTION_TEXT, &(c).only,                         \
            "only this case, as a verdict named it", 0, 0                      \
    }
#define THM_COMMON_THREADS(c)                                                  \
    {"threads",                                                                \
     'j',                                                                      \
     "N",                                                                      \
     THM_OPTION_INT,                                                           \
     &(c).threads,                                                             \
     "threads (default 0: one a processor)",                                   \
     0,                                                                        \
     4096},                                                                    \
    {                                                                          \
        "isa", 0, "auto|baseline|avx2|avx512", THM_OPTION_CHOICE, &(c).isa,    \
            "vector instructions (default auto)", 0, 0                         \
    }
#define THM_COMMON_OUT(c)                                                      \
    {                                                                          \
        "out", 'o', "DIR", THM_OPTION_TEXT, &(c).out,                          \
            "folder for files (default \"out\")", 0, 0                         \
    }
#define THM_COMMON_PRINT(c)                                                    \
    {"json",    0,                                                             \
     NULL,      THM_OPTION_FLAG,                                               \
     &(c).json, "JSON lines even on a terminal",                               \
     0,         0},                                                            \
        {"table",    0,                                                        \
         NULL,       THM_OPTION_FLAG,                                          \
         &(c).table, "a table even off a terminal",                            \
         0,          0},                                                       \
    {                                                                          \
        "quiet", 'q', NULL, THM_OPTION_FLAG, &(c).quiet,                       \
            "no progress and no logs", 0, 0                                    \
    }

#endif
