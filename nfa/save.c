/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save.c - the runs of a key as bytes, and back.
 *
 *     count of nodes, each:    parent + 1 (0: none), step, flags, event        a parent comes before its children
 *     count of runs, each:     node, state                                     in the order of their heap
 *     count of held, each:     node, time                                      the same
 *
 * Whatever follows from these is worked out again when they are read: lengths, counts, first events, deadlines.
 *
 * V1  Nodes are numbered in the order in which the runs, then the held matches, lead to them, so equal runs are equal bytes.
 * V2  Reading makes nothing that stepping could not have made as far as memory and order are concerned: every node is on the
 *     way to some run or match, its event is younger than its parent's, heaps are heaps, a state is one in which runs rest.
 */
#include "nfa/run.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/form.h"

enum { NODE_BYTES_MIN = 4, ITEM_BYTES_MIN = 2, PATH_FLAGS = 3, FEW_NODES = 16 };

/* ---- the shape of a program ---- */

static void add_state(const struct nfa_program *program, const struct nfa_state *state,
                      struct rt_buffer *out)
{
    rt_form_add_byte(out, state->kind);
    rt_form_add_uint(out, state->step);
    rt_form_add_bool(out, state->gap_ms > 0);
    rt_form_add_uint(out, state->edge_end - state->edge_begin);
    for (uint32_t e = state->edge_begin; e < state->edge_end; e++) {
        const struct nfa_edge *edge = &program->edges[e];

        rt_form_add_byte(out, (uint8_t)edge->action);
        rt_form_add_uint(out, edge->to);
        rt_form_add_uint(out, edge->literal_end - edge->literal_begin);
        for (uint32_t i = edge->literal_begin; i < edge->literal_end; i++)
            rt_form_add_uint(out, program->literals[i]);
    }
}

enum rt_status nfa_program_hash(const struct nfa_program *program, struct rt_hash128 *out)
{
    struct rt_buffer shape;
    bool failed;

    rt_buffer_init(&shape, SIZE_MAX);
    rt_form_add_byte(&shape, (uint8_t)program->skip);
    rt_form_add_uint(&shape, program->skip_step);
    rt_form_add_bool(&shape, program->skip_must_find);
    rt_form_add_byte(&shape, (uint8_t)program->emit);
    rt_form_add_uint(&shape, program->step_count);
    for (uint32_t i = 0; i < program->step_count; i++)
        rt_form_add_text(&shape, rt_text_of(program->step_names[i]));
    rt_form_add_uint(&shape, program->state_count);
    for (uint32_t i = 0; i < program->state_count; i++)
        add_state(program, &program->states[i], &shape);
    failed = shape.failed;
    if (!failed)
        *out = rt_hash128(shape.data, shape.length);
    rt_buffer_done(&shape);
    return failed ? RT_ERR_NOMEM : RT_OK;
}

/* ---- write ---- */

/* Nodes in the order of their numbers, and a table from their addresses to these; a few are found without one. */
struct numbering {
    const struct nfa_path **nodes; /* `few`, or owned */
    uint32_t *places; /* owned; number + 1, by hash of the address; 0: free; NULL: few */
    uint32_t count, capacity;
    const struct nfa_path *few[FEW_NODES];
};

static uint32_t *place_of(const struct numbering *numbering, const struct nfa_path *path)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)path >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t mask = numbering->capacity * 2 - 1;
    uint32_t at = (uint32_t)(mixed >> 32) & mask;

    while (numbering->places[at] != 0 && numbering->nodes[numbering->places[at] - 1] != path)
        at = (at + 1) & mask;
    return &numbering->places[at];
}

/* From 1; 0: it has none yet. */
static uint32_t number_of(const struct numbering *numbering, const struct nfa_path *path)
{
    uint32_t number = numbering->count;

    if (numbering->places != NULL)
        return *place_of(numbering, path);
    while (number > 0 && numbering->nodes[number - 1] != path)
        number--;
    return number;
}

static void forget_numbers(struct numbering *numbering)
{
    if (numbering->nodes != numbering->few)
        rt_free((void *)numbering->nodes);
    rt_free(numbering->places);
}

static bool grow(struct numbering *numbering)
{
    struct numbering bigger = {.count = numbering->count, .capacity = numbering->capacity * 2};

    bigger.nodes = rt_alloc_zeroed(bigger.capacity, sizeof(*bigger.nodes));
    bigger.places = rt_alloc_zeroed((size_t)bigger.capacity * 2, sizeof(*bigger.places));
    if (bigger.nodes == NULL || bigger.places == NULL) {
        forget_numbers(&bigger);
        return false;
    }
    for (uint32_t i = 0; i < bigger.count; i++) {
        bigger.nodes[i] = numbering->nodes[i];
        *place_of(&bigger, bigger.nodes[i]) = i + 1;
    }
    forget_numbers(numbering);
    *numbering = bigger;
    return true;
}

/* Numbers what is new on the way to `path`, the oldest first. */
static bool number_path(struct numbering *numbering, const struct nfa_path *path)
{
    const struct nfa_path *node = path;
    uint32_t fresh = 0;

    for (; node != NULL && number_of(numbering, node) == 0; node = node->parent)
        fresh++;
    while (numbering->capacity < numbering->count + fresh)
        if (!grow(numbering))
            return false;
    node = path;
    for (uint32_t i = fresh; i > 0; i--, node = node->parent)
        numbering->nodes[numbering->count + i - 1] = node;
    for (uint32_t i = 0; i < fresh; i++) {
        numbering->count++;
        if (numbering->places != NULL)
            *place_of(numbering, numbering->nodes[numbering->count - 1]) = numbering->count;
    }
    return true;
}

static void add_node(const struct nfa_path *node, uint32_t parent, nfa_save_event_fn *save_event,
                     void *context, struct rt_buffer *out)
{
    rt_form_add_uint(out, parent);
    rt_form_add_uint(out, node->step);
    rt_form_add_byte(out, node->flags);
    save_event(context, node->event, out);
}

static void add_nodes(const struct numbering *numbering, nfa_save_event_fn *save_event,
                      void *context, struct rt_buffer *out)
{
    rt_form_add_uint(out, numbering->count);
    for (uint32_t i = 0; i < numbering->count; i++) {
        const struct nfa_path *node = numbering->nodes[i];
        uint32_t parent = node->parent == NULL ? 0 : number_of(numbering, node->parent);

        add_node(node, parent, save_event, context, out);
    }
}

static void add_items(const struct numbering *numbering, const struct nfa_item *items,
                      uint32_t count, bool are_runs, struct rt_buffer *out)
{
    rt_form_add_uint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        rt_form_add_uint(out, number_of(numbering, items[i].path) - 1);
        if (are_runs)
            rt_form_add_uint(out, (uint64_t)items[i].value);
        else
            rt_form_add_int(out, items[i].value);
    }
}

static bool number_items(struct numbering *numbering, const struct nfa_item *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!number_path(numbering, items[i].path))
            return false;
    return true;
}

/* One of the short runs of a key: a single, or those of a row. */
static const struct nfa_runs *short_run(const struct nfa_runs *runs, uint32_t number)
{
    return nfa_is_single(runs) ? runs : &nfa_list_of(runs)->runs[number].single;
}

/*
 * What most keys have: runs of one or two events each, which share nothing and need no numbering.  Their form is that of the nodes
 * that they would have.
 */
static void save_short(const struct nfa_machine *machine, const struct nfa_runs *runs,
                       nfa_save_event_fn *save_event, void *context, struct rt_buffer *out)
{
    const struct nfa_shape *shapes = machine->program->shapes;
    const uint32_t count = nfa_is_single(runs) ? 1 : nfa_list_of(runs)->count;
    uint32_t nodes = 0;

    for (uint32_t i = 0; i < count; i++)
        nodes += shapes[nfa_single_shape(short_run(runs, i))].length;
    rt_form_add_uint(out, nodes);
    nodes = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct nfa_runs *run = short_run(runs, i);
        const struct nfa_shape *shape = &shapes[nfa_single_shape(run)];

        for (uint32_t back = shape->length; back-- > 0; nodes++) {
            rt_form_add_uint(out, back + 1 == shape->length ? 0 : nodes); /* its parent, from 1 */
            rt_form_add_uint(out, shape->steps[back]);
            rt_form_add_byte(out, 0); /* no flags (R6) */
            save_event(context, nfa_single_event(run, back), out);
        }
    }
    rt_form_add_uint(out, count);
    nodes = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct nfa_shape *shape = &shapes[nfa_single_shape(short_run(runs, i))];

        nodes += shape->length;
        rt_form_add_uint(out, nodes - 1); /* its node, from 0 */
        rt_form_add_uint(out, shape->state);
    }
    rt_form_add_uint(out, 0); /* held */
}

static enum rt_status save_list(const struct nfa_run_list *list, nfa_save_event_fn *save_event,
                                void *context, struct rt_buffer *out)
{
    struct numbering numbering;
    bool numbered;

    numbering.nodes = numbering.few;
    numbering.places = NULL;
    numbering.count = 0;
    numbering.capacity = FEW_NODES;
    numbered = number_items(&numbering, list->runs, list->count) &&
               number_items(&numbering, list->held, list->held_count);
    if (numbered) {
        add_nodes(&numbering, save_event, context, out);
        add_items(&numbering, list->runs, list->count, true, out);
        add_items(&numbering, list->held, list->held_count, false, out);
    }
    forget_numbers(&numbering);
    return numbered ? RT_OK : RT_ERR_NOMEM;
}

enum rt_status nfa_runs_save(const struct nfa_machine *machine, const struct nfa_runs *runs,
                             nfa_save_event_fn *save_event, void *context, struct rt_buffer *out)
{
    static const struct nfa_run_list none = {0};
    const struct nfa_run_list *list = nfa_list_of(runs);
    enum rt_status status = RT_OK;

    if (nfa_is_single(runs) || (list != NULL && list->is_row))
        save_short(machine, runs, save_event, context, out);
    else
        status = save_list(list == NULL ? &none : list, save_event, context, out);
    return status == RT_OK && out->failed ? RT_ERR_NOMEM : status;
}

/* ---- read ---- */

struct loaded_node {
    struct nfa_path *path;        /* a reference, until all is read */
    const struct nfa_path *first; /* where the way to it begins */
};

struct load {
    struct nfa_machine *machine;
    struct rt_form *form;
    nfa_load_event_fn *load_event;
    void *context;
    struct loaded_node *nodes; /* owned */
    size_t count;
    enum rt_status status; /* of memory */
};

static bool is_younger(const struct nfa_path *path, const struct nfa_path *parent)
{
    const struct nfa_event_head *a = nfa_path_head(path), *b = nfa_path_head(parent);

    return a->time.ms > b->time.ms || (a->time.ms == b->time.ms && a->sequence > b->sequence);
}

static bool out_of_memory(struct load *load)
{
    load->status = RT_ERR_NOMEM;
    return false;
}

static bool bad(struct load *load, const char *why)
{
    rt_form_fail(load->form, why);
    return false;
}

static bool load_node(struct load *load)
{
    struct nfa_machine *machine = load->machine;
    struct rt_form *form = load->form;
    uint64_t parent = rt_form_uint_max(form, load->count);
    uint64_t step = rt_form_uint(form);
    uint8_t flags = rt_form_byte(form);
    struct nfa_path *path;
    nfa_event event;

    if (step >= machine->program->step_count || flags > PATH_FLAGS)
        return bad(load, "a step or a mark that the rule does not have");
    event = rt_form_failed(form) ? NULL : load->load_event(load->context, form);
    if (event == NULL)
        return rt_form_failed(form) ? false : out_of_memory(load);
    path = rt_pool_take(&machine->paths);
    if (path == NULL) {
        machine->callbacks.release(machine->context, event);
        return out_of_memory(load);
    }
    *path = (struct nfa_path){
        .event = event, .step = (uint16_t)step, .flags = flags, .length = 1, .references = 1};
    load->nodes[load->count++] = (struct loaded_node){path, path};
    if (parent == 0)
        return true;
    path->parent = load->nodes[parent - 1].path;
    load->nodes[load->count - 1].first = load->nodes[parent - 1].first;
    path->parent->references++;
    path->length = path->parent->length + 1;
    return is_younger(path, path->parent) || bad(load, "events that do not follow each other");
}

static bool load_nodes(struct load *load)
{
    size_t count = rt_form_count(load->form, NODE_BYTES_MIN);

    if (rt_form_failed(load->form))
        return false;
    if (count > UINT32_MAX / 2)
        return bad(load, "too many events");
    load->nodes = rt_alloc_zeroed(count, sizeof(*load->nodes));
    if (load->nodes == NULL)
        return out_of_memory(load);
    for (size_t i = 0; i < count; i++)
        if (!load_node(load))
            return false;
    return true;
}

/* Can a run rest in this state? */
static bool is_resting(const struct nfa_program *program, uint64_t at)
{
    return at > 0 && at < program->state_count &&
           (program->states[at].kind == NFA_STATE_NORMAL ||
            program->states[at].kind == NFA_STATE_PENDING);
}

/* One run or held match without what follows from its path. */
static bool load_item(struct load *load, bool is_run, struct nfa_item *out)
{
    struct rt_form *form = load->form;
    uint64_t node = rt_form_uint(form);
    uint64_t state = is_run ? rt_form_uint(form) : 0;
    int64_t time = is_run ? 0 : rt_form_int(form);
    const struct nfa_event_head *head;

    if (rt_form_failed(form))
        return false;
    if (node >= load->count)
        return bad(load, "an event that is not there");
    if (is_run && !is_resting(load->machine->program, state))
        return bad(load, "a state in which no run rests");
    head = nfa_path_head(load->nodes[node].first);
    *out = (struct nfa_item){.path = load->nodes[node].path,
                             .value = is_run ? (int64_t)state : time,
                             .start_time = head->time,
                             .start_sequence = head->sequence};
    return true;
}

/* Reads a heap into `heap`, whose items hold a reference each from here on. */
static bool load_heap(struct load *load, bool are_runs, struct nfa_heap *heap)
{
    const struct nfa_program *program = load->machine->program;
    size_t count = rt_form_count(load->form, ITEM_BYTES_MIN);

    heap->count = 0;
    if (rt_form_failed(load->form))
        return false;
    if (count > UINT32_MAX / 2 || (!are_runs && count > 0 && !nfa_may_hold(program)))
        return bad(load, "more runs or matches than the rule can have");
    if (!nfa_heap_reserve(heap, (uint32_t)count))
        return out_of_memory(load);
    for (uint32_t i = 0; i < count; i++) {
        struct nfa_item *item = &heap->items[i];

        if (!load_item(load, are_runs, item))
            return false;
        if (i > 0 && nfa_starts_before(item, &heap->items[(i - 1) / 2]))
            return bad(load, "runs that are not in order");
        nfa_path_ref(item->path);
        item->path->runs += are_runs;
        load->machine->counters.live_runs += are_runs;
        heap->count++;
    }
    return true;
}

/* Every node leads to a run or a match: somebody besides this reader has a reference. */
static bool are_all_used(struct load *load)
{
    for (size_t i = 0; i < load->count; i++)
        if (load->nodes[i].path->references == 1)
            return bad(load, "an event that no run has taken");
    return true;
}

static void drop_heaps(struct nfa_machine *machine)
{
    while (machine->next.count > 0)
        nfa_drop_run(machine, machine->next.items[--machine->next.count].path);
    while (machine->completed.count > 0)
        nfa_path_unref(machine, machine->completed.items[--machine->completed.count].path);
}

/* Youngest first, so that what nobody else holds goes without a walk. */
static void drop_nodes(struct load *load)
{
    while (load->count > 0)
        nfa_path_unref(load->machine, load->nodes[--load->count].path);
    rt_free(load->nodes);
}

static void store(struct nfa_machine *machine, struct nfa_runs *runs)
{
    struct nfa_run_list *list;

    nfa_store_runs(machine, runs);
    list = nfa_list_of(runs);
    for (uint32_t i = 0; list != NULL && i < list->count; i++)
        if (i == 0 || rt_time_before(list->newest_start, list->runs[i].start_time))
            list->newest_start = list->runs[i].start_time;
}

enum rt_status nfa_runs_load(struct nfa_machine *machine, struct nfa_runs *runs,
                             nfa_load_event_fn *load_event, void *context, struct rt_form *form)
{
    struct load load = {
        .machine = machine, .form = form, .load_event = load_event, .context = context};
    bool ok;

    RT_ASSERT(nfa_runs_empty(runs));
    nfa_call_begin(machine, NULL);
    machine->scratch.count = 0;
    ok = load_nodes(&load) && load_heap(&load, true, &machine->scratch);
    machine->next = machine->scratch;
    ok = ok && load_heap(&load, false, &machine->completed) && are_all_used(&load);
    if (!ok)
        drop_heaps(machine);
    drop_nodes(&load);
    if (ok)
        store(machine, runs);
    if (rt_form_failed(form) && load.status == RT_OK)
        load.status = RT_ERR_CORRUPT;
    if (load.status == RT_OK)
        load.status = machine->status;
    (void)nfa_call_end(machine);
    if (load.status != RT_OK)
        nfa_unload(machine, runs);
    return load.status;
}
