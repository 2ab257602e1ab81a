/* The instance of a program: see instance.h. */
#include "programs/instance.h"

#include <stddef.h>

static const char fashion_images[] =
    THM_FASHION_MNIST "t10k-images-idx3-ubyte.gz";

static double given(double x)
{
    return x < 0.0 ? 1.0 : x;
}

static const char *sizes_text(const instance_request *r)
{
    return r->attention ? "N,n,D,d,H[,m]" : "N,n,D,d,H,m";
}

static thm_status read_sizes(const instance_request *r, thm_instance_plan *plan,
                             thm_message *msg)
{
    if (thm_instance_sizes("--draw", r->draw, plan, msg) != THM_OK ||
        (plan->m < 1 && !r->attention)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--draw: expected sizes %s of at least 1, found \"%s\"",
                        sizes_text(r), r->draw);
    }
    plan->m = r->attention ? 0 : plan->m;
    return THM_OK;
}

static thm_status draw(const instance_request *r, uint64_t seed,
                       thm_instance *out, thm_message *msg)
{
    thm_instance_plan plan = thm_instance_plan_default();
    thm_idx images = {0};
    const char *path = r->images ? r->images : fashion_images;
    plan.kernel = (thm_kernel)r->kernel;
    plan.scheme =
        r->scheme < 0 ? THM_SCHEME_INDEPENDENT : (thm_scheme)r->scheme;
    plan.s = given(r->s);
    plan.s_x = given(r->s_x);
    plan.s_v = given(r->s_v);
    plan.s_o = given(r->s_o);
    plan.s_y = given(r->s_y);
    plan.seed = seed;
    thm_status status = read_sizes(r, &plan, msg);
    if (status == THM_OK) {
        status = thm_instance_scale(r->files.scale, plan.d, &plan.c, msg);
    }
    if (status == THM_OK && (r->fashion || r->images)) {
        status = thm_idx_read(path, plan.N, &images, msg);
        plan.images = &images;
    }
    if (status == THM_OK) {
        status = thm_instance_draw(&plan, out, msg);
        if (status == THM_EOVERFLOW) {
            status = thm_fail(status, msg,
                              "--draw: expected arrays of fewer than 2^31 "
                              "numbers, found %s, which overflows",
                              r->draw);
        }
    }
    thm_idx_free(&images);
    return status;
}

thm_status instance_open(const instance_request *r, uint64_t seed,
                         thm_instance *out, thm_message *msg)
{
    const size_t needed = r->attention ? 3 : 6;
    const bool drawn = r->draw != NULL;
    const struct {
        bool given, with_draw;
        const char *name;
    } options[] = {{r->files.x != NULL, false, "--x"},
                   {r->files.wq != NULL, false, "--wq"},
                   {r->files.wk != NULL, false, "--wk"},
                   {r->files.y != NULL, false, "--y"},
                   {r->files.wv != NULL, false, "--wv"},
                   {r->files.wo != NULL, false, "--wo"},
                   {r->files.shape != NULL, false, "--shape"},
                   {r->s >= 0.0, true, "--scale"},
                   {r->s_x >= 0.0, true, "--x-scale"},
                   {r->s_v >= 0.0, true, "--v-scale"},
                   {r->s_o >= 0.0, true, "--o-scale"},
                   {r->s_y >= 0.0, true, "--y-scale"},
                   {r->scheme >= 0, true, "--scheme"},
                   {r->fashion, true, "--fashion"},
                   {r->images != NULL, true, "--images"}};
    for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
        if (options[k].given && options[k].with_draw != drawn) {
            return thm_fail(THM_EDOMAIN, msg, "%s: expected %s%s, found %s",
                            options[k].name, drawn ? "no --draw" : "--draw ",
                            drawn ? "" : sizes_text(r),
                            drawn ? "both" : "nothing");
        }
    }
    for (size_t k = 0; k < needed && !drawn; k++) {
        if (!options[k].given) {
            return thm_fail(THM_EDOMAIN, msg,
                            "expected %s FILE, or --draw %s, found nothing",
                            options[k].name, sizes_text(r));
        }
    }
    if (drawn) {
        return draw(r, seed, out, msg);
    }
    thm_instance_files files = r->files;
    files.kernel = (thm_kernel)r->kernel;
    return thm_instance_read(&files, out, msg);
}
