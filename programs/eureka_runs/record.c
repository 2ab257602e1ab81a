/* The record of a group: see record.h; its form: claims/recorded.h. */
#include "programs/eureka_runs/record.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "core/file.h"
#include "core/json.h"
#include "core/run.h"
#include "core/version.h"
#include "programs/eureka_runs/train.h"
#include "programs/start.h"
#include "sweep/sweep.h"

typedef struct {
    const thm_recorded_group *group;
    const record_how *how;
} context;

static int evaluations(const thm_recorded_group *group)
{
    int most = 0;
    for (int a = 0; a < group->n_arms; a++) {
        most = group->arms[a].steps > most ? group->arms[a].steps : most;
    }
    return most / THM_RECORDED_EVERY;
}

static thm_status run_one(int index, double *values, thm_message *msg,
                          void *ctx)
{
    const context *c = ctx;
    int seed;
    const thm_recorded_arm *arm = thm_recorded_run_of(c->group, index, &seed);
    const int count = evaluations(c->group) * TRAIN_COLUMNS;
    for (int i = 0; i < count; i++) {
        values[i] = (double)NAN;
    }
    return train_run(c->group->name, arm, seed, c->how->digits, values, msg);
}

static bool stop(void *ctx)
{
    (void)ctx;
    return start_interrupted();
}

/* All that the runs depend on. */
static char *plan_text(const context *c)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    fprintf(out, "version %s\nisa %s\nblas_core %s\ngroup %s\n", THM_VERSION,
            c->how->isa, c->how->blas_core, c->group->name);
    train_describe(c->group->name, out);
    for (int a = 0; a < c->group->n_arms; a++) {
        const thm_recorded_arm *arm = &c->group->arms[a];
        fprintf(out, "arm %s %d %d %d %d\n", arm->name, arm->first, arm->seeds,
                arm->steps, arm->after);
    }
    const bool bad = ferror(out) != 0;
    if (fclose(out) != 0 || bad) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- the file -------------------------------------------------------------
 */

/* What the file's first line says, to be released; NULL: out of memory. */
static json_t *header(const context *c, const thm_task *task)
{
    char date[THM_DATE], command[128];
    const time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &utc));
    snprintf(command, sizeof command, "eureka-runs --group %s", c->group->name);
    const thm_task_marks marks =
        thm_task_marks_of(task, THM_SPLIT_TEST, 0.1 /* the smoothing */);
    const thm_options none = {.program = "eureka-runs"};
    const thm_run run = {.options = &none,
                         .isa = c->how->isa,
                         .blas_core = c->how->blas_core,
                         .threads = 1};
    json_t *machine = thm_run_json(&run);
    json_t *data = thm_task_record(task);
    json_t *line = json_object();
    int bad = !line || !machine;
    bad |= json_object_set_new(line, "recorded", json_string(date));
    bad |= json_object_set_new(line, "command", json_string(command));
    static const char *const keys[] = {"version", "compiler", "cpu", "isa",
                                       "blas_core"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        bad |=
            json_object_set(line, keys[i], json_object_get(machine, keys[i]));
    }
    bad |= json_object_set_new(line, "cap", thm_json_real(marks.cap));
    bad |= json_object_set_new(line, "smoothed_floor",
                               thm_json_real(marks.smoothed_floor));
    bad |= json_object_set_new(line, "data", data);
    json_decref(machine);
    if (bad) {
        json_decref(line);
        return NULL;
    }
    return line;
}

static void put_runs(const thm_recorded_group *group, const double *rows,
                     FILE *out)
{
    const int most = evaluations(group);
    fputs(THM_RECORDED_COLUMNS "\n", out);
    for (int r = 0; r < thm_recorded_runs(group); r++) {
        int seed;
        const thm_recorded_arm *arm = thm_recorded_run_of(group, r, &seed);
        const double *row = rows + (size_t)r * (size_t)most * TRAIN_COLUMNS;
        for (int i = 0; i < most && !isnan(row[TRAIN_ACCURACY]); i++) {
            fprintf(out, "%s\t%d\t%d\t%.10g\t%.6g\t%.6g\n", arm->name, seed,
                    (i + 1) * THM_RECORDED_EVERY, row[TRAIN_ACCURACY],
                    row[TRAIN_LOSS], row[TRAIN_RATIO]);
            row += TRAIN_COLUMNS;
        }
    }
}

static thm_status save(const context *c, const thm_task *task, const char *path,
                       const double *rows, thm_message *msg)
{
    thm_file *file = NULL;
    json_t *line = header(c, task);
    thm_status status = line ? thm_file_begin(path, &file, msg) : THM_ENOMEM;
    if (status == THM_OK) {
        fputs("# ", thm_file_stream(file));
        thm_json_write(thm_file_stream(file), line); /* commit says why not */
        put_runs(c->group, rows, thm_file_stream(file));
        status = thm_file_commit(file, msg);
    }
    json_decref(line);
    return status;
}

/* ---- the group ------------------------------------------------------------
 */

static thm_status run_group(context *c, const char *path, const char *folder,
                            const char *plan, record_done *done,
                            thm_message *msg)
{
    const int runs = thm_recorded_runs(c->group);
    const int values = evaluations(c->group) * TRAIN_COLUMNS;
    thm_task *task = NULL;
    thm_progress bar = thm_progress_begin(c->how->progress, c->group->name);
    thm_sweep_count count = {0};
    double *rows = calloc((size_t)runs * (size_t)values, sizeof *rows);
    const thm_sweep sweep = {.folder = folder,
                             .plan = plan,
                             .cases = runs,
                             .values = values,
                             .shard = c->how->shard,
                             .shards = c->how->shards,
                             .threads = c->how->threads,
                             .run = run_one,
                             .stop = stop,
                             .ctx = c,
                             .progress = &bar};
    thm_status status = rows ? THM_OK : THM_ENOMEM;
    if (status == THM_OK) { /* missing data are better known before */
        status = train_task(c->group->name, false, c->how->digits, &task, msg);
    }
    if (status == THM_OK) {
        status = thm_sweep_run(&sweep, rows, &count, msg);
    }
    thm_progress_end(&bar);
    done->missing = count.missing;
    if (status == THM_OK && count.missing == 0) {
        status = save(c, task, path, rows, msg);
        /* other shards may still be reading */
        if (status == THM_OK && c->how->shards == 1) {
            thm_sweep_remove(&sweep);
        }
    }
    thm_task_free(task);
    free(rows);
    return status;
}

thm_status record_group(const thm_recorded_group *group, const record_how *how,
                        record_done *done, thm_message *msg)
{
    context c = {group, how};
    char *path = NULL, *folder = NULL, *plan = NULL;
    *done = (record_done){0};
    thm_status status = thm_dir_make(how->dir, msg);
    if (status != THM_OK) {
        return status;
    }
    plan = plan_text(&c);
    if (!plan || asprintf(&path, "%s/%s.tsv", how->dir, group->name) < 0 ||
        asprintf(&folder, "%s/%s.runs", how->dir, group->name) < 0) {
        status = THM_ENOMEM;
    } else if (access(path, F_OK) == 0) {
        done->kept = true;
    } else {
        status = run_group(&c, path, folder, plan, done, msg);
    }
    free(path);
    free(folder);
    free(plan);
    return status;
}
