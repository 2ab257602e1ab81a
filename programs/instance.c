/* The instance of a program: see instance.h. */
#include "programs/instance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static thm_status read_files(const instance_request *r, thm_instance *out,
                             thm_message *msg)
{
    const struct {
        const char *name, *value;
    } needed[] = {{"--x", r->files.x},   {"--y", r->files.y},
                  {"--wq", r->files.wq}, {"--wk", r->files.wk},
                  {"--wv", r->files.wv}, {"--wo", r->files.wo}};
    for (int k = 0; k < 6; k++) {
        if (!needed[k].value) {
            return thm_fail(THM_EDOMAIN, msg,
                            "expected %s FILE or --draw N,n,D,d,H,m, found "
                            "nothing",
                            needed[k].name);
        }
    }
    if (!isnan(r->s) || !isnan(r->s_v) || !isnan(r->s_o) || !isnan(r->s_y)) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--scale: expected --draw beside it, found files");
    }
    thm_instance_files files = r->files;
    files.kernel = (thm_kernel)r->kernel;
    return thm_instance_read(&files, out, msg);
}

static double given(double x)
{
    return isnan(x) ? 1.0 : x;
}

static thm_status draw(const instance_request *r, uint64_t seed,
                       thm_instance *out, thm_message *msg)
{
    const thm_instance_files *f = &r->files;
    thm_instance_plan plan = thm_instance_plan_default();
    const char *last = strrchr(r->draw, ',');
    char sizes[128];
    if (f->x || f->y || f->wq || f->wk || f->wv || f->wo || f->shape) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--draw: expected no files beside it, found one");
    }
    if (!last || (size_t)(last - r->draw) >= sizeof sizes ||
        !thm_parse_int(last + 1, &plan.m) || plan.m < 1) {
        return thm_fail(THM_EDOMAIN, msg,
                        "--draw: expected N,n,D,d,H,m, found %s", r->draw);
    }
    memcpy(sizes, r->draw, (size_t)(last - r->draw));
    sizes[last - r->draw] = '\0';
    thm_status status = thm_instance_sizes("--draw", sizes, &plan, msg);
    if (status == THM_OK) {
        status = thm_instance_scale(f->scale, plan.d, &plan.c, msg);
    }
    if (status != THM_OK) {
        return status;
    }
    plan.kernel = (thm_kernel)r->kernel;
    plan.scheme = (thm_scheme)r->scheme;
    plan.s = given(r->s);
    plan.s_v = given(r->s_v);
    plan.s_o = given(r->s_o);
    plan.s_y = given(r->s_y);
    plan.seed = seed;
    return thm_instance_draw(&plan, out, msg);
}

thm_status instance_open(const instance_request *r, uint64_t seed,
                         thm_instance *out, thm_message *msg)
{
    return r->draw ? draw(r, seed, out, msg) : read_files(r, out, msg);
}
