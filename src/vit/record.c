/* Records of a run in a checkpoint: see record.h.
 *
 * The version, the whole members in the order of WHOLE, the seed's halves, the
 * real members in that of REAL, the attention of each layer. */
#include "vit/record.h"

#include <assert.h>
#include <limits.h>
#include <math.h>

enum { VERSION = 1 };

/* X(member, its type) */
#define WHOLE(X)                                                               \
    X(config.input, thm_vit_input)                                             \
    X(config.tokens, int)                                                      \
    X(config.features, int)                                                    \
    X(config.width, int)                                                       \
    X(config.depth, int)                                                       \
    X(config.heads, int)                                                       \
    X(config.head_width, int)                                                  \
    X(config.mlp_width, int)                                                   \
    X(config.outputs, int)                                                     \
    X(config.pool, thm_vit_pool)                                               \
    X(config.positions, thm_vit_positions)                                     \
    X(config.causal, bool)                                                     \
    X(config.norm, bool)                                                       \
    X(config.residual, bool)                                                   \
    X(config.qkv_bias, bool)                                                   \
    X(task.kind, thm_task_kind)                                                \
    X(task.tokens, int)                                                        \
    X(task.patch, int)                                                         \
    X(task.size, int)                                                          \
    X(task.half, bool)
#define REAL(X)                                                                \
    X(config.weight_std)                                                       \
    X(scale)                                                                   \
    X(smoothing)                                                               \
    X(task.prior)

#define ONE_OF(...) +1
enum { USED = 1 WHOLE(ONE_OF) + 2 REAL(ONE_OF) + THM_VIT_LAYERS };
static_assert((int)USED == (int)THM_VIT_RECORD_SIZE, "as many as are put");

static const double HALF_SEED = 4294967296.0;

void thm_vit_record_put(const thm_vit_record *r,
                        double numbers[THM_VIT_RECORD_SIZE])
{
    int n = 0;
    numbers[n++] = VERSION;
#define PUT_WHOLE(member, type) numbers[n++] = (double)r->member;
    WHOLE(PUT_WHOLE)
    numbers[n++] = (double)(r->seed >> 32);
    numbers[n++] = (double)(r->seed & UINT32_MAX);
#define PUT_REAL(member) numbers[n++] = r->member;
    REAL(PUT_REAL)
    for (int l = 0; l < THM_VIT_LAYERS; l++) {
        numbers[n++] = (double)r->config.attention[l];
    }
}

typedef struct {
    const double *numbers;
    int at, bad; /* next number; the first that is none, or -1 */
} reader;

/* The next number, if it is finite and, below > 0, whole and in [0, below). */
static double take(reader *from, double below)
{
    const double x = from->numbers[from->at];
    const bool good =
        below > 0.0 ? x >= 0.0 && x < below && floor(x) == x : isfinite(x);
    if (!good && from->bad < 0) {
        from->bad = from->at;
    }
    from->at++;
    return good ? x : 0.0;
}

thm_status thm_vit_record_get(const char *where, size_t count,
                              const double *numbers, thm_vit_record *record,
                              thm_message *msg)
{
    thm_vit_record r = {0};
    reader from = {.numbers = numbers, .at = 1, .bad = -1};
    if (count != THM_VIT_RECORD_SIZE || !(numbers[0] == VERSION)) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: " THM_VIT_RECORD_NAME
                        ": expected %d numbers, the first %d, found %zu",
                        where, THM_VIT_RECORD_SIZE, VERSION, count);
    }
#define GET_WHOLE(member, type) r.member = (type)(int)take(&from, INT_MAX);
    WHOLE(GET_WHOLE)
    r.seed = (uint64_t)take(&from, HALF_SEED) << 32;
    r.seed |= (uint64_t)take(&from, HALF_SEED);
#define GET_REAL(member) r.member = take(&from, 0.0);
    REAL(GET_REAL)
    for (int l = 0; l < THM_VIT_LAYERS; l++) {
        r.config.attention[l] =
            (thm_vit_attention)(int)take(&from, THM_VIT_QK_NORM + 1);
    }
    if (from.bad >= 0) {
        return thm_fail(THM_EFORMAT, msg,
                        "%s: " THM_VIT_RECORD_NAME
                        ": expected what a checkpoint writes, found %g at "
                        "number %d",
                        where, numbers[from.bad], from.bad);
    }
    thm_message why = {""};
    if (thm_vit_config_check(&r.config, &why) != THM_OK) {
        return thm_fail(THM_EFORMAT, msg, "%s: " THM_VIT_RECORD_NAME ": %.200s",
                        where, why.text);
    }
    *record = r;
    return THM_OK;
}
