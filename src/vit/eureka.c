/* The Eureka-moment of a run: see eureka.h. */
#include "vit/eureka.h"

thm_eureka thm_eureka_begin(double cap, double floor)
{
    return (thm_eureka){
        .cap = cap, .floor = floor, .step = -1, .loss_step = -1};
}

void thm_eureka_accuracy(thm_eureka *e, long step, double accuracy)
{
    const bool above = accuracy > e->cap + THM_EUREKA_ABOVE_CAP;
    if (above && !e->above) {
        e->candidate = step;
    } else if (above && e->step < 0) {
        e->step = e->candidate;
    }
    e->above = above;
}

void thm_eureka_loss(thm_eureka *e, long step, double loss)
{
    if (e->loss_step < 0 && loss < e->floor - THM_EUREKA_BELOW_FLOOR) {
        e->loss_step = step;
    }
}
