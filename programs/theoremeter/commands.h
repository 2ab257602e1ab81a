/* The commands of the front door: each gets argv from its own name on and
 * returns the exit code. */
#ifndef COMMANDS_H
#define COMMANDS_H

/* verify [OPTIONS]: runs the catalogue; 0, 1, 3, 4 or 130 (proofs/proof.h). */
int command_verify(int argc, char **argv);

/* list [--json]: id, slug, expected verdict and first sentence of each claim.
 */
int command_list(int argc, char **argv);

/* explain NAME...: what the notes say of a claim, a twin or a whole family. */
int command_explain(int argc, char **argv);

/* run NAME [ARGS]: becomes the program NAME that is installed beside us. */
int command_run(int argc, char **argv);

/* Writes "program: what 'word'" and a suggestion to stderr as one line and
 * returns the exit code of bad usage. */
int command_unknown(const char *what, const char *word, const char *nearest);

#endif
