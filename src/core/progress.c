/* A line of progress that is rewritten in place. */
#include "core/progress.h"

#include <time.h>

double thm_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

thm_progress thm_progress_begin(FILE *stream, const char *label)
{
    /* The first line appears after a fifth of a second: short work is
     * silent. */
    double now = thm_seconds();
    return (thm_progress){
        .stream = stream, .label = label, .start = now, .last = now};
}

void thm_progress_update(thm_progress *progress, int64_t done, int64_t total)
{
    if (progress->stream == NULL) {
        return;
    }
    double now = thm_seconds();
    if (!(now - progress->last >= 0.2)) {
        return;
    }
    progress->last = now;

    double rate = (double)done / (now - progress->start);
    char line[160];
    int length;
    if (total > 0 && done > 0) {
        length = snprintf(line, sizeof line,
                          "%.60s  %3.0f%% (%lld/%lld)  %.3g/s  ETA %.0f s",
                          progress->label, 100 * (double)done / (double)total,
                          (long long)done, (long long)total, rate,
                          (double)(total - done) / rate);
    } else {
        length = snprintf(line, sizeof line, "%.60s  %lld  %.3g/s",
                          progress->label, (long long)done, rate);
    }
    fprintf(progress->stream, "\r%s%*s", line,
            progress->shown > length ? progress->shown - length : 0, "");
    fflush(progress->stream);
    if (length > progress->shown) {
        progress->shown = length;
    }
}

void thm_progress_end(thm_progress *progress)
{
    if (progress->stream != NULL && progress->shown > 0) {
        fprintf(progress->stream, "\r%*s\r", progress->shown, "");
        fflush(progress->stream);
        progress->shown = 0;
    }
}
