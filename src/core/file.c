/* Atomic files. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct thm_file {
    FILE *stream;
    char *path; /* the target, links followed              */
    char *temp; /* NULL if the target is written in place  */
};

static void file_free(thm_file *file)
{
    free(file->path);
    free(file->temp);
    free(file);
}

/* Opens a new file beside the target.  The name carries the process id, which
 * machines on a shared folder may have in common: O_EXCL decides. */
static int open_temporary(thm_file *file)
{
    const char *slash = strrchr(file->path, '/');
    int dir = slash == NULL ? 0 : (int)(slash - file->path) + 1;
    for (int i = 0; i < 1000; i++) {
        char *temp;
        if (asprintf(&temp, "%.*s.%s.%ld-%d.tmp", dir, file->path,
                     file->path + dir, (long)getpid(), i) < 0) {
            errno = ENOMEM;
            return -1;
        }
        int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            file->temp = temp;
            return fd;
        }
        free(temp);
        if (errno != EEXIST) {
            return -1;
        }
    }
    return -1;
}

thm_status thm_file_begin(const char *path, thm_file **file, thm_message *msg)
{
    thm_file *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", path);
    }
    struct stat info;
    bool exists = stat(path, &info) == 0;
    /* Renaming over a link would replace the link, not what it names. */
    f->path = exists ? realpath(path, NULL) : strdup(path);

    int fd = -1;
    if (f->path == NULL) {
        errno = errno == 0 ? ENOMEM : errno;
    } else if (exists && !S_ISREG(info.st_mode)) {
        fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        fd = open_temporary(f);
    }
    if (fd >= 0) {
        f->stream = fdopen(fd, "w");
    }
    if (f->stream == NULL) {
        thm_status status = thm_fail(THM_EIO, msg,
                                     "%s: expected a file that can be "
                                     "written, found: %s",
                                     path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        if (f->temp != NULL) {
            unlink(f->temp);
        }
        file_free(f);
        return status;
    }
    *file = f;
    return THM_OK;
}

FILE *thm_file_stream(thm_file *file)
{
    return file->stream;
}

/* The rename itself lasts only once its folder is synchronised.  A file system
 * that cannot do that loses durability, not atomicity: no error. */
static void sync_folder(const char *path)
{
    char *dir = strdup(path);
    if (dir == NULL) {
        return;
    }
    char *slash = strrchr(dir, '/');
    if (slash != NULL) {
        slash[1] = '\0';
    }
    int fd =
        open(slash == NULL ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

thm_status thm_file_commit(thm_file *file, thm_message *msg)
{
    errno = 0;
    bool good = fflush(file->stream) == 0 && !ferror(file->stream);
    if (good && file->temp != NULL) {
        good = fsync(fileno(file->stream)) == 0;
    }
    int reason = errno;
    if (fclose(file->stream) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (good && file->temp != NULL) {
        good = rename(file->temp, file->path) == 0;
        reason = errno;
    }
    thm_status status = THM_OK;
    if (!good) {
        /* An earlier write failed and only the stream's mark is left of it. */
        const char *why = reason == 0 ? "a write failed" : strerror(reason);
        status = thm_fail(THM_EIO, msg,
                          "%s: expected to write it whole, "
                          "found: %s",
                          file->path, why);
        if (file->temp != NULL) {
            unlink(file->temp);
        }
    } else if (file->temp != NULL) {
        sync_folder(file->path);
    }
    file_free(file);
    return status;
}

void thm_file_abort(thm_file *file)
{
    if (file == NULL) {
        return;
    }
    fclose(file->stream);
    if (file->temp != NULL) {
        unlink(file->temp);
    }
    file_free(file);
}

thm_status thm_dir_make(const char *path, thm_message *msg)
{
    char *part = strdup(path);
    if (part == NULL) {
        return thm_fail(THM_ENOMEM, msg, "%s: out of memory", path);
    }
    int reason = 0;
    for (char *c = part + 1; part[0] != '\0'; c++) {
        if (*c != '/' && *c != '\0') {
            continue;
        }
        char kept = *c;
        *c = '\0';
        /* Whatever else is wrong with a parent shows at the next level. */
        reason = mkdir(part, 0777) == 0 ? 0 : errno;
        *c = kept;
        if (kept == '\0') {
            break;
        }
    }
    free(part);
    struct stat info;
    if (stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) {
            return THM_OK;
        }
        reason = ENOTDIR;
    } else if (reason == 0) {
        reason = errno;
    }
    return thm_fail(THM_EIO, msg,
                    "%s: expected a folder or a place to make "
                    "one, found: %s",
                    path, strerror(reason));
}

char *thm_path_join(const char *dir, const char *name)
{
    char *path;
    size_t length = strlen(dir);
    const char *slash = length > 0 && dir[length - 1] == '/' ? "" : "/";
    return asprintf(&path, "%s%s%s", dir, slash, name) < 0 ? NULL : path;
}
