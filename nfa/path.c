/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.c - what runs have taken: nodes that share their older part, each with a reference to an event that lasts.
 *
 * D1 rests on R2: the nodes made in one step hang from their parent (or from the machine, for new runs) until the step
 * is over, so that taking the same event after the same path under the same step gives the same node.
 */
#include "nfa/run.h"
#include "runtime/base/assert.h"

static nfa_event keep_event(struct nfa_machine *machine)
{
    nfa_event kept;

    if (machine->keep_failed)
        return NULL;
    kept = machine->callbacks.keep(machine->context, machine->event);
    machine->keep_failed = kept == NULL;
    return kept;
}

/* Where the nodes made after `parent` in this step hang. */
static struct nfa_path **new_nodes(struct nfa_machine *machine, struct nfa_path *parent)
{
    if (parent == NULL)
        return &machine->first_starts;
    if (parent->stamp != machine->stamp) {
        parent->stamp = machine->stamp;
        parent->link = NULL;
    }
    return &parent->link;
}

struct nfa_path *nfa_path_take(struct nfa_machine *machine, struct nfa_path *parent, uint32_t step)
{
    struct nfa_path **nodes = new_nodes(machine, parent);
    uint32_t length = parent == NULL ? 1 : parent->length + 1;
    struct nfa_path *path;
    nfa_event kept;

    for (path = *nodes; path != NULL; path = path->link) {
        if (path->step == step) {
            path->references++;
            return path;
        }
    }
    if (machine->limits.path_length != 0 && length > machine->limits.path_length) {
        nfa_refuse(machine);
        return NULL;
    }
    path = rt_pool_take(&machine->paths);
    if (path == NULL) {
        machine->status = RT_ERR_NOMEM;
        return NULL;
    }
    kept = keep_event(machine);
    if (kept == NULL) {
        machine->counters.refused++;
        rt_pool_give(&machine->paths, path);
        return NULL;
    }
    RT_ASSERT(step <= UINT16_MAX);
    *path = (struct nfa_path){.parent = parent,
                              .event = kept,
                              .link = *nodes,
                              .stamp = machine->stamp,
                              .step = (uint16_t)step,
                              .length = length,
                              .references = 1};
    *nodes = path;
    if (parent != NULL)
        parent->references++;
    return path;
}

void nfa_path_ref(struct nfa_path *path)
{
    path->references++;
}

/* A node that dies in the step that made it must not be found again. */
void nfa_path_forget(struct nfa_machine *machine, const struct nfa_path *path)
{
    struct nfa_path **at;

    if (path->stamp != machine->stamp ||
        (path->parent != NULL && path->parent->stamp != machine->stamp))
        return;
    at = path->parent == NULL ? &machine->first_starts : &path->parent->link;
    while (*at != NULL && *at != path)
        at = &(*at)->link;
    if (*at != NULL)
        *at = path->link;
}

void nfa_path_unref(struct nfa_machine *machine, struct nfa_path *path)
{
    while (path != NULL) {
        struct nfa_path *parent = path->parent;

        RT_ASSERT(path->references > 0);
        if (--path->references > 0)
            return;
        RT_ASSERT_SLOW(path->runs == 0);
        nfa_path_forget(machine, path);
        machine->callbacks.release(machine->context, path->event);
        rt_pool_give(&machine->paths, path);
        path = parent;
    }
}

struct nfa_match nfa_item_view(const struct nfa_item *item)
{
    const struct nfa_path *path = item->path;

    if (path == NULL)
        return (struct nfa_match){.step = NFA_NO_STEP};
    return (struct nfa_match){
        .path = path,
        .start_time = item->start_time,
        .start_sequence = item->start_sequence,
        .length = path->length,
        .step = path->step,
    };
}

const struct nfa_path *nfa_path_get(const struct nfa_path *path, struct nfa_taken *out)
{
    out->step = path->step;
    out->event = path->event;
    out->time = nfa_path_head(path)->time;
    out->sequence = nfa_path_head(path)->sequence;
    return path->parent;
}
