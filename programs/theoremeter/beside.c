/* See beside.h. */
#include "programs/theoremeter/beside.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Our own folder, without a slash at its end. */
static thm_status own_folder(char path[PATH_MAX], thm_message *msg)
{
    const ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (n < 0) {
        return thm_fail(THM_EIO, msg, "/proc/self/exe: %s", strerror(errno));
    }
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash) {
        return thm_fail(THM_EIO, msg, "/proc/self/exe: found '%s'", path);
    }
    *slash = '\0';
    return THM_OK;
}

static bool is_program(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && access(path, X_OK) == 0;
}

thm_status beside_path(const char *name, char path[PATH_MAX], thm_message *msg)
{
    char folder[PATH_MAX];
    const thm_status status = own_folder(folder, msg);
    if (status != THM_OK) {
        return status;
    }
    const bool fits =
        snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
    if (!fits || !*name || name[0] == '.' || strchr(name, '/') ||
        !is_program(path)) {
        return thm_fail(THM_EDOMAIN, msg, "no program '%.64s' in %.256s", name,
                        folder);
    }
    return THM_OK;
}

enum { LETTERS = 63 };

/* Levenshtein distance of the first LETTERS letters, by rows of its table. */
static size_t edit_distance(const char *a, const char *b)
{
    const size_t na = strnlen(a, LETTERS), nb = strnlen(b, LETTERS);
    size_t above[LETTERS + 1], row[LETTERS + 1];
    for (size_t j = 0; j <= nb; j++) {
        above[j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
        memcpy(above, row, sizeof above);
    }
    return above[nb];
}

void beside_offer(beside_nearest *nearest, const char *candidate)
{
    const size_t distance = edit_distance(nearest->word, candidate);
    if (!nearest->name[0] || distance < nearest->distance) {
        snprintf(nearest->name, sizeof nearest->name, "%.*s", LETTERS,
                 candidate);
        nearest->distance = distance;
    }
}

bool beside_plausible(const beside_nearest *nearest)
{
    const size_t third = strnlen(nearest->word, LETTERS) / 3;
    return nearest->name[0] && nearest->distance <= (third > 1 ? third : 1);
}

void beside_offer_programs(beside_nearest *nearest)
{
    char folder[PATH_MAX];
    DIR *dir = own_folder(folder, NULL) == THM_OK ? opendir(folder) : NULL;
    if (!dir) {
        return;
    }
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        char path[PATH_MAX];
        if (d->d_name[0] != '.' &&
            snprintf(path, sizeof path, "%s/%s", folder, d->d_name) <
                PATH_MAX &&
            is_program(path)) {
            beside_offer(nearest, d->d_name);
        }
    }
    closedir(dir);
}
