/* What the authors' settings gave in runs of our own: see settings.h. */
#include "flow/settings.h"

/* Two kinds of row are kept to fewer digits than were recorded: loss and column
 * norms of descents, which were read one step before the end, and L1's p_max,
 * where logits chatter about zero so that rounding decides the last digits.
 *
 * End of a descent, and a point of the flow; unit is that of the last digit. */
#define GD(id, variant, t, kind, value, unit)                                  \
    {                                                                          \
        id, variant, false, t, THM_REFERENCE_##kind, value, unit               \
    }
#define FLOW(id, variant, t, kind, value, unit)                                \
    {                                                                          \
        id, variant, true, t, THM_REFERENCE_##kind, value, unit                \
    }

static const thm_reference table[] = {
    GD('A', 0, 1e5, WINNER, 6, 1),
    GD('A', 0, 1e5, ENTROPY, .1640552755, 1e-10),
    GD('A', 0, 1e5, P_MAX, .9748885321, 1e-10),
    GD('A', 0, 1e5, LOSS, 1.00096e-5, 1e-10),
    FLOW('A', 0, 1e3, ENTROPY, .6045847332, 1e-10),
    FLOW('A', 0, 1e4, ENTROPY, .2782430422, 1e-10),
    FLOW('A', 0, 1e5, ENTROPY, .1638691738, 1e-10),
    FLOW('A', 0, 1e5, P_MAX, .9749232867, 1e-10),
    FLOW('A', 0, 1e5, LOSS, 1.000954277e-5, 1e-14),
    GD('B', THM_NORMALISE_SOFTMAX, 500, P_MAX, .1440229177, 1e-10),
    GD('B', THM_NORMALISE_SOFTMAX, 500, ENTROPY, 2.28737077, 1e-8),
    GD('B', THM_NORMALISE_L1, 500, P_MAX, .1338465551, 1e-10),
    GD('B', THM_NORMALISE_SUM, 500, P_MAX, .1338465551, 1e-10),
    GD('B', THM_NORMALISE_RELU, 500, P_MAX, .1338465551, 1e-10),
    GD('B', THM_NORMALISE_L2, 500, P_MAX, .2827599924, 1e-10),
    GD('B', THM_NORMALISE_SIGMOID, 500, P_MAX, .7663639055, 1e-10),
    FLOW('B', THM_NORMALISE_SOFTMAX, 500, ENTROPY, 2.2872686624, 1e-10),
    FLOW('B', THM_NORMALISE_SOFTMAX, 500, P_MAX, .1442135165, 1e-10),
    GD('C', THM_NORMALISE_SOFTMAX, 5e4, P_MAX, .9762327155, 1e-10),
    GD('C', THM_NORMALISE_L1, 5e4, P_MAX, .99997, 1e-5),
    GD('C', THM_NORMALISE_L2, 5e4, P_MAX, .999999981, 1e-9),
    GD('C', THM_NORMALISE_RELU, 5e4, P_MAX, 1, 1e-9),
    GD('C', THM_NORMALISE_SUM, 5e4, P_MAX, 3.55, 1e-2),
    GD('C', THM_NORMALISE_SIGMOID, 5e4, P_MAX, .816, 1e-3),
    GD('D', 10, 500, COLUMN, 6.355, 1e-3),
    GD('D', 10, 500, OTHERS, 1.3001, 1e-4),
    GD('D', 10, 500, P_MAX, .997808, 1e-6),
    GD('D', 20, 500, COLUMN, 6.334, 1e-3),
    GD('D', 20, 500, WINNER, 3, 1),
    GD('D', 50, 500, COLUMN, 6.314, 1e-3),
    GD('D', 50, 500, WINNER, 6, 1),
    GD('D', 100, 500, COLUMN, 6.289, 1e-3),
    GD('D', 100, 500, WINNER, 31, 1),
    GD('D', 100, 500, OTHERS, 1.0453, 1e-4),
    GD('E', 1, 300, ENTROPY, 2.995229773, 1e-9),
    GD('E', 2, 300, ENTROPY, 2.951196307, 1e-9),
    GD('E', 3, 300, ENTROPY, 1.722794306, 1e-9),
    GD('E', 4, 300, ENTROPY, .7731915002, 1e-10),
    GD('E', 5, 300, ENTROPY, .4044377978, 1e-10),
    FLOW('E', 1, 300, WINNER, 0, 1),
    FLOW('E', 2, 300, WINNER, 0, 1),
    FLOW('E', 3, 300, WINNER, 0, 1),
    FLOW('E', 4, 300, WINNER, 0, 1),
    FLOW('E', 5, 300, WINNER, 0, 1),
    FLOW('E', 1, 300, ENTROPY, 2.995229346, 1e-9),
    FLOW('E', 2, 300, ENTROPY, 2.951153945, 1e-9),
    FLOW('E', 3, 300, ENTROPY, 1.722504789, 1e-9),
    FLOW('E', 4, 300, ENTROPY, .773075749, 1e-9),
    FLOW('E', 5, 300, ENTROPY, .404396055, 1e-9),
    GD('F', 0, 1e6, ENTROPY, .2172699811, 1e-10),
    GD('F', 0, 1e6, P_MAX, .9667246922, 1e-10),
    GD('F', 0, 1e6, WINNER, 4, 1),
    FLOW('F', 0, 1e6, ENTROPY, .2169691074, 1e-10),
};

const thm_reference *thm_references(int *count)
{
    *count = (int)(sizeof table / sizeof *table);
    return table;
}
