/* Losses of the outputs and their gradient, which is left in work->d_outputs.
 * With p = softmax(y), n classes and smoothing e, an output's target
 * distribution is t = e / n + (1 - e) [label], its loss -sum t log p and the
 * gradient p - t. */
#include "vit/model_work.h"

#include <string.h>
#include <tgmath.h>

static int leader(int n, const real *y)
{
    int best = 0;
    for (int j = 1; j < n; j++) {
        best = y[j] > y[best] ? j : best;
    }
    return best;
}

/* *plain <- -log p[label]; returns the smoothed loss. */
static double cross_entropy(int n, const real *y, int label, double smoothing,
                            double weight, real *dy, double *plain)
{
    const int best = leader(n, y);
    const real top = y[best];
    real sum = 1, total = 0; /* the leader's exp(0) */
    for (int j = 0; j < n; j++) {
        dy[j] = exp(y[j] - top);
        sum += j == best ? 0 : dy[j];
        total += y[j] - top;
    }
    const real log_sum = log(sum), even = (real)(smoothing / n);
    for (int j = 0; j < n; j++) {
        const real t = even + (j == label ? (real)(1 - smoothing) : 0);
        dy[j] = (real)weight * (dy[j] / sum - t);
    }
    *plain = (double)log_sum - (double)(y[label] - top);
    return (1 - smoothing) * *plain +
           smoothing * ((double)log_sum - (double)total / n);
}

static double squared(int n, const real *y, const float *target, double weight,
                      real *dy)
{
    double sum = 0;
    for (int j = 0; j < n; j++) {
        const real gap = y[j] - (real)target[j];
        sum += (double)gap * (double)gap / 2;
        dy[j] = (real)weight * gap;
    }
    return sum;
}

thm_status vit_score(VIT *work, const thm_vit_batch *batch,
                     const thm_vit_loss *loss, thm_vit_score *score,
                     thm_message *msg)
{
    const int n = work->config.outputs;
    const int rows = work->count * vit_output_rows(&work->config);
    const real *y = work->outputs;
    real *dy = work->d_outputs;
    double sum = 0, plain_sum = 0;
    memset(dy, 0, (size_t)rows * (size_t)n * sizeof *dy);
    for (int r = 0; r < rows; r++, y += n, dy += n) {
        const float *target = batch->targets == NULL
                                  ? NULL
                                  : batch->targets + (size_t)r * (size_t)n;
        if (batch->labels != NULL && batch->labels[r] >= 0) {
            const double own =
                batch->weights != NULL ? (double)batch->weights[r] : 1;
            double plain;
            sum += own * cross_entropy(n, y, batch->labels[r], loss->smoothing,
                                       own * loss->weight, dy, &plain);
            plain_sum += own * plain;
            score->right += leader(n, y) == batch->labels[r];
            score->labelled++;
        } else if (batch->labels == NULL && !isnan(target[0])) {
            const double part = squared(n, y, target, loss->weight, dy);
            sum += part;
            plain_sum += part;
            score->labelled++;
        }
    }
    score->loss = loss->weight * sum;
    score->plain_loss = loss->weight * plain_sum;
    if (!(isfinite(score->loss) && isfinite(score->plain_loss))) {
        return thm_fail(THM_EDOMAIN, msg, "the loss is not finite");
    }
    return THM_OK;
}
