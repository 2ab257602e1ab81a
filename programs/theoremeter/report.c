/* Fills the page plots/report.html: see report.h.  The template names its
 * parts as {{name}}. */
#include "report.h"

#include <stdlib.h>
#include <string.h>
#include "core/embed.h"
#include "core/file.h"
#include "figures.h"
#include "page.h"

static void put_figures(FILE *out, page *p)
{
    fputs(p->figures[FIGURES_SOFTMAX], out);
}

static void put_polarisation(FILE *out, page *p)
{
    fputs(p->figures[FIGURES_FLOW], out);
}

static void put_descent(FILE *out, page *p)
{
    fputs(p->figures[FIGURES_DESCENT], out);
}

static void put_eureka(FILE *out, page *p)
{
    fputs(p->figures[FIGURES_EUREKA], out);
}

static const struct {
    const char *name;
    void (*write)(FILE *out, page *p);
} parts[] = {
    {"title", page_title},       {"summary", page_summary},
    {"families", page_families}, {"rows", page_rows},
    {"figures", put_figures},    {"polarisation", put_polarisation},
    {"descent", put_descent},    {"eureka", put_eureka},
    {"run", page_run},
};

static const char *template(void)
{
    for (const thm_embedded *e = thm_plots; e->name; e++) {
        if (strcmp(e->name, "report.html") == 0) {
            return e->text;
        }
    }
    return "";
}

static void fill(FILE *out, page *p)
{
    const char *text = template();
    for (const char *mark; (mark = strstr(text, "{{")) != NULL;) {
        fwrite(text, 1, (size_t)(mark - text), out);
        const size_t n = strcspn(mark + 2, "}");
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            if (strlen(parts[i].name) == n &&
                strncmp(parts[i].name, mark + 2, n) == 0) {
                parts[i].write(out, p);
            }
        }
        text = mark + 2 + n + 2;
    }
    fputs(text, out);
}

/* A section's figures as HTML, to be freed by the caller. */
static thm_status make_figures(figures_section section, const char *dir,
                               const report_options *options, char **html,
                               thm_message *msg)
{
    size_t size = 0;
    FILE *out = open_memstream(html, &size);
    if (!out) {
        return thm_fail(THM_ENOMEM, msg, "out of memory");
    }
    thm_status status = figures_write(out, section, dir, options, msg);
    const bool bad = ferror(out) != 0;
    if ((fclose(out) != 0 || bad) && status == THM_OK) {
        status = thm_fail(THM_ENOMEM, msg, "out of memory");
    }
    return status;
}

thm_status report_write(const char *dir, int n, const thm_decision *decisions,
                        const json_t *run, const report_options *options,
                        thm_message *msg)
{
    char *path = thm_path_join(dir, "report.html");
    char *figures[FIGURES_SECTIONS] = {NULL};
    page *p = calloc(1, sizeof *p);
    thm_file *file = NULL;
    thm_status status = THM_OK;
    if (!path || !p) {
        status = thm_fail(THM_ENOMEM, msg, "out of memory");
        goto done;
    }
    status = thm_dir_make(dir, msg);
    for (int i = 0; i < FIGURES_SECTIONS && status == THM_OK; i++) {
        status =
            make_figures((figures_section)i, dir, options, &figures[i], msg);
    }
    if (status == THM_OK) {
        status = thm_file_begin(path, &file, msg);
    }
    if (status != THM_OK) {
        goto done;
    }
    p->n = n;
    p->decisions = decisions;
    p->run = run;
    p->effort = options->effort;
    p->figures = (const char *const *)figures;
    fill(thm_file_stream(file), p);
    status = thm_file_commit(file, msg);
done:
    for (int i = 0; i < FIGURES_SECTIONS; i++) {
        free(figures[i]);
    }
    free(p);
    free(path);
    return status;
}
