/* What a function of the library can answer, from one table.
 *
 * Every fallible function returns a thm_status.  On anything but THM_OK its
 * outputs are untouched unless its header says otherwise.  A reader of user
 * data also fills a thm_message: one line that names the place (file, line or
 * byte), what was expected and what was found. */
#ifndef THM_STATUS_H
#define THM_STATUS_H

#include <stddef.h>

#define THM_STATUS_TABLE(X)                                                    \
    X(THM_OK, "success")                                                       \
    X(THM_EDIM, "a dimension is out of range")                                 \
    X(THM_EDOMAIN, "an argument lies outside the domain")                      \
    X(THM_ENOMEM, "out of memory")                                             \
    X(THM_EOVERFLOW, "a size or a value overflows")                            \
    X(THM_ECONVERGE, "an iteration did not reach its residual test")           \
    X(THM_ESINGULAR, "a matrix is singular or not positive definite")          \
    X(THM_EFORMAT, "the input is malformed")                                   \
    X(THM_EIO, "a file could not be read or written")                          \
    X(THM_EINTERRUPTED, "interrupted")                                         \
    X(THM_EINTERNAL, "an internal check failed")

typedef enum {
#define THM_STATUS_ENUM(name, text) name,
    THM_STATUS_TABLE(THM_STATUS_ENUM)
#undef THM_STATUS_ENUM
} thm_status;

/* The text of a status; "unknown status" for a value outside the table. */
const char *thm_status_text(thm_status status);

/* One line for a human, without a newline at its end. */
typedef struct {
    char text[512];
} thm_message;

/* Writes a formatted line into msg (NULL is allowed: nothing is kept) and
 * returns status, so that a reader fails with one statement.  Control
 * characters become '?', what does not fit is cut. */
thm_status thm_fail(thm_status status, thm_message *msg, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* a * b and a + b in size_t; THM_EOVERFLOW, *out untouched, if they wrap. */
thm_status thm_size_mul(size_t a, size_t b, size_t *out);
thm_status thm_size_add(size_t a, size_t b, size_t *out);

#endif
