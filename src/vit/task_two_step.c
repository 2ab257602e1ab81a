/* What two-step tasks on tokens and on pictures share: the draw of the
 * indicators, and how often the first target is chosen. */
#include "vit/task_inside.h"

thm_status thm_two_step_check(const thm_task *task, thm_message *msg)
{
    const double prior = task->options.prior;
    if (!(prior >= 0 && prior <= 1)) {
        return thm_fail(THM_EDOMAIN, msg, "prior: expected 0 to 1, found %g",
                        prior);
    }
    return THM_OK;
}

/* The authors' code draws the second indicator by itself where prior is 1/2,
 * and where it is not, forces it with that chance: prior is no P(z = 1). */
static double forced(const thm_task *task)
{
    return task->options.prior == 0.5 ? 0.0 : task->options.prior;
}

thm_two_step thm_two_step_draw(const thm_task *task, double f1, thm_rng *rng)
{
    thm_two_step z;
    z.first = thm_rng_uniform(rng) < f1;
    const bool force = thm_rng_uniform(rng) < forced(task);
    const int alone = thm_rng_uniform(rng) < f1;
    z.second = force ? z.first : alone;
    z.top = task->one_step || z.first == z.second;
    return z;
}

double thm_two_step_chance(const thm_task *task, double f1)
{
    if (task->one_step) {
        return 1.0;
    }
    return forced(task) + (1 - forced(task)) * (f1 * f1 + (1 - f1) * (1 - f1));
}
