/* The recorded trainings of the two-step task on tokens, arm beside arm
 * (paper-notes/hoffmann2024.md, "Recorded trainings", group tokens): a data set
 * a run, in the order of the record. */
#include "claims/recorded.h"
#include "experiments/experiment.h"

static const thm_tsv_column columns[] = {
    {"arm", "1"},   {"seed", "1"},     {"moment", "step, 0: none"},
    {"step", "1"},  {"accuracy", "1"}, {"loss", "nat"},
    {"ratio", "1"}, {"cap", "1"},      {"smoothed_floor", "nat"}};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void put_run(const thm_recorded *record, const thm_recorded_run *run,
                    thm_tsv *tsv)
{
    const double arm = (double)(run->arm - record->group->arms);
    for (int k = 0; k < run->n; k++) {
        const thm_recorded_row *row = &run->row[k];
        const double values[COLUMNS] = {arm,
                                        run->seed,
                                        run->found ? run->moment : 0,
                                        (k + 1) * THM_RECORDED_EVERY,
                                        row->accuracy,
                                        row->loss,
                                        row->ratio,
                                        record->cap,
                                        record->floor};
        thm_tsv_row(tsv, values);
    }
    thm_tsv_break(tsv);
    thm_tsv_break(tsv);
}

static thm_status write_arms(uint64_t seed, int draws, thm_tsv *tsv,
                             thm_message *msg)
{
    thm_recorded record;
    (void)seed;
    (void)draws;
    const thm_status status = thm_recorded_open(NULL, "tokens", &record, msg);
    if (status != THM_OK) {
        return status;
    }
    for (int i = 0; i < record.runs; i++) {
        put_run(&record, &record.run[i], tsv);
    }
    thm_recorded_free(&record);
    return THM_OK;
}

int main(int argc, char **argv)
{
    static const experiment arms = {
        .name = "eureka-arms",
        .purpose = "Shows the recorded trainings of the two-step task on "
                   "tokens, arm by arm.",
        .n_columns = COLUMNS,
        .columns = columns,
        .write = write_arms};
    return experiment_main(argc, argv, &arms);
}
