/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - random patterns over random events: the automaton against the oracle, and against itself.
 *
 *     nfa_compare [count [seed]]         2,000 pairs unless told
 *
 *     flat pattern       what comes out must be what the oracle says, line by line
 *     counted groups     of single steps: what the oracle says of the same steps written out one after the other
 *     nested groups      loops, optional ones, choices: without a skip strategy the matches of all ways through them (union.h)
 *     any pattern        (with choices and sets) the same must come out when events that nfa_runs_want does not want are left out, and when
 *                        time is told every millisecond, and when the runs are saved and loaded before every event and
 *                        every advance of time; and no match comes twice
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "tests/nfa/union.h"
#include "tests/support/seeded.h"

// NOLINTBEGIN(misc-no-recursion): patterns nest at most two deep

enum { OUT_BYTES = 1 << 24, STEPS_MAX = 5 };

static bool one_in(struct seeded *seeded, uint32_t n)
{
    return seeded_below(seeded, n) == 0;
}

/* ---- random patterns ---- */

static nfa_guard random_guard(struct nfa_table *table, struct seeded *seeded)
{
    struct table_guard guard = {1U << seeded_below(seeded, 4), 0};

    if (one_in(seeded, 12) || table->guard_count == TABLE_GUARDS_MAX)
        return NFA_NO_GUARD;
    if (one_in(seeded, 4))
        guard.letters |= 1U << seeded_below(seeded, 4);
    if (one_in(seeded, 8))
        guard.length_max = 1 + seeded_below(seeded, 3);
    table->guards[table->guard_count] = guard;
    return table->guard_count++;
}

static void random_times(struct nfa_step *step, struct seeded *seeded)
{
    if (one_in(seeded, 2))
        return;
    step->times_min = 1 + seeded_below(seeded, 2);
    step->times_max = one_in(seeded, 2) ? NFA_UNBOUNDED : step->times_min + seeded_below(seeded, 3);
    if (one_in(seeded, 8) && step->times_max != NFA_UNBOUNDED)
        step->times_min = 0;
    if (step->times_max == 1)
        return;
    step->inner = (enum nfa_inner)seeded_below(seeded, 3);
    step->greedy = step->group == NULL && one_in(seeded, 3);
    if (one_in(seeded, 6))
        step->loop_gap.ms = 1 + seeded_below(seeded, 4);
}

static const struct nfa_step *random_steps(struct nfa_table *table, struct seeded *seeded,
                                           uint32_t depth, size_t *count);

static void random_step(struct nfa_table *table, struct seeded *seeded, uint32_t depth, bool first,
                        struct nfa_step *step)
{
    *step = (struct nfa_step){
        .times_min = 1, .times_max = 1, .where = NFA_NO_GUARD, .until = NFA_NO_GUARD};
    step->contiguity =
        first ? NFA_BEGIN : (enum nfa_contiguity)(NFA_STRICT + seeded_below(seeded, 3));
    if (!first && one_in(seeded, 5))
        step->contiguity = one_in(seeded, 3) ? NFA_NOT_NEXT : NFA_NOT_FOLLOW;
    step->name = rt_arena_printf(&table->arena, "s%u",
                                 (unsigned)table->guard_count * 8 + seeded_below(seeded, 8));
    if (depth > 0 && one_in(seeded, 3) && step->contiguity < NFA_NOT_NEXT)
        step->group = random_steps(table, seeded, depth - 1, &step->group_count);
    else
        step->where = random_guard(table, seeded);
    if (one_in(seeded, 8) && !first)
        step->gap.ms = 1 + seeded_below(seeded, 5);
    if (step->contiguity >= NFA_NOT_NEXT)
        return;
    random_times(step, seeded);
    step->optional = one_in(seeded, 4);
    if (step->times_max == NFA_UNBOUNDED && one_in(seeded, 3))
        step->until = random_guard(table, seeded);
}

static const struct nfa_step *random_steps(struct nfa_table *table, struct seeded *seeded,
                                           uint32_t depth, size_t *count)
{
    struct nfa_step *steps = rt_arena_array(&table->arena, STEPS_MAX, sizeof(*steps));

    *count = 1 + seeded_below(seeded, depth > 0 ? 3 : STEPS_MAX);
    for (size_t i = 0; i < *count; i++)
        random_step(table, seeded, depth, i == 0, &steps[i]);
    return steps;
}

/* depth: how deep groups may nest. */
static void random_table(struct nfa_table *table, struct seeded *seeded, uint32_t depth)
{
    struct nfa_pattern *pattern = &table->pattern;

    pattern->steps = random_steps(table, seeded, depth, &pattern->step_count);
    if (!one_in(seeded, 3))
        pattern->within.ms = 2 + seeded_below(seeded, 14);
    if (one_in(seeded, 2))
        pattern->skip = (enum nfa_skip)seeded_below(seeded, 5);
    if (one_in(seeded, 2))
        pattern->emit = NFA_EMIT_IN_START_ORDER;
    pattern->skip_step = pattern->steps[seeded_below(seeded, (uint32_t)pattern->step_count)].name;
}

/* Groups of single steps, each repeated a fixed number of times: what can be written out as well. */
static void tame(struct nfa_table *table, struct seeded *seeded)
{
    struct nfa_step *steps = (struct nfa_step *)(uintptr_t)table->pattern.steps;

    for (size_t i = 0; i < table->pattern.step_count; i++) {
        struct nfa_step *inner = (struct nfa_step *)(uintptr_t)steps[i].group;

        if (inner == NULL)
            continue;
        steps[i].optional = false;
        steps[i].until = NFA_NO_GUARD;
        steps[i].times_min = steps[i].times_max = 1 + seeded_below(seeded, 3);
        if (steps[i].times_max == 1) {
            steps[i].inner = NFA_INNER_RELAXED;
            steps[i].loop_gap.ms = 0;
        }
        for (size_t k = 0; k < steps[i].group_count; k++) {
            enum nfa_contiguity contiguity = inner[k].contiguity;

            inner[k].optional = inner[k].greedy = false;
            inner[k].inner = NFA_INNER_RELAXED;
            inner[k].times_min = inner[k].times_max = 1;
            inner[k].until = NFA_NO_GUARD;
            inner[k].loop_gap.ms = 0;
            if (contiguity >= NFA_NOT_NEXT && k + 1 == steps[i].group_count)
                inner[k].contiguity = NFA_RELAXED;
        }
        /* A repeated group is guarded by the not-step behind it from its second head on; written out it is not. */
        if (i + 1 < table->pattern.step_count && steps[i + 1].contiguity == NFA_NOT_FOLLOW)
            steps[i + 1].contiguity = NFA_NOT_NEXT;
    }
}

/* Some groups become choices between their steps, or sets of them. */
static void make_choices(struct nfa_table *table, struct seeded *seeded)
{
    struct nfa_step *steps = (struct nfa_step *)(uintptr_t)table->pattern.steps;

    for (size_t i = 0; i < table->pattern.step_count; i++) {
        struct nfa_step *inner = (struct nfa_step *)(uintptr_t)steps[i].group;

        steps[i].group_kind = (enum nfa_group_kind)seeded_below(seeded, 3);
        for (size_t k = 0; steps[i].group_kind != NFA_SEQUENCE && k < steps[i].group_count; k++) {
            inner[k].contiguity = NFA_BEGIN;
            inner[k].gap.ms = 0;
            if (steps[i].group_kind == NFA_ANY_OF || inner[k].group != NULL)
                continue;
            inner[k].optional = inner[k].greedy = false;
            inner[k].inner = NFA_INNER_RELAXED;
            inner[k].times_min = inner[k].times_max = 1;
            inner[k].until = NFA_NO_GUARD;
            inner[k].loop_gap.ms = 0;
        }
    }
}

/* The steps of a group once more, behind steps[0..count); returns how many there are then. */
static size_t write_turn(const struct nfa_step *group, bool first, struct nfa_step *steps,
                         size_t count)
{
    static const enum nfa_contiguity between[] = {NFA_RELAXED, NFA_STRICT, NFA_ANY};

    memcpy(&steps[count], group->group, group->group_count * sizeof(*steps));
    steps[count].contiguity = first ? group->contiguity : between[group->inner];
    steps[count].gap = first ? group->gap : group->loop_gap;
    return count + group->group_count;
}

/* The steps of a tame pattern one after the other. */
static void write_out(const struct nfa_table *table, struct nfa_table *flat)
{
    static struct nfa_step steps[TABLE_STEPS_MAX * 4];
    size_t count = 0;

    *flat = *table;
    for (size_t i = 0; i < table->pattern.step_count; i++) {
        const struct nfa_step *step = &table->pattern.steps[i];

        if (step->group == NULL)
            steps[count++] = *step;
        for (uint32_t turn = 0; step->group != NULL && turn < step->times_max; turn++)
            count = write_turn(step, turn == 0, steps, count);
    }
    flat->pattern.steps = steps;
    flat->pattern.step_count = count;
}

static void random_events(struct nfa_table *table, struct seeded *seeded)
{
    int64_t time = 0;
    uint32_t number = 0;

    table->event_count = 3 + seeded_below(seeded, 8);
    for (uint32_t i = 0; i < table->event_count; i++) {
        struct table_event *event = &table->events[i];

        time += seeded_below(seeded, 4);
        event->letters = 1U << seeded_below(seeded, 5);
        if (one_in(seeded, 4))
            event->letters |= 1U << seeded_below(seeded, 4);
        event->number = one_in(seeded, 10) ? 0 : ++number;
        event->time = time;
        if (event->number == 0)
            event->letters = 0;
    }
    table->events[table->event_count++] = (struct table_event){0, time + 40, 0};
}

/* ---- ways to feed ---- */

static uint64_t true_guards(const struct nfa_table *table, const struct table_event *event)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < table->guard_count && i < 64; i++)
        if (table_guard_holds(&table->guards[i], event->letters, 0))
            bits |= UINT64_C(1) << i;
    return bits;
}

enum feeding { ALL, WANTED_ONLY, EVERY_MS, SAVED, FEEDINGS };

static void tell_time(struct nfa_rig *rig, int64_t from, int64_t to)
{
    struct table_event tick = {0, from, 0};

    for (; tick.time < to; tick.time++)
        (void)nfa_rig_feed(rig, &tick);
}

/* The runs go away and come back from bytes, which say the same when they are saved again. */
static void save_and_load(struct nfa_rig *rig)
{
    struct rt_buffer saved, again;
    struct rt_form form;

    rt_buffer_init(&saved, OUT_BYTES);
    rt_buffer_init(&again, OUT_BYTES);
    RT_ASSERT(nfa_rig_save(rig, &saved) == RT_OK);
    nfa_unload(rig->machine, &rig->runs);
    RT_ASSERT(rig->kept == 0);
    form = rt_form_of(rt_buffer_view(&saved));
    RT_ASSERT(nfa_rig_load(rig, &form) == RT_OK);
    RT_ASSERT(rt_form_end(&form));
    RT_ASSERT(nfa_rig_save(rig, &again) == RT_OK);
    RT_ASSERT(rt_text_equal(rt_buffer_view(&saved), rt_buffer_view(&again)));
    rt_buffer_done(&saved);
    rt_buffer_done(&again);
}

static bool feed(struct nfa_rig *rig, enum feeding feeding)
{
    const struct nfa_table *table = rig->table;
    int64_t time = 0;

    for (uint32_t i = 0; i < table->event_count; i++) {
        struct table_event event = table->events[i];
        bool wanted;

        if (feeding == SAVED)
            save_and_load(rig);
        if (feeding == EVERY_MS)
            tell_time(rig, time, event.time);
        time = event.time;
        rig->now = &table->events[i];
        rig->stepping = false;
        (void)nfa_advance(rig->machine, &rig->runs, (rt_time){time});
        if (feeding == SAVED)
            save_and_load(rig);
        wanted = nfa_runs_want(rig->machine, &rig->runs, true_guards(table, &event));
        if (feeding == WANTED_ONLY && !wanted)
            continue;
        if (nfa_rig_feed(rig, &table->events[i]) != RT_OK)
            return false;
    }
    return true;
}

/* Lines without what was in hand when they came. */
static void strip_labels(struct rt_buffer *text)
{
    size_t out = 0;
    bool label = true;

    for (size_t i = 0; i < text->length; i++) {
        if (!label)
            text->data[out++] = text->data[i];
        if (label && text->data[i] == ':')
            label = false;
        if (text->data[i] == '\n')
            label = true;
    }
    text->length = out;
}

static bool has_double_line(struct rt_buffer *text)
{
    struct rt_text all = rt_buffer_view(text);

    for (size_t i = 0; i < all.length;) {
        size_t length = (size_t)((char *)memchr(all.data + i, '\n', all.length - i) - all.data) - i;

        for (size_t k = i + length + 1; k + length < all.length; k++)
            if (all.data[k - 1] == '\n' && all.data[k + length] == '\n' &&
                memcmp(all.data + i, all.data + k, length) == 0)
                return true;
        i += length + 1;
    }
    return false;
}

/* ---- compare ---- */

struct tally {
    unsigned tried, compared, ways, lines;
};

static void show(const char *what, const struct rt_buffer *text)
{
    printf("  %s\n%.*s\n", what, (int)text->length, text->length > 0 ? text->data : "");
}

static bool fail(const struct nfa_table *table, const char *what, const struct rt_buffer *wanted,
                 const struct rt_buffer *got)
{
    struct rt_buffer text;

    rt_buffer_init(&text, OUT_BYTES);
    nfa_table_print_pattern(table, &text);
    rt_buffer_string(&text, "\nevents: ");
    nfa_table_print_events(table, &text);
    printf("%s\npattern: %s\n", what, text.data);
    show("wanted", wanted);
    show("got", got);
    rt_buffer_done(&text);
    return false;
}

static bool run_once(const struct nfa_table *table, enum feeding feeding, struct rt_buffer *out)
{
    struct nfa_limits limits = {0};
    struct nfa_refusal refusal;
    struct nfa_rig rig;
    bool ok;

    if (nfa_rig_init(&rig, table, &limits, &refusal) != RT_OK)
        return false;
    ok = feed(&rig, feeding);
    rt_buffer_add(out, rig.out.length > 0 ? rig.out.data : "", rig.out.length);
    nfa_rig_done(&rig);
    return ok;
}

static bool compare(const struct nfa_table *table, const struct nfa_table *flat,
                    struct tally *tally)
{
    struct rt_buffer out[FEEDINGS], oracle;
    bool ok = true;

    rt_buffer_init(&oracle, OUT_BYTES);
    for (int i = 0; i < FEEDINGS; i++)
        rt_buffer_init(&out[i], OUT_BYTES);
    if (run_once(table, ALL, &out[ALL])) {
        tally->compared++;
        if (flat != NULL) {
            oracle_run(flat, &oracle);
            if (!rt_text_equal(rt_buffer_view(&oracle), rt_buffer_view(&out[ALL])))
                ok = fail(table, "the oracle says otherwise", &oracle, &out[ALL]);
        }
        for (int i = WANTED_ONLY; i < FEEDINGS; i++)
            (void)run_once(table, (enum feeding)i, &out[i]);
        if (!rt_text_equal(rt_buffer_view(&out[ALL]), rt_buffer_view(&out[WANTED_ONLY])))
            ok = fail(table, "an unwanted event mattered", &out[ALL], &out[WANTED_ONLY]);
        if (!rt_text_equal(rt_buffer_view(&out[ALL]), rt_buffer_view(&out[SAVED])))
            ok = fail(table, "it matters that runs are saved and loaded", &out[ALL], &out[SAVED]);
        strip_labels(&out[ALL]);
        strip_labels(&out[EVERY_MS]);
        if (!rt_text_equal(rt_buffer_view(&out[ALL]), rt_buffer_view(&out[EVERY_MS])))
            ok = fail(table, "it matters how often time is told", &out[ALL], &out[EVERY_MS]);
        if (has_double_line(&out[ALL]))
            ok = fail(table, "something came twice", &out[ALL], &out[ALL]);
        for (size_t i = 0; i < out[ALL].length; i++)
            tally->lines += out[ALL].data[i] == '\n';
    }
    rt_buffer_done(&oracle);
    for (int i = 0; i < FEEDINGS; i++)
        rt_buffer_done(&out[i]);
    return ok;
}

/* A pattern with groups against all ways through them. */
static bool compare_ways(const struct nfa_table *table, struct tally *tally)
{
    struct rt_buffer out, ways;
    bool ok = true;

    rt_buffer_init(&out, OUT_BYTES);
    rt_buffer_init(&ways, OUT_BYTES);
    if (run_once(table, ALL, &out) && union_run(table, &ways)) {
        tally->ways++;
        union_sort_matches(&out);
        if (!rt_text_equal(rt_buffer_view(&ways), rt_buffer_view(&out)))
            ok = fail(table, "the ways through the groups say otherwise", &ways, &out);
    }
    rt_buffer_done(&out);
    rt_buffer_done(&ways);
    return ok;
}

static uint64_t number_or(char **arguments, int count, int at, uint64_t otherwise)
{
    uint64_t number = otherwise;

    if (count > at && !rt_text_to_uint(rt_text_of(arguments[at]), &number))
        exit(2);
    return number;
}

enum shape { FLAT, COUNTED, NESTED, ANY, SHAPES };

int main(int count, char **arguments)
{
    uint64_t pairs = number_or(arguments, count, 1, 2000);
    uint64_t seed = number_or(arguments, count, 2, 1);
    struct tally tally = {0};

    for (uint64_t i = 0; tally.compared < pairs; i++) {
        struct seeded seeded = seeded_from(seed * UINT64_C(1000003) + i);
        enum shape shape = (enum shape)(i % SHAPES);
        struct nfa_table table, flat;
        bool ok;

        tally.tried++;
        nfa_table_init(&table);
        random_table(&table, &seeded, shape == FLAT ? 0 : shape == COUNTED ? 1 : 2);
        random_events(&table, &seeded);
        if (shape == COUNTED)
            tame(&table, &seeded);
        else if (shape != FLAT)
            make_choices(&table, &seeded);
        if (shape == NESTED)
            union_tame(&table);
        if (shape < NESTED)
            write_out(&table, &flat);
        ok = compare(&table, shape < NESTED ? &flat : NULL, &tally) &&
             (shape != NESTED || compare_ways(&table, &tally));
        nfa_table_done(&table);
        if (!ok) {
            printf("pair %llu of seed %llu\n", (unsigned long long)i, (unsigned long long)seed);
            return 1;
        }
    }
    printf("%u random patterns, %u accepted, %u of them with nested groups written out, %u lines "
           "came out and were right\n",
           tally.tried, tally.compared, tally.ways, tally.lines);
    return 0;
}

// NOLINTEND(misc-no-recursion)
