/* The instance that attn-rank is asked about: see request.h. */
#include "programs/attn_rank/request.h"

#include <stddef.h>

static const char fashion_images[] =
    THM_FASHION_MNIST "t10k-images-idx3-ubyte.gz";

static thm_status draw(const request *r, thm_instance *out, thm_message *msg)
{
    thm_instance_plan plan = thm_instance_plan_default();
    thm_idx images = {0};
    const char *path = r->images ? r->images : fashion_images;
    plan.kernel = (thm_kernel)r->kernel;
    plan.scheme =
        r->scheme < 0 ? THM_SCHEME_INDEPENDENT : (thm_scheme)r->scheme;
    plan.s = r->s < 0.0 ? 1.0 : r->s;
    plan.s_x = r->s_x < 0.0 ? 1.0 : r->s_x;
    plan.seed = r->seed;
    thm_status status = thm_instance_sizes("--draw", r->draw, &plan, msg);
    if (status == THM_OK) {
        status = thm_instance_scale(r->kernel_scale, plan.d, &plan.c, msg);
    }
    if (status == THM_OK && (r->fashion || r->images)) {
        status = thm_idx_read(path, plan.N, &images, msg);
        plan.images = &images;
    }
    if (status == THM_OK) {
        status = thm_instance_draw(&plan, out, msg);
    }
    thm_idx_free(&images);
    return status;
}

thm_status request_instance(const request *r, thm_instance *out,
                            thm_message *msg)
{
    const bool drawn = r->draw != NULL;
    const struct {
        bool given, with_draw;
        const char *name;
    } options[] = {{r->files.x != NULL, false, "--x"},
                   {r->files.wq != NULL, false, "--wq"},
                   {r->files.wk != NULL, false, "--wk"},
                   {r->files.shape != NULL, false, "--shape"},
                   {r->s >= 0.0, true, "--scale"},
                   {r->s_x >= 0.0, true, "--x-scale"},
                   {r->scheme >= 0, true, "--scheme"},
                   {r->fashion, true, "--fashion"},
                   {r->images != NULL, true, "--images"}};
    thm_status status = THM_OK;
    for (size_t k = 0; k < sizeof options / sizeof *options; k++) {
        if (status == THM_OK && options[k].given &&
            options[k].with_draw != drawn) {
            status = thm_fail(THM_EDOMAIN, msg, "%s: expected %s, found %s",
                              options[k].name,
                              drawn ? "no --draw" : "--draw N,n,D,d,H",
                              drawn ? "both" : "nothing");
        }
    }
    for (int k = 0; k < 3 && status == THM_OK && !drawn; k++) {
        if (!options[k].given) {
            status = thm_fail(THM_EDOMAIN, msg,
                              "expected %s FILE, or --draw N,n,D,d,H, found "
                              "nothing",
                              options[k].name);
        }
    }
    if (status != THM_OK) {
        return status;
    }
    thm_instance_files files = r->files;
    files.kernel = (thm_kernel)r->kernel;
    files.scale = r->kernel_scale;
    return drawn ? draw(r, out, msg) : thm_instance_read(&files, out, msg);
}
