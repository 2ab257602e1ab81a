/* Where in the simplex of three tokens entropy rises before it falls. */
#include "experiments/phase.h"

static thm_status write_diagram(uint64_t seed, int grid, thm_tsv *tsv,
                                thm_message *msg)
{
    thm_phase phase = thm_phase_defaults(THM_PHASE_SIMPLEX);
    (void)msg;
    phase.seed = seed;
    return phase_write(phase, grid, tsv);
}

int main(int argc, char **argv)
{
    const experiment e = {
        .name = "flow-simplex",
        .purpose =
            "Maps over the simplex of three tokens by how much entropy rises.",
        .draws = 61,
        .min_draws = 21,
        .write = write_diagram};
    return phase_main(argc, argv, THM_PHASE_SIMPLEX, e);
}
