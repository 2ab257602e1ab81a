/* The files of vit-inspect, and the figure that gnuplot draws of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/embed.h"
#include "core/file.h"
#include "programs/vit_inspect/inspect.h"

#define SERIES "attention-maps.tsv"

static thm_status keep_heads(const char *path, const inspection *in,
                             thm_message *msg)
{
    const thm_vit_config *c = &in->weights->record.config;
    thm_tsv *tsv = NULL;
    const thm_status status = thm_tsv_begin(path, THM_VIT_INSPECT,
                                            thm_vit_inspect_columns, &tsv, msg);
    if (status != THM_OK) {
        return status;
    }
    for (int k = 0; k < c->depth * c->heads; k++) {
        thm_tsv_row(tsv, in->rows + (size_t)k * THM_VIT_INSPECT);
    }
    return thm_tsv_commit(tsv, msg);
}

static thm_status keep_script(const char *path, thm_message *msg)
{
    static const char *const names[] = {"style.gp", "attention-maps.gp"};
    thm_file *file = NULL;
    const thm_status status = thm_file_begin(path, &file, msg);
    if (status != THM_OK) {
        return status;
    }
    for (int k = 0; k < 2; k++) {
        for (const thm_embedded *e = thm_plots; e->name; e++) {
            if (strcmp(e->name, names[k]) == 0) {
                fputs(e->text, thm_file_stream(file));
            }
        }
    }
    return thm_file_commit(file, msg);
}

/* The series and its script. */
static thm_status keep_figure(const char *dir, const inspection *in,
                              thm_message *msg)
{
    char *series = thm_path_join(dir, SERIES),
         *script = thm_path_join(dir, "plot.gp");
    thm_status status = THM_ENOMEM;
    if (series && script) {
        status = thm_vit_maps_series(series, in->maps, &in->probe->grid,
                                     &in->weights->record.config,
                                     in->probe->batch.x, msg);
    }
    if (status == THM_OK) {
        status = keep_script(script, msg);
    }
    free(series);
    free(script);
    return status;
}

thm_status keep_inspection(const char *dir, const inspection *in,
                           thm_message *msg)
{
    char *heads = thm_path_join(dir, "heads.tsv"),
         *maps = thm_path_join(dir, "maps.safetensors");
    thm_status status = heads && maps ? thm_dir_make(dir, msg) : THM_ENOMEM;
    if (status == THM_OK) {
        status = keep_heads(heads, in, msg);
    }
    if (status == THM_OK) {
        status = thm_vit_maps_write(maps, in->maps, &in->weights->record.config,
                                    in->probe->batch.x, msg);
    }
    free(heads);
    free(maps);
    return status == THM_OK ? keep_figure(dir, in, msg) : status;
}

/* ---- gnuplot --------------------------------------------------------------
 */

static bool ends_in(const char *path, const char *suffix)
{
    const size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcmp(path + n - m, suffix) == 0;
}

thm_status check_figure(const char *path, thm_message *msg)
{
    return ends_in(path, ".svg") || ends_in(path, ".png")
               ? THM_OK
               : thm_fail(THM_EDOMAIN, msg,
                          "--figure: expected a name that ends in .svg or "
                          ".png, found %s",
                          path);
}

/* In the child: gnuplot in the folder, its picture into the pipe. */
static void become_gnuplot(const char *dir, bool png, int out)
{
    char svg[] = "format = 'svg'", pngcairo[] = "format = 'pngcairo'";
    char name[] = "gnuplot", e[] = "-e", script[] = "plot.gp";
    char *const arguments[] = {name, e, png ? pngcairo : svg, script, NULL};
    if (chdir(dir) == 0 && dup2(out, STDOUT_FILENO) >= 0 &&
        freopen("/dev/null", "w", stderr)) {
        execvp(name, arguments);
    }
    _exit(127);
}

static thm_status copy(int from, FILE *to)
{
    char block[4096];
    ssize_t got;
    while ((got = read(from, block, sizeof block)) != 0) {
        if (got < 0 && errno != EINTR) {
            return THM_EIO;
        }
        if (got > 0) {
            fwrite(block, 1, (size_t)got, to); /* commit sees what failed */
        }
    }
    return THM_OK;
}

static thm_status run_gnuplot(const char *dir, const char *path, thm_file *file,
                              thm_message *msg)
{
    int ends[2], how = 0;
    if (pipe(ends) != 0) {
        return thm_fail(THM_EIO, msg, "gnuplot: %s", strerror(errno));
    }
    const pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        become_gnuplot(dir, ends_in(path, ".png"), ends[1]);
    }
    close(ends[1]);
    thm_status status =
        pid < 0 ? THM_EIO : copy(ends[0], thm_file_stream(file));
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR) {
    }
    if (status != THM_OK || how != 0) {
        const bool absent = WIFEXITED(how) && WEXITSTATUS(how) == 127;
        return thm_fail(THM_EIO, msg, "gnuplot: expected %s, found %s",
                        absent ? "to be installed" : "a figure",
                        absent ? "none" : "that it failed");
    }
    return THM_OK;
}

thm_status draw_maps(const inspection *in, thm_message *msg)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = thm_path_join(tmp && *tmp ? tmp : "/tmp", "vit-inspect-XXXXXX");
    thm_file *file = NULL;
    if (!dir) {
        return THM_ENOMEM;
    }
    if (!mkdtemp(dir)) {
        thm_status status =
            thm_fail(THM_EIO, msg, "%s: %s", dir, strerror(errno));
        free(dir);
        return status;
    }
    thm_status status = keep_figure(dir, in, msg);
    if (status == THM_OK) {
        status = thm_file_begin(in->request->figure, &file, msg);
    }
    if (status == THM_OK) {
        status = run_gnuplot(dir, in->request->figure, file, msg);
        if (status == THM_OK) {
            status = thm_file_commit(file, msg);
        } else {
            thm_file_abort(file);
        }
    }
    static const char *const names[] = {SERIES, "plot.gp"};
    for (int k = 0; k < 2; k++) {
        char *path = thm_path_join(dir, names[k]);
        if (path) {
            unlink(path);
        }
        free(path);
    }
    rmdir(dir);
    free(dir);
    return status;
}
