/* Oracle: the formulas of vit/config.h and vit/model.h in plain loops over one
 * sample, long doubles, sharing nothing with the model but the names of its
 * tensors. */
#include "tests/scratch.h"
#include "tests/vit_case.h"

typedef long double ld;

enum { MOST = 24 }; /* tokens, widths */

typedef struct {
    const vit_case *v;
    int T, D;
    ld x[MOST][MOST];
} stream;

/* The tensor, or NULL. */
static const double *find(const stream *s, int layer, const char *name)
{
    char full[THM_VIT_NAME];
    if (layer >= 0) {
        snprintf(full, sizeof full, "blocks.%d.%s", layer, name);
        name = full;
    }
    const thm_vit_tensor *t = thm_vit_find(&s->v->layout, name);
    return t == NULL ? NULL : s->v->params + t->offset;
}

static void normed(const stream *s, const ld *x, const double *gain,
                   const double *shift, ld *y)
{
    ld mean = 0, square = 0;
    for (int j = 0; j < s->D; j++) {
        mean += x[j] / s->D;
    }
    for (int j = 0; j < s->D; j++) {
        square += (x[j] - mean) * (x[j] - mean) / s->D;
    }
    for (int j = 0; j < s->D; j++) {
        y[j] = gain == NULL
                   ? x[j]
                   : (x[j] - mean) / sqrtl(square + 1e-6L) * (ld)gain[j] +
                         (ld)shift[j];
    }
}

static void linear(int in, int out, const ld *x, const double *W,
                   const double *bias, ld *y)
{
    for (int a = 0; a < out; a++) {
        y[a] = bias == NULL ? 0 : (ld)bias[a];
        for (int i = 0; i < in; i++) {
            y[a] += (ld)W[a * in + i] * x[i];
        }
    }
}

static void softmax(int n, ld *a)
{
    ld sum = 0;
    for (int j = 0; j < n; j++) {
        a[j] = expl(a[j]);
        sum += a[j];
    }
    for (int j = 0; j < n; j++) {
        a[j] /= sum;
    }
}

static ld dot(int n, const ld *x, const ld *y)
{
    ld sum = 0;
    for (int j = 0; j < n; j++) {
        sum += x[j] * y[j];
    }
    return sum;
}

/* Spread of a row as NormSoftmax has it. */
static ld spread_of(int n, const ld *s, bool variance)
{
    ld mean = 0, square = 0;
    for (int j = 0; j < n; j++) {
        mean += s[j] / n;
    }
    for (int j = 0; j < n; j++) {
        square += (s[j] - mean) * (s[j] - mean);
    }
    return variance ? square / n : sqrtl(square / (n - 1));
}

/* Row of n scores and distances |q - k|^2, cosines. */
static void attend(thm_vit_attention kind, int n, ld scale, ld gain,
                   const ld *s, const ld *far, const ld *cosine, ld *a)
{
    const ld spread =
        n == 1 ? 1 : spread_of(n, s, kind == THM_VIT_NORMSOFTMAX_VAR);
    for (int j = 0; j < n; j++) {
        switch (kind) {
        case THM_VIT_SOFTMAX:
            a[j] = scale * s[j];
            break;
        case THM_VIT_NORMSOFTMAX_STD:
        case THM_VIT_NORMSOFTMAX_VAR:
            a[j] = s[j] / fminl(spread, 1 / scale);
            break;
        case THM_VIT_GAUSSIAN:
            a[j] = expl(-scale * far[j]);
            break;
        case THM_VIT_GAUSSIAN_NORMALISED:
            a[j] = -scale * far[j];
            break;
        case THM_VIT_SIGMOID:
            a[j] = 1 / (1 + expl(-scale * s[j]));
            break;
        case THM_VIT_LINEAR:
            a[j] = scale * s[j] / n;
            break;
        case THM_VIT_UNIFORM:
            a[j] = 1.0L / n;
            break;
        case THM_VIT_QK_NORM:
            a[j] = gain * cosine[j];
            break;
        }
    }
    if (kind <= THM_VIT_NORMSOFTMAX_VAR || kind == THM_VIT_QK_NORM ||
        kind == THM_VIT_GAUSSIAN_NORMALISED) {
        softmax(n, a);
    }
}

static void attention(stream *s, int l)
{
    const thm_vit_config *c = &s->v->config;
    const int d = c->head_width, Hd = c->heads * d;
    static ld qkv[MOST][3 * MOST];
    ld n[MOST], z[MOST], y[MOST], score[MOST], far[MOST], cosine[MOST], a[MOST];
    const double *gain = find(s, l, "attn.gain");
    for (int t = 0; t < s->T; t++) {
        normed(s, s->x[t], find(s, l, "norm1.weight"), find(s, l, "norm1.bias"),
               n);
        linear(s->D, 3 * Hd, n, find(s, l, "attn.qkv.weight"),
               find(s, l, "attn.qkv.bias"), qkv[t]);
    }
    for (int t = 0; t < s->T; t++) {
        const int seen = c->causal ? t + 1 : s->T;
        for (int h = 0; h < c->heads; h++) {
            const ld *q = qkv[t] + h * d;
            for (int j = 0; j < seen; j++) {
                const ld *k = qkv[j] + Hd + h * d;
                const ld qq = dot(d, q, q), kk = dot(d, k, k);
                score[j] = dot(d, q, k);
                far[j] = 0;
                for (int i = 0; i < d; i++) {
                    far[j] += (q[i] - k[i]) * (q[i] - k[i]);
                }
                cosine[j] = score[j] / sqrtl(qq * kk);
            }
            attend(c->attention[l], seen, (ld)s->v->loss.scale[l],
                   gain == NULL ? 1 : (ld)gain[h], score, far, cosine, a);
            for (int i = 0; i < d; i++) {
                z[h * d + i] = 0;
                for (int j = 0; j < seen; j++) {
                    z[h * d + i] += a[j] * qkv[j][2 * Hd + h * d + i];
                }
            }
        }
        linear(Hd, s->D, z, find(s, l, "attn.proj.weight"),
               find(s, l, "attn.proj.bias"), y);
        for (int i = 0; i < s->D; i++) {
            s->x[t][i] = y[i] + (c->residual ? s->x[t][i] : 0);
        }
    }
}

static void mlp(stream *s, int l)
{
    const thm_vit_config *c = &s->v->config;
    ld n[MOST], h[MOST], y[MOST];
    for (int t = 0; t < s->T && c->mlp_width > 0; t++) {
        normed(s, s->x[t], find(s, l, "norm2.weight"), find(s, l, "norm2.bias"),
               n);
        linear(s->D, c->mlp_width, n, find(s, l, "mlp.fc1.weight"),
               find(s, l, "mlp.fc1.bias"), h);
        for (int i = 0; i < c->mlp_width; i++) {
            h[i] *= (1 + erfl(h[i] / sqrtl(2))) / 2;
        }
        linear(c->mlp_width, s->D, h, find(s, l, "mlp.fc2.weight"),
               find(s, l, "mlp.fc2.bias"), y);
        for (int i = 0; i < s->D; i++) {
            s->x[t][i] = y[i] + (c->residual ? s->x[t][i] : 0);
        }
    }
}

static void embed(stream *s, int sample)
{
    const thm_vit_config *c = &s->v->config;
    const double *W = find(s, -1, "patch_embed.proj.weight");
    const double *words = find(s, -1, "token_embed.weight");
    const double *positions = find(s, -1, "pos_embed");
    const int cls = c->pool == THM_VIT_CLS;
    for (int t = 0; t < s->T; t++) {
        const int at = sample * c->tokens + t - cls;
        ld x[MOST];
        if (t < cls) {
            for (int i = 0; i < s->D; i++) {
                s->x[t][i] = (ld)find(s, -1, "cls_token")[i];
            }
        } else if (words != NULL) {
            for (int i = 0; i < s->D; i++) {
                s->x[t][i] = (ld)words[s->v->ids[at] * s->D + i];
            }
        } else {
            for (int i = 0; i < c->features; i++) {
                x[i] = (ld)s->v->x[at * c->features + i];
            }
            linear(c->features, s->D, x, W,
                   find(s, -1, "patch_embed.proj.bias"), s->x[t]);
        }
        for (int i = 0; i < s->D; i++) {
            const ld angle = t * powl(10000, -(ld)(i / 2 * 2) / s->D);
            s->x[t][i] += positions != NULL ? (ld)positions[t * s->D + i]
                          : c->positions == THM_VIT_NO_POSITIONS ? 0
                          : i % 2 == 0                           ? sinl(angle)
                                                                 : cosl(angle);
        }
    }
}

/* 1/2 |output - target|^2 of one sample */
static ld loss_of(const vit_case *v, int sample)
{
    const thm_vit_config *c = &v->config;
    static stream s;
    ld out[MOST], y[MOST], pooled[MOST] = {0}, sum = 0;
    s.v = v;
    s.T = thm_vit_length(c);
    s.D = c->width;
    embed(&s, sample);
    for (int l = 0; l < c->depth; l++) {
        attention(&s, l);
        mlp(&s, l);
    }
    const bool each = c->pool == THM_VIT_PER_TOKEN;
    const int rows = c->pool == THM_VIT_CLS ? 1 : s.T;
    for (int t = 0; t < rows; t++) {
        normed(&s, s.x[t], find(&s, -1, "norm.weight"),
               find(&s, -1, "norm.bias"), y);
        for (int i = 0; i < s.D; i++) {
            pooled[i] = each ? y[i] : pooled[i] + y[i] / rows;
        }
        if (!each && t < rows - 1) {
            continue;
        }
        linear(s.D, c->outputs, pooled, find(&s, -1, "head.weight"),
               find(&s, -1, "head.bias"), out);
        const int row = each ? sample * c->tokens + t : sample;
        for (int j = 0; j < c->outputs; j++) {
            const ld want = (ld)v->targets[row * c->outputs + j];
            sum += isnan(v->targets[row * c->outputs])
                       ? 0
                       : (out[j] - want) * (out[j] - want) / 2;
        }
    }
    return sum;
}

static void check_config(const thm_vit_config *config, double scale)
{
    enum { COUNT = 4 };
    vit_case v;
    vit_draw(config, COUNT, 23, 0.35, &v);
    v.batch.labels = NULL;
    v.batch.targets = v.targets;
    for (int l = 0; scale > 0 && l < config->depth; l++) {
        v.loss.scale[l] = scale;
    }
    ld want = 0;
    for (int s = 0; s < COUNT; s++) {
        want += (ld)v.loss.weight * loss_of(&v, s);
    }
    /* some 40 operations deep in sums of 20 terms, NormSoftmax dividing by
     * spreads of 0.01 or more: errors of 1e4 u */
    const double loss = vit_loss_of(&v, false);
    ck_assert_double_gt((double)want, 0.1);
    ck_assert_double_le(fabs((double)(want - (ld)loss)),
                        1e4 * 0x1p-53 * (double)want);
    vit_drop(&v);
}

START_TEST(attention_variants)
{
    thm_vit_config c = vit_small();
    c.attention[0] = c.attention[1] = (thm_vit_attention)_i;
    c.depth = 2;
    c.heads = 3;
    check_config(&c, 0);
    check_config(&c, 3); /* tau below most spreads */
    c.tokens = 1;
    c.pool = THM_VIT_MEAN;
    check_config(&c, 0);
    c.tokens = 6;
    c.pool = THM_VIT_PER_TOKEN;
    c.causal = true;
    check_config(&c, 0);
}
END_TEST

START_TEST(parts_of_the_model)
{
    thm_vit_config c = vit_small();
    c.depth = 2;
    for (int k = 0; k < 48; k++) {
        c.norm = k % 2 == 0;
        c.residual = k / 2 % 2 == 0;
        c.mlp_width = k / 4 % 2 == 0 ? 5 : 0;
        c.qkv_bias = k / 8 % 2 == 0;
        c.pool = (thm_vit_pool)(k / 16);
        c.positions = (thm_vit_positions)(k % 3);
        c.input = k % 5 < 2 ? THM_VIT_VOCABULARY : THM_VIT_VECTORS;
        check_config(&c, 0);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("vit_forward");
    TCase *t = tcase_create("formulas");
    tcase_add_loop_test(t, attention_variants, 0, THM_VIT_QK_NORM + 1);
    tcase_add_test(t, parts_of_the_model);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return run_suite(suite());
}
