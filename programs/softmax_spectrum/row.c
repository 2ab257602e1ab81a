/* One row of softmax: entropy, trace, norm and eigenvalues of its Jacobian. */
#include "programs/softmax_spectrum/rows.h"

#include <math.h>
#include <stdlib.h>

#include "core/json.h"
#include "softmax/normsoftmax.h"
#include "softmax/softmax.h"

thm_status row_work_alloc(const spectrum_rows *rows, int threads, thm_isa isa,
                          row_work *work)
{
    const spectrum_request *r = rows->request;
    size_t n = (size_t)rows->n, square;
    bool variant = r->variant != VARIANT_SOFTMAX;
    *work = (row_work){.n = rows->n};
    if (thm_size_mul(n, n, &square) != THM_OK ||
        thm_size_mul(square, sizeof(double), &square) != THM_OK) {
        return THM_EOVERFLOW;
    }
    work->p = malloc(n * sizeof *work->p);
    work->values = malloc(n * sizeof *work->values);
    bool good = work->p != NULL && work->values != NULL;
    if (r->certify) {
        work->lower = malloc(n * sizeof *work->lower);
        work->upper = malloc(n * sizeof *work->upper);
        work->exponent2 = malloc(n * sizeof *work->exponent2);
        good = good && work->lower != NULL && work->upper != NULL &&
               work->exponent2 != NULL;
    }
    if (variant || r->vectors) {
        work->dense = malloc(square);
        good = good && work->dense != NULL;
    }
    if (variant) {
        work->left = malloc(square);
        work->right = malloc(square);
        good = good && work->left != NULL && work->right != NULL;
    }
    thm_status status = good ? THM_OK : THM_ENOMEM;
    if (good && !variant) {
        status =
            thm_spectrum_work_alloc(rows->n, threads, isa, &work->spectrum);
    }
    if (status != THM_OK) {
        row_work_free(work);
    }
    return status;
}

void row_work_free(row_work *work)
{
    free(work->p);
    free(work->values);
    free(work->lower);
    free(work->upper);
    free(work->exponent2);
    free(work->dense);
    free(work->left);
    free(work->right);
    thm_spectrum_work_free(work->spectrum);
    *work = (row_work){0};
}

thm_status row_probs(const spectrum_rows *rows, int row, double *p, double *J)
{
    const spectrum_request *r = rows->request;
    const double *x = rows_at(rows, row);
    thm_norm norm =
        r->variant == VARIANT_NORM_STD ? THM_NORM_STD : THM_NORM_VAR;
    thm_status status = THM_OK;
    if (r->probs != NULL) {
        for (int i = 0; i < rows->n; i++) {
            p[i] = x[i];
        }
    } else if (r->variant == VARIANT_SOFTMAX) {
        status = thm_softmax(rows->n, x, r->tau, p);
    } else {
        status = thm_normsoftmax(rows->n, x, r->tau, norm, p, NULL);
    }
    if (status != THM_OK || J == NULL) {
        return status;
    }
    if (r->variant == VARIANT_SOFTMAX) {
        return thm_softmax_jacobian(rows->n, p, r->tau, J);
    }
    return thm_normsoftmax_jacobian(rows->n, x, r->tau, norm, p, J);
}

thm_status rows_save_jacobian(const spectrum_rows *rows, thm_message *msg)
{
    size_t n = (size_t)rows->n, count = (size_t)rows->count, square, total;
    if (thm_size_mul(n, n, &square) != THM_OK ||
        thm_size_mul(square, count, &total) != THM_OK ||
        thm_size_mul(total, sizeof(double), &total) != THM_OK) {
        return thm_fail(THM_EOVERFLOW, msg,
                        "--jacobian: %zu x %zu x %zu "
                        "numbers are too many",
                        count, n, n);
    }
    double *p = malloc(n * sizeof *p), *J = malloc(total);
    thm_status status = p != NULL && J != NULL ? THM_OK : THM_ENOMEM;
    for (int i = 0; i < rows->count && status == THM_OK; i++) {
        status = row_probs(rows, i, p, J + (size_t)i * square);
    }
    if (status == THM_OK) {
        thm_tensor_out out = {
            .name = "jacobian", .ndim = 3, .shape = {count, n, n}, .data = J};
        status = thm_tensor_write(rows->request->jacobian, 1, &out, msg);
    }
    free(p);
    free(J);
    return status;
}

/* Adds value, which may be NULL, under key; no key is ever set twice. */
static thm_status put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 ? THM_OK : THM_ENOMEM;
}

thm_status row_put_extremes(json_t *object, int n, const double *values, int k)
{
    k = k < n ? k : n;
    thm_status status = put(object, "smallest", thm_json_reals(k, values));
    return status != THM_OK
               ? status
               : put(object, "largest", thm_json_reals(k, values + (n - k)));
}

static json_t *json_matrix(int rows, int n, const double *a)
{
    json_t *array = json_array();
    for (int i = 0; i < rows && array != NULL; i++) {
        json_t *line = thm_json_reals(n, a + (size_t)i * (size_t)n);
        if (json_array_append_new(array, line) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

/* norm2, lambda_min_nonzero (NAN if there is none) and how many nonzero
 * eigenvalues underflow: from all eigenvalues in work->values if `all`, else
 * from the extreme ones in O(n). */
static thm_status summarise(row_work *work, bool all, double *norm2,
                            double *smallest, thm_spectrum_stats *stats)
{
    int n = work->n;
    thm_spectrum_stats first = {0};
    thm_status status;
    *smallest = (double)NAN;
    if (!all) {
        status = thm_spectrum_range(work->spectrum, n - 1, 1, norm2, stats);
        if (status != THM_OK || stats->zeros >= n) {
            return status;
        }
        status = thm_spectrum_range(work->spectrum, stats->zeros, 1, smallest,
                                    &first);
        if (status != THM_OK || first.underflowed == 0) {
            return status;
        }
    }
    status = thm_spectrum_values(work->spectrum, work->values, stats);
    if (status != THM_OK) {
        return status;
    }
    *norm2 = work->values[n - 1];
    if (stats->zeros < n) {
        *smallest = work->values[stats->zeros];
    }
    return THM_OK;
}

/* The k smallest and the k largest, vectors with them if asked for. */
static thm_status put_extremes(const spectrum_request *r, row_work *work,
                               json_t *object)
{
    int n = work->n, k = r->extremes < n ? r->extremes : n;
    static const char *const keys[2][2] = {{"smallest", "smallest_vectors"},
                                           {"largest", "largest_vectors"}};
    for (int side = 0; side < 2; side++) {
        int first = side == 0 ? 0 : n - k;
        thm_status status =
            r->vectors ? thm_spectrum_vectors(work->spectrum, first, k,
                                              work->values, work->dense, NULL)
                       : thm_spectrum_range(work->spectrum, first, k,
                                            work->values, NULL);
        if (status == THM_OK) {
            status =
                put(object, keys[side][0], thm_json_reals(k, work->values));
        }
        if (status == THM_OK && r->vectors) {
            status = put(object, keys[side][1], json_matrix(k, n, work->dense));
        }
        if (status != THM_OK) {
            return status;
        }
    }
    return THM_OK;
}

/* Encloses every eigenvalue of the exact J. */
static thm_status put_enclosure(row_work *work, int zeros, json_t *object,
                                bool *certified)
{
    int n = work->n;
    thm_status status = thm_spectrum_encl(work->spectrum, work->lower,
                                          work->upper, work->exponent2);
    if (status != THM_OK) {
        return status;
    }
    json_t *exponents = json_array();
    bool row_certified = true;
    for (int i = 0; i < n; i++) {
        json_array_append_new(exponents, json_integer(work->exponent2[i]));
        row_certified = row_certified && (i < zeros || work->lower[i] > 0);
    }
    *certified = *certified && row_certified;
    status = json_array_size(exponents) == (size_t)n ? THM_OK : THM_ENOMEM;
    const struct {
        const char *key;
        json_t *value;
    } fields[] = {{"lower", thm_json_reals(n, work->lower)},
                  {"upper", thm_json_reals(n, work->upper)},
                  {"exponent2", exponents},
                  {"certified", json_boolean(row_certified)},
                  {"evidence", json_string("enclosure")}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (put(object, fields[i].key, fields[i].value) != THM_OK) {
            status = THM_ENOMEM;
        }
    }
    return status;
}

thm_status row_measure(const spectrum_rows *rows, int row, row_work *work,
                       json_t *object, bool *certified)
{
    const spectrum_request *r = rows->request;
    const double *x = rows_at(rows, row);
    int n = rows->n;
    double entropy = 0, trace = 0, norm2 = 0, smallest = 0;
    thm_spectrum_stats stats = {0};
    thm_status status = row_probs(rows, row, work->p, NULL);
    if (status == THM_OK) {
        status = r->probs != NULL
                     ? thm_probs_entropy(n, x, &entropy, NULL)
                     : thm_softmax_entropy(n, x, r->tau, &entropy, NULL);
    }
    if (status == THM_OK) {
        status = thm_softmax_jacobian_trace(n, work->p, r->tau, &trace);
    }
    if (status == THM_OK) {
        status = r->probs != NULL
                     ? thm_spectrum_load_probs(work->spectrum, n, x, r->tau)
                     : thm_spectrum_load_logits(work->spectrum, n, x, r->tau);
    }
    bool pairs = r->vectors && r->extremes == 0;
    if (status == THM_OK) {
        status = summarise(work, r->values || pairs, &norm2, &smallest, &stats);
    }
    if (status != THM_OK) {
        return status;
    }
    if (put(object, "row", json_integer(row)) != THM_OK ||
        put(object, "n", json_integer(n)) != THM_OK ||
        put(object, "tau", thm_json_real(r->tau)) != THM_OK ||
        put(object, "entropy", thm_json_real(entropy)) != THM_OK ||
        put(object, "norm2", thm_json_real(norm2)) != THM_OK ||
        put(object, "trace", thm_json_real(trace)) != THM_OK ||
        put(object, "lambda_min_nonzero", thm_json_real(smallest)) != THM_OK ||
        put(object, "underflowed", json_integer(stats.underflowed)) != THM_OK) {
        return THM_ENOMEM;
    }
    if (r->probs != NULL) {
        status = put(object, "sum_error", thm_json_real(rows->sum_error[row]));
    }
    if (status == THM_OK && (r->values || pairs)) {
        status = put(object, "eigenvalues", thm_json_reals(n, work->values));
    }
    if (status == THM_OK && pairs) {
        status = thm_spectrum_vectors(work->spectrum, 0, n, work->values,
                                      work->dense, NULL);
    }
    if (status == THM_OK && pairs) {
        status = put(object, "eigenvectors", json_matrix(n, n, work->dense));
    }
    if (status == THM_OK && r->extremes > 0) {
        status = put_extremes(r, work, object);
    }
    if (status == THM_OK && r->certify) {
        status = put_enclosure(work, stats.zeros, object, certified);
    }
    return status;
}
