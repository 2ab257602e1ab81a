/* The groups of recorded trainings: see recorded.h.  What an arm is (task,
 * attention, learning rate) says programs/eureka_runs/train.c. */
#include <stddef.h>
#include <string.h>
#include "claims/recorded.h"

const thm_recorded_group thm_recorded_groups[] = {
    {"tokens",
     6,
     {{"softmax", 1, 5, 10000, 1000},
      {"normsoftmax-std", 1, 5, 10000, 1000},
      {"one-step", 1, 5, 2000, 0},
      {"uniform", 1, 5, 10000, 1000},
      {"normsoftmax-var", 1, 5, 10000, 1000},
      {"heat", 1, 5, 10000, 1000}}},
    {"gradients",
     2,
     {{"softmax", 1, 40, 1000, 0}, {"normsoftmax-std", 1, 40, 1000, 0}}},
    {"images-5",
     2,
     {{"softmax", 1, 3, 6000, 500}, {"normsoftmax-std", 1, 3, 6000, 500}}},
    {"images-17",
     3,
     {{"one-step", 1, 3, 500, 0},
      {"normsoftmax-std", 1, 3, 8000, 2000},
      {"softmax", 1, 3, 8000, 2000}}},
    {NULL, 0, {{0}}},
};

const thm_recorded_group *thm_recorded_find(const char *name)
{
    for (const thm_recorded_group *g = thm_recorded_groups; g->name; g++) {
        if (strcmp(g->name, name) == 0) {
            return g;
        }
    }
    return NULL;
}

int thm_recorded_runs(const thm_recorded_group *group)
{
    int runs = 0;
    for (int a = 0; a < group->n_arms; a++) {
        runs += group->arms[a].seeds;
    }
    return runs;
}

const thm_recorded_arm *thm_recorded_run_of(const thm_recorded_group *group,
                                            int index, int *seed)
{
    const thm_recorded_arm *arm = group->arms;
    while (index >= arm->seeds) {
        index -= arm->seeds;
        arm++;
    }
    *seed = arm->first + index;
    return arm;
}

bool thm_recorded_ended(const thm_recorded_arm *arm, const thm_eureka *eureka,
                        long steps)
{
    return steps >= arm->steps || (arm->after > 0 && eureka->step >= 0 &&
                                   steps >= eureka->step + arm->after);
}
