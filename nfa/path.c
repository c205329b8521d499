/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.c - what runs have taken: nodes that share their older part, and the events that outlive their batch.
 *
 * D1 rests on R2: the nodes made in one step hang from their parent (or from the machine, for new runs) until the step
 * is over, so that taking the same event after the same path under the same step gives the same node.
 */
#include "nfa/run.h"
#include "runtime/base/assert.h"

_Static_assert(sizeof(struct nfa_path) <= 64, "a node is one cache line");

static struct nfa_kept *keep_event(struct nfa_machine *machine)
{
    struct nfa_kept *kept;

    if (machine->kept != NULL || machine->keep_failed)
        return machine->kept;
    kept = rt_pool_take(&machine->kepts);
    if (kept == NULL) {
        machine->status = RT_ERR_NOMEM;
        return NULL;
    }
    kept->event = machine->callbacks.keep(machine->context, machine->event);
    if (kept->event == NULL) {
        machine->keep_failed = true;
        rt_pool_give(&machine->kepts, kept);
        return NULL;
    }
    kept->time = machine->time;
    kept->sequence = machine->sequence;
    kept->references = 1;
    machine->kept = kept;
    return kept;
}

void nfa_kept_unref(struct nfa_machine *machine, struct nfa_kept *kept)
{
    RT_ASSERT(kept->references > 0);
    if (--kept->references > 0)
        return;
    machine->callbacks.release(machine->context, kept->event);
    rt_pool_give(&machine->kepts, kept);
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
    struct nfa_kept *kept;
    struct nfa_path *path;

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
    kept = keep_event(machine);
    if (kept == NULL) {
        machine->counters.refused += machine->keep_failed;
        return NULL;
    }
    path = rt_pool_take(&machine->paths);
    if (path == NULL) {
        machine->status = RT_ERR_NOMEM;
        return NULL;
    }
    kept->references++;
    *path = (struct nfa_path){.parent = parent,
                              .start = parent == NULL ? kept : parent->start,
                              .kept = kept,
                              .link = *nodes,
                              .stamp = machine->stamp,
                              .step = step,
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
static void forget_new_node(struct nfa_machine *machine, const struct nfa_path *path)
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
        forget_new_node(machine, path);
        nfa_kept_unref(machine, path->kept);
        rt_pool_give(&machine->paths, path);
        path = parent;
    }
}

struct nfa_match nfa_path_view(const struct nfa_path *path)
{
    struct nfa_match view = {.path = path, .step = NFA_NO_STEP};

    if (path == NULL)
        return view;
    view.start_time = path->start->time;
    view.start_sequence = path->start->sequence;
    view.last_time = path->kept->time;
    view.length = path->length;
    view.time = path->kept->time;
    view.step = path->step;
    return view;
}

const struct nfa_path *nfa_path_get(const struct nfa_path *path, struct nfa_taken *out)
{
    out->step = path->step;
    out->event = path->kept->event;
    out->time = path->kept->time;
    out->sequence = path->kept->sequence;
    return path->parent;
}
