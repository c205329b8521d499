/* SPDX-License-Identifier: Apache-2.0 */
/* Saved runs: what damaged bytes, other lengths and a lack of memory do.  That nothing changes by saving is in tests/nfa. */
#include "nfa/run.h"
#include "runtime/base/alloc.h"
#include "tests/support/nfa_table.h"
#include "tests/support/unit.h"

#include <string.h>

enum { SAVED_MAX = 4096 };

struct fixture {
    struct nfa_table table;
    struct nfa_rig rig;
    struct rt_buffer saved;
};

/* Runs that share what they have taken, and matches that wait. */
static const char *const pattern =
    "begin a; followedBy b 1+; followedBy c; within 40; skip past_last; in_start_order";
static const char *const events = "a b a b b c a c b";

static void set_up(struct fixture *fixture)
{
    struct nfa_limits limits = {0};
    struct nfa_refusal refusal;

    nfa_table_init(&fixture->table);
    assert_true(nfa_table_pattern(&fixture->table, pattern));
    assert_true(nfa_table_events(&fixture->table, events));
    assert_int_equal(nfa_rig_init(&fixture->rig, &fixture->table, &limits, &refusal), RT_OK);
    assert_int_equal(nfa_rig_feed_all(&fixture->rig), RT_OK);
    assert_false(nfa_runs_empty(&fixture->rig.runs));
    rt_buffer_init(&fixture->saved, SAVED_MAX);
    assert_int_equal(nfa_rig_save(&fixture->rig, &fixture->saved), RT_OK);
    nfa_unload(fixture->rig.machine, &fixture->rig.runs);
    assert_int_equal(fixture->rig.kept, 0);
}

static void tear_down(struct fixture *fixture)
{
    rt_buffer_done(&fixture->saved);
    nfa_rig_done(&fixture->rig);
    nfa_table_done(&fixture->table);
}

static enum rt_status load(struct fixture *fixture, const char *bytes, size_t length)
{
    struct rt_form form = rt_form_of((struct rt_text){bytes, length});

    return nfa_rig_load(&fixture->rig, &form);
}

static void a_piece_of_saved_runs_is_damaged(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    for (size_t length = 0; length < fixture.saved.length; length++) {
        char *piece =
            rt_alloc(length); /* a block of its own, so that a byte behind the end is seen */

        if (length > 0)
            memcpy(piece, fixture.saved.data, length);
        assert_int_equal(load(&fixture, piece, length), RT_ERR_CORRUPT);
        assert_int_equal(fixture.rig.kept, 0);
        rt_free(piece);
    }
    assert_int_equal(load(&fixture, fixture.saved.data, fixture.saved.length), RT_OK);
    tear_down(&fixture);
}

static void a_changed_byte_is_damage_or_other_runs_but_never_a_leak(void **state)
{
    struct fixture fixture;
    unsigned damaged = 0;

    (void)state;
    set_up(&fixture);
    for (size_t at = 0; at < fixture.saved.length; at++) {
        for (unsigned value = 0; value < 256; value++) {
            char was = fixture.saved.data[at];

            fixture.saved.data[at] = (char)value;
            if (load(&fixture, fixture.saved.data, fixture.saved.length) != RT_OK)
                damaged++;
            nfa_clear(fixture.rig.machine, &fixture.rig.runs);
            assert_int_equal(fixture.rig.kept, 0);
            assert_int_equal(nfa_machine_counters(fixture.rig.machine)->live_runs, 0);
            fixture.saved.data[at] = was;
        }
    }
    assert_true(damaged > fixture.saved.length * 200);
    tear_down(&fixture);
}

static void an_event_that_no_run_has_taken_is_damage(void **state)
{
    static const char bytes[] = {1, 0, 0, 0, 1, 0, 0}; /* node: no parent, step 0, event 1 */
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    assert_int_equal(load(&fixture, bytes, sizeof(bytes)), RT_ERR_CORRUPT);
    assert_int_equal(fixture.rig.kept, 0);
    tear_down(&fixture);
}

static void without_memory_nothing_is_saved_or_loaded(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    for (size_t nth = 1;; nth++) {
        struct nfa_limits limits = {0};
        enum rt_status status;

        /* Fresh pools, so that there is something to allocate. */
        assert_int_equal(nfa_rig_hush(&fixture.rig, &limits), RT_OK);
        rt_fault_arm(nth);
        status = load(&fixture, fixture.saved.data, fixture.saved.length);
        if (!rt_fault_disarm()) {
            assert_int_equal(status, RT_OK);
            break;
        }
        assert_int_equal(status, RT_ERR_NOMEM);
        assert_true(nfa_runs_empty(&fixture.rig.runs));
        assert_int_equal(fixture.rig.kept, 0);
    }
    for (size_t nth = 1;; nth++) {
        struct rt_buffer again;
        enum rt_status status;
        bool failed;

        rt_buffer_init(&again, SAVED_MAX);
        rt_fault_arm(nth);
        status = nfa_rig_save(&fixture.rig, &again);
        failed = rt_fault_disarm();
        rt_buffer_done(&again);
        assert_int_equal(status, failed ? RT_ERR_NOMEM : RT_OK);
        if (!failed)
            break;
    }
    tear_down(&fixture);
}

static void many_nodes_are_numbered_as_few_are(void **state)
{
    struct fixture fixture;
    struct rt_buffer saved, again;
    struct nfa_limits limits = {0};
    struct nfa_refusal refusal;
    struct rt_form form;

    (void)state;
    nfa_table_init(&fixture.table);
    assert_true(nfa_table_pattern(&fixture.table, "begin a 1+ combinations; followedBy z"));
    assert_true(nfa_table_events(&fixture.table, "a a a a a a a a"));
    assert_int_equal(nfa_rig_init(&fixture.rig, &fixture.table, &limits, &refusal), RT_OK);
    assert_int_equal(nfa_rig_feed_all(&fixture.rig), RT_OK);
    assert_true(nfa_machine_counters(fixture.rig.machine)->live_runs > 200);
    rt_buffer_init(&saved, 1 << 20);
    rt_buffer_init(&again, 1 << 20);
    assert_int_equal(nfa_rig_save(&fixture.rig, &saved), RT_OK);
    nfa_unload(fixture.rig.machine, &fixture.rig.runs);
    form = rt_form_of(rt_buffer_view(&saved));
    assert_int_equal(nfa_rig_load(&fixture.rig, &form), RT_OK);
    assert_int_equal(nfa_rig_save(&fixture.rig, &again), RT_OK);
    assert_true(rt_text_equal(rt_buffer_view(&saved), rt_buffer_view(&again)));
    rt_buffer_done(&saved);
    rt_buffer_done(&again);
    nfa_rig_done(&fixture.rig);
    nfa_table_done(&fixture.table);
}

/* ---- which programs runs fit ---- */

static struct rt_hash128 hash_of(const char *text)
{
    struct nfa_refusal refusal;
    struct nfa_program *program;
    struct rt_hash128 hash;
    struct nfa_table table;

    nfa_table_init(&table);
    assert_true(nfa_table_pattern(&table, text));
    assert_int_equal(nfa_compile(&table.pattern, &program, &refusal), RT_OK);
    assert_int_equal(nfa_program_hash(program, &hash), RT_OK);
    nfa_program_unref(program);
    nfa_table_done(&table);
    return hash;
}

static void lengths_of_time_do_not_make_another_program(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"begin a; followedBy b; within 5", "begin a; followedBy b; within 7", true},
        {"begin a; followedBy b gap 5", "begin a; followedBy b gap 6", true},
        {"begin a; followedBy b; within 5", "begin a; followedBy b", true},
        {"begin a; followedBy b gap 5", "begin a; followedBy b", false},
        {"begin a; followedBy b", "begin a; next b", false},
        {"begin a; followedBy b", "begin a; followedBy c", false},
        {"begin a; followedBy b=c", "begin a; followedBy b=d", true}, /* guards are numbers */
        {"begin a; followedBy b", "begin a; followedBy b 2", false},
        {"begin a; followedBy b", "begin a; followedBy b; skip past_last", false},
        {"begin a; followedBy b; skip to_first a", "begin a; followedBy b; skip to_first b", false},
        {"begin a; followedBy b; skip to_next",
         "begin a; followedBy b; skip to_next; in_start_order", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rt_hash128 a = hash_of(cases[i].a), b = hash_of(cases[i].b);

        assert_int_equal(a.high == b.high && a.low == b.low, cases[i].same);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piece_of_saved_runs_is_damaged),
        cmocka_unit_test(a_changed_byte_is_damage_or_other_runs_but_never_a_leak),
        cmocka_unit_test(an_event_that_no_run_has_taken_is_damage),
        cmocka_unit_test(without_memory_nothing_is_saved_or_loaded),
        cmocka_unit_test(many_nodes_are_numbered_as_few_are),
        cmocka_unit_test(lengths_of_time_do_not_make_another_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
