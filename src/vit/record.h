/* What a checkpoint says of itself, in numbers: the model that its parameters
 * are of, which their shapes do not tell, and the samples that it was trained
 * on.  Written as the tensor "trainer.record". */
#ifndef THM_VIT_RECORD_H
#define THM_VIT_RECORD_H

#include "vit/config.h"
#include "vit/task.h"

#define THM_VIT_RECORD_NAME "trainer.record"

typedef struct {
    thm_vit_config config;
    double scale;     /* of the scores, at the next step                */
    double smoothing; /* of labels                                      */
    uint64_t seed;
    thm_task_options task; /* without its folders                       */
} thm_vit_record;

/* Numbers of a record. */
enum { THM_VIT_RECORD_SIZE = 27 + THM_VIT_LAYERS };

void thm_vit_record_put(const thm_vit_record *record,
                        double numbers[THM_VIT_RECORD_SIZE]);

/* THM_EFORMAT, msg saying what was expected: another version or length, a
 * member that is none, a configuration that thm_vit_config_check refuses. */
thm_status thm_vit_record_get(const char *where, size_t count,
                              const double *numbers, thm_vit_record *record,
                              thm_message *msg);

#endif
