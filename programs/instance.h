/* The instance that a program on the single-layer model works on: read from
 * files, or drawn. */
#ifndef INSTANCE_H
#define INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include "attn/instance.h"
#include "core/options.h"

/* Options as given; NULL or negative: not given. */
typedef struct {
    bool attention; /* X, Wq and Wk are all that the program asks for */
    thm_instance_files files;
    const char *draw; /* "N,n,D,d,H,m", of attention also without m     */
    double s, s_x, s_v, s_o, s_y;
    int scheme;
    bool fashion;
    const char *images;
    int kernel;
} instance_request;

#define INSTANCE_REQUEST_DEFAULT                                               \
    {                                                                          \
        .s = -1.0, .s_x = -1.0, .s_v = -1.0, .s_o = -1.0, .s_y = -1.0,         \
        .scheme = -1                                                           \
    }

/* Rows of an option table; the seed has a row of its own.  Of attention alone,
 * of all data but the kernel (for programs that take several), of everything.
 */
/* clang-format off */
#define INSTANCE_FILE(r, name, field, help)                                    \
    {name, 0, "FILE", THM_OPTION_TEXT, &(r).files.field, help, 0, 0}
#define INSTANCE_SCALE(r, name, field, help)                                   \
    {name, 0, "S", THM_OPTION_REAL, &(r).field, help, 0, DBL_MAX}
#define INSTANCE_TOKENS(r, sizes)                                              \
    INSTANCE_FILE(r, "x", x,                                                   \
                  "tokens X (N x n x D), safetensors (FILE:NAME) or text"),    \
    INSTANCE_FILE(r, "wq", wq, "query weights (H x D x d)"),                   \
    INSTANCE_FILE(r, "wk", wk, "key weights (H x D x d)"),                     \
    {"shape", 0, "N,n,D", THM_OPTION_TEXT, &(r).files.shape,                   \
     "how the rows of a text of X are samples and tokens", 0, 0},              \
    {"draw", 0, sizes, THM_OPTION_TEXT, &(r).draw,                             \
     "instead of files: draw everything from the seed", 0, 0},                 \
    INSTANCE_SCALE(r, "scale", s, "scale of drawn W_Q, W_K (default 1)"),      \
    INSTANCE_SCALE(r, "x-scale", s_x,                                          \
     "scale of drawn tokens (default 1: entries N(0, 1), pixels / 255)"),      \
    {"scheme", 0, THM_SCHEME_CHOICE, THM_OPTION_CHOICE, &(r).scheme,           \
     "how W_Q, W_K are drawn (default independent)", 0, 0},                    \
    {"fashion", 0, NULL, THM_OPTION_FLAG, &(r).fashion,                        \
     "with --draw: tokens are patches of Fashion-MNIST test images", 0, 0},    \
    {"images", 0, "FILE", THM_OPTION_TEXT, &(r).images,                        \
     "with --draw: tokens are patches of the images of this IDX file", 0, 0},  \
    {"kernel-scale", 0, "C", THM_OPTION_TEXT, &(r).files.scale,                \
     "c in exp(c q'k) and exp(-c |q - k|^2): a positive number, or half: "     \
     "1 / (2 sqrt d) (default 1 / sqrt d)", 0, 0}
#define INSTANCE_KERNEL(r)                                                     \
    {"kernel", 'k', THM_KERNEL_CHOICE, THM_OPTION_CHOICE, &(r).kernel,         \
     "attention (default softmax)", 0, 0}
#define INSTANCE_ATTENTION_OPTIONS(r)                                          \
    INSTANCE_TOKENS(r, "N,n,D,d,H[,m]"), INSTANCE_KERNEL(r)
#define INSTANCE_DATA_OPTIONS(r)                                               \
    INSTANCE_TOKENS(r, "N,n,D,d,H,m"),                                         \
    INSTANCE_FILE(r, "y", y, "targets Y (N x n x m)"),                         \
    INSTANCE_FILE(r, "wv", wv, "value weights (H x D x d)"),                   \
    INSTANCE_FILE(r, "wo", wo, "output weights (H x d x m)"),                  \
    INSTANCE_SCALE(r, "v-scale", s_v, "scale of a drawn W_V (default 1)"),     \
    INSTANCE_SCALE(r, "o-scale", s_o, "scale of a drawn W_O (default 1)"),     \
    INSTANCE_SCALE(r, "y-scale", s_y, "scale of a drawn Y (default 1)")
#define INSTANCE_OPTIONS(r) INSTANCE_DATA_OPTIONS(r), INSTANCE_KERNEL(r)
/* clang-format on */

/* Reads or draws; every array that is asked for is there.  Either --draw, or
 * all of the files; what belongs to the one is refused beside the other.
 * THM_EDOMAIN and the statuses of attn/instance.h and io/idx.h, with a message.
 */
thm_status instance_open(const instance_request *request, uint64_t seed,
                         thm_instance *out, thm_message *msg);

#endif
