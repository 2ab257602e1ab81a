/* What vit-train says at its end: see run.h. */
#include <jansson.h>
#include <stdlib.h>

#include "core/json.h"
#include "programs/vit_train/run.h"

static bool put(json_t *line, const char *key, json_t *value)
{
    return json_object_set_new(line, key, value) == 0;
}

static json_t *describe(const thm_task *task, const thm_trainer *t,
                        const run_result *r)
{
    const thm_trainer_options *o = thm_trainer_options_of(t);
    const thm_task_marks marks =
        thm_task_marks_of(task, THM_SPLIT_TEST, o->smoothing);
    json_t *line = json_object();
    const bool good =
        line &&
        put(line, "attention",
            json_string(thm_vit_attention_text(o->config.attention[0]))) &&
        put(line, "seed", json_integer((json_int_t)o->seed)) &&
        put(line, "parameters",
            json_integer((json_int_t)thm_trainer_layout(t)->total)) &&
        put(line, "step", json_integer(thm_trainer_steps(t))) &&
        put(line, "train_loss", thm_json_real(r->train_loss)) &&
        put(line, "floor", thm_json_real(marks.smoothed_floor)) &&
        put(line, "perfect", thm_json_real(marks.perfect)) &&
        put(line, "test_accuracy", thm_json_real(r->accuracy)) &&
        put(line, "cap", thm_json_real(marks.cap)) &&
        put(line, "eureka_step",
            r->eureka_step < 0 ? json_null()
                               : json_integer((json_int_t)r->eureka_step)) &&
        put(line, "images_per_s", thm_json_real(r->samples_per_second)) &&
        put(line, "params_sha256", json_string(r->params));
    if (!good) {
        json_decref(line);
        return NULL;
    }
    return line;
}

static void print_table(FILE *out, const run_history *h, json_t *line)
{
    const char *key;
    json_t *value;
    fprintf(out, "%8s %10s %10s %10s %9s %7s\n", "step", "lr", "train loss",
            "test loss", "accuracy", "other");
    for (int r = 0; r < h->count; r++) {
        const run_row w = run_history_row(h, r);
        fprintf(out, "%8.0f %10.3g %10.5f %10.5f %9.4f %7.4f\n", w.step, w.lr,
                w.loss, w.test_loss, w.accuracy, w.wrong_target);
    }
    fputc('\n', out);
    json_object_foreach(line, key, value)
    {
        char *text =
            json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        fprintf(out, "%-16s %s\n", key, text ? text : "");
        free(text);
    }
}

thm_status run_print(FILE *out, const thm_task *task, const thm_trainer *t,
                     const run_history *h, const run_result *r, bool table)
{
    json_t *line = describe(task, t, r);
    thm_status status = THM_OK;
    if (!line) {
        return THM_ENOMEM;
    }
    if (table) {
        print_table(out, h, line);
    } else {
        status = thm_json_write(out, line);
    }
    json_decref(line);
    return status;
}
