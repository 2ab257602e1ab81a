/* Text files that travel inside the binary (written by build-aux/embed.sh). */
#ifndef THM_EMBED_H
#define THM_EMBED_H

typedef struct {
    const char *name; /* file name without its folder; NULL ends a table */
    const char *text;
} thm_embedded;

extern const thm_embedded thm_notes[];   /* paper-notes/ *.md */
extern const thm_embedded thm_records[]; /* paper-notes/recorded/ *.tsv */
extern const thm_embedded thm_plots[];   /* plots/ *.gp and the report's page;
                                            in the program theoremeter only */

#endif
