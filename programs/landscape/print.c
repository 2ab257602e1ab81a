/* What landscape says and leaves behind. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/embed.h"
#include "core/file.h"
#include "core/json.h"
#include "core/tsv.h"
#include "programs/landscape/landscape.h"

static const char *const sources[] = {"random", "file", "points"};

void landscape_weights_text(int trained, int size, char *text)
{
    static const char *const names[] = {"W_Q", "W_K", "W_V"};
    int at = 0;
    text[0] = '\0';
    for (int k = 0; k < 3; k++) {
        if (trained & 1 << k) {
            at += snprintf(text + at, (size_t)(size - at), "%s%s",
                           at ? ", " : "", names[k]);
        }
    }
}

static uint64_t direction_seed(const landscape *l)
{
    const landscape_request *r = l->request;
    return r->direction_seed ? r->direction_seed : r->common.seed;
}

/* ---- JSON -----------------------------------------------------------------
 */

static json_t *describe(const landscape *l, const landscape_panel *p)
{
    const thm_layer *a = &p->layer;
    const thm_measure *m = &p->measure;
    const bool drawn = l->request->directions == FROM_RANDOM;
    char trained[32];
    landscape_weights_text(l->trained, sizeof trained, trained);
    json_t *line = json_pack(
        "{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:i, s:s, s:s, s:o, s:o, s:o,"
        " s:i, s:i}",
        "kernel", thm_kernel_text(a->kernel), "N", a->N, "n", a->n, "D", a->D,
        "d", a->d, "H", a->H, "m", a->m, "train", trained, "steps",
        (int)p->steps, "directions", sources[l->request->directions],
        "normalise", thm_slice_norm_text(l->norm), "direction_seed",
        drawn ? thm_json_u64(direction_seed(l)) : json_null(), "lo",
        thm_json_real(l->lo), "hi", thm_json_real(l->hi), "points_a", l->n_a,
        "points_b", l->n_b);
    const struct {
        const char *name;
        double value;
    } reals[] = {{"sine", p->slice.sine},
                 {"f0", p->f0},
                 {"f_min", m->f_min},
                 {"a_min", isfinite(m->f_min) ? l->a[m->a_min] : m->f_min},
                 {"b_min", isfinite(m->f_min) ? l->b[m->b_min] : m->f_min},
                 {"f_max", m->f_max},
                 {"relative_range", m->relative_range},
                 {"quadratic_residual", m->quadratic_residual},
                 {"quadratic_noise", m->quadratic_noise},
                 {"err", p->error},
                 {"check", p->check}};
    if (!line) {
        return NULL;
    }
    for (size_t k = 0; k < sizeof reals / sizeof *reals; k++) {
        json_object_set_new(line, reals[k].name, thm_json_real(reals[k].value));
    }
    json_object_set_new(line, "minima", json_integer(m->minima));
    json_object_set_new(line, "minima_resolved",
                        json_integer(m->minima_resolved));
    json_object_set_new(line, "non_finite", json_integer(m->non_finite));
    return line;
}

static void print_human(FILE *stream, const json_t *line)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)line, key, value)
    {
        fprintf(stream, "%-20s ", key);
        if (json_is_string(value)) {
            fprintf(stream, "%s\n", json_string_value(value));
        } else if (json_is_integer(value)) {
            fprintf(stream, "%lld\n", (long long)json_integer_value(value));
        } else if (json_is_real(value)) {
            fprintf(stream, "%.6g\n", json_real_value(value));
        } else {
            fputs("-\n", stream);
        }
    }
}

thm_status landscape_print(FILE *stream, const landscape *l, bool human)
{
    for (int k = 0; k < l->panels; k++) {
        json_t *line = describe(l, &l->panel[k]);
        if (!line) {
            return THM_ENOMEM;
        }
        if (human) {
            fputs(k ? "\n" : "", stream);
            print_human(stream, line);
        } else {
            /* a failed write shows when the program ends */
            thm_json_write(stream, line);
        }
        json_decref(line);
    }
    return THM_OK;
}

/* ---- files ----------------------------------------------------------------
 */

static thm_status keep_grid(const landscape *l, const char *path,
                            thm_message *msg)
{
    const thm_tsv_column columns[] = {
        {"a", "1"},
        {"b", "1"},
        {thm_kernel_text(l->panel[0].layer.kernel), "loss"},
        {thm_kernel_text(l->panel[1].layer.kernel), "loss"}};
    thm_tsv *tsv;
    const thm_status status =
        thm_tsv_begin(path, 2 + l->panels, columns, &tsv, msg);
    if (status != THM_OK) {
        return status;
    }
    for (int j = 0; j < l->n_b; j++) {
        for (int i = 0; i < l->n_a; i++) {
            double row[2 + LANDSCAPE_KERNELS] = {l->a[i], l->b[j]};
            for (int k = 0; k < l->panels; k++) {
                row[2 + k] =
                    l->panel[k].f[(size_t)j * (size_t)l->n_a + (size_t)i];
            }
            thm_tsv_row(tsv, row);
        }
        thm_tsv_break(tsv);
    }
    return thm_tsv_commit(tsv, msg);
}

/* Point and directions, in a form that --p1 and --d1 read. */
static thm_status keep_slice(const landscape *l, const landscape_panel *p,
                             const char *path, thm_message *msg)
{
    const size_t H = (size_t)p->layer.H, D = (size_t)p->layer.D,
                 d = (size_t)p->layer.d;
    const size_t weights = (size_t)l->parameters / (H * D * d);
    const thm_tensor_out out[] = {{.name = "point",
                                   .ndim = 4,
                                   .shape = {weights, H, D, d},
                                   .data = p->slice.x0},
                                  {.name = "d1",
                                   .ndim = 4,
                                   .shape = {weights, H, D, d},
                                   .data = p->slice.d1},
                                  {.name = "d2",
                                   .ndim = 4,
                                   .shape = {weights, H, D, d},
                                   .data = p->slice.d2}};
    return thm_tensor_write(path, 3, out, msg);
}

/* Which slice it is, for the figure's caption. */
static void put_caption(FILE *out, const landscape *l)
{
    const landscape_request *r = l->request;
    const thm_layer *a = &l->at.layer;
    char trained[32];
    landscape_weights_text(l->trained, sizeof trained, trained);
    fprintf(out, "panels = %d\nlines = %d\n", l->panels, l->n_b);
    for (int k = 0; k < LANDSCAPE_KERNELS; k++) {
        fprintf(out, "kernel_%d = '%s'\n", k,
                thm_kernel_text(l->panel[k].layer.kernel));
    }
    fprintf(out, "trained = '%s'\ncaption_1 = '", trained);
    if (r->directions == FROM_RANDOM) {
        fprintf(out, "random directions in %s, seed %llu, normalised by %s",
                trained, (unsigned long long)direction_seed(l),
                l->norm == THM_SLICE_FILTER ? "filter (columns)"
                                            : thm_slice_norm_text(l->norm));
    } else if (r->directions == FROM_FILE) {
        fprintf(out, "given directions in %s, normalised by %s", trained,
                thm_slice_norm_text(l->norm));
    } else {
        fprintf(out, "%s through the point (0, 0), %s in %s",
                l->n_b > 1 ? "plane" : "line",
                r->p2 ? "p1 (1, 0) and p2 (0, 1)" : "and p1 at 1", trained);
    }
    fprintf(out,
            "'\ncaption_2 = 'N = %d, n = %d, D = %d, d = %d, H = %d, "
            "m = %d; around ",
            a->N, a->n, a->D, a->d, a->H, a->m);
    if (l->panel[0].steps > 0 || l->panel[1].steps > 0) {
        fprintf(out, "where %d steps of gradient descent led'\n", r->steps);
    } else {
        fprintf(out, "%s weights'\n", r->instance.draw ? "drawn" : "given");
    }
}

static void put_script(FILE *out)
{
    static const char *const names[] = {"style.gp", "landscape.gp"};
    for (int k = 0; k < 2; k++) {
        for (const thm_embedded *e = thm_plots; e->name; e++) {
            if (strcmp(e->name, names[k]) == 0) {
                fputs(e->text, out);
            }
        }
    }
}

static thm_status keep_text(const landscape *l, const char *dir,
                            const char *name, thm_message *msg)
{
    thm_file *file = NULL;
    char *path = thm_path_join(dir, name);
    thm_status status = path ? thm_file_begin(path, &file, msg) : THM_ENOMEM;
    if (status == THM_OK) {
        if (strcmp(name, "plot.gp") == 0) {
            put_script(thm_file_stream(file));
        } else {
            put_caption(thm_file_stream(file), l);
        }
        status = thm_file_commit(file, msg);
    }
    free(path);
    return status;
}

thm_status landscape_keep(const landscape *l, const thm_run *run,
                          thm_message *msg)
{
    const char *dir = l->request->common.out;
    char *path = thm_path_join(dir, "landscape.tsv");
    thm_status status = path ? keep_grid(l, path, msg) : THM_ENOMEM;
    free(path);
    for (int k = 0; k < l->panels && status == THM_OK; k++) {
        char name[64];
        snprintf(name, sizeof name, "slice-%s.safetensors",
                 thm_kernel_text(l->panel[k].layer.kernel));
        path = thm_path_join(dir, name);
        status = path ? keep_slice(l, &l->panel[k], path, msg) : THM_ENOMEM;
        free(path);
    }
    if (status == THM_OK) {
        status = keep_text(l, dir, "slice.gp", msg);
    }
    if (status == THM_OK) {
        status = keep_text(l, dir, "plot.gp", msg);
    }
    if (status == THM_OK) {
        status = thm_run_write(dir, run, msg);
    }
    if (status == THM_OK) {
        landscape_forget_rows(l);
    }
    return status;
}
