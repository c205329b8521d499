/* SPDX-License-Identifier: Apache-2.0 */
/* The runs of a key: limits, counters, memory, what wakes them.  What they match is in tests/cases/nfa. */
#include "nfa/run.h"
#include "runtime/base/alloc.h"
#include "tests/support/nfa_table.h"
#include "tests/support/seeded.h"
#include "tests/support/unit.h"

#include <string.h>

struct fixture {
    struct nfa_table table;
    struct nfa_rig rig;
};

static void set_up(struct fixture *fixture, const char *pattern, const char *events,
                   struct nfa_limits limits)
{
    struct nfa_refusal refusal;

    nfa_table_init(&fixture->table);
    assert_true(nfa_table_pattern(&fixture->table, pattern));
    assert_true(nfa_table_events(&fixture->table, events));
    assert_int_equal(nfa_rig_init(&fixture->rig, &fixture->table, &limits, &refusal), RT_OK);
}

static void tear_down(struct fixture *fixture)
{
    nfa_rig_done(&fixture->rig);
    nfa_table_done(&fixture->table);
}

static const char *output(const struct fixture *fixture)
{
    return fixture->rig.out.length == 0 ? "" : fixture->rig.out.data;
}

static const struct nfa_counters *counters(const struct fixture *fixture)
{
    return nfa_machine_counters(fixture->rig.machine);
}

static void feed_all(struct fixture *fixture)
{
    assert_int_equal(nfa_rig_feed_all(&fixture->rig), RT_OK);
}

/* ---- limits ---- */

static void the_oldest_run_goes_when_a_key_has_too_many(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; followedBy b", "a a a b",
           (struct nfa_limits){.runs_per_key = 2, .policy = NFA_DROP_OLDEST});
    feed_all(&fixture);
    assert_string_equal(output(&fixture), "4: a:2 b:4 @4\n4: a:3 b:4 @4\n");
    assert_int_equal(counters(&fixture)->evicted, 1);
    assert_int_equal(counters(&fixture)->refused, 0);
    tear_down(&fixture);
}

static void a_new_run_is_refused_when_a_key_has_too_many(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; followedBy b", "a a a b",
           (struct nfa_limits){.runs_per_key = 2, .policy = NFA_DROP_NEW});
    feed_all(&fixture);
    assert_string_equal(output(&fixture), "4: a:1 b:4 @4\n4: a:2 b:4 @4\n");
    assert_int_equal(counters(&fixture)->refused, 1);
    tear_down(&fixture);
}

static void a_run_that_goes_on_keeps_its_place(void **state)
{
    struct fixture fixture;

    (void)state;
    /* at the second b every run forks; the fork is refused, the run itself is not */
    set_up(&fixture, "begin a; followedByAny b; followedBy c", "a a b c",
           (struct nfa_limits){.runs_per_key = 2, .policy = NFA_DROP_NEW});
    feed_all(&fixture);
    assert_string_equal(output(&fixture), "4: a:1 b:3 c:4 @4\n4: a:2 b:3 c:4 @4\n");
    assert_int_equal(counters(&fixture)->refused, 2);
    tear_down(&fixture);
}

static void too_many_runs_are_an_error_when_so_asked(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; followedBy b", "a a b",
           (struct nfa_limits){.runs_per_key = 1, .policy = NFA_STOP});
    assert_int_equal(nfa_rig_feed(&fixture.rig, &fixture.table.events[0]), RT_OK);
    assert_int_equal(nfa_rig_feed(&fixture.rig, &fixture.table.events[1]), RT_ERR_LIMIT);
    assert_int_equal(nfa_rig_feed(&fixture.rig, &fixture.table.events[2]), RT_OK);
    assert_string_equal(output(&fixture), "3: a:1 b:3 @3\n");
    tear_down(&fixture);
}

static void a_path_grows_to_its_limit(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a 1+", "a a a", (struct nfa_limits){.path_length = 2});
    feed_all(&fixture);
    assert_string_equal(output(&fixture),
                        "1: a:1 @1\n2: a:1 a:2 @2\n2: a:2 @2\n3: a:2 a:3 @3\n3: a:3 @3\n");
    assert_int_equal(counters(&fixture)->refused, 1);
    tear_down(&fixture);
}

static void matches_of_one_event_are_limited(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; followedBy b", "a a a b",
           (struct nfa_limits){.matches_per_event = 2});
    feed_all(&fixture);
    assert_string_equal(output(&fixture), "4: a:1 b:4 @4\n4: a:2 b:4 @4\n");
    assert_int_equal(counters(&fixture)->refused, 1);
    tear_down(&fixture);
}

static void held_matches_are_limited(void **state)
{
    /* The loop of event 1 stays open and holds back the three matches that start later, until it times out. */
    static const struct {
        enum nfa_limit_policy policy;
        uint64_t evicted, refused;
        const char *out;
    } cases[] = {
        {NFA_DROP_OLDEST, 2, 0, ">20: b:3 c:4 @4\n"},
        {NFA_DROP_NEW, 0, 2, ">20: b:2 b:3 c:4 @4\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture fixture;

        set_up(&fixture, "begin b 1+; followedBy c; skip to_first b; in_start_order; within 10",
               "b b b c >20", (struct nfa_limits){.held_matches = 1, .policy = cases[i].policy});
        feed_all(&fixture);
        assert_non_null(strstr(output(&fixture), cases[i].out));
        assert_int_equal(counters(&fixture)->matched, 4);
        assert_int_equal(counters(&fixture)->evicted, cases[i].evicted);
        assert_int_equal(counters(&fixture)->refused, cases[i].refused);
        tear_down(&fixture);
    }
}

/* ---- what a key costs ---- */

static void a_key_with_only_the_start_costs_nothing(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; next b; within 5", "x a x a b", (struct nfa_limits){0});
    assert_true(nfa_runs_empty(&fixture.rig.runs));
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(nfa_rig_feed(&fixture.rig, &fixture.table.events[i]), RT_OK);
        assert_int_equal(nfa_runs_empty(&fixture.rig.runs), i != 1 && i != 3);
    }
    assert_int_equal(fixture.rig.kept, 0);
    assert_int_equal(counters(&fixture)->live_runs, 0);
    tear_down(&fixture);
}

static void an_event_is_kept_for_every_run_that_takes_it(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; followedBy b; followedBy c", "a a a b", (struct nfa_limits){0});
    feed_all(&fixture);
    assert_int_equal(fixture.rig.kept, 6); /* three starts, and b by three runs */
    assert_int_equal(counters(&fixture)->live_runs, 3);
    tear_down(&fixture);
}

static void an_event_that_cannot_be_kept_is_not_taken(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; followedBy b", "a b b", (struct nfa_limits){0});
    assert_int_equal(nfa_rig_feed(&fixture.rig, &fixture.table.events[0]), RT_OK);
    fixture.rig.keep_fails = 1;
    assert_int_equal(nfa_rig_feed(&fixture.rig, &fixture.table.events[1]), RT_OK);
    assert_string_equal(output(&fixture), "");
    assert_int_equal(counters(&fixture)->refused, 1);
    tear_down(&fixture);
}

static void a_looping_group_needs_one_run_for_each_place(void **state)
{
    struct fixture fixture;

    (void)state;
    /* each ignored event opens the way behind the group again; without care the runs would grow with every x */
    set_up(&fixture, "begin a; followedBy ( begin b ) 1+; followedBy c", "a b x x x x x x x x",
           (struct nfa_limits){0});
    feed_all(&fixture);
    assert_int_equal(counters(&fixture)->live_runs, 2);
    tear_down(&fixture);
}

static void the_steady_state_allocates_nothing(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; followedBy b 1..3; followedBy c; within 9", "a b b c a b c x",
           (struct nfa_limits){0});
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < fixture.table.event_count; i++)
            fixture.table.events[i].time += 20;
        fixture.rig.out.failed = true; /* the text is of no interest, and its allocations neither */
        if (round > 1)
            rt_fault_arm(1);
        feed_all(&fixture);
        assert_false(rt_fault_disarm());
    }
    tear_down(&fixture);
}

/* ---- what wakes a run ---- */

static void a_waiting_run_wants_only_what_can_move_it(void **state)
{
    struct fixture fixture;
    const struct nfa_rig *rig = &fixture.rig;

    (void)state;
    /* guards: 0 a, 1 n, 2 b */
    set_up(&fixture, "begin a; notFollowedBy n; followedBy b", "a", (struct nfa_limits){0});
    assert_true(nfa_runs_want(rig->machine, &rig->runs, 1));
    assert_false(nfa_runs_want(rig->machine, &rig->runs, 2 | 4));
    feed_all(&fixture);
    assert_false(nfa_runs_want(rig->machine, &rig->runs, 0));
    assert_true(nfa_runs_want(rig->machine, &rig->runs, 1));
    assert_true(nfa_runs_want(rig->machine, &rig->runs, 2));
    assert_true(nfa_runs_want(rig->machine, &rig->runs, 4));
    tear_down(&fixture);
}

static void a_strict_wait_wants_every_event(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; next b", "a", (struct nfa_limits){0});
    feed_all(&fixture);
    assert_true(nfa_runs_want(fixture.rig.machine, &fixture.rig.runs, 0));
    tear_down(&fixture);
}

static void start_guards_are_those_of_the_steps_that_can_come_first(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a optional; next b; next c", "", (struct nfa_limits){0});
    assert_true(nfa_program_is_start_guard(fixture.rig.program, 0));
    assert_true(nfa_program_is_start_guard(fixture.rig.program, 1));
    assert_false(nfa_program_is_start_guard(fixture.rig.program, 2));
    assert_false(nfa_program_any_starts(fixture.rig.program));
    tear_down(&fixture);
    set_up(&fixture, "begin any=*; next c", "", (struct nfa_limits){0});
    assert_true(nfa_program_any_starts(fixture.rig.program));
    tear_down(&fixture);
}

static void the_deadline_is_that_of_the_run_that_ends_first(void **state)
{
    struct fixture fixture;
    uint64_t sequence = 99;

    (void)state;
    set_up(&fixture, "begin a; followedBy b; followedBy c gap 3; within 10", "a@1 a@2 b@4",
           (struct nfa_limits){0});
    assert_true(nfa_runs_deadline(fixture.rig.machine, &fixture.rig.runs, &sequence).ms ==
                RT_TIME_MAX.ms);
    assert_int_equal(nfa_rig_feed(&fixture.rig, &fixture.table.events[0]), RT_OK);
    assert_int_equal(nfa_rig_feed(&fixture.rig, &fixture.table.events[1]), RT_OK);
    assert_int_equal(nfa_runs_deadline(fixture.rig.machine, &fixture.rig.runs, &sequence).ms, 11);
    assert_int_equal(sequence, 1);
    assert_int_equal(nfa_rig_feed(&fixture.rig, &fixture.table.events[2]), RT_OK);
    assert_int_equal(nfa_runs_deadline(fixture.rig.machine, &fixture.rig.runs, &sequence).ms, 7);
    tear_down(&fixture);
}

static void every_end_of_a_run_is_counted(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, "begin a; notFollowedBy n; followedBy b; next c; within 10; skip past_last",
           "a@1 n@2 a@3 b@4 x@5 a@6 a@7 b@8 c@9 a@20 >40 a@50", (struct nfa_limits){0});
    feed_all(&fixture);
    assert_int_equal(counters(&fixture)->started, 6);
    assert_int_equal(counters(&fixture)->negated, 1);
    assert_int_equal(counters(&fixture)->broken, 1);
    assert_int_equal(counters(&fixture)->skipped, 1);
    assert_int_equal(counters(&fixture)->matched, 1);
    assert_int_equal(counters(&fixture)->timed_out, 1);
    assert_int_equal(counters(&fixture)->live_runs, 1);
    nfa_clear(fixture.rig.machine, &fixture.rig.runs);
    assert_int_equal(counters(&fixture)->cleared, 1);
    assert_int_equal(counters(&fixture)->live_runs, 0);
    tear_down(&fixture);
}

/* ---- memory that is not there ---- */

static const char *const hungry_patterns[] = {
    "begin a 1+ greedy until u; followedBy any ( begin b 1+ greedy | begin c; next d ); next e",
    "begin a; notFollowedBy n; followedBy all ( begin b; begin c; begin d ) optional; next e",
    "begin a; followedBy b 2..3 greedy; notFollowedBy n; followedBy c optional; within 9",
    "begin a; followedBy ( begin b optional; next c ) 1+ until u; followedBy d; skip to_last d",
    "begin a; notFollowedBy n; followedBy b 1+ optional combinations; followedBy c; notNext x",
    "begin a 1+ until u greedy; followedBy b; skip past_last; in_start_order; within 5",
};

static void compiling_survives_every_failed_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hungry_patterns); i++) {
        struct nfa_table table;
        bool failed = true;

        nfa_table_init(&table);
        assert_true(nfa_table_pattern(&table, hungry_patterns[i]));
        for (size_t nth = 1; failed; nth++) {
            struct nfa_program *program = NULL;
            struct nfa_refusal refusal;
            size_t before = rt_live_blocks();
            enum rt_status status;

            rt_fault_arm(nth);
            status = nfa_compile(&table.pattern, &program, &refusal);
            failed = rt_fault_disarm();
            assert_int_equal(status, failed ? RT_ERR_NOMEM : RT_OK);
            nfa_program_unref(program);
            assert_int_equal(rt_live_blocks(), before);
        }
        nfa_table_done(&table);
    }
}

/* Steps through all events with the nth allocation failing; false when there was no nth one. */
static bool step_with_fault(const struct nfa_table *table, size_t nth)
{
    struct nfa_limits limits = {.runs_per_key = 500};
    struct nfa_refusal refusal;
    struct nfa_rig rig;
    bool failed = false, seen = false;

    assert_int_equal(nfa_rig_init(&rig, table, &limits, &refusal), RT_OK);
    rig.out.failed = true; /* the text is of no interest, and its allocations neither */
    rt_fault_arm(nth);
    for (uint32_t i = 0; i < table->event_count; i++) {
        enum rt_status status = nfa_rig_feed(&rig, &table->events[i]);

        assert_true(status == RT_OK || status == RT_ERR_NOMEM);
        seen |= status == RT_ERR_NOMEM;
    }
    failed = rt_fault_disarm();
    assert_int_equal(failed, seen);
    nfa_rig_done(&rig);
    return failed;
}

static void stepping_survives_every_failed_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hungry_patterns); i++) {
        struct nfa_table table;
        size_t before = rt_live_blocks();
        size_t nth = 1;

        nfa_table_init(&table);
        assert_true(nfa_table_pattern(&table, hungry_patterns[i]));
        assert_true(nfa_table_events(
            &table, "a a b b c a b bc x a b d ab ab ab abc ab ab ab ab c d >20 a b >40"));
        while (step_with_fault(&table, nth))
            nth++;
        assert_true(nth > 3);
        nfa_table_done(&table);
        assert_int_equal(rt_live_blocks(), before);
    }
}

static void too_many_states_are_a_limit_not_a_crash(void **state)
{
    struct nfa_table table;
    struct nfa_program *program = NULL;
    struct nfa_refusal refusal;

    (void)state;
    nfa_table_init(&table);
    assert_true(nfa_table_pattern(&table, "begin ( begin a 300; next b ) 300; next c"));
    assert_int_equal(nfa_compile(&table.pattern, &program, &refusal), RT_ERR_LIMIT);
    nfa_table_done(&table);
}

static void groups_nest_sixteen_deep_and_no_deeper(void **state)
{
    struct nfa_step steps[18];
    struct nfa_program *program = NULL;
    struct nfa_refusal refusal;

    (void)state;
    for (size_t levels = 16; levels <= 17; levels++) {
        struct nfa_pattern pattern = {.steps = steps, .step_count = 1};

        for (size_t i = 0; i <= levels; i++)
            steps[i] = (struct nfa_step){.name = "a",
                                         .where = i == levels ? 0 : NFA_NO_GUARD,
                                         .until = NFA_NO_GUARD,
                                         .times_min = 1,
                                         .times_max = 1,
                                         .group = i == levels ? NULL : &steps[i + 1],
                                         .group_count = i == levels ? 0 : 1};
        if (levels == 16) {
            assert_int_equal(nfa_compile(&pattern, &program, &refusal), RT_OK);
            nfa_program_unref(program);
        } else {
            assert_int_equal(nfa_compile(&pattern, &program, &refusal), RT_ERR_DIAG);
            assert_int_equal(refusal.kind, NFA_REFUSE_GROUP_DEPTH);
        }
    }
}

/* ---- expiry that nobody sees ---- */

static void add_random_events(struct nfa_table *table, struct seeded *seeded)
{
    int64_t time = 0;

    table->event_count = 60;
    for (uint32_t i = 0; i < table->event_count; i++) {
        time += seeded_below(seeded, 4);
        table->events[i] = (struct table_event){
            .letters = 1U << seeded_below(seeded, 4), .time = time, .number = i + 1};
    }
}

/* The text without the lines of timeouts. */
static void take_matches(struct rt_buffer *out)
{
    char *from = out->data, *to = out->data;

    while (from != NULL && *from != '\0') {
        char *end = strchr(from, '\n') + 1;
        char *timeout = strstr(from, ": timeout ");

        if (timeout == NULL || timeout > end) {
            memmove(to, from, (size_t)(end - from));
            to += end - from;
        }
        from = end;
    }
    if (to != NULL)
        *to = '\0';
}

static void runs_that_expire_unseen_change_no_match(void **state)
{
    static const char *const patterns[] = {
        "begin a; followedBy b; within 6",
        "begin a; followedByAny b; followedBy c; within 9",
        "begin a 3; followedBy b; skip past_last; within 8",
        "begin a 2+ greedy; followedBy b; skip to_next; within 10",
        "begin a; followedBy ( begin b ) 1+; followedBy c; within 7",
        "begin a; notFollowedBy d; followedBy b 1+ combinations; within 6",
    };
    struct seeded seeded = seeded_from(71);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(patterns) * 40; i++) {
        const struct nfa_limits limits = {.runs_per_key = 500};
        struct fixture told, hushed;

        set_up(&told, patterns[i / 40], "a", limits);
        add_random_events(&told.table, &seeded);
        set_up(&hushed, patterns[i / 40], "a", limits);
        memcpy(hushed.table.events, told.table.events, sizeof(told.table.events));
        hushed.table.event_count = told.table.event_count;
        assert_int_equal(nfa_rig_hush(&hushed.rig, &limits), RT_OK);
        feed_all(&told);
        feed_all(&hushed);
        take_matches(&told.rig.out);
        assert_string_equal(output(&hushed), output(&told));
        tear_down(&hushed);
        tear_down(&told);
    }
}

/* ---- rows ---- */

static void short_runs_lie_side_by_side_without_nodes(void **state)
{
    static const struct {
        const char *events;
        uint32_t runs;
        bool is_row;
    } cases[] = {
        {"a", 1, false},          /* a single */
        {"a a", 2, true},         /* two of one shape */
        {"a b a a b a", 4, true}, /* of two shapes */
        {"a b a c", 2, false},    /* the oldest has taken three */
        {"a b a c d", 1, false},  /* it has ended: a single is left */
        {"a b a c a d", 2, true}, /* and a row again */
        {"a a x", 0, false},      /* all have ended */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture fixture;
        const struct nfa_run_list *list;

        set_up(&fixture,
               "begin a; notFollowedBy x; followedBy b; followedBy c; followedBy d; within 100",
               cases[i].events, (struct nfa_limits){0});
        feed_all(&fixture);
        list = nfa_list_of(&fixture.rig.runs);
        assert_int_equal(nfa_runs_count(&fixture.rig.runs), cases[i].runs);
        assert_int_equal(list != NULL && list->is_row, cases[i].is_row);
        if (cases[i].is_row)
            assert_int_equal(fixture.rig.machine->paths.in_use, 0);
        tear_down(&fixture);
    }
}

static void assert_same_counters(const struct fixture *a, const struct fixture *b)
{
    assert_memory_equal(counters(a), counters(b), sizeof(struct nfa_counters));
}

/* One event after the other, and what can be seen after each. */
static void compare_rigs(struct fixture *rows, struct fixture *lists, struct seeded *seeded)
{
    for (uint32_t i = 0; i < rows->table.event_count; i++) {
        const struct table_event *event = &rows->table.events[i];
        uint64_t first[2];

        rows->rig.keep_fails = lists->rig.keep_fails = seeded_below(seeded, 12) == 0;
        assert_int_equal(nfa_rig_feed(&rows->rig, event),
                         nfa_rig_feed(&lists->rig, &lists->table.events[i]));
        assert_string_equal(output(rows), output(lists));
        assert_same_counters(rows, lists);
        assert_int_equal(nfa_runs_deadline(rows->rig.machine, &rows->rig.runs, &first[0]).ms,
                         nfa_runs_deadline(lists->rig.machine, &lists->rig.runs, &first[1]).ms);
        assert_int_equal(first[0], first[1]);
        assert_int_equal(nfa_runs_want(rows->rig.machine, &rows->rig.runs, 1),
                         nfa_runs_want(lists->rig.machine, &lists->rig.runs, 1));
    }
}

static void a_row_does_what_a_list_does(void **state)
{
    static const char *const patterns[] = {
        "begin a; followedBy b; followedBy c; skip past_last; within 20",
        "begin a; followedBy b; followedBy c; followedBy d; within 40",
        "begin a; notFollowedBy d; followedBy b; followedBy c; skip to_next; within 30",
        "begin a; next b; followedBy c",
        "begin a 2; followedBy b; within 30",
        "begin a; followedBy b optional; followedBy c; within 30",
        "begin a; notFollowedBy b; within 12",
    };
    static const struct nfa_limits limits[] = {
        {.runs_per_key = 500},
        {.runs_per_key = 3, .policy = NFA_DROP_OLDEST},
        {.runs_per_key = 3, .policy = NFA_DROP_NEW},
        {.path_length = 2},
        {.path_length = 1, .runs_per_key = 4, .policy = NFA_STOP},
    };
    struct seeded seeded = seeded_from(72);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(patterns) * COUNT_OF(limits) * 12; i++) {
        const struct nfa_limits *limit = &limits[i / 12 % COUNT_OF(limits)];
        const char *pattern = patterns[i / 12 / COUNT_OF(limits)];
        struct fixture rows, lists;

        set_up(&rows, pattern, "a", *limit);
        add_random_events(&rows.table, &seeded);
        set_up(&lists, pattern, "a", *limit);
        memcpy(lists.table.events, rows.table.events, sizeof(rows.table.events));
        lists.table.event_count = rows.table.event_count;
        if (i % 2 == 0) {
            assert_int_equal(nfa_rig_hush(&rows.rig, limit), RT_OK);
            assert_int_equal(nfa_rig_hush(&lists.rig, limit), RT_OK);
        }
        assert_int_equal(nfa_rig_without_rows(&lists.rig, limit), RT_OK);
        compare_rigs(&rows, &lists, &seeded);
        tear_down(&lists);
        tear_down(&rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_that_expire_unseen_change_no_match),
        cmocka_unit_test(the_oldest_run_goes_when_a_key_has_too_many),
        cmocka_unit_test(a_new_run_is_refused_when_a_key_has_too_many),
        cmocka_unit_test(a_run_that_goes_on_keeps_its_place),
        cmocka_unit_test(too_many_runs_are_an_error_when_so_asked),
        cmocka_unit_test(a_path_grows_to_its_limit),
        cmocka_unit_test(matches_of_one_event_are_limited),
        cmocka_unit_test(held_matches_are_limited),
        cmocka_unit_test(a_key_with_only_the_start_costs_nothing),
        cmocka_unit_test(an_event_is_kept_for_every_run_that_takes_it),
        cmocka_unit_test(an_event_that_cannot_be_kept_is_not_taken),
        cmocka_unit_test(a_looping_group_needs_one_run_for_each_place),
        cmocka_unit_test(the_steady_state_allocates_nothing),
        cmocka_unit_test(a_waiting_run_wants_only_what_can_move_it),
        cmocka_unit_test(a_strict_wait_wants_every_event),
        cmocka_unit_test(start_guards_are_those_of_the_steps_that_can_come_first),
        cmocka_unit_test(the_deadline_is_that_of_the_run_that_ends_first),
        cmocka_unit_test(every_end_of_a_run_is_counted),
        cmocka_unit_test(compiling_survives_every_failed_allocation),
        cmocka_unit_test(stepping_survives_every_failed_allocation),
        cmocka_unit_test(too_many_states_are_a_limit_not_a_crash),
        cmocka_unit_test(groups_nest_sixteen_deep_and_no_deeper),
        cmocka_unit_test(short_runs_lie_side_by_side_without_nodes),
        cmocka_unit_test(a_row_does_what_a_list_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
