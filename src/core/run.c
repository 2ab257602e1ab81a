/* run.json: what a run directory needs to be repeated. */
#include "core/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "core/version.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* The CPU's model as Linux names it; "unknown" where it does not. */
static void cpu_model(char *model, size_t size)
{
    snprintf(model, size, "unknown");
    FILE *info = fopen("/proc/cpuinfo", "r");
    if (info == NULL) {
        return;
    }
    char line[512];
    while (fgets(line, sizeof line, info) != NULL) {
        const char *value = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && value != NULL) {
            snprintf(model, size, "%s", value + 2);
            model[strcspn(model, "\n")] = '\0';
            break;
        }
    }
    fclose(info);
}

json_t *thm_run_json(const thm_run *run)
{
    char model[256];
    cpu_model(model, sizeof model);

    json_t *object = json_object();
    struct {
        const char *key;
        json_t *value;
    } fields[] = {
        {"program", thm_json_string(run->options->program)},
        {"options", thm_options_json(run->options)},
        {"seed", thm_json_u64(run->seed)},
        {"version", thm_json_string(THM_VERSION)},
        {"compiler", thm_json_string(COMPILER)},
        {"cpu", thm_json_string(model)},
        {"isa", thm_json_string(run->isa)},
        {"blas_core", thm_json_string(run->blas_core)},
        {"threads", json_integer(run->threads)},
        {"wall_seconds", thm_json_real(run->wall_seconds)},
    };
    bool good = object != NULL;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        /* Takes the value even when it fails; a NULL value fails. */
        good =
            json_object_set_new(object, fields[i].key, fields[i].value) == 0 &&
            good;
    }
    if (run->data != NULL) {
        good = json_object_set(object, "data", run->data) == 0 && good;
    }
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

thm_status thm_run_write(const char *dir, const thm_run *run, thm_message *msg)
{
    thm_file *file = NULL;
    char *path = thm_path_join(dir, "run.json");
    json_t *object = thm_run_json(run);
    thm_status status = THM_OK;

    if (path == NULL || object == NULL) {
        status = thm_fail(THM_ENOMEM, msg, "%s/run.json: out of memory", dir);
        goto done;
    }
    status = thm_dir_make(dir, msg);
    if (status != THM_OK) {
        goto done;
    }
    status = thm_file_begin(path, &file, msg);
    if (status != THM_OK) {
        goto done;
    }
    json_dumpf(object, thm_file_stream(file),
               JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    fputc('\n', thm_file_stream(file));
    status = thm_file_commit(file, msg);
done:
    json_decref(object);
    free(path);
    return status;
}
