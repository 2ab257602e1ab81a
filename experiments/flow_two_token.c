/* Who wins of two tokens, and how long the plateau lasts, over the starts. */
#include "experiments/phase.h"

static thm_status write_diagram(uint64_t seed, int grid, thm_tsv *tsv,
                                thm_message *msg)
{
    thm_phase phase = thm_phase_defaults(THM_PHASE_TWO_TOKEN);
    (void)msg;
    phase.seed = seed;
    return phase_write(phase, grid, tsv);
}

int main(int argc, char **argv)
{
    const experiment e = {.name = "flow-two-token",
                          .purpose = "Maps the winner of two tokens, the rise "
                                     "of entropy and the plateau.",
                          .draws = 81,
                          .min_draws = 21,
                          .write = write_diagram};
    return phase_main(argc, argv, THM_PHASE_TWO_TOKEN, e);
}
