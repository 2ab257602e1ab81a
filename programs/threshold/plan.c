/* Cells of a threshold sweep: see threshold.h. */
#include "programs/threshold/threshold.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "core/options.h"
#include "core/version.h"

enum { MOST = 4096 }; /* D */

const char *threshold_train_text(int train)
{
    static const char *const texts[] = {"v", "q", "qk", "qkv"};
    return texts[train];
}

int threshold_cells(const threshold_plan *p)
{
    return p->n_dims * p->n_scales * p->n_schemes * p->n_kernels;
}

threshold_cell threshold_cell_at(const threshold_plan *p, int cell)
{
    const int kernel = cell % p->n_kernels, rest = cell / p->n_kernels,
              scheme = rest % p->n_schemes, more = rest / p->n_schemes;
    return (threshold_cell){.D = p->dims[p->n_dims - 1 - more / p->n_scales],
                            .scale = p->scales[more % p->n_scales],
                            .scheme = p->schemes[scheme],
                            .kernel = p->kernels[kernel]};
}

thm_status threshold_ladder(threshold_plan *p, thm_message *msg)
{
    if ((double)p->N * p->n * p->n > MOST / 2) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--dims: expected where 2 N n^2 exceeds %d, found none",
                        MOST);
    }
    const int T = p->N * p->n;
    const int steps[] = {(T + 1) / 2,     T - 1, T,           T + 1,
                         (3 * T + 1) / 2, 2 * T, 2 * T * p->n};
    int top = 0;
    p->n_dims = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        /* N n^2 comes before its double, unless that is 2 N n itself */
        if (i == 6 && p->n > 2) {
            p->dims[p->n_dims++] = T * p->n;
        }
        if (steps[i] > top) {
            top = steps[i];
            p->dims[p->n_dims++] = top;
        }
    }
    return THM_OK;
}

thm_status threshold_plan_text(const threshold_plan *p, const char *isa,
                               const char *blas_core, char **text)
{
    size_t size;
    *text = NULL;
    FILE *out = open_memstream(text, &size);
    if (!out) {
        return THM_ENOMEM;
    }
    fprintf(out,
            "version %s\nisa %s\nblas_core %s\ntrain %s\nstep %d\nN %d\nn "
            "%d\nd %d\nm %d\nH %d\nkernel_scale %.17g\ndata %s\nseeds "
            "%d\nsteps %d\nseed %" PRIu64 "\ndims",
            THM_VERSION, isa, blas_core, threshold_train_text(p->train),
            p->step, p->N, p->n, p->d, p->m, p->H, p->c,
            p->images ? "fashion" : "drawn", p->seeds, p->steps, p->seed);
    for (int i = 0; i < p->n_dims; i++) {
        fprintf(out, " %d", p->dims[i]);
    }
    fputs("\nscales", out);
    for (int i = 0; i < p->n_scales; i++) {
        fprintf(out, " %.17g", p->scales[i]);
    }
    fputs("\nschemes", out);
    for (int i = 0; i < p->n_schemes; i++) {
        fprintf(out, " %s", thm_scheme_text((thm_scheme)p->schemes[i]));
    }
    fputs("\nkernels", out);
    for (int i = 0; i < p->n_kernels; i++) {
        fprintf(out, " %s", thm_kernel_text((thm_kernel)p->kernels[i]));
    }
    fputc('\n', out);
    const bool good = !ferror(out);
    if (fclose(out) != 0 || !good) {
        free(*text);
        *text = NULL;
        return THM_ENOMEM;
    }
    return THM_OK;
}

/* ---- lists ----------------------------------------------------------------
 */

/* Takes element k of a list from a word; false if the word is none. */
typedef bool take_word(const char *word, int k, threshold_plan *plan);

static bool take_dim(const char *word, int k, threshold_plan *plan)
{
    int *dims = plan->dims;
    return thm_parse_int(word, &dims[k]) && dims[k] <= MOST &&
           dims[k] > (k > 0 ? dims[k - 1] : 0);
}

static bool take_scale(const char *word, int k, threshold_plan *plan)
{
    return thm_parse_real(word, &plan->scales[k]) && plan->scales[k] > 0 &&
           plan->scales[k] <= 1e6;
}

static bool take_scheme(const char *word, int k, threshold_plan *plan)
{
    int scheme = THM_SCHEME_INDEPENDENT;
    while (scheme <= THM_SCHEME_XAVIER &&
           strcmp(word, thm_scheme_text((thm_scheme)scheme)) != 0) {
        scheme++;
    }
    plan->schemes[k] = scheme;
    return scheme <= THM_SCHEME_XAVIER;
}

static bool take_kernel(const char *word, int k, threshold_plan *plan)
{
    int kernel = THM_KERNEL_SOFTMAX;
    while (kernel <= THM_KERNEL_GAUSSIAN_NORMALISED &&
           strcmp(word, thm_kernel_text((thm_kernel)kernel)) != 0) {
        kernel++;
    }
    plan->kernels[k] = kernel;
    return kernel <= THM_KERNEL_GAUSSIAN_NORMALISED;
}

static thm_status take_list(const char *option, const char *expected,
                            const char *text, take_word *take,
                            threshold_plan *plan, int *count, thm_message *msg)
{
    const char *p = text;
    for (int k = 0; k < THRESHOLD_LIST; k++) {
        char word[64] = "";
        const size_t n = strcspn(p, ",");
        if (n < sizeof word) {
            memcpy(word, p, n);
        }
        if (!take(word, k, plan)) {
            break;
        }
        p += n;
        if (*p == '\0') {
            *count = k + 1;
            return THM_OK;
        }
        p++;
    }
    return thm_fail(THM_EDOMAIN, msg, "%s: expected %s, found \"%s\"", option,
                    expected, text);
}

thm_status threshold_list_dims(const char *text, threshold_plan *plan,
                               thm_message *msg)
{
    return take_list("--dims",
                     "up to 64 ascending widths of at most 4096 between commas",
                     text, take_dim, plan, &plan->n_dims, msg);
}

thm_status threshold_list_scales(const char *text, threshold_plan *plan,
                                 thm_message *msg)
{
    return take_list("--scales",
                     "up to 64 positive numbers of at most 1e6 between commas",
                     text, take_scale, plan, &plan->n_scales, msg);
}

thm_status threshold_list_schemes(const char *text, threshold_plan *plan,
                                  thm_message *msg)
{
    return take_list("--schemes",
                     "words of " THM_SCHEME_CHOICE " between commas", text,
                     take_scheme, plan, &plan->n_schemes, msg);
}

thm_status threshold_list_kernels(const char *text, threshold_plan *plan,
                                  thm_message *msg)
{
    return take_list("--kernels",
                     "words of " THM_KERNEL_CHOICE " between commas", text,
                     take_kernel, plan, &plan->n_kernels, msg);
}
