/* Files that exist whole or not at all: written to a temporary beside the
 * target, synchronised, then renamed over it.  A crash at any byte leaves
 * either the old file or the new one. */
#ifndef THM_FILE_H
#define THM_FILE_H

#include <stdio.h>

#include "core/status.h"

typedef struct thm_file thm_file;

/* Starts to write path, whose folder must exist.  A path that exists and is no
 * regular file (/dev/stdout, a pipe) is written in place.
 * THM_EIO, THM_ENOMEM; msg names the path and the system's reason. */
thm_status thm_file_begin(const char *path, thm_file **file, thm_message *msg);

/* Where to write; owned by file.  Errors of single writes need no check:
 * commit reports them. */
FILE *thm_file_stream(thm_file *file);

/* Makes the file appear, and frees it.  THM_EIO, nothing left behind, if any
 * byte could not be written. */
thm_status thm_file_commit(thm_file *file, thm_message *msg);

/* Gives up: no trace is left.  NULL is allowed. */
void thm_file_abort(thm_file *file);

/* Makes a folder and its parents; one that exists is fine. */
thm_status thm_dir_make(const char *path, thm_message *msg);

/* "dir/name", to be freed by the caller; NULL if out of memory. */
char *thm_path_join(const char *dir, const char *name);

#endif
