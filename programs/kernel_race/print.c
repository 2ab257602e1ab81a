/* Lines of the race and what they say: see race.h. */
#include "programs/kernel_race/race.h"

#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "attn/instance.h"
#include "core/binomial.h"
#include "core/file.h"
#include "core/json.h"
#include "core/tsv.h"

static const char *const teacher_texts[] = {"softmax", "gaussian", "labels"};

/* ---- lines ----------------------------------------------------------------
 */

static const race_line settings[] = {
    {3, 4, 3, TEACHER_GAUSSIAN, 1, 0, THM_KERNEL_SOFTMAX},
    {3, 4, 3, TEACHER_SOFTMAX, 1, 0, THM_KERNEL_SOFTMAX},
    {3, 4, 2, TEACHER_GAUSSIAN, 1, 1, THM_KERNEL_SOFTMAX},
    {3, 4, 2, TEACHER_SOFTMAX, 1, 1, THM_KERNEL_SOFTMAX},
    {3, 2, 2, TEACHER_GAUSSIAN, 1, 2, THM_KERNEL_SOFTMAX},
    {3, 2, 2, TEACHER_SOFTMAX, 1, 2, THM_KERNEL_SOFTMAX},
    {4, 1, 1, TEACHER_GAUSSIAN, 1, 3, THM_KERNEL_SOFTMAX},
    {4, 1, 1, TEACHER_SOFTMAX, 1, 3, THM_KERNEL_SOFTMAX},
    {6, 8, 2, TEACHER_LABELS, 0.1, 4, THM_KERNEL_SOFTMAX},
    {6, 8, 2, TEACHER_LABELS, 0.5, 4, THM_KERNEL_SOFTMAX},
    {6, 8, 2, TEACHER_LABELS, 1, 4, THM_KERNEL_SOFTMAX},
    {6, 8, 2, TEACHER_LABELS, 2, 4, THM_KERNEL_SOFTMAX},
};

enum { SETTINGS = sizeof settings / sizeof *settings, KERNELS = 2 };

thm_status race_parse_shape(const char *text, int shape[3], thm_message *msg)
{
    int read[3];
    thm_message why;
    const bool good =
        thm_instance_shape("--shape", text, read, &why) == THM_OK &&
        read[0] <= RACE_SIZE && read[1] <= RACE_SIZE && read[2] <= read[1];
    if (!good) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--shape: expected n,d,m of at most %d with d >= m, "
                        "found \"%s\"",
                        RACE_SIZE, text);
    }
    memcpy(shape, read, sizeof read);
    return THM_OK;
}

int race_lines(const race_plan *plan)
{
    return plan->shape ? 3 * KERNELS : SETTINGS * KERNELS;
}

race_line race_line_at(const race_plan *plan, int index)
{
    static const race_teacher teachers[] = {TEACHER_GAUSSIAN, TEACHER_SOFTMAX,
                                            TEACHER_LABELS};
    const int *shape = plan->shape;
    race_line line = settings[shape ? 0 : index / KERNELS];
    if (shape) {
        line = (race_line){.n = shape[0],
                           .d = shape[1],
                           .m = shape[2],
                           .teacher = teachers[index / KERNELS],
                           .label_scale = 1};
    }
    line.kernel = index % KERNELS ? THM_KERNEL_GAUSSIAN : THM_KERNEL_SOFTMAX;
    return line;
}

/* ---- results --------------------------------------------------------------
 */

static double median(int n, const double *rows, int value, double *room)
{
    for (int i = 0; i < n; i++) {
        const double *row = rows + (size_t)i * QUERY_VALUES;
        room[i] = row[value] / row[QUERY_SIZE];
    }
    gsl_sort(room, 1, (size_t)n);
    return (room[(n - 1) / 2] + room[n / 2]) / 2;
}

thm_status race_judge(const race_plan *plan, const double *rows,
                      race_result *result)
{
    const int n = plan->queries;
    race_result r = {0};
    thm_status status = THM_OK;
    double *room = calloc((size_t)n, sizeof *room);
    if (!room) {
        return THM_ENOMEM;
    }
    for (int i = 0; i < n; i++) {
        const double *row = rows + (size_t)i * QUERY_VALUES;
        for (int k = 0; k < 4; k++) {
            r.solved[k] +=
                row[QUERY_GD + k] <= RACE_TOLERANCE * row[QUERY_SIZE];
        }
        r.below +=
            fmin(row[QUERY_GD_BEST], row[QUERY_LM_BEST]) < row[QUERY_LEAST];
        r.floor_width =
            fmax(r.floor_width, row[QUERY_FLOOR_UPPER] - row[QUERY_FLOOR]);
    }
    for (int k = 0; k < 4 && status == THM_OK; k++) {
        r.loss[k] = median(n, rows, QUERY_GD + k, room);
        status = thm_binomial_interval(r.solved[k], n, RACE_LEVEL, &r.low[k],
                                       &r.high[k]);
    }
    r.floor = median(n, rows, QUERY_FLOOR, room);
    free(room);
    *result = r;
    return status;
}

static json_t *line_of(const race_plan *p, const race_line *l,
                       const race_result *r)
{
    static const char *const names[] = {"gd", "gd_best", "lm", "lm_best"};
    json_t *o = json_pack(
        "{s:i, s:i, s:i, s:s, s:o, s:s, s:i, s:i, s:i, s:i}", "n", l->n, "d",
        l->d, "m", l->m, "teacher", teacher_texts[l->teacher], "label_scale",
        thm_json_real(l->teacher == TEACHER_LABELS ? l->label_scale
                                                   : (double)NAN),
        "kernel", thm_kernel_text(l->kernel), "queries", p->queries, "starts",
        p->starts, "gd_steps", p->gd_steps, "lm_steps", p->lm_steps);
    bool good = o != NULL;
    for (int k = 0; k < 4; k++) {
        const struct {
            const char *suffix;
            json_t *value;
        } fields[] = {{"", json_integer(r->solved[k])},
                      {"_low", thm_json_real(r->low[k])},
                      {"_high", thm_json_real(r->high[k])},
                      {"_loss", thm_json_real(r->loss[k])}};
        for (int i = 0; i < 4; i++) {
            char key[32];
            snprintf(key, sizeof key, "%s%s", names[k], fields[i].suffix);
            good = json_object_set_new(o, key, fields[i].value) == 0 && good;
        }
    }
    good = json_object_set_new(o, "floor", thm_json_real(r->floor)) == 0 &&
           json_object_set_new(o, "floor_width",
                               thm_json_real(r->floor_width)) == 0 &&
           json_object_set_new(o, "below_floor", json_integer(r->below)) == 0 &&
           good;
    if (!good) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static void print_row(FILE *stream, const race_plan *p, const race_line *l,
                      const race_result *r)
{
    char teacher[32];
    snprintf(teacher, sizeof teacher,
             l->teacher == TEACHER_LABELS ? "%s %g" : "%s",
             teacher_texts[l->teacher], l->label_scale);
    fprintf(stream, "%2d,%d,%d  %-10s %-9s", l->n, l->d, l->m, teacher,
            thm_kernel_text(l->kernel));
    for (int k = 0; k < 4; k++) {
        fprintf(stream, "  %.2f [%.2f, %.2f]",
                (double)r->solved[k] / p->queries, r->low[k], r->high[k]);
    }
    fprintf(stream, " %9.1e %9.1e %9.1e %6d\n", r->floor, r->loss[0],
            r->loss[2], r->below);
}

/* ---- output ---------------------------------------------------------------
 */

thm_status race_print(FILE *stream, const race_plan *plan, const double *rows,
                      bool human, int *contradictions)
{
    const int lines = race_lines(plan);
    thm_status status = THM_OK;
    *contradictions = 0;
    if (human) {
        fprintf(stream,
                "%6s  %-10s %-9s  %-17s  %-17s  %-17s  %-17s %9s %9s "
                "%9s %6s\n",
                " n,d,m", "teacher", "kernel", "gd", "gd, any start", "lm",
                "lm, any start", "floor", "gd loss", "lm loss", "below");
    }
    for (int i = 0; i < lines && status == THM_OK; i++) {
        const race_line line = race_line_at(plan, i);
        race_result r;
        status = race_judge(
            plan, rows + (size_t)i * (size_t)plan->queries * QUERY_VALUES, &r);
        if (status != THM_OK) {
            break;
        }
        *contradictions += line.kernel == THM_KERNEL_SOFTMAX ? r.below : 0;
        if (human) {
            print_row(stream, plan, &line, &r);
            continue;
        }
        json_t *o = line_of(plan, &line, &r);
        /* a failed write shows when the program ends */
        status = thm_json_write(stream, o) == THM_ENOMEM ? THM_ENOMEM : THM_OK;
        json_decref(o);
    }
    return status;
}

thm_status race_save(const char *dir, const race_plan *plan, const double *rows,
                     thm_message *msg)
{
    static const thm_tsv_column columns[] = {
        {"n", "1"},           {"d", "1"},           {"m", "1"},
        {"teacher", "index"}, {"label_scale", "1"}, {"kernel", "index"},
        {"gd", "1"},          {"gd_low", "1"},      {"gd_high", "1"},
        {"lm", "1"},          {"lm_low", "1"},      {"lm_high", "1"},
        {"gd_best", "1"},     {"lm_best", "1"},     {"floor", "|y|^2"},
        {"gd_loss", "|y|^2"}, {"lm_loss", "|y|^2"}};
    thm_tsv *tsv = NULL;
    char *path = thm_path_join(dir, "kernel-race.tsv");
    thm_status status =
        path ? thm_tsv_begin(path, sizeof columns / sizeof *columns, columns,
                             &tsv, msg)
             : THM_ENOMEM;
    free(path);
    for (int i = 0; i < race_lines(plan) && status == THM_OK; i++) {
        const race_line l = race_line_at(plan, i);
        race_result r;
        status = race_judge(
            plan, rows + (size_t)i * (size_t)plan->queries * QUERY_VALUES, &r);
        const double all = plan->queries;
        const double row[] = {l.n,
                              l.d,
                              l.m,
                              l.teacher,
                              l.label_scale,
                              l.kernel,
                              r.solved[0] / all,
                              r.low[0],
                              r.high[0],
                              r.solved[2] / all,
                              r.low[2],
                              r.high[2],
                              r.solved[1] / all,
                              r.solved[3] / all,
                              r.floor,
                              r.loss[0],
                              r.loss[2]};
        thm_tsv_row(tsv, row);
    }
    if (status != THM_OK) {
        thm_tsv_abort(tsv);
        return status;
    }
    return thm_tsv_commit(tsv, msg);
}
