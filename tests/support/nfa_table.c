/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/nfa_table.h"

#include <string.h>

#include "runtime/base/assert.h"

// NOLINTBEGIN(misc-no-recursion): DEPTH_MAX bounds it

enum { ARENA_BYTES = 1 << 20, OUT_BYTES = 1 << 22, DEPTH_MAX = 20 };

static const char *const verbs[] = {"begin",         "next",    "followedBy",
                                    "followedByAny", "notNext", "notFollowedBy"};
static const char *const skips[] = {"no_skip", "to_next", "past_last", "to_first", "to_last"};

void nfa_table_init(struct nfa_table *table)
{
    *table = (struct nfa_table){0};
    rt_arena_init(&table->arena, ARENA_BYTES);
}

void nfa_table_done(struct nfa_table *table)
{
    rt_arena_done(&table->arena);
}

bool table_guard_holds(const struct table_guard *guard, uint32_t letters, uint32_t length)
{
    return (guard->letters == 0 || (guard->letters & letters) != 0) &&
           (guard->length_max == 0 || length < guard->length_max);
}

/* ---- read ---- */

struct reader {
    struct nfa_table *table;
    const char *at;
    bool failed;
};

/* The next word, or one of ( ) ; | as a word of its own. */
static struct rt_text next_word(struct reader *reader)
{
    const char *begin;

    while (*reader->at == ' ')
        reader->at++;
    begin = reader->at;
    if (*begin != '\0' && strchr("();|", *begin) != NULL)
        reader->at++;
    else
        reader->at += strcspn(reader->at, " ();|");
    return (struct rt_text){begin, (size_t)(reader->at - begin)};
}

static struct rt_text peek_word(const struct reader *reader)
{
    struct reader ahead = *reader;

    return next_word(&ahead);
}

static int64_t next_number(struct reader *reader)
{
    int64_t number = 0;

    reader->failed |= !rt_text_to_int(next_word(reader), &number);
    return number;
}

static size_t index_in(const char *const *words, size_t count, struct rt_text word)
{
    size_t i = 0;

    while (i < count && !rt_text_is(word, words[i]))
        i++;
    return i;
}

/* letters, or `*`, and perhaps `<length` */
static nfa_guard read_guard(struct reader *reader, struct rt_text text)
{
    struct nfa_table *table = reader->table;
    struct table_guard guard = {0, 0};
    size_t i = 0;

    for (; i < text.length && text.data[i] != '<'; i++)
        if (text.data[i] >= 'a' && text.data[i] <= 'z')
            guard.letters |= 1U << (text.data[i] - 'a');
    if (i < text.length) {
        int64_t length = 0;

        reader->failed |=
            !rt_text_to_int((struct rt_text){text.data + i + 1, text.length - i - 1}, &length);
        guard.length_max = (uint32_t)length;
    }
    if (guard.letters == 0 && guard.length_max == 0)
        return NFA_NO_GUARD;
    if (table->guard_count == TABLE_GUARDS_MAX) {
        reader->failed = true;
        return NFA_NO_GUARD;
    }
    table->guards[table->guard_count] = guard;
    return table->guard_count++;
}

static void read_name(struct reader *reader, struct nfa_step *step)
{
    struct rt_text word = next_word(reader);
    size_t length = 0;

    while (length < word.length && word.data[length] != '=')
        length++;
    step->name = rt_arena_text(&reader->table->arena, word.data, length);
    reader->failed |= length == 0;
    if (length == word.length)
        step->where = read_guard(reader, (struct rt_text){word.data, 1});
    else
        step->where =
            read_guard(reader, (struct rt_text){word.data + length + 1, word.length - length - 1});
}

/* 3, 2..4, 3+ */
static bool read_times(struct rt_text word, struct nfa_step *step)
{
    int64_t min = 0, max;
    size_t digits = 0;

    while (digits < word.length && word.data[digits] >= '0' && word.data[digits] <= '9')
        digits++;
    if (digits == 0 || !rt_text_to_int((struct rt_text){word.data, digits}, &min))
        return false;
    max = min;
    if (digits + 1 == word.length && word.data[digits] == '+')
        max = NFA_UNBOUNDED;
    else if (digits < word.length &&
             !rt_text_to_int((struct rt_text){word.data + digits + 2, word.length - digits - 2},
                             &max))
        return false;
    step->times_min = (uint32_t)min;
    step->times_max = (uint32_t)max;
    return true;
}

static void read_modifier(struct reader *reader, struct nfa_step *step)
{
    struct rt_text word = next_word(reader);

    if (rt_text_is(word, "optional"))
        step->optional = true;
    else if (rt_text_is(word, "greedy"))
        step->greedy = true;
    else if (rt_text_is(word, "consecutive"))
        step->inner = NFA_INNER_STRICT;
    else if (rt_text_is(word, "combinations"))
        step->inner = NFA_INNER_ANY;
    else if (rt_text_is(word, "until"))
        step->until = read_guard(reader, next_word(reader));
    else if (rt_text_is(word, "gap"))
        step->gap.ms = next_number(reader);
    else if (rt_text_is(word, "loop_gap"))
        step->loop_gap.ms = next_number(reader);
    else
        reader->failed |= !read_times(word, step);
}

static const struct nfa_step *read_steps(struct reader *reader, uint32_t depth, size_t *count);

/* `(`, or `any` or `all` in front of it */
static bool is_group(const struct reader *reader)
{
    struct reader ahead = *reader;
    struct rt_text word = next_word(&ahead);

    return rt_text_is(word, "(") || ((rt_text_is(word, "any") || rt_text_is(word, "all")) &&
                                     rt_text_is(next_word(&ahead), "("));
}

static const struct nfa_step group_step = {.name = "group",
                                           .contiguity = NFA_BEGIN,
                                           .where = NFA_NO_GUARD,
                                           .until = NFA_NO_GUARD,
                                           .times_min = 1,
                                           .times_max = 1};

static void read_branches(struct reader *reader, struct nfa_step *step, uint32_t depth)
{
    struct nfa_step *branches =
        rt_arena_array(&reader->table->arena, TABLE_STEPS_MAX, sizeof(*branches));

    step->group = branches;
    do {
        struct nfa_step *branch = &branches[step->group_count++];

        *branch = group_step;
        branch->group = read_steps(reader, depth + 1, &branch->group_count);
    } while (!reader->failed && step->group_count < TABLE_STEPS_MAX &&
             rt_text_is(peek_word(reader), "|") && next_word(reader).length > 0);
}

static void read_group(struct reader *reader, struct nfa_step *step, uint32_t depth)
{
    struct rt_text word = next_word(reader);

    step->name = group_step.name;
    step->group_kind = rt_text_is(word, "any")   ? NFA_ANY_OF
                       : rt_text_is(word, "all") ? NFA_ALL_OF
                                                 : NFA_SEQUENCE;
    if (step->group_kind != NFA_SEQUENCE)
        (void)next_word(reader);
    if (step->group_kind == NFA_ANY_OF)
        read_branches(reader, step, depth);
    else
        step->group = read_steps(reader, depth + 1, &step->group_count);
    reader->failed |= !rt_text_is(next_word(reader), ")");
}

static void read_step(struct reader *reader, struct nfa_step *step, size_t verb, uint32_t depth)
{
    struct rt_text word;

    *step = (struct nfa_step){.contiguity = (enum nfa_contiguity)verb,
                              .where = NFA_NO_GUARD,
                              .until = NFA_NO_GUARD,
                              .times_min = 1,
                              .times_max = 1};
    if (is_group(reader))
        read_group(reader, step, depth);
    else
        read_name(reader, step);
    for (word = peek_word(reader);
         word.length > 0 && strchr(";)|", word.data[0]) == NULL && !reader->failed;
         word = peek_word(reader))
        read_modifier(reader, step);
}

static void read_setting(struct reader *reader, struct rt_text word)
{
    struct nfa_pattern *pattern = &reader->table->pattern;

    if (rt_text_is(word, "within")) {
        pattern->within.ms = next_number(reader);
    } else if (rt_text_is(word, "in_start_order")) {
        pattern->emit = NFA_EMIT_IN_START_ORDER;
    } else if (rt_text_is(word, "skip")) {
        size_t skip = index_in(skips, 5, next_word(reader));

        reader->failed |= skip == 5;
        pattern->skip = (enum nfa_skip)skip;
        if (skip >= NFA_SKIP_TO_FIRST) {
            word = next_word(reader);
            pattern->skip_step = rt_arena_text(&reader->table->arena, word.data, word.length);
        }
    } else {
        reader->failed = true;
    }
}

static const struct nfa_step *read_steps(struct reader *reader, uint32_t depth, size_t *count)
{
    struct nfa_step *steps = rt_arena_array(&reader->table->arena, TABLE_STEPS_MAX, sizeof(*steps));

    *count = 0;
    while (!reader->failed && depth < DEPTH_MAX && *count < TABLE_STEPS_MAX) {
        struct rt_text word = peek_word(reader);
        size_t verb;

        if (word.length == 0 || strchr(")|", word.data[0]) != NULL)
            break;
        (void)next_word(reader);
        verb = index_in(verbs, 6, word);
        if (verb < 6)
            read_step(reader, &steps[(*count)++], verb, depth);
        else
            read_setting(reader, word);
        if (rt_text_is(peek_word(reader), ";"))
            (void)next_word(reader);
    }
    return steps;
}

bool nfa_table_pattern(struct nfa_table *table, const char *text)
{
    struct reader reader = {table, text, false};

    table->pattern.steps = read_steps(&reader, 0, &table->pattern.step_count);
    return !reader.failed && next_word(&reader).length == 0;
}

bool nfa_table_events(struct nfa_table *table, const char *text)
{
    int64_t time = 0;
    uint32_t number = 0;

    while (*(text += strspn(text, " ")) != '\0' && table->event_count < TABLE_EVENTS_MAX) {
        struct table_event event = {0};
        struct rt_text rest;

        for (; *text >= 'a' && *text <= 'z'; text++)
            event.letters |= 1U << (*text - 'a');
        time += event.letters != 0;
        rest = (struct rt_text){text + 1, strcspn(text, " ") - (*text != ' ' && *text != '\0')};
        if ((*text == '@' || *text == '>') && !rt_text_to_int(rest, &time))
            return false;
        event.number = event.letters != 0 ? ++number : 0;
        event.time = time;
        table->events[table->event_count++] = event;
        text += strcspn(text, " ");
    }
    return true;
}

/* ---- print ---- */

static void print_guard(const struct nfa_table *table, nfa_guard guard, struct rt_buffer *out)
{
    if (guard == NFA_NO_GUARD || table->guards[guard].letters == 0)
        rt_buffer_char(out, '*');
    for (int i = 0; guard != NFA_NO_GUARD && i < 26; i++)
        if ((table->guards[guard].letters >> i & 1U) != 0)
            rt_buffer_char(out, (char)('a' + i));
    if (guard != NFA_NO_GUARD && table->guards[guard].length_max > 0)
        rt_buffer_printf(out, "<%u", (unsigned)table->guards[guard].length_max);
}

static void print_times(const struct nfa_step *step, struct rt_buffer *out)
{
    if (step->times_max == NFA_UNBOUNDED)
        rt_buffer_printf(out, " %u+", (unsigned)step->times_min);
    else if (step->times_min != step->times_max)
        rt_buffer_printf(out, " %u..%u", (unsigned)step->times_min, (unsigned)step->times_max);
    else if (step->times_max != 1)
        rt_buffer_printf(out, " %u", (unsigned)step->times_max);
}

static void print_steps(const struct nfa_table *table, const struct nfa_step *steps, size_t count,
                        struct rt_buffer *out);

static void print_group(const struct nfa_table *table, const struct nfa_step *step,
                        struct rt_buffer *out)
{
    static const char *const words[] = {
        [NFA_SEQUENCE] = "( ", [NFA_ANY_OF] = "any ( ", [NFA_ALL_OF] = "all ( "};

    rt_buffer_string(out, words[step->group_kind]);
    for (size_t i = 0; step->group_kind == NFA_ANY_OF && i < step->group_count; i++) {
        if (i > 0)
            rt_buffer_string(out, " | ");
        if (step->group[i].group != NULL && step->group[i].group_kind == NFA_SEQUENCE)
            print_steps(table, step->group[i].group, step->group[i].group_count, out);
        else
            print_steps(table, &step->group[i], 1, out);
    }
    if (step->group_kind != NFA_ANY_OF)
        print_steps(table, step->group, step->group_count, out);
    rt_buffer_string(out, " )");
}

static void print_steps(const struct nfa_table *table, const struct nfa_step *steps, size_t count,
                        struct rt_buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct nfa_step *step = &steps[i];

        rt_buffer_printf(out, "%s%s ", i > 0 ? "; " : "", verbs[step->contiguity]);
        if (step->group != NULL) {
            print_group(table, step, out);
        } else {
            rt_buffer_printf(out, "%s=", step->name);
            print_guard(table, step->where, out);
        }
        print_times(step, out);
        rt_buffer_string(out, step->optional ? " optional" : "");
        rt_buffer_string(out, step->greedy ? " greedy" : "");
        rt_buffer_string(out, step->inner == NFA_INNER_STRICT ? " consecutive" : "");
        rt_buffer_string(out, step->inner == NFA_INNER_ANY ? " combinations" : "");
        if (step->until != NFA_NO_GUARD) {
            rt_buffer_string(out, " until ");
            print_guard(table, step->until, out);
        }
        if (step->gap.ms > 0)
            rt_buffer_printf(out, " gap %lld", (long long)step->gap.ms);
        if (step->loop_gap.ms > 0)
            rt_buffer_printf(out, " loop_gap %lld", (long long)step->loop_gap.ms);
    }
}

void nfa_table_print_pattern(const struct nfa_table *table, struct rt_buffer *out)
{
    const struct nfa_pattern *pattern = &table->pattern;

    print_steps(table, pattern->steps, pattern->step_count, out);
    if (pattern->within.ms > 0)
        rt_buffer_printf(out, "; within %lld", (long long)pattern->within.ms);
    if (pattern->skip != NFA_NO_SKIP)
        rt_buffer_printf(out, "; skip %s", skips[pattern->skip]);
    if (pattern->skip >= NFA_SKIP_TO_FIRST)
        rt_buffer_printf(out, " %s", pattern->skip_step);
    if (pattern->emit == NFA_EMIT_IN_START_ORDER)
        rt_buffer_string(out, "; in_start_order");
}

void nfa_table_print_events(const struct nfa_table *table, struct rt_buffer *out)
{
    for (uint32_t i = 0; i < table->event_count; i++) {
        const struct table_event *event = &table->events[i];

        rt_buffer_string(out, i > 0 ? " " : "");
        for (int k = 0; k < 26; k++)
            if ((event->letters >> k & 1U) != 0)
                rt_buffer_char(out, (char)('a' + k));
        rt_buffer_printf(out, "%c%lld", event->number > 0 ? '@' : '>', (long long)event->time);
    }
}

/* ---- drive ---- */

static bool on_guard(void *context, nfa_guard guard, nfa_event event, const struct nfa_match *run)
{
    const struct nfa_rig *rig = context;
    const struct table_event *in = event;

    return table_guard_holds(&rig->table->guards[guard], in->letters, run->length);
}

static nfa_event hold(struct nfa_rig *rig, const struct table_event *event)
{
    struct table_kept *kept = &rig->events[event->number];

    kept->head = (struct nfa_event_head){{event->time}, event->number};
    kept->event = event;
    kept->references++;
    rig->kept++;
    return kept;
}

static nfa_event on_keep(void *context, nfa_event event)
{
    struct nfa_rig *rig = context;

    if (rig->keep_fails > 0) {
        rig->keep_fails--;
        return NULL;
    }
    return hold(rig, event);
}

static void on_release(void *context, nfa_event kept)
{
    struct nfa_rig *rig = context;

    struct table_kept *event = &rig->events[((const struct table_kept *)kept)->event->number];

    RT_ASSERT(rig->kept > 0 && event->references > 0);
    rig->kept--;
    event->references--;
}

static void print_path(struct nfa_rig *rig, const struct nfa_path *path)
{
    struct nfa_taken taken[TABLE_EVENTS_MAX];
    size_t count = 0;

    while (path != NULL && count < TABLE_EVENTS_MAX)
        path = nfa_path_get(path, &taken[count++]);
    while (count > 0) {
        count--;
        rt_buffer_printf(&rig->out, " %s:%u",
                         nfa_program_step_name(rig->program, taken[count].step),
                         (unsigned)((const struct table_kept *)taken[count].event)->event->number);
    }
}

static void print_match(struct nfa_rig *rig, const struct nfa_match *match, const char *what)
{
    if (rig->now->number == 0)
        rt_buffer_printf(&rig->out, ">%lld:%s", (long long)rig->now->time, what);
    else
        rt_buffer_printf(&rig->out, "%u%s:%s", (unsigned)rig->now->number, rig->stepping ? "" : "-",
                         what);
    print_path(rig, match->path);
    rt_buffer_printf(&rig->out, " @%lld\n", (long long)match->time.ms);
}

static void on_match(void *context, const struct nfa_match *match)
{
    print_match(context, match, "");
}

static void on_timeout(void *context, const struct nfa_match *match)
{
    print_match(context, match, " timeout");
}

static struct nfa_callbacks callbacks_for(const struct nfa_table *table)
{
    struct nfa_callbacks callbacks = {.guard = on_guard,
                                      .keep = on_keep,
                                      .release = on_release,
                                      .match = on_match,
                                      .timeout = on_timeout};

    for (uint32_t i = 0; i < table->guard_count; i++)
        callbacks.event_guards |= (uint64_t)(table->guards[i].length_max == 0) << i;
    return callbacks;
}

enum rt_status nfa_rig_init(struct nfa_rig *rig, const struct nfa_table *table,
                            const struct nfa_limits *limits, struct nfa_refusal *refusal)
{
    const struct nfa_callbacks callbacks = callbacks_for(table);
    enum rt_status status;

    *rig = (struct nfa_rig){.table = table};
    rt_buffer_init(&rig->out, OUT_BYTES);
    status = nfa_compile(&table->pattern, &rig->program, refusal);
    if (status == RT_OK)
        status = nfa_machine_new(rig->program, limits, &callbacks, rig, &rig->machine);
    if (status == RT_OK)
        return RT_OK;
    nfa_program_unref(rig->program);
    return status;
}

enum rt_status nfa_rig_hush(struct nfa_rig *rig, const struct nfa_limits *limits)
{
    struct nfa_callbacks callbacks = callbacks_for(rig->table);

    callbacks.timeout = NULL;
    rig->hushed = true;
    nfa_machine_free(rig->machine);
    rig->machine = NULL;
    return nfa_machine_new(rig->program, limits, &callbacks, rig, &rig->machine);
}

enum rt_status nfa_rig_without_rows(struct nfa_rig *rig, const struct nfa_limits *limits)
{
    struct nfa_callbacks callbacks = callbacks_for(rig->table);

    callbacks.event_guards = 0;
    callbacks.timeout = rig->hushed ? NULL : on_timeout;
    nfa_machine_free(rig->machine);
    rig->machine = NULL;
    return nfa_machine_new(rig->program, limits, &callbacks, rig, &rig->machine);
}

void nfa_rig_done(struct nfa_rig *rig)
{
    nfa_clear(rig->machine, &rig->runs);
    RT_ASSERT(rig->kept == 0);
    RT_ASSERT(nfa_runs_empty(&rig->runs));
    nfa_machine_free(rig->machine);
    nfa_program_unref(rig->program);
    rt_buffer_done(&rig->out);
}

/* Guards that hold for some run: what they mind of a run is that it is short. */
static uint64_t true_guards(const struct nfa_rig *rig, const struct table_event *event)
{
    uint64_t bits = 0;

    for (uint32_t guard = 0; guard < rig->table->guard_count; guard++)
        if (table_guard_holds(&rig->table->guards[guard], event->letters, 0))
            bits |= UINT64_C(1) << guard;
    return bits;
}

enum rt_status nfa_rig_feed(struct nfa_rig *rig, const struct table_event *event)
{
    enum rt_status status;

    rig->now = event;
    rig->stepping = false;
    status = rig->hushed ? RT_OK : nfa_advance(rig->machine, &rig->runs, (rt_time){event->time});
    if (status != RT_OK || event->number == 0)
        return status;
    rig->stepping = true;
    return nfa_step(rig->machine, &rig->runs, event, (rt_time){event->time}, event->number,
                    true_guards(rig, event));
}

enum rt_status nfa_rig_feed_all(struct nfa_rig *rig)
{
    for (uint32_t i = 0; i < rig->table->event_count; i++) {
        enum rt_status status = nfa_rig_feed(rig, &rig->table->events[i]);

        if (status != RT_OK)
            return status;
    }
    return RT_OK;
}

/* ---- save ---- */

static void save_event(void *context, nfa_event event, struct rt_buffer *out)
{
    (void)context;
    rt_form_add_uint(out, ((const struct table_kept *)event)->event->number);
}

static nfa_event load_event(void *context, struct rt_form *form)
{
    struct nfa_rig *rig = context;
    uint64_t number = rt_form_uint_max(form, TABLE_EVENTS_MAX);

    for (uint32_t i = 0; i < rig->table->event_count && !rt_form_failed(form); i++)
        if (number > 0 && rig->table->events[i].number == number)
            return hold(rig, &rig->table->events[i]);
    rt_form_fail(form, "there is no such event");
    return NULL;
}

enum rt_status nfa_rig_save(struct nfa_rig *rig, struct rt_buffer *out)
{
    return nfa_runs_save(rig->machine, &rig->runs, save_event, rig, out);
}

enum rt_status nfa_rig_load(struct nfa_rig *rig, struct rt_form *form)
{
    return nfa_runs_load(rig->machine, &rig->runs, load_event, rig, form);
}

// NOLINTEND(misc-no-recursion)
