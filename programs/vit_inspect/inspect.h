/* The parts of vit-inspect. */
#ifndef VIT_INSPECT_H
#define VIT_INSPECT_H

#include <jansson.h>
#include <stdio.h>
#include "core/options.h"
#include "vit/images.h"
#include "vit/inspect.h"
#include "vit/maps.h"
#include "vit/weights.h"

typedef struct {
    const char *file;   /* with the parameters                      */
    int heads;          /* 0: what the file says, or heads of 64    */
    const char *images; /* "FILE[:NAME]", or NULL: drawn from a task */
    int task;           /* thm_task_kind, -1: the checkpoint's       */
    bool seeded;        /* common.seed, not the checkpoint's         */
    const char *pictures, *digits, *text; /* folders of the task's data     */
    int samples;
    int rank_samples;   /* 0: as many as NT <= HD allows        */
    const char *maps;   /* safetensors                          */
    const char *figure; /* .svg or .png                         */
    int map_samples;
    thm_common common;
} inspect_request;

extern const thm_options ask_options; /* parsed into what this gives */
/* THM_EDOMAIN, msg saying which option. */
thm_status ask_request(inspect_request *request, thm_message *msg);

/* Samples that the network looks at. */
typedef struct {
    const char *source; /* the file, or the task's name           */
    json_t *data;       /* what the samples are, for run.json     */
    uint64_t seed;      /* of a task                              */
    thm_task *task;
    thm_samples drawn;
    thm_vit_images images;
    int32_t *labels; /* of images: what the network answers    */
    thm_vit_batch batch;
    thm_vit_grid grid;
} inspect_probe;

/* Reads or draws what the network can read; free takes zeroed. */
thm_status probe_open(const inspect_request *request,
                      const thm_vit_weights *weights, inspect_probe *probe,
                      thm_message *msg);
void probe_free(inspect_probe *probe);

/* Forward and backward with the loss that the checkpoint was trained with, each
 * sample's own; of images, with the network's answers for labels.  *work: to be
 * freed by the caller. */
thm_status probe_run(inspect_probe *probe, const thm_vit_weights *weights,
                     thm_vit32 **work, thm_message *msg);

/* What was measured, and what is left behind. */
typedef struct {
    const inspect_request *request;
    const thm_vit_weights *weights;
    const inspect_probe *probe;
    const double *rows; /* (L x H x THM_VIT_INSPECT) */
    const thm_vit_maps *maps;
} inspection;

thm_status print_inspection(FILE *out, const inspection *in, bool table);

/* heads.tsv, maps.safetensors, attention-maps.tsv, plot.gp in folder dir. */
thm_status keep_inspection(const char *dir, const inspection *in,
                           thm_message *msg);

/* The figure, by gnuplot, at request->figure. */
thm_status draw_maps(const inspection *in, thm_message *msg);
/* THM_EDOMAIN if the name ends in neither .svg nor .png. */
thm_status check_figure(const char *path, thm_message *msg);

#endif
