/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random expressions over random events: the machine against a plain walk of the tree, the printed form against what it
 * was printed from, and the index sets against the outcome.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/unit.h"

#include "cep/classify.h"

#include "tests/support/expr_walk.h"
#include "tests/support/expr_world.h"
#include "tests/support/seeded.h"

enum { ROUNDS = 250, EXPRESSIONS = 20, EVENTS = 5, SLOTS_MAX = 64, INDEX_FIELDS = 8 };

/* ---- random text ---- */

struct writer {
    struct seeded *random;
    struct rt_buffer *out;
    unsigned variables; /* in scope: v0, v1 ... */
};

static unsigned pick(struct writer *writer, unsigned bound)
{
    return seeded_below(writer->random, bound);
}

static const char *choose(struct writer *writer, const char *const *words, unsigned count)
{
    return words[pick(writer, count)];
}

static void say(struct writer *writer, const char *text)
{
    rt_buffer_string(writer->out, text);
}

static const char *const fields[] = {"a",   "b",       "c",    "event.d",
                                     "g.x", "event.g", "ok.a", "last(fail).b"};
static const char *const constants[] = {"1",    "2",    "0",     "-1",
                                        "1.0",  "2.5",  "\"s\"", "\"t\"",
                                        "true", "null", "\"\"",  "9007199254740993"};

static void write_value(struct writer *writer, unsigned depth);
static void write_condition(struct writer *writer, unsigned depth);

static void write_leaf(struct writer *writer)
{
    if (writer->variables > 0 && pick(writer, 3) == 0)
        rt_buffer_printf(writer->out, "v%u", pick(writer, writer->variables));
    else if (pick(writer, 2) == 0)
        say(writer, choose(writer, fields, COUNT_OF(fields)));
    else
        say(writer, choose(writer, constants, COUNT_OF(constants)));
}

static void write_list(struct writer *writer, unsigned depth)
{
    switch (pick(writer, 5)) {
    case 0:
        say(writer, "fail.map(f, f.a)");
        break;
    case 1:
        say(writer, choose(writer, fields, COUNT_OF(fields)));
        break;
    case 2:
        say(writer, "[1, 2, \"s\", 2.5]");
        break;
    default:
        say(writer, "[");
        for (unsigned i = pick(writer, 4); i > 0; i--) {
            write_value(writer, depth);
            say(writer, i > 1 ? ", " : "");
        }
        say(writer, "]");
        break;
    }
}

/* list.<macro>(vN, <body>) */
static void write_macro(struct writer *writer, const char *name, bool condition, unsigned depth)
{
    write_list(writer, depth);
    rt_buffer_printf(writer->out, ".%s(v%u, ", name, writer->variables);
    writer->variables++;
    if (condition)
        write_condition(writer, depth);
    else
        write_value(writer, depth);
    writer->variables--;
    say(writer, ")");
}

static void write_value(struct writer *writer, unsigned depth)
{
    static const char *const arithmetic[] = {" + ", " - ", " * ", " / ", " % "};

    if (depth == 0) {
        write_leaf(writer);
        return;
    }
    switch (pick(writer, 8)) {
    case 0:
        say(writer, "(");
        write_value(writer, depth - 1);
        say(writer, choose(writer, arithmetic, COUNT_OF(arithmetic)));
        write_value(writer, depth - 1);
        say(writer, ")");
        break;
    case 1:
        say(writer, "(");
        write_condition(writer, depth - 1);
        say(writer, " ? ");
        write_value(writer, depth - 1);
        say(writer, " : ");
        write_value(writer, depth - 1);
        say(writer, ")");
        break;
    case 2:
        say(writer, "size(");
        write_macro(writer, pick(writer, 2) == 0 ? "map" : "filter", false, depth - 1);
        say(writer, ")");
        break;
    case 3:
        rt_buffer_printf(writer->out, "cel.bind(v%u, ", writer->variables);
        write_value(writer, depth - 1);
        say(writer, ", ");
        writer->variables++;
        write_value(writer, depth - 1);
        writer->variables--;
        say(writer, ")");
        break;
    case 4:
        say(writer, "event.?");
        say(writer, pick(writer, 2) == 0 ? "a" : "missing");
        say(writer, ".orValue(");
        write_value(writer, depth - 1);
        say(writer, ")");
        break;
    default:
        write_leaf(writer);
        break;
    }
}

static void write_test(struct writer *writer)
{
    static const char *const comparisons[] = {" == ", " != ", " < ", " <= ", " > ", " >= "};

    switch (pick(writer, 6)) {
    case 0:
        rt_buffer_printf(writer->out, "%s in [%s, %s]", choose(writer, fields, 4),
                         choose(writer, constants, COUNT_OF(constants)),
                         choose(writer, constants, COUNT_OF(constants)));
        break;
    case 1:
        rt_buffer_printf(writer->out, "has(%s)", choose(writer, fields, 7));
        break;
    case 2:
        rt_buffer_printf(writer->out, "%s.%s(\"s\")", choose(writer, fields, 4),
                         pick(writer, 2) == 0 ? "startsWith" : "endsWith");
        break;
    case 3:
        say(writer, choose(writer, fields, 4));
        break;
    default:
        say(writer, choose(writer, fields, 4));
        say(writer, choose(writer, comparisons, COUNT_OF(comparisons)));
        say(writer, choose(writer, constants, COUNT_OF(constants)));
        break;
    }
}

static void write_condition(struct writer *writer, unsigned depth)
{
    static const char *const comparisons[] = {" == ", " != ", " < ", " <= ", " > ", " >= "};
    static const char *const macros[] = {"all", "exists", "exists_one"};

    if (depth == 0) {
        write_test(writer);
        return;
    }
    switch (pick(writer, 8)) {
    case 0:
    case 1:
    case 2:
        say(writer, "(");
        for (unsigned i = 2 + pick(writer, 2), and = pick(writer, 2); i > 0; i--) {
            write_condition(writer, depth - 1);
            say(writer, i == 1 ? "" : and == 0 ? " && " : " || ");
        }
        say(writer, ")");
        break;
    case 3:
        say(writer, "!(");
        write_condition(writer, depth - 1);
        say(writer, ")");
        break;
    case 4:
        write_value(writer, depth - 1);
        say(writer, choose(writer, comparisons, COUNT_OF(comparisons)));
        write_value(writer, depth - 1);
        break;
    case 5:
        write_macro(writer, macros[pick(writer, 3)], true, depth - 1);
        break;
    case 6:
        say(writer, "(");
        write_condition(writer, depth - 1);
        say(writer, " ? ");
        write_condition(writer, depth - 1);
        say(writer, " : ");
        write_condition(writer, depth - 1);
        say(writer, ")");
        break;
    default:
        write_test(writer);
        break;
    }
}

/* ---- random events ---- */

static struct rt_value random_value(struct seeded *random)
{
    static const struct rt_value items[] = {{.type = RT_INT, .u.integer = 1},
                                            {.type = RT_STRING, .length = 1, .u.text = "s"},
                                            {.type = RT_BOOL, .u.boolean = true}};
    static const struct rt_map_entry entries[] = {
        {{.type = RT_STRING, .length = 1, .u.text = "x"}, {.type = RT_INT, .u.integer = 2}}};

    switch (seeded_below(random, 14)) {
    case 0:
        return (struct rt_value){.type = RT_ABSENT};
    case 1:
        return rt_null();
    case 2:
        return rt_bool(seeded_below(random, 2) == 0);
    case 3:
        return rt_double(seeded_below(random, 2) == 0 ? 2.5 : 1.0);
    case 4:
        return (struct rt_value){.type = RT_LIST, .length = 3, .u.items = items};
    case 5:
        return (struct rt_value){.type = RT_MAP, .length = 1, .u.entries = entries};
    case 6:
    case 7:
    case 8:
        return rt_string(seeded_below(random, 2) == 0 ? "s" : "t", 1);
    case 9:
        return rt_int(9007199254740993);
    default:
        return rt_int((int64_t)seeded_below(random, 4) - 1);
    }
}

static void fill_events(struct expr_world *world, struct seeded *random,
                        struct rt_value slots[EXPR_WORLD_EVENTS][SLOTS_MAX])
{
    size_t count = rt_fields_count(world->fields);

    assert_true(count <= SLOTS_MAX);
    for (size_t i = 0; i < EXPR_WORLD_EVENTS; i++) {
        for (size_t s = 0; s < count; s++)
            slots[i][s] = random_value(random);
        world->events[i] = (struct rt_event){.time = {1500 * (int64_t)i},
                                             .sequence = i,
                                             .slots = slots[i],
                                             .slot_count = (uint32_t)count};
    }
}

/* ---- comparison ---- */

struct pair {
    struct expr_tree *tree;
    struct expr *code;
    char *text;
    rt_field_id fields[INDEX_FIELDS];
    struct expr_may_set may[INDEX_FIELDS];
    size_t field_count;
    struct rule rule; /* that the expression's cover leads to */
    struct rule_plan plan;
    const struct rule *rules[1];
    struct cep_classifier *classifier;
};

static bool same(struct rt_value left, struct rt_value right)
{
    struct rt_buffer a, b;
    bool equal;

    if (rt_is_error(left) || rt_is_error(right))
        return rt_is_error(left) && rt_is_error(right);
    rt_buffer_init(&a, 1 << 20);
    rt_buffer_init(&b, 1 << 20);
    rt_value_json(left, &a);
    rt_value_json(right, &b);
    equal = left.type == right.type && rt_text_equal(rt_buffer_view(&a), rt_buffer_view(&b));
    rt_buffer_done(&a);
    rt_buffer_done(&b);
    return equal;
}

static struct rt_value walked(struct expr_world *world, const struct expr_tree *tree,
                              struct expr_caches *caches)
{
    struct rt_value variables[64];
    struct expr_walk walk = {.call = {.scratch = &world->arena,
                                      .fuel = 1000000,
                                      .fields = world->fields,
                                      .caches = caches},
                             .fields = world->fields,
                             .frame = &world->frame,
                             .variables = variables};

    assert_true(tree->variable_count <= COUNT_OF(variables));
    return expr_walk_node(&walk, tree->root);
}

/* A true outcome must lie in the set of every field. */
static bool in_sets(const struct expr_world *world, const struct pair *pair)
{
    for (size_t i = 0; i < pair->field_count; i++) {
        struct rt_value value =
            rt_event_at(&world->events[0], rt_fields_slot(world->fields, pair->fields[i]));
        bool found = pair->may[i].kind == EXPR_MAY_ALL;

        for (size_t v = 0; v < pair->may[i].value_count && !found; v++)
            found = expr_value_equal(pair->may[i].values[v], value);
        if (!found)
            return false;
    }
    return true;
}

/* Makes the index of a rule that has the tree as its condition. */
static void make_index(struct expr_world *world, struct pair *pair)
{
    struct expr_chances chances;
    struct expr_cover cover;
    struct rule_probe *probes;

    assert_int_equal(expr_chances_init(&chances, rt_fields_count(world->fields)), RT_OK);
    assert_int_equal(expr_tree_count_probes(pair->tree, &chances), RT_OK);
    assert_int_equal(expr_tree_cover(pair->tree, &chances, &world->arena, &cover), RT_OK);
    expr_chances_done(&chances);
    probes = rt_arena_array(&world->arena, cover.probe_count, sizeof(*probes));
    assert_non_null(probes);
    for (size_t i = 0; i < cover.probe_count; i++)
        probes[i] = (struct rule_probe){rt_fields_slot(world->fields, cover.probes[i].field),
                                        cover.probes[i].kind, cover.probes[i].value};
    pair->rule = (struct rule){.kind = RULE_SINGLE,
                               .start = {cover.all, probes, cover.probe_count, cover.chance}};
    pair->rules[0] = &pair->rule;
    pair->plan = (struct rule_plan){.rules = pair->rules, .rule_count = 1};
    assert_int_equal(cep_classifier_new(&pair->plan, false, &pair->classifier), RT_OK);
}

/* A true outcome must be found by the index. */
static bool is_found(const struct expr_world *world, const struct pair *pair)
{
    size_t count;

    (void)cep_classify(pair->classifier, &world->events[0], &count);
    return count == 1;
}

static bool check_pair(struct expr_world *world, const struct pair *pair,
                       struct expr_caches *caches)
{
    struct rt_value fast = expr_eval(world->machine, pair->code, &world->frame);
    struct rt_value slow = walked(world, pair->tree, caches);

    if (!same(fast, slow)) {
        fprintf(stderr, "%s: type %u against %u\n", pair->text, fast.type, slow.type);
        return false;
    }
    if (fast.type == RT_BOOL && fast.u.boolean && !is_found(world, pair)) {
        fprintf(stderr, "%s: true and not found by the index\n", pair->text);
        return false;
    }
    if (fast.type == RT_BOOL && fast.u.boolean && !in_sets(world, pair)) {
        fprintf(stderr, "%s: true outside its index sets\n", pair->text);
        return false;
    }
    return true;
}

/* A random expression that the checker takes. */
static void make_pair(struct expr_world *world, struct seeded *random, struct pair *pair)
{
    struct rt_buffer text;
    struct writer writer = {random, &text, 0};
    struct expr_text source = {.source = RT_NO_SOURCE};

    rt_buffer_init(&text, 1 << 16);
    for (;;) {
        enum rt_status status;

        rt_buffer_reset(&text);
        write_condition(&writer, 1 + seeded_below(random, 4));
        pair->text = rt_arena_text(&world->arena, text.data, text.length);
        source.text = (struct rt_text){pair->text, text.length};
        status = expr_check(&source, &world->scope, EXPR_WANT_BOOL, &world->arena, world->diags,
                            &pair->tree);
        if (status == RT_OK)
            break;
        assert_int_equal(status, RT_ERR_DIAG);
    }
    rt_buffer_done(&text);
}

/* What is printed checks again, to the same tree. */
static void check_print(struct expr_world *world, const struct pair *pair)
{
    struct rt_buffer text;
    struct expr_text source = {.source = RT_NO_SOURCE};
    struct expr_tree *again;
    struct rt_hash128 before = expr_tree_fingerprint(pair->tree), after;

    rt_buffer_init(&text, 1 << 20);
    expr_tree_print(pair->tree, &text);
    source.text = rt_buffer_view(&text);
    if (expr_check(&source, &world->scope, EXPR_WANT_BOOL, &world->arena, world->diags, &again) !=
        RT_OK) {
        fail_msg("%s prints as %s, which is refused", pair->text, text.data);
    } else {
        after = expr_tree_fingerprint(again);
        if (before.high != after.high || before.low != after.low)
            fail_msg("%s prints as %s, which is another tree", pair->text, text.data);
    }
    rt_buffer_done(&text);
}

static size_t one_round(struct seeded *random, struct expr_caches *caches)
{
    static struct rt_value slots[EXPR_WORLD_EVENTS][SLOTS_MAX];
    struct expr_world world;
    struct pair pairs[EXPRESSIONS];
    size_t failures = 0;

    assert_true(expr_world_open(&world));
    for (size_t i = 0; i < EXPRESSIONS; i++) {
        make_pair(&world, random, &pairs[i]);
        check_print(&world, &pairs[i]);
    }
    rt_fields_seal(world.fields);
    for (size_t i = 0; i < EXPRESSIONS; i++) {
        struct pair *pair = &pairs[i];

        assert_int_equal(expr_compile(pair->tree, world.fields, &pair->code), RT_OK);
        pair->field_count = expr_tree_index_fields(pair->tree, pair->fields, INDEX_FIELDS);
        for (size_t f = 0; f < pair->field_count; f++)
            assert_int_equal(
                expr_tree_may_be_true(pair->tree, pair->fields[f], &world.arena, &pair->may[f]),
                RT_OK);
    }
    for (size_t i = 0; i < EXPRESSIONS; i++)
        make_index(&world, &pairs[i]);
    for (size_t e = 0; e < EVENTS; e++) {
        fill_events(&world, random, slots);
        for (size_t i = 0; i < EXPRESSIONS; i++)
            failures += !check_pair(&world, &pairs[i], caches);
        expr_machine_reset(world.machine);
    }
    for (size_t i = 0; i < EXPRESSIONS; i++) {
        cep_classifier_free(pairs[i].classifier);
        expr_free(pairs[i].code);
    }
    expr_world_close(&world);
    return failures;
}

static void the_machine_agrees_with_a_plain_walk_on_random_expressions(void **state)
{
    const char *more =
        getenv("EGRET_RANDOM_ROUNDS"); /* of 100 pairs; the nightly run takes 10,000 */
    size_t rounds = more == NULL ? ROUNDS : strtoul(more, NULL, 10);
    struct seeded random = seeded_from(20261121);
    struct expr_caches *caches;
    size_t failures = 0;

    (void)state;
    assert_int_equal(expr_caches_new(&caches), RT_OK);
    for (size_t round = 0; round < rounds && failures < 10; round++)
        failures += one_round(&random, caches);
    expr_caches_free(caches);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_machine_agrees_with_a_plain_walk_on_random_expressions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
