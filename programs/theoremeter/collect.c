/* See collect.h. */
#include "programs/theoremeter/collect.h"

#include <jansson.h>
#include <string.h>
#include <sys/wait.h>
#include "programs/start.h"

static bool is_of(const claim_slot *slot, const char *program)
{
    return strcmp(slot->entry->program, program) == 0;
}

/* Puts one decision into its slot. */
static thm_status place(const char *program, const thm_decision *d, int n,
                        claim_slot *slots, thm_message *msg)
{
    thm_decision named;
    thm_decision_name(&named, d->id);
    if (strcmp(named.slug, d->slug) != 0 || named.expected != d->expected) {
        return thm_fail(THM_EINTERNAL, msg,
                        "%s: %s: expected %s %s as in the catalogue, found "
                        "%s %s",
                        program, d->id, named.slug,
                        thm_verdict_text(named.expected), d->slug,
                        thm_verdict_text(d->expected));
    }
    for (int i = 0; i < n; i++) {
        claim_slot *slot = &slots[i];
        const char *id = slot->entry->id;
        if (!is_of(slot, program)) {
            continue;
        }
        if (strcmp(d->id, id) == 0 && !slot->has_claim) {
            slot->claim = *d;
            slot->has_claim = true;
            return THM_OK;
        }
        if (d->id[0] == 'X' && strcmp(d->id + 1, id) == 0 && !slot->has_twin) {
            slot->twin = *d;
            slot->has_twin = true;
            return THM_OK;
        }
    }
    return thm_fail(THM_EINTERNAL, msg,
                    "%s: a line on %s, which was not asked of it, or twice",
                    program, d->id);
}

static thm_status read_lines(const char *program, const char *output, int n,
                             claim_slot *slots, thm_message *msg)
{
    int number = 0;
    for (const char *line = output; line && *line;) {
        const char *end = strchr(line, '\n');
        const size_t length = end ? (size_t)(end - line) : strlen(line);
        thm_decision d;
        json_error_t error;
        thm_message why = {""};
        number++;
        json_t *object = json_loadb(line, length, 0, &error);
        thm_status status = object
                                ? thm_decision_from_json(object, &d, &why)
                                : thm_fail(THM_EFORMAT, &why, "%s", error.text);
        json_decref(object);
        if (status != THM_OK) {
            return thm_fail(THM_EINTERNAL, msg, "%s: line %d: %s", program,
                            number, why.text);
        }
        status = place(program, &d, n, slots, msg);
        if (status != THM_OK) {
            return status;
        }
        line = end ? end + 1 : NULL;
    }
    return THM_OK;
}

/* The exit code that the lines of a program deserve. */
static int deserved(const char *program, bool replay, int n,
                    const claim_slot *slots)
{
    int worst = START_HOLDS;
    for (int i = 0; i < n; i++) {
        const claim_slot *slot = &slots[i];
        if (is_of(slot, program) && slot->has_claim) {
            const thm_decision pair[] = {slot->claim, slot->twin};
            worst = thm_decision_worse_exit(
                worst, thm_decision_exit_code(2, pair, !replay));
        }
    }
    return worst;
}

static thm_status check_complete(const char *program, bool replay, int n,
                                 const claim_slot *slots, thm_message *msg)
{
    int found = 0;
    for (int i = 0; i < n; i++) {
        const claim_slot *slot = &slots[i];
        if (!is_of(slot, program)) {
            continue;
        }
        found += slot->has_claim;
        if (slot->has_claim != slot->has_twin ||
            (!slot->has_claim && !replay)) {
            return thm_fail(THM_EINTERNAL, msg, "%s: no line on %s%s", program,
                            slot->has_claim ? "X" : "", slot->entry->id);
        }
    }
    return found > 0 ? THM_OK
                     : thm_fail(THM_EINTERNAL, msg, "%s: no lines", program);
}

thm_status collect(const char *program, const child_process *child, bool replay,
                   int n, claim_slot *slots, thm_message *msg)
{
    thm_status status = THM_OK;
    const int w = child->wait_status;
    const int code = WIFEXITED(w) ? WEXITSTATUS(w) : -1;
    if (WIFSIGNALED(w)) {
        status = thm_fail(THM_EINTERNAL, msg, "%s: ended by signal %d (%s)",
                          program, WTERMSIG(w), strsignal(WTERMSIG(w)));
    } else if (replay && code == START_USAGE) {
        /* the program has said which case it does not know */
        status = thm_fail(THM_EDOMAIN, msg, "%s: nothing to replay", program);
    } else if (code != 0 && !child->output) {
        status =
            thm_fail(THM_EINTERNAL, msg,
                     "%s: ended with exit code %d and no lines", program, code);
    } else {
        status = read_lines(program, child->output, n, slots, msg);
    }
    if (status == THM_OK) {
        status = check_complete(program, replay, n, slots, msg);
    }
    if (status == THM_OK && code != deserved(program, replay, n, slots)) {
        status = thm_fail(THM_EINTERNAL, msg,
                          "%s: exit code %d, but its lines deserve %d", program,
                          code, deserved(program, replay, n, slots));
    }
    for (int i = 0; i < n && status != THM_OK; i++) {
        if (is_of(&slots[i], program)) {
            slots[i].has_claim = slots[i].has_twin = false;
        }
    }
    return status;
}
