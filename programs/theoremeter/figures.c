/* Experiments, gnuplot and inline SVG: see figures.h. */
#include "programs/theoremeter/figures.h"

#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "core/embed.h"
#include "core/file.h"
#include "programs/start.h"
#include "programs/theoremeter/beside.h"
#include "programs/theoremeter/children.h"
#include "programs/theoremeter/markup.h"

static char diagram[] = "--diagram", pairs[] = "two-token",
            simplex[] = "simplex", spread[] = "spread", grid[] = "--grid",
            coarse[] = "41", halves[] = "32", only[] = "--only",
            normalised[] = "B,C", toys[] = "sink,columns",
            queries[] = "--queries", hundred[] = "100", steps[] = "--gd-steps",
            thousand[] = "1000";

/* Most figures have an experiment of their name, which draws; some are made by
 * a program that serves other ends too. */
static const struct {
    const char *name;
    figures_section section;
    const char *program; /* NULL: the experiment          */
    char *arguments[4];  /* of the program, besides --out */
} table[] = {
    {"softmax-spectra", FIGURES_SOFTMAX, NULL, {0}},
    {"softmax-widths", FIGURES_SOFTMAX, NULL, {0}},
    {"head-gradients", FIGURES_SOFTMAX, NULL, {0}},
    {"spectrum-accuracy", FIGURES_SOFTMAX, NULL, {0}},
    {"flow-orbits", FIGURES_FLOW, NULL, {0}},
    {"flow-entropy", FIGURES_FLOW, NULL, {0}},
    {"entropy-rise", FIGURES_FLOW, NULL, {0}},
    {"flow-two-token",
     FIGURES_FLOW,
     "flow-phase",
     {diagram, pairs, grid, coarse}},
    {"flow-simplex",
     FIGURES_FLOW,
     "flow-phase",
     {diagram, simplex, grid, coarse}},
    {"flow-spread",
     FIGURES_FLOW,
     "flow-phase",
     {diagram, spread, grid, halves}},
    {"flow-normalisations", FIGURES_FLOW, "flow-figures", {only, normalised}},
    {"flow-sinks", FIGURES_FLOW, "flow-figures", {only, toys}},
    {"pl-ratio", FIGURES_DESCENT, NULL, {0}},
    {"threshold", FIGURES_DESCENT, "threshold", {0}},
    {"kernel-race",
     FIGURES_DESCENT,
     "kernel-race",
     {queries, hundred, steps, thousand}},
    {"landscape-kernels", FIGURES_DESCENT, NULL, {0}},
    {"landscape-minima", FIGURES_DESCENT, NULL, {0}},
    {"eureka-moments", FIGURES_EUREKA, NULL, {0}},
    {"eureka-maps", FIGURES_EUREKA, NULL, {0}},
    {"eureka-arms", FIGURES_EUREKA, NULL, {0}},
};

enum { FIGURES = sizeof table / sizeof *table, EXIT_NOT_FOUND = 127 };

typedef struct {
    char folder[PATH_MAX];  /* dir/figures/NAME                     */
    char program[PATH_MAX]; /* the experiment; empty if it is absent */
    char seed[32], effort[32];
} figure;

/* ---- scripts --------------------------------------------------------------
 */

static const char *script(const char *name, const char *suffix)
{
    char file[64];
    snprintf(file, sizeof file, "%s%s", name, suffix);
    for (const thm_embedded *e = thm_plots; e->name; e++) {
        if (strcmp(e->name, file) == 0) {
            return e->text;
        }
    }
    return "";
}

/* Leaves plot.gp in the figure's folder, for whoever wants to draw it anew. */
static thm_status write_script(const char *name, const char *dir,
                               thm_message *msg)
{
    thm_file *file = NULL;
    char *path = thm_path_join(dir, "plot.gp");
    thm_status status = path ? thm_file_begin(path, &file, msg) : THM_ENOMEM;
    if (status == THM_OK) {
        fprintf(thm_file_stream(file), "figure = '%s'\n%s%s", name,
                script("style", ".gp"), script(name, ".gp"));
        status = thm_file_commit(file, msg);
    }
    free(path);
    return status;
}

/* The leading comment's first line: the title, as it is for an attribute, or
 * rendered. */
static void put_title(FILE *out, const char *text, bool attribute)
{
    char title[256];
    snprintf(title, sizeof title, "%.*s", (int)strcspn(text, "\n"), text);
    const char *words = title + strspn(title, "# ");
    if (attribute) {
        markup_plain(out, words);
    } else {
        markup_inline(out, words, strlen(words));
    }
}

/* The rest of the leading comment. */
static void put_caption(FILE *out, const char *text)
{
    const char *line = strchr(text, '\n');
    while (line && strncmp(line, "\n# ", 3) == 0) {
        const size_t n = strcspn(line + 1, "\n");
        markup_inline(out, line + 3, n - 2);
        putc('\n', out);
        line = strchr(line + 1, '\n');
    }
}

/* ---- SVG ------------------------------------------------------------------
 */

static bool is_drawing(const char *text)
{
    return text && strstr(text, "<svg") && strstr(text, "</svg>");
}

/* The drawing without its prologue and its title, which browsers would show at
 * the pointer.  Every figure names its parts alike
 * (gpDot, gpPt0, ...); in one page the names must differ. */
static void put_svg(FILE *out, const char *name, const char *text)
{
    static const char *const marks[] = {"id='", "id=\"", "href='#", "href=\"#",
                                        "url(#"};
    const char *p = strstr(text, "<svg");
    while (*p) {
        if (strncmp(p, "<title>", 7) == 0 && strstr(p, "</title>")) {
            p = strstr(p, "</title>") + 8;
        }
        size_t skip = 0;
        for (size_t i = 0; i < sizeof marks / sizeof *marks && !skip; i++) {
            const size_t n = strlen(marks[i]);
            skip = strncmp(p, marks[i], n) == 0 ? n : 0;
        }
        if (skip) {
            fprintf(out, "%.*s%s-", (int)skip, p, name);
            p += skip;
        } else {
            putc(*p++, out);
        }
    }
}

/* "128 draws, seed 1.": from the line that the experiment printed; nothing if
 * nothing was drawn. */
static void put_slice(FILE *out, const char *printed)
{
    json_t *line = printed ? json_loads(printed, 0, NULL) : NULL;
    const json_int_t draws = json_integer_value(json_object_get(line, "draws"));
    char *seed = json_dumps(json_object_get(line, "seed"), JSON_ENCODE_ANY);
    if (seed && draws > 0) {
        fprintf(out, "%lld %s, seed ", (long long)draws,
                draws == 1 ? "draw" : "draws");
        markup_plain(out, seed);
        fputs(".\n", out);
    }
    free(seed);
    json_decref(line);
}

/* ---- figures --------------------------------------------------------------
 */

/* The exit code of a program that has ended, or 128 + its signal. */
static int exit_code(const child_process *c)
{
    return WIFEXITED(c->wait_status) ? WEXITSTATUS(c->wait_status)
                                     : 128 + WTERMSIG(c->wait_status);
}

/* Why there is no drawing, as a sentence; empty if there is one. */
static void find_fault(const char *name, const char *program, const figure *f,
                       const child_process *experiment,
                       const child_process *drawing, char *why, size_t size)
{
    why[0] = '\0';
    if (!f->program[0]) {
        snprintf(why, size, "the program %s is not installed.", program);
    } else if (exit_code(experiment) != 0) {
        snprintf(why, size, "the program %s ended with code %d.", program,
                 exit_code(experiment));
    } else if (exit_code(drawing) == EXIT_NOT_FOUND) {
        snprintf(why, size,
                 "gnuplot is not installed. The numbers are in figures/%s/.",
                 name);
    } else if (exit_code(drawing) != 0 || !is_drawing(drawing->output)) {
        snprintf(why, size, "gnuplot failed; figures/%s/errors.txt says why.",
                 name);
    }
}

static const char *program_of(int i)
{
    return table[i].program ? table[i].program : table[i].name;
}

static void put_figure(FILE *out, int i, const figure *f,
                       const child_process *experiment,
                       const child_process *drawing)
{
    const char *name = table[i].name;
    char why[160];
    const char *text = script(name, ".gp");
    find_fault(name, program_of(i), f, experiment, drawing, why, sizeof why);
    fprintf(out, "<figure id=\"figure-%s\">\n", name);
    if (*why) {
        fputs("<p class=\"missing\">This figure was not drawn: ", out);
        markup_plain(out, why);
        fputs("</p>\n", out);
    } else {
        fputs("<div role=\"img\" aria-label=\"", out);
        put_title(out, text, true);
        fputs("\">\n", out);
        put_svg(out, name, drawing->output);
        fputs("</div>\n", out);
    }
    fputs("<figcaption><strong>", out);
    put_title(out, text, false);
    fputs("</strong> ", out);
    put_caption(out, text);
    put_slice(out, experiment->output);
    fputs("</figcaption></figure>\n", out);
}

static thm_status prepare(int i, figure *f, const char *dir,
                          const report_options *options, thm_message *msg)
{
    const char *name = table[i].name;
    if (snprintf(f->folder, sizeof f->folder, "%s/figures/%s", dir, name) >=
        PATH_MAX) {
        return thm_fail(THM_EIO, msg, "%s: the path is too long", dir);
    }
    snprintf(f->seed, sizeof f->seed, "%" PRIu64, options->seed);
    snprintf(f->effort, sizeof f->effort, "%.17g", options->effort);
    if (beside_path(program_of(i), f->program, NULL) != THM_OK) {
        f->program[0] = '\0';
    }
    thm_status status = thm_dir_make(f->folder, msg);
    if (status == THM_OK) {
        status = write_script(name, f->folder, msg);
    }
    return status;
}

static void ignore(void *ctx)
{
    (void)ctx;
}

thm_status figures_write(FILE *out, figures_section section, const char *dir,
                         const report_options *options, thm_message *msg)
{
    static char sh[] = "/bin/sh", c[] = "-c", o[] = "--out", s[] = "--seed",
                e[] = "--effort",
                draw[] = "cd \"$0\" && exec gnuplot plot.gp 2>errors.txt";
    figure *f = calloc(FIGURES, sizeof *f);
    child_process experiment[FIGURES] = {0}, drawing[FIGURES] = {0};
    char *run[FIGURES][8], *plot[FIGURES][5];
    int which[FIGURES], count = 0;
    thm_status status = f ? THM_OK : THM_ENOMEM;
    for (int i = 0; i < FIGURES && status == THM_OK; i++) {
        if (table[i].section != section) {
            continue;
        }
        const int k = count++;
        char *const *a = table[i].arguments;
        which[k] = i;
        status = prepare(i, &f[k], dir, options, msg);
        memcpy(run[k],
               table[i].program ? (char *[]){f[k].program, o, f[k].folder, a[0],
                                             a[1], a[2], a[3], NULL}
                                : (char *[]){f[k].program, o, f[k].folder, s,
                                             f[k].seed, e, f[k].effort, NULL},
               sizeof run[k]);
        memcpy(plot[k], (char *[]){sh, c, draw, f[k].folder, NULL},
               sizeof plot[k]);
        experiment[k] = (child_process){.path = f[k].program, .argv = run[k]};
        drawing[k] = (child_process){.path = sh, .argv = plot[k]};
    }
    if (status == THM_OK) {
        status = children_run(count, experiment, options->at_once,
                              start_interrupted, ignore, NULL, msg);
    }
    if (status == THM_OK) {
        status = children_run(count, drawing, options->at_once,
                              start_interrupted, ignore, NULL, msg);
    }
    for (int k = 0; k < count && status == THM_OK; k++) {
        put_figure(out, which[k], &f[k], &experiment[k], &drawing[k]);
    }
    children_free(count, experiment);
    children_free(count, drawing);
    free(f);
    return status;
}
