/* Runs a fuzz target over the files of the folders given, without a fuzzer:
 * what once broke a reader stays tested wherever a compiler is. */
#include "tests/fuzz/target.h"

#include <dirent.h>
#include <string.h>

#include "core/file.h"
#include "io/bytes.h"

static int replay(const char *path)
{
    unsigned char *bytes;
    size_t size;
    thm_message msg;
    if (thm_bytes_read(path, &bytes, &size, &msg) != THM_OK) {
        fprintf(stderr, "%s\n", msg.text);
        return 1;
    }
    /* a copy of exact size, so that a sanitizer sees every byte beyond */
    unsigned char *copy = malloc(size + (size == 0));
    MUST(copy != NULL);
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    int files = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        MUST(dir != NULL);
        for (struct dirent *e; (e = readdir(dir)) != NULL;) {
            if (e->d_name[0] != '.') {
                char *path = thm_path_join(argv[i], e->d_name);
                MUST(path != NULL);
                failed += replay(path);
                files++;
                free(path);
            }
        }
        closedir(dir);
    }
    MUST(files > 0); /* a replay of nothing proves nothing */
    printf("%s: %d files\n", argv[0], files);
    return failed == 0 ? 0 : 1;
}
