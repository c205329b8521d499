/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - the runs of a key for people to look at. */
#include "nfa/run.h"

void nfa_runs_each(const struct nfa_machine *machine, const struct nfa_runs *runs,
                   nfa_run_view_fn *each, void *context)
{
    const struct nfa_run_list *list = nfa_list_of(runs);
    const struct nfa_item *items = list == NULL ? NULL : list->runs;
    uint32_t count = list == NULL ? 0 : list->count;
    struct nfa_single single;

    if (nfa_is_single(runs)) {
        nfa_single_open(machine->program, runs, &single);
        items = &single.item;
        count = 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct nfa_run_view view = {.start_time = items[i].start_time};
        const struct nfa_path *path = items[i].path;

        if (list != NULL && list->is_row) {
            nfa_single_open(machine->program, &items[i].single, &single);
            path = single.item.path;
        }
        if (path != NULL) {
            view.step = nfa_program_step_name(machine->program, path->step);
            view.taken = path->length;
        }
        each(context, &view);
    }
}
