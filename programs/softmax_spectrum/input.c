/* The input of softmax-spectrum: nothing is computed before all of it is known
 * to be good. */
#include "programs/softmax_spectrum/rows.h"

#include <math.h>
#include <stdlib.h>

#include "io/bytes.h"

static thm_status refuse(thm_message *msg, const char *expected,
                         const char *found)
{
    return thm_fail(THM_EDOMAIN, msg, "expected %s, found %s; see --help",
                    expected, found);
}

static thm_status check_request(const spectrum_request *r, thm_message *msg)
{
    if ((r->logits == NULL) == (r->probs == NULL)) {
        return refuse(msg, "one of --logits and --probs",
                      r->logits == NULL ? "none" : "both");
    }
    if (r->probs != NULL && r->masked) {
        return refuse(msg, "--masked with --logits (a probability may be 0)",
                      "it with --probs");
    }
    if (r->variant == VARIANT_SOFTMAX) {
        return THM_OK;
    }
    if (r->probs != NULL) {
        return refuse(msg, "--logits with a variant of NormSoftmax", "--probs");
    }
    if (r->masked || r->certify || r->vectors) {
        return refuse(msg, "singular values only of a variant of NormSoftmax",
                      r->masked    ? "--masked"
                      : r->certify ? "--certify"
                                   : "--vectors");
    }
    return THM_OK;
}

const double *rows_at(const spectrum_rows *rows, int row)
{
    return rows->tensor.data + (size_t)row * (size_t)rows->n;
}

static void place_of(const spectrum_rows *rows, int row, int column, char *out,
                     size_t size)
{
    thm_tensor_place(&rows->tensor, rows->where,
                     (size_t)row * (size_t)rows->n + (size_t)column, out, size);
}

static thm_status check_logits(const spectrum_rows *rows, int row,
                               thm_message *msg)
{
    const double *z = rows_at(rows, row);
    char place[384];
    double low = z[0], high = z[0];
    for (int i = 1; i < rows->n; i++) {
        low = fmin(low, z[i]);
        high = fmax(high, z[i]);
    }
    place_of(rows, row, 0, place, sizeof place);
    if (high == -HUGE_VAL) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected a token that is not masked, found none "
                        "in the row",
                        place);
    }
    if (rows->request->variant == VARIANT_SOFTMAX) {
        return THM_OK;
    }
    if (low == high) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected logits that differ (NormSoftmax has no "
                        "Jacobian at a constant row), found a constant row",
                        place);
    }
    return THM_OK;
}

/* sum p - 1 to about one rounding, however long the row (Neumaier's sum). */
static double sum_minus_one(int n, const double *p)
{
    double sum = -1, rest = 0;
    for (int i = 0; i < n; i++) {
        double t = sum + p[i];
        rest += fabs(sum) >= p[i] ? (sum - t) + p[i] : (p[i] - t) + sum;
        sum = t;
    }
    return sum + rest;
}

static thm_status check_probs(const spectrum_rows *rows, int row,
                              thm_message *msg)
{
    const double *p = rows_at(rows, row);
    char place[384];
    for (int i = 0; i < rows->n; i++) {
        if (!(p[i] >= 0)) {
            place_of(rows, row, i, place, sizeof place);
            return thm_fail(THM_EFORMAT, msg,
                            "%s: expected a probability, found %.17g", place,
                            p[i]);
        }
    }
    /* What rounding each p to the file's dtype and summing can cost. */
    double tol = rows->tensor.text ? rows->request->sum_tol
                                   : 2 * rows->n * rows->tensor.eps;
    double error = sum_minus_one(rows->n, p);
    rows->sum_error[row] = error;
    if (!(fabs(error) <= tol) || !(1 + error > 0)) {
        place_of(rows, row, 0, place, sizeof place);
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected probabilities that sum to 1 within %.3g, "
                        "found a row that sums to %.17g",
                        place, tol, 1 + error);
    }
    return THM_OK;
}

static thm_status check_rows(spectrum_rows *rows, thm_message *msg)
{
    const spectrum_request *request = rows->request;
    if (request->variant != VARIANT_SOFTMAX && rows->n < 2) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: expected rows of at least 2 logits, found 1",
                        thm_input_name(rows->where));
    }
    for (int i = 0; i < rows->count; i++) {
        thm_status status = request->probs != NULL ? check_probs(rows, i, msg)
                                                   : check_logits(rows, i, msg);
        if (status != THM_OK) {
            return status;
        }
    }
    return THM_OK;
}

thm_status rows_read(const spectrum_request *request, spectrum_rows *rows,
                     thm_message *msg)
{
    spectrum_rows r = {.request = request};
    thm_status status = check_request(request, msg);
    if (status != THM_OK) {
        return status;
    }
    r.where = request->probs != NULL ? request->probs : request->logits;
    status = thm_tensor_read(r.where, &r.tensor, msg);
    if (status == THM_OK) {
        status = thm_tensor_rows(&r.tensor, r.where, &r.count, &r.n, msg);
    }
    if (status == THM_OK) {
        status = thm_tensor_finite(&r.tensor, r.where, request->masked, msg);
    }
    if (status == THM_OK && request->probs != NULL) {
        r.sum_error = calloc((size_t)r.count, sizeof *r.sum_error);
        status = r.sum_error == NULL ? THM_ENOMEM : THM_OK;
    }
    if (status == THM_OK) {
        status = check_rows(&r, msg);
    }
    if (status != THM_OK) {
        rows_free(&r);
        return status;
    }
    *rows = r;
    return THM_OK;
}

void rows_free(spectrum_rows *rows)
{
    thm_tensor_free(&rows->tensor);
    free(rows->sum_error);
    rows->sum_error = NULL;
}
