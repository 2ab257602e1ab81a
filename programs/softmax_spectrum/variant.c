/* One row of NormSoftmax: its Jacobian is not symmetric, so that the spectrum
 * is that of singular values, by a dense decomposition. */
#include "programs/softmax_spectrum/rows.h"

#include <math.h>
#include <stddef.h>

#include "core/json.h"
#include "la/svd.h"
#include "softmax/normsoftmax.h"
#include "softmax/softmax.h"

static void reverse(int n, double *x)
{
    for (int i = 0, j = n - 1; i < j; i++, j--) {
        double t = x[i];
        x[i] = x[j];
        x[j] = t;
    }
}

thm_status row_measure_variant(const spectrum_rows *rows, int row,
                               row_work *work, json_t *object)
{
    const spectrum_request *r = rows->request;
    bool std = r->variant == VARIANT_NORM_STD;
    int n = rows->n;
    double entropy = 0, trace = 0, *J = work->dense, *s = work->values;
    thm_la_report report = {0};
    thm_normsoftmax_row info;
    thm_status status =
        thm_normsoftmax(n, rows_at(rows, row), r->tau,
                        std ? THM_NORM_STD : THM_NORM_VAR, work->p, &info);
    if (status == THM_OK) {
        status = row_probs(rows, row, work->p, J);
    }
    if (status == THM_OK) {
        status = thm_probs_entropy(n, work->p, &entropy, NULL);
    }
    if (status == THM_OK) {
        status = thm_svd(n, n, J, s, work->left, work->right, &report);
    }
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < n; i++) {
        trace += J[(size_t)i * (size_t)n + (size_t)i];
    }
    reverse(n, s);
    /* J 1 = 0, and dividing by the standard deviation also loses the row's own
     * direction; a value below its error bound is not known to be nonzero. */
    int zeros = std && info.normalised ? 2 : 1;
    double smallest = (double)NAN;
    if (zeros < n && s[zeros] > report.err) {
        smallest = s[zeros];
    }
    const struct {
        const char *key;
        json_t *value;
    } fields[] = {
        {"row", json_integer(row)},
        {"n", json_integer(n)},
        {"tau", thm_json_real(r->tau)},
        {"variant", json_string(std ? "normsoftmax-std" : "normsoftmax-var")},
        {"spread", thm_json_real(info.s)},
        {"temperature", thm_json_real(info.temperature)},
        {"entropy", thm_json_real(entropy)},
        {"norm2", thm_json_real(s[n - 1])},
        {"trace", thm_json_real(trace)},
        {"lambda_min_nonzero", thm_json_real(smallest)},
        {"err", thm_json_real(report.err)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (json_object_set_new(object, fields[i].key, fields[i].value) != 0) {
            status = THM_ENOMEM;
        }
    }
    if (status == THM_OK && r->values &&
        json_object_set_new(object, "singular_values", thm_json_reals(n, s)) !=
            0) {
        status = THM_ENOMEM;
    }
    return status == THM_OK && r->extremes > 0
               ? row_put_extremes(object, n, s, r->extremes)
               : status;
}
