/* Names and defaults of the integrators; see ode.h. */
#include "flow/ode.h"

#include <string.h>

const char *thm_stepper_text(thm_stepper stepper)
{
    switch (stepper) {
#define THM_STEPPER_CASE(name, text)                                           \
    case name:                                                                 \
        return text;
        THM_STEPPER_TABLE(THM_STEPPER_CASE)
#undef THM_STEPPER_CASE
    }
    return "unknown";
}

bool thm_stepper_parse(const char *text, thm_stepper *stepper)
{
#define THM_STEPPER_MATCH(name, word)                                          \
    if (strcmp(text, word) == 0) {                                             \
        *stepper = name;                                                       \
        return true;                                                           \
    }
    THM_STEPPER_TABLE(THM_STEPPER_MATCH)
#undef THM_STEPPER_MATCH
    return false;
}

thm_ode_options thm_ode_defaults(void)
{
    return (thm_ode_options){.stepper = THM_STEPPER_AUTO,
                             .rtol = 1e-9,
                             .atol = 1e-12,
                             .max_rhs = 10000000};
}
