/* theoremeter, the front door: verify | list | explain | run. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "core/version.h"
#include "programs/start.h"
#include "programs/theoremeter/beside.h"
#include "programs/theoremeter/commands.h"

static const struct {
    const char *name, *arguments, *summary;
    int (*main)(int argc, char **argv);
} commands[] = {
    {"verify", "[OPTIONS]", "run the claims and print their verdicts",
     command_verify},
    {"list", "[--json]", "the claims: id, slug, expected verdict, statement",
     command_list},
    {"explain", "CLAIM...", "what a claim, a twin or a family says and why",
     command_explain},
    {"run", "PROGRAM [ARGS]", "start another program of the suite",
     command_run},
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

int command_unknown(const char *what, const char *word, const char *nearest)
{
    fprintf(stderr, "theoremeter: %s '%.200s'", what, word);
    if (nearest) {
        fprintf(stderr, " (did you mean %s?)", nearest);
    }
    fputc('\n', stderr);
    return START_USAGE;
}

int command_run(int argc, char **argv)
{
    if (argc < 2) {
        return command_unknown("run: expected a program, found", "", NULL);
    }
    char path[PATH_MAX];
    thm_message msg;
    const thm_status status = beside_path(argv[1], path, &msg);
    if (status == THM_EDOMAIN) {
        beside_nearest nearest = {.word = argv[1]};
        beside_offer_programs(&nearest);
        return command_unknown("run: unknown program", argv[1],
                               beside_plausible(&nearest) ? nearest.name
                                                          : NULL);
    }
    if (status != THM_OK) {
        return (int)start_fail(status, &msg);
    }
    execv(path, argv + 1);
    fprintf(stderr, "theoremeter: %s: %s\n", path, strerror(errno));
    return START_INTERNAL;
}

static void print_help(void)
{
    printf("Usage: theoremeter COMMAND [ARGUMENTS]\n"
           "Checks theorems about softmax attention numerically.\n\n");
    for (int i = 0; i < N_COMMANDS; i++) {
        printf("  %-8s%-16s%s\n", commands[i].name, commands[i].arguments,
               commands[i].summary);
    }
    printf("\nCOMMAND --help tells more; --version prints the version.\n");
}

int main(int argc, char **argv)
{
    start_program(argv);
    if (argc < 2) {
        return command_unknown("expected a command, found", "", "--help");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return start_finish(START_HOLDS);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("theoremeter %s\n", THM_VERSION);
        return start_finish(START_HOLDS);
    }
    beside_nearest nearest = {.word = argv[1]};
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            if (argc == 3 && strcmp(argv[2], "--help") == 0 &&
                commands[i].main != command_verify) { /* which has its own */
                printf("Usage: theoremeter %s %s\n%s\n", commands[i].name,
                       commands[i].arguments, commands[i].summary);
                return start_finish(START_HOLDS);
            }
            return start_finish(
                (start_exit)commands[i].main(argc - 1, argv + 1));
        }
        beside_offer(&nearest, commands[i].name);
    }
    return command_unknown("unknown command", argv[1],
                           beside_plausible(&nearest) ? nearest.name : NULL);
}
