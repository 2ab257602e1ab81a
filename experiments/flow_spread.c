/* How far the square loss polarises: spread of the start against |b|. */
#include "experiments/phase.h"

static thm_status write_diagram(uint64_t seed, int grid, thm_tsv *tsv,
                                thm_message *msg)
{
    thm_phase phase = thm_phase_defaults(THM_PHASE_SPREAD);
    (void)msg;
    phase.seed = seed;
    return phase_write(phase, grid, tsv);
}

int main(int argc, char **argv)
{
    const experiment e = {
        .name = "flow-spread",
        .purpose = "Maps the final entropy under the square loss over the "
                   "spread of the start and the size of the target.",
        .draws = 81,
        .min_draws = 21,
        .write = write_diagram};
    return phase_main(argc, argv, THM_PHASE_SPREAD, e);
}
