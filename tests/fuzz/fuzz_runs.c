/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_runs.c - "P" + bytes: any bytes read as the saved runs of pattern P.  Damaged ones leave nothing behind; what is read
 * can be stepped, saved and read again.
 */
#include "runtime/base/assert.h"
#include "tests/fuzz/target.h"
#include "tests/support/nfa_table.h"

static const char *const patterns[] = {
    "begin a; followedBy b; next c; within 9",
    "begin a; followedBy b 2+ until d; followedBy c; within 9; skip past_last; in_start_order",
    "begin a; followedBy ( begin b; next c ) 1+; notFollowedBy d; within 9",
    "begin a 1..3 greedy; followedByAny all ( begin b; begin c ); followedBy d gap 5",
};

static void step_on(struct nfa_rig *rig)
{
    for (uint32_t i = 0; i < rig->table->event_count; i++)
        (void)nfa_rig_feed(rig, &rig->table->events[i]);
}

static void read_again(struct nfa_rig *rig)
{
    struct rt_buffer saved;
    struct rt_form form;

    rt_buffer_init(&saved, SIZE_MAX);
    RT_ASSERT(nfa_rig_save(rig, &saved) == RT_OK);
    nfa_unload(rig->machine, &rig->runs);
    RT_ASSERT(rig->kept == 0);
    form = rt_form_of(rt_buffer_view(&saved));
    RT_ASSERT(nfa_rig_load(rig, &form) == RT_OK && rt_form_end(&form));
    rt_buffer_done(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct nfa_limits limits = {.runs_per_key = 64, .matches_per_event = 64};
    struct nfa_refusal refusal;
    struct nfa_table table;
    struct nfa_rig rig;
    struct rt_form form;

    if (size == 0)
        return 0;
    nfa_table_init(&table);
    RT_ASSERT(
        nfa_table_pattern(&table, patterns[data[0] % (sizeof(patterns) / sizeof(patterns[0]))]));
    RT_ASSERT(nfa_table_events(&table, "a@1 b c d ab b c c d >40"));
    RT_ASSERT(nfa_rig_init(&rig, &table, &limits, &refusal) == RT_OK);
    form = rt_form_of((struct rt_text){(const char *)data + 1, size - 1});
    if (nfa_rig_load(&rig, &form) == RT_OK) {
        read_again(&rig);
        step_on(&rig);
    } else {
        RT_ASSERT(rt_form_failed(&form) && nfa_runs_empty(&rig.runs) && rig.kept == 0);
    }
    nfa_rig_done(&rig);
    nfa_table_done(&table);
    return 0;
}
