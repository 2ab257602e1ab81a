/* Matrices and vectors of finite numbers, with the sizes that others set. */
#include "io/bytes.h"
#include "io/tensor.h"

#include <limits.h>
#include <stdio.h>

thm_status thm_tensor_read_matrix(const char *spec, const char *of,
                                  thm_tensor *t, int *rows, int *cols,
                                  thm_message *msg)
{
    const char *where = thm_input_name(spec);
    thm_tensor read = {0};
    thm_status status = thm_tensor_read(spec, &read, msg);
    if (status != THM_OK) {
        return status;
    }
    const size_t n = read.ndim > 0 ? read.shape[read.ndim - 1] : 0;
    if (n == 0 || read.count == 0 || n > INT_MAX || read.count / n > INT_MAX) {
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: expected a matrix, found %zu numbers in rows of "
                          "%zu",
                          where, read.count, n);
        goto done;
    }
    const int found_rows = (int)(read.count / n), found_cols = (int)n;
    if ((*rows != 0 && *rows != found_rows) ||
        (*cols != 0 && *cols != found_cols)) {
        char width[40] = "";
        if (*cols != 0) {
            snprintf(width, sizeof width, " of %d numbers", *cols);
        }
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: expected %d rows%s (%s), found %d of %d", where,
                          *rows != 0 ? *rows : found_rows, width, of,
                          found_rows, found_cols);
        goto done;
    }
    status = thm_tensor_finite(&read, spec, false, msg);
    if (status == THM_OK) {
        *rows = found_rows;
        *cols = found_cols;
        *t = read;
        return THM_OK;
    }
done:
    thm_tensor_free(&read);
    return status;
}

thm_status thm_tensor_read_vector(const char *spec, const char *of,
                                  thm_tensor *t, int *n, thm_message *msg)
{
    thm_tensor read = {0};
    int rows, found;
    thm_status status = thm_tensor_read(spec, &read, msg);
    if (status == THM_OK) {
        status = thm_tensor_rows(&read, spec, &rows, &found, msg);
    }
    if (status == THM_OK && (rows != 1 || (*n != 0 && *n != found))) {
        char length[24] = "";
        if (*n != 0) {
            snprintf(length, sizeof length, "%d ", *n);
        }
        status = thm_fail(THM_EFORMAT, msg,
                          "%s: expected %snumbers in one row or column (%s), "
                          "found %d of %d",
                          thm_input_name(spec), length, of, rows, found);
    }
    if (status == THM_OK) {
        status = thm_tensor_finite(&read, spec, false, msg);
    }
    if (status != THM_OK) {
        thm_tensor_free(&read);
        return status;
    }
    *n = found;
    *t = read;
    return THM_OK;
}
