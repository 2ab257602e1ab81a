/* The report's figures: an experiment writes the numbers, gnuplot draws them,
 * the drawing goes into the page as inline SVG.
 *
 * Figure NAME is made by the experiment build/bin/NAME, which writes NAME.tsv
 * and run.json into its own folder and prints one JSON line on what it did (or
 * by another program that figures.c names, with tables of its own names), and
 * by plots/style.gp followed by plots/NAME.gp, whose leading comment is the
 * title (first line) and the caption (the rest). */
#ifndef THM_FIGURES_H
#define THM_FIGURES_H

#include <stdio.h>
#include "core/status.h"
#include "report.h"

/* Sections of the page that have figures. */
typedef enum {
    FIGURES_SOFTMAX,
    FIGURES_FLOW,
    FIGURES_DESCENT,
    FIGURES_EUREKA,
    FIGURES_SECTIONS
} figures_section;

/* Runs a section's programs into dir/figures/NAME/ and writes its figures as
 * HTML.
 * What fails is said in the figure's place.  THM_EIO if a folder cannot be
 * made, THM_ENOMEM, THM_EINTERRUPTED. */
thm_status figures_write(FILE *out, figures_section section, const char *dir,
                         const report_options *options, thm_message *msg);

#endif
