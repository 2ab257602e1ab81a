/* The instance that a program on the single-layer model works on: read from
 * files, or drawn. */
#ifndef INSTANCE_H
#define INSTANCE_H

#include <stdint.h>
#include "attn/instance.h"
#include "core/options.h"

typedef struct {
    thm_instance_files files;
    const char *draw; /* "N,n,D,d,H,m"                  */
    int kernel, scheme;
    double s, s_v, s_o, s_y; /* of a drawn one; NaN: not given */
} instance_request;

#define INSTANCE_REQUEST_DEFAULT                                               \
    {                                                                          \
        .s = NAN, .s_v = NAN, .s_o = NAN, .s_y = NAN                           \
    }

#define INSTANCE_FILE(r, name, field, help)                                    \
    {                                                                          \
        name, 0, "FILE", THM_OPTION_TEXT, &(r).files.field, help, 0, 0         \
    }

/* Rows of an option table; the seed has a row of its own. */
#define INSTANCE_OPTIONS(r)                                                    \
    INSTANCE_FILE(r, "x", x, "tokens X (N x n x D), safetensors or text"),     \
        INSTANCE_FILE(r, "y", y, "targets Y (N x n x m)"),                     \
        INSTANCE_FILE(r, "wq", wq, "query weights (H x D x d)"),               \
        INSTANCE_FILE(r, "wk", wk, "key weights (H x D x d)"),                 \
        INSTANCE_FILE(r, "wv", wv, "value weights (H x D x d)"),               \
        INSTANCE_FILE(r, "wo", wo, "output weights (H x d x m)"),              \
        {"shape",                                                              \
         0,                                                                    \
         "N,n,D",                                                              \
         THM_OPTION_TEXT,                                                      \
         &(r).files.shape,                                                     \
         "how a text of X is cut into samples",                                \
         0,                                                                    \
         0},                                                                   \
        {"draw",                                                               \
         0,                                                                    \
         "N,n,D,d,H,m",                                                        \
         THM_OPTION_TEXT,                                                      \
         &(r).draw,                                                            \
         "draw everything instead",                                            \
         0,                                                                    \
         0},                                                                   \
        {"scale", 0,                                                           \
         "X",     THM_OPTION_REAL,                                             \
         &(r).s,  "scale of a drawn W_Q, W_K (default 1)",                     \
         0,       DBL_MAX},                                                    \
        {"scale-v", 0,                                                         \
         "X",       THM_OPTION_REAL,                                           \
         &(r).s_v,  "scale of a drawn W_V (default 1)",                        \
         0,         DBL_MAX},                                                  \
        {"scale-o", 0,                                                         \
         "X",       THM_OPTION_REAL,                                           \
         &(r).s_o,  "scale of a drawn W_O (default 1)",                        \
         0,         DBL_MAX},                                                  \
        {"scale-y", 0,                                                         \
         "X",       THM_OPTION_REAL,                                           \
         &(r).s_y,  "scale of a drawn Y (default 1)",                          \
         0,         DBL_MAX},                                                  \
        {"scheme",                                                             \
         0,                                                                    \
         THM_SCHEME_CHOICE,                                                    \
         THM_OPTION_CHOICE,                                                    \
         &(r).scheme,                                                          \
         "how W_Q, W_K are drawn (default independent)",                       \
         0,                                                                    \
         0},                                                                   \
        {"kernel",                                                             \
         0,                                                                    \
         THM_KERNEL_CHOICE,                                                    \
         THM_OPTION_CHOICE,                                                    \
         &(r).kernel,                                                          \
         "attention kernel (default softmax)",                                 \
         0,                                                                    \
         0},                                                                   \
    {                                                                          \
        "kernel-scale", 0, "C", THM_OPTION_TEXT, &(r).files.scale,             \
            "its scale c, or half for 1 / (2 sqrt d) (default 1 / sqrt d)", 0, \
            0                                                                  \
    }

/* Reads or draws; every array is there.  THM_EDOMAIN if neither --draw nor all
 * of the files were given, or both; as thm_instance_read and _draw. */
thm_status instance_open(const instance_request *request, uint64_t seed,
                         thm_instance *out, thm_message *msg);

#endif
