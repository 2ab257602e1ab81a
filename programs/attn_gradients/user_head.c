/* A user's attention head: see user_head.h. */
#include "programs/attn_gradients/user_head.h"

#include <stdlib.h>
#include "core/rng.h"

static thm_status draw_gradient(user_head *u, uint64_t seed)
{
    size_t count;
    const thm_status status =
        thm_size_mul((size_t)u->head.n, (size_t)u->head.d, &count);
    if (status != THM_OK) {
        return status;
    }
    u->drawn_g = calloc(count, sizeof *u->drawn_g);
    if (!u->drawn_g) {
        return THM_ENOMEM;
    }
    thm_rng rng = thm_rng_make(seed, 0);
    thm_rng_fill_normal(&rng, (int64_t)count, 1.0, u->drawn_g);
    u->G = u->drawn_g;
    return THM_OK;
}

thm_status user_head_read(const user_head_files *files, user_head *u,
                          thm_message *msg)
{
    *u = (user_head){0};
    thm_head *h = &u->head;
    thm_tensor *t = u->tensors;
    thm_status status =
        thm_tensor_read_matrix(files->x, "", &t[0], &h->n, &h->D, msg);
    if (status == THM_OK) {
        status = thm_tensor_read_matrix(files->wq, "one for each column of X",
                                        &t[1], &h->D, &h->d, msg);
    }
    if (status == THM_OK) {
        status = thm_tensor_read_matrix(files->wk, "as in WQ", &t[2], &h->D,
                                        &h->d, msg);
    }
    if (status == THM_OK) {
        status = thm_tensor_read_matrix(files->wv, "as in WQ", &t[3], &h->D,
                                        &h->d, msg);
    }
    if (status == THM_OK && files->g) {
        status =
            thm_tensor_read_matrix(files->g, "rows as in X, columns as in WV",
                                   &u->g, &h->n, &h->d, msg);
        u->G = u->g.data;
    } else if (status == THM_OK) {
        status = draw_gradient(u, files->seed);
    }
    if (status == THM_OK) {
        h->X = t[0].data;
        h->Wq = t[1].data;
        h->Wk = t[2].data;
        h->Wv = t[3].data;
        h->tau = files->tau > 0.0 ? files->tau : thm_head_tau(h->d);
    }
    return status;
}

thm_status user_head_differentiate(user_head *u, thm_message *msg)
{
    const thm_head *h = &u->head;
    const size_t weights = (size_t)h->D * (size_t)h->d;
    u->gradients = calloc(weights, 3 * sizeof *u->gradients);
    thm_status status = u->gradients
                            ? thm_head_state_alloc(h->n, h->D, h->d, &u->state)
                            : THM_ENOMEM;
    if (status != THM_OK) {
        return status;
    }
    u->dWq = u->gradients;
    u->dWk = u->dWq + weights;
    u->dWv = u->dWk + weights;
    status = thm_head_forward(h, &u->state);
    if (status == THM_EDOMAIN) {
        return thm_fail(status, msg,
                        "the scores X WQ WK' X': expected finite numbers, "
                        "found an overflow");
    }
    if (status == THM_OK) {
        status =
            thm_head_backward(h, &u->state, u->G, u->dWq, u->dWk, u->dWv, NULL);
    }
    return status;
}

thm_status user_head_save(const user_head *u, const char *path,
                          thm_message *msg)
{
    const size_t n = (size_t)u->head.n, D = (size_t)u->head.D,
                 d = (size_t)u->head.d;
    const thm_tensor_out out[] = {
        {.name = "dS", .ndim = 2, .shape = {n, n}, .data = u->state.dS},
        {.name = "dWq", .ndim = 2, .shape = {D, d}, .data = u->dWq},
        {.name = "dWk", .ndim = 2, .shape = {D, d}, .data = u->dWk},
        {.name = "dWv", .ndim = 2, .shape = {D, d}, .data = u->dWv}};
    return thm_tensor_write(path, 4, out, msg);
}

void user_head_free(user_head *u)
{
    for (int k = 0; k < 4; k++) {
        thm_tensor_free(&u->tensors[k]);
    }
    thm_tensor_free(&u->g);
    thm_head_state_free(&u->state);
    free(u->drawn_g);
    free(u->gradients);
    *u = (user_head){0};
}
