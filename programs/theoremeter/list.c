/* theoremeter list and explain: the catalogue and its notes, for reading. */
#include "programs/theoremeter/commands.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "claims/catalogue.h"
#include "programs/start.h"
#include "programs/theoremeter/beside.h"

/* Longer than any section of a note; a longer one is cut. */
enum { TEXT_SIZE = 1 << 16 };

/* ---- list -----------------------------------------------------------------
 */

/* Cuts a text after its first sentence and joins its lines. */
static void first_sentence(char *text)
{
    for (char *p = text; *p; p++) {
        if (*p == '\n') {
            *p = ' ';
        }
        if (*p == '.' && (!p[1] || isspace((unsigned char)p[1]))) {
            p[1] = '\0';
        }
    }
}

static bool list_json_line(const thm_catalogue_entry *e, const char *statement)
{
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", e->id, "slug",
                  e->slug, "expected", thm_verdict_text(e->expected), "program",
                  e->program, "note", e->note, "statement", statement);
    const bool good = line && json_dumpf(line, stdout, JSON_COMPACT) == 0 &&
                      putchar('\n') != EOF;
    json_decref(line);
    return good;
}

int command_list(int argc, char **argv)
{
    const bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        return command_unknown("list: unknown argument", argv[1], "--json");
    }
    static char statement[TEXT_SIZE];
    for (const thm_catalogue_entry *e = thm_catalogue; e->id; e++) {
        thm_catalogue_field(e, "Statement", statement, TEXT_SIZE);
        first_sentence(statement);
        if (!json) {
            printf("%-6s %-27s %-8s %s\n", e->id, e->slug,
                   thm_verdict_text(e->expected), statement);
        } else if (!list_json_line(e, statement)) {
            return (int)start_fail(THM_ENOMEM, NULL);
        }
    }
    return START_HOLDS;
}

/* ---- explain --------------------------------------------------------------
 */

static void explain_field(const thm_catalogue_entry *e, const char *field)
{
    static char text[TEXT_SIZE];
    if (thm_catalogue_field(e, field, text, TEXT_SIZE)) {
        printf("\n%s\n%s\n", field, text);
    }
}

static void explain_entry(const thm_catalogue_entry *e, bool twin)
{
    static const char *const fields[] = {"Statement", "Hypotheses", "Source",
                                         "Expected",  "Proof",      "Rounding"};
    if (twin) {
        printf("X%s · not-%s\nThe false twin of %s: %s, or the check of %s can "
               "say only one thing.\n",
               e->id, e->slug, e->id,
               thm_verdict_text(thm_catalogue_opposite(e->expected)), e->id);
        explain_field(e, "Twin");
        printf("\nThe claim\n");
    }
    printf("%s · %s\n", e->id, e->slug);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        explain_field(e, fields[i]);
    }
    if (!twin) {
        explain_field(e, "Twin");
    }
    printf("\nCheck it\ntheoremeter verify --only %s\n", e->id);
    printf(
        "\nReplay one case (worst_case and worst_seed of its line, its run's "
        "effort)\n"
        "theoremeter verify --only %s --case NAME --seed SEED --effort X\n",
        e->id);
    printf("\nProgram %s, note %s\n", e->program, e->note);
}

int command_explain(int argc, char **argv)
{
    if (argc < 2) {
        return command_unknown("explain: expected an id or a slug, found", "",
                               NULL);
    }
    for (int i = 1; i < argc; i++) {
        if (thm_catalogue_check_list(argv[i], NULL) != THM_OK) {
            beside_nearest nearest = {.word = argv[i]};
            for (const thm_catalogue_entry *e = thm_catalogue; e->id; e++) {
                beside_offer(&nearest, e->slug);
                beside_offer(&nearest, e->id);
            }
            return command_unknown("explain: unknown claim", argv[i],
                                   beside_plausible(&nearest) ? nearest.name
                                                              : NULL);
        }
    }
    bool first = true;
    for (int i = 1; i < argc; i++) {
        for (const thm_catalogue_entry *e = thm_catalogue; e->id; e++) {
            if (thm_catalogue_selects(argv[i], e)) {
                printf("%s", first ? "" : "\n\n");
                explain_entry(e, thm_catalogue_is_twin(argv[i]));
                first = false;
            }
        }
    }
    return START_HOLDS;
}
