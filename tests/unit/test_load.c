/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files -> plan: what the engine gets to see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "rules/plan.h"
#include "rules/rule_test.h"
#include "runtime/base/alloc.h"

struct loaded {
    struct rt_diags *diags;
    struct rule_plan *plan;
    enum rt_status status;
};

static void load(struct loaded *loaded, const struct rule_source *sources, size_t count,
                 const struct rule_load_options *options)
{
    *loaded = (struct loaded){.plan = NULL};
    assert_int_equal(rt_diags_new(0, &loaded->diags), RT_OK);
    loaded->status = rule_load(sources, count, options, loaded->diags, &loaded->plan);
}

static void unload(struct loaded *loaded)
{
    rule_plan_unref(loaded->plan);
    rt_diags_free(loaded->diags);
}

static void load_text_with(struct loaded *loaded, const char *text,
                           const struct rule_load_options *options)
{
    struct rule_source source = {"a.yaml", rt_text_of(text)};

    load(loaded, &source, 1, options);
    if (loaded->status != RT_OK) {
        struct rt_buffer out;

        rt_buffer_init(&out, 1 << 20);
        rt_diags_render_text(loaded->diags, false, &out);
        fail_msg("status %d\n%s", (int)loaded->status, out.data == NULL ? "" : out.data);
    }
}

static void load_one(struct loaded *loaded, const char *text)
{
    load_text_with(loaded, text, NULL);
}

/* The canonical text of a condition. */
static void check_tree(const struct expr_tree *tree, const char *expected)
{
    struct rt_buffer out;

    rt_buffer_init(&out, 1 << 16);
    assert_non_null(tree);
    expr_tree_print(tree, &out);
    assert_string_equal(out.data, expected);
    rt_buffer_done(&out);
}

static const char login_text[] = "version: 1\n"
                                 "rules:\n"
                                 "  - id: login\n"
                                 "    title: Guessed\n"
                                 "    severity: high\n"
                                 "    tags: [auth, attack.t1110]\n"
                                 "    owner: team\n"
                                 "    source: auth\n"
                                 "    filter: type == \"login\"\n"
                                 "    key_by: event.user\n"
                                 "    pattern:\n"
                                 "      - begin: fail\n"
                                 "        match: { outcome: failure }\n"
                                 "        times: 5+\n"
                                 "      - followedBy: ok\n"
                                 "        match: { outcome: success }\n"
                                 "        where: ip != last(fail).ip && amount > 3\n"
                                 "    within: 10m\n"
                                 "    cancel_if: outcome == \"blocked\"\n"
                                 "    except:\n"
                                 "      - match: { user: [svc-a, svc-b] }\n"
                                 "        reason: they retry\n"
                                 "        expires: 2027-01-01\n"
                                 "    alert:\n"
                                 "      message: \"{{ key.user }}: {{ size(fail) }}\"\n"
                                 "      fields: { attempts: size(fail), ip: ok.ip }\n"
                                 "      severity: 'size(fail) > 9 ? \"critical\" : \"high\"'\n"
                                 "      sink: desk\n"
                                 "      dedup: { for: 1h, key: ok.ip }\n"
                                 "    on_timeout: { severity: low }\n";

static void a_rule_has_what_the_file_says(void **state)
{
    struct loaded loaded;
    const struct rule *rule;

    (void)state;
    load_one(&loaded, login_text);
    assert_int_equal(loaded.plan->rule_count, 1);
    rule = loaded.plan->rules[0];
    assert_string_equal(rule->id, "login");
    assert_int_equal(rule->line, 3);
    assert_string_equal(rule->title, "Guessed");
    assert_int_equal(rule->tag_count, 2);
    assert_string_equal(rule->tags[1], "attack.t1110");
    assert_int_equal(rule->source_count, 1);
    assert_int_equal(rule->kind, RULE_PATTERN);
    assert_int_equal(rule->within.ms, 600000);
    assert_int_equal(rule->skip, NFA_SKIP_PAST_LAST);
    assert_false(rule->strict);
    assert_true(rule->has_cancel);
    assert_int_equal(loaded.plan->keyings[rule->keying].part_count, 1);
    assert_string_equal(loaded.plan->keyings[rule->keying].parts[0].label, "user");
    assert_string_equal(loaded.plan->keyings[rule->keying].parts[0].text, "event.user");

    assert_int_equal(rule->step_count, 2);
    assert_string_equal(rule->steps[0].name, "fail");
    assert_true(rule->steps[0].repeats);
    assert_int_equal(rule->steps[0].times_min, 5);
    assert_int_equal(rule->steps[0].times_max, NFA_UNBOUNDED);
    assert_int_equal(rule->steps[1].line, 15);
    assert_true(rule->pattern->steps[0].greedy);
    assert_false(rule->pattern->steps[1].greedy);

    assert_int_equal(rule->except_count, 1);
    assert_int_equal(rule->excepts[0].expires.ms, 1798761600000);
    check_tree(rule->excepts[0].condition.tree, "event.user in [\"svc-a\", \"svc-b\"]");

    assert_non_null(rule->outputs[RULE_OUTPUT_MATCH].message);
    assert_int_equal(rule->outputs[RULE_OUTPUT_MATCH].field_count, 2);
    assert_non_null(rule->outputs[RULE_OUTPUT_MATCH].fields[1].value);
    assert_non_null(rule->outputs[RULE_OUTPUT_MATCH].severity_value);
    assert_string_equal(rule->outputs[RULE_OUTPUT_MATCH].sinks[0], "desk");
    assert_int_equal(rule->outputs[RULE_OUTPUT_MATCH].dedup.span.ms, 3600000);
    assert_non_null(rule->outputs[RULE_OUTPUT_MATCH].dedup.key);
    assert_true(rule->outputs[RULE_OUTPUT_TIMEOUT].enabled);
    assert_int_equal(rule->outputs[RULE_OUTPUT_TIMEOUT].severity, RULE_LOW);
    assert_false(rule->outputs[RULE_OUTPUT_LATE].enabled);
    unload(&loaded);
}

static void conditions_are_split_into_shared_atoms_and_a_rest(void **state)
{
    struct loaded loaded;
    const struct rule *rule;

    (void)state;
    load_one(&loaded, login_text);
    rule = loaded.plan->rules[0];
    assert_int_equal(rule->guard_count, 2);
    assert_int_equal(rule->guards[0].atom_count, 1);
    assert_null(rule->guards[0].rest);
    assert_int_equal(rule->guards[1].atom_count, 2); /* outcome, amount */
    assert_non_null(rule->guards[1].rest);           /* ip against the last failure's */
    assert_string_equal(loaded.plan->atoms[rule->guards[1].atoms[0]].text,
                        "event.outcome == \"success\"");
    /* filter, 2 outcomes, amount, blocked, users */
    assert_int_equal(loaded.plan->atom_count, 6);
    for (uint32_t i = 0; i < loaded.plan->atom_count; i++)
        assert_non_null(loaded.plan->atoms[i].code);
    unload(&loaded);
}

static void rules_share_atoms_and_keyings(void **state)
{
    struct loaded loaded;

    (void)state;
    load_one(&loaded, "version: 1\n"
                      "rules:\n"
                      "  - { id: a, key_by: event.user, where: 'type == \"x\"' }\n"
                      "  - { id: b, key_by: event.user, match: { type: x } }\n"
                      "  - { id: c, key_by: [event.user, event.host], match: { type: x, y: 1 } }\n"
                      "  - { id: d, match: { type: x } }\n");
    assert_int_equal(loaded.plan->atom_count, 2);
    assert_int_equal(loaded.plan->keying_count, 3);
    assert_int_equal(loaded.plan->rules[0]->keying, loaded.plan->rules[1]->keying);
    assert_int_equal(loaded.plan->keyings[loaded.plan->rules[3]->keying].part_count, 0);
    unload(&loaded);
}

static void match_maps_are_expressions(void **state)
{
    static const struct {
        const char *match, *expression;
    } cases[] = {
        {"a: x", "event.a == \"x\""},
        {"a: 'it''s \"q\" \\'", "event.a == \"it's \\\"q\\\" \\\\\""},
        {"a: 3", "event.a == 3"},
        {"a: -1.5", "event.a == -1.5"},
        {"a: true", "event.a == true"},
        {"a: [x, 1]", "event.a in [\"x\", 1]"},
        {"a: null", "!has(event.a)"},
        {"b.c: null", "!has(event.b.c)"},
        {"a: [null, x]", "!has(event.a) || event.a in [\"x\"]"},
        {"b.c: x", "event.b.c == \"x\""},
        {"a: [x, y], b.c: null", "event.a in [\"x\", \"y\"] && !has(event.b.c)"},
        {"a|startswith: x", "event.a.startsWith(\"x\")"},
        {"a|endswith: [x, y]", "event.a.endsWith(\"x\") || event.a.endsWith(\"y\")"},
        {"a|contains|cased: x", "event.a.contains(\"x\")"},
        {"a|cidr: 10.0.0.0/8", "cidr(event.a, \"10.0.0.0/8\")"},
        {"a|re: '^x+$'", "event.a.matches(\"^x+$\")"},
        {"a|gt: 5", "event.a > 5"},
        {"a|gte: 5", "event.a >= 5"},
        {"a|lt: 5", "event.a < 5"},
        {"a|lte: z", "event.a <= \"z\""},
        {"a|exists: true", "has(event.a)"},
        {"a|exists: false", "!has(event.a)"},
        {"a|fieldref: b.c", "event.a == event.b.c"},
        {"user-agent: x", "event[\"user-agent\"] == \"x\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct loaded loaded;
        char text[256];

        (void)snprintf(text, sizeof(text), "version: 1\nrules:\n  - id: a\n    match: { %s }\n",
                       cases[i].match);
        load_one(&loaded, text);
        check_tree(loaded.plan->rules[0]->where.tree, cases[i].expression);
        unload(&loaded);
    }
}

static void alternatives_are_joined_by_or(void **state)
{
    struct loaded loaded;

    (void)state;
    load_one(&loaded, "version: 1\n"
                      "rules:\n"
                      "  - id: a\n"
                      "    match: { c: 3 }\n"
                      "    any_of:\n"
                      "      - { match: { a: 1 }, where: b == 2 || b == 3 }\n"
                      "      - where: b == 4 // comment\n");
    check_tree(loaded.plan->rules[0]->where.tree,
               "event.c == 3 && (event.a == 1 && (event.b == 2 || event.b == 3) || event.b == 4)");
    unload(&loaded);
}

static void times_and_greed_follow_the_defaults(void **state)
{
    static const struct {
        const char *keys;
        uint32_t min, max;
        bool optional, greedy;
    } cases[] = {
        {"times: 3", 3, 3, false, false},
        {"times: 2..4", 2, 4, false, true},
        {"times: 3+", 3, NFA_UNBOUNDED, false, true},
        {"times: 0..2", 0, 2, true, true},
        {"times: 0..1", 0, 1, true, false},
        {"times: 0+", 1, NFA_UNBOUNDED, true, true},
        {"times: 2+, greedy: false", 2, NFA_UNBOUNDED, false, false},
        {"times: 2+, combinations: true", 2, NFA_UNBOUNDED, false, false},
        {"optional: true", 1, 1, true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct loaded loaded;
        char text[256];
        const struct nfa_step *step;

        (void)snprintf(text, sizeof(text),
                       "version: 1\nrules:\n  - id: a\n    pattern:\n"
                       "      - { begin: a, %s }\n      - next: b\n",
                       cases[i].keys);
        load_one(&loaded, text);
        step = &loaded.plan->rules[0]->pattern->steps[0];
        assert_int_equal(step->times_min, cases[i].min);
        assert_int_equal(step->times_max, cases[i].max);
        assert_int_equal(loaded.plan->rules[0]->steps[0].optional, cases[i].optional);
        assert_int_equal(step->greedy, cases[i].greedy);
        assert_true(loaded.plan->rules[0]->strict);
        unload(&loaded);
    }
}

static void groups_are_flattened_in_order_and_repeat_their_steps(void **state)
{
    struct loaded loaded;
    const struct rule *rule;

    (void)state;
    load_one(&loaded, "version: 1\n"
                      "rules:\n"
                      "  - id: a\n"
                      "    within: 1h\n"
                      "    pattern:\n"
                      "      - begin: start\n"
                      "      - followedBy: middle\n"
                      "        times: 2+\n"
                      "        until: x == 9 && size(one) > 1\n"
                      "        pattern:\n"
                      "          - begin: one\n"
                      "            where: x == 1 && size(two) < 5\n"
                      "          - next: two\n"
                      "            where: x == 2 && y == last(one).y\n"
                      "            gap: 10s\n"
                      "      - followedByAny: end\n"
                      "        where: x == start.x && size(one) > 2\n"
                      "    after_match: { skip_to_last: end }\n"
                      "    emit: in_start_order\n");
    rule = loaded.plan->rules[0];
    assert_int_equal(rule->step_count, 4);
    assert_string_equal(rule->steps[1].name, "one");
    assert_true(rule->steps[1].repeats);
    assert_int_equal(rule->steps[3].contiguity, NFA_ANY);
    assert_int_equal(rule->pattern->steps[1].group_count, 2);
    assert_int_equal(rule->pattern->steps[1].group[1].gap.ms, 10000);
    assert_int_not_equal(rule->pattern->steps[1].until, NFA_NO_GUARD);
    assert_string_equal(rule->pattern->skip_step, "end");
    assert_int_equal(rule->pattern->emit, NFA_EMIT_IN_START_ORDER);
    assert_true(rule->strict);
    unload(&loaded);
}

static void defaults_hold_for_rules_that_say_nothing(void **state)
{
    struct loaded loaded;

    (void)state;
    load_one(&loaded,
             "version: 1\n"
             "defaults: { severity: low, after_match: no_skip, greedy: false, "
             "emit: in_start_order, source: s, sink: x, mode: shadow, within: 1m }\n"
             "rules:\n"
             "  - { id: a, pattern: [{ begin: b, times: 2+ }] }\n"
             "  - { id: c, severity: high, sources: [t, u], where: x == 1, alert: { sink: y } }\n");
    assert_int_equal(loaded.plan->rules[0]->skip, NFA_NO_SKIP);
    assert_int_equal(loaded.plan->rules[0]->mode, RULE_MODE_SHADOW);
    assert_int_equal(loaded.plan->rules[0]->within.ms, 60000);
    assert_false(loaded.plan->rules[0]->pattern->steps[0].greedy);
    assert_int_equal(loaded.plan->rules[0]->outputs[0].severity, RULE_LOW);
    assert_string_equal(loaded.plan->rules[0]->outputs[0].sinks[0], "x");
    assert_string_equal(loaded.plan->rules[1]->outputs[0].sinks[0], "y");
    assert_int_equal(loaded.plan->rules[1]->outputs[0].severity, RULE_HIGH);
    assert_int_equal(loaded.plan->rules[1]->source_count, 2);
    unload(&loaded);
}

static void routes_are_the_smallest_sound_set(void **state)
{
    static const struct {
        const char *rule;
        const char *field; /* NULL: every event */
        size_t values;
    } cases[] = {
        {"match: { type: a }", "type", 1},
        {"match: { type: [a, b, a] }", "type", 2},
        {"filter: 'type == \"a\" || type == \"b\"', match: { kind: x }", "kind", 1},
        {"where: amount > 5", "amount", 1},
        {"where: amount * 2 > 5", NULL, 0},
        {"where: path.startsWith(\"/a\") || path.contains(\"b\")", "path", 2},
        {"where: \"type == 'a' && path.matches('^/x')\"", "type", 1},
        {"where: \"cidr(ip, '10.0.0.0/8')\"", "ip", 1},
        {"match: { type: a }, cancel_if: type == \"b\"", "type", 2},
        {"match: { type: a }, cancel_if: amount * 2 > 5", NULL, 0},
        {"pattern: [{ begin: p, match: { type: a } }, { followedBy: q, match: { type: b } }]",
         "type", 2},
        {"pattern: [{ begin: p, match: { type: a } }, { followedBy: q }]", NULL, 0},
        {"pattern: [{ begin: p, match: { type: a } }, { next: q, match: { type: b } }]", NULL, 0},
        {"filter: type == \"a\", pattern: [{ begin: p, match: { kind: a } }, { next: q, match: { "
         "kind: b } }]",
         "type", 1},
        {"filter: type == \"a\", match: { type: b }", "type", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct loaded loaded;
        char text[512];
        const struct rule_route *route;

        (void)snprintf(text, sizeof(text), "version: 1\nrules:\n  - { id: a, %s }\n",
                       cases[i].rule);
        load_one(&loaded, text);
        route = &loaded.plan->rules[0]->route;
        if (cases[i].field == NULL) {
            if (!route->all)
                fail_msg("%s: routed", cases[i].rule);
        } else {
            struct rt_text name = rt_text_of(cases[i].field);

            if (route->all || route->probe_count != cases[i].values)
                fail_msg("%s: %zu probes", cases[i].rule, route->probe_count);
            for (size_t p = 0; p < route->probe_count; p++)
                assert_int_equal(route->probes[p].slot,
                                 rt_fields_find(loaded.plan->fields, &name, 1));
        }
        unload(&loaded);
    }
}

static void revision_of(const char *text, char out[33])
{
    struct loaded loaded;

    load_one(&loaded, text);
    memcpy(out, loaded.plan->rules[0]->revision, 33);
    unload(&loaded);
}

static void a_revision_changes_with_what_a_rule_does_only(void **state)
{
    static const char base[] =
        "version: 1\nparams: { p: 1 }\nrules:\n  - id: a\n    where: x == 1\n";
    static const char *const same[] = {
        "version: 1\nparams: { p: 1 }\nrules:\n  - id: a\n    title: T\n    owner: me\n    where: "
        "x==1   # c c\n",
        "version: 1\nparams: { p: 1 }\nrules:\n  - id: a\n    match: { x: 1 }\n    tests: []\n"};
    static const char *const other[] = {
        "version: 1\nparams: { p: 2 }\nrules:\n  - id: a\n    where: x == 1\n",
        "version: 1\nparams: { p: 1 }\nrules:\n  - id: a\n    where: x == 2\n",
        "version: 1\nparams: { p: 1 }\nrules:\n  - id: a\n    where: x == 1\n    severity: low\n",
        "version: 1\nparams: { p: 1 }\nrules:\n  - id: a\n    where: x == 1\n    key_by: x\n",
        "version: 1\nlists: { l: [1] }\nparams: { p: 1 }\nrules:\n  - id: a\n    where: x == 1\n"};
    char expected[33];
    char found[33];

    (void)state;
    revision_of(base, expected);
    assert_int_equal(strlen(expected), 32);
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        revision_of(same[i], found);
        assert_string_equal(found, expected);
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        revision_of(other[i], found);
        assert_string_not_equal(found, expected);
    }
}

static void parameters_can_be_set_from_outside(void **state)
{
    static const char text[] = "version: 1\n"
                               "params: { low: 1.5, names: [a], word: x }\n"
                               "rules:\n"
                               "  - { id: a, where: x > params.low && y == params.word }\n"
                               "  - { id: b, params: { low: 9 }, where: x > params.low }\n";
    static const struct rule_override good[] = {{"params.low", "2"}, {"params.word", "NO"}};
    static const struct rule_override bad[] = {
        {"params.low", "text"}, {"params.none", "1"}, {"limits.x", "1"}, {"params.word", "["}};
    struct rule_load_options options = {.overrides = good, .override_count = 2};
    struct rule_source source = {"a.yaml", rt_text_of(text)};
    struct loaded loaded;

    (void)state;
    load_text_with(&loaded, text, &options);
    check_tree(loaded.plan->rules[0]->where.tree, "event.x > 2.0 && event.y == \"NO\"");
    check_tree(loaded.plan->rules[1]->where.tree, "event.x > 2");
    unload(&loaded);
    options = (struct rule_load_options){.overrides = bad, .override_count = 4};
    load(&loaded, &source, 1, &options);
    assert_int_equal(loaded.status, RT_ERR_DIAG);
    assert_int_equal(rt_diags_count(loaded.diags, RT_SEVERITY_ERROR), 4);
    unload(&loaded);
}

static void files_are_read_in_order_of_name_and_all_that_is_wrong_is_said(void **state)
{
    static const struct rule_source good[] = {
        {"b.yaml", {"version: 1\nrules:\n  - { id: b, where: x == 1 }\n", 47}},
        {"a.yaml", {"version: 1\nrules:\n  - { id: a, where: x == 1 }\n", 47}}};
    static const struct rule_source bad[] = {
        {"b.yaml", {"version: 1\nrules:\n  - { id: a, where: x == 1 }\n", 47}},
        {"a.yaml", {"version: 1\nrules:\n  - { id: a, where: x == = }\n", 47}}};
    struct loaded loaded;
    struct rt_diag_view view;

    (void)state;
    load(&loaded, good, 2, NULL);
    assert_int_equal(loaded.status, RT_OK);
    assert_string_equal(loaded.plan->rules[0]->id, "a");
    assert_string_equal(loaded.plan->rules[1]->file, "b.yaml");
    assert_int_equal(loaded.plan->rules[1]->index, 1);
    unload(&loaded);
    load(&loaded, bad, 2, NULL);
    assert_int_equal(loaded.status, RT_ERR_DIAG);
    assert_null(loaded.plan);
    assert_int_equal(rt_diags_count(loaded.diags, RT_SEVERITY_ERROR), 2);
    view = rt_diags_at(loaded.diags, 1);
    assert_string_equal(view.source_name, "b.yaml");
    assert_int_equal(view.code, 501);
    unload(&loaded);
}

static void the_run_may_bring_a_time_field_and_a_watermark(void **state)
{
    struct rule_load_options options = {.time_field = "meta.ts",
                                        .watermark_when = "type == \"tick\""};
    struct rt_text path[] = {RT_TEXT("meta"), RT_TEXT("ts")};
    struct loaded loaded;

    (void)state;
    load_text_with(&loaded, login_text, &options);
    assert_int_equal(loaded.plan->time_slot, rt_fields_find(loaded.plan->fields, path, 2));
    assert_int_not_equal(loaded.plan->time_slot, RT_NO_SLOT);
    assert_non_null(loaded.plan->watermark_when);
    unload(&loaded);
    load_one(&loaded, login_text);
    assert_int_equal(loaded.plan->time_slot, RT_NO_SLOT);
    assert_null(loaded.plan->watermark_when);
    unload(&loaded);
    {
        struct rule_source source = {"a.yaml", RT_TEXT(login_text)};

        options.watermark_when = "type = 1";
        load(&loaded, &source, 1, &options);
        assert_int_equal(loaded.status, RT_ERR_DIAG);
        assert_string_equal(rt_diags_at(loaded.diags, 0).source_name, "--watermark-when");
        unload(&loaded);
    }
}

static const char tested_text[] =
    "version: 1\n"
    "rules:\n"
    "  - id: a\n"
    "    where: x == 1\n"
    "    tests:\n"
    "      - name: first\n"
    "        events:\n"
    "          - { at: 1m, repeat: 3, every: 10s, event: { x: 1.50, s: "
    "'a\"b', n: null, l: [+1, 0x10, .5] } }\n"
    "          - { at: 2026-01-02T00:00:00Z, source: s, event: {} }\n"
    "          - from: more.ndjson\n"
    "        watermark: { max_out_of_orderness: 5s }\n"
    "        stop_at: 1h\n"
    "        expect:\n"
    "          - { at: 1m, output: timeout, severity: low, key: { u: 1 }, "
    "fields: { f: 2 }, message: m }\n";

static void tests_are_read_with_absolute_times_and_json(void **state)
{
    struct loaded loaded;
    const struct rule_test *test;

    (void)state;
    load_one(&loaded, tested_text);
    assert_int_equal(loaded.plan->rules[0]->test_count, 1);
    test = loaded.plan->rules[0]->tests;
    assert_string_equal(test->name, "first");
    assert_int_equal(test->line, 6);
    assert_int_equal(test->event_count, 3);
    assert_int_equal(test->events[0].at.ms, RULE_TEST_START.ms + 60000);
    assert_int_equal(test->events[0].repeat, 3);
    assert_int_equal(test->events[0].every.ms, 10000);
    assert_string_equal(test->events[0].json,
                        "{\"x\":1.50,\"s\":\"a\\\"b\",\"n\":null,\"l\":[1,16,0.5]}");
    assert_int_equal(test->events[1].at.ms, RULE_TEST_START.ms + 86400000);
    assert_string_equal(test->events[1].source, "s");
    assert_string_equal(test->events[2].from, "more.ndjson");
    assert_false(test->events[2].has_at);
    assert_int_equal(test->stop_at.ms, RULE_TEST_START.ms + 3600000);
    assert_int_equal(test->out_of_orderness.ms, 5000);
    assert_int_equal(test->expects[0].output, RULE_OUTPUT_TIMEOUT);
    assert_string_equal(test->expects[0].key_json, "{\"u\":1}");
    assert_string_equal(test->expects[0].fields_json, "{\"f\":2}");
    assert_null(test->expects[0].sinks);
    unload(&loaded);
}

static void test_files_name_their_rules(void **state)
{
    const struct rule_source good = {
        "a_test.yaml", RT_TEXT("version: 1\n"
                               "tests:\n"
                               "  - { rule: a, name: one, events: [], expect: [] }\n"
                               "  - { rule: a, name: two, events: [], expect: [] }\n"
                               "  - { rule: b, name: three, events: [], expect: [] }\n")};
    const struct rule_source bad = {"a_test.yaml",
                                    RT_TEXT("version: 1\n"
                                            "tests:\n"
                                            "  - { rule: c, name: one, events: [], expect: [] }\n"
                                            "  - { name: two, events: [], expect: [] }\n")};
    struct rule_test_suite *suite = NULL;
    const struct rule_test_group *groups;
    struct loaded loaded;
    size_t count;

    (void)state;
    load_one(&loaded,
             "version: 1\nrules:\n  - { id: a, where: x == 1 }\n  - { id: b, where: x == 1 }\n");
    assert_int_equal(rule_test_load(&good, 1, loaded.plan, loaded.diags, &suite), RT_OK);
    groups = rule_test_groups(suite, &count);
    assert_int_equal(count, 2);
    assert_int_equal(groups[0].test_count, 2);
    assert_string_equal(groups[0].tests[1].name, "two");
    assert_string_equal(groups[1].rule->id, "b");
    rule_test_suite_free(suite);
    assert_int_equal(rule_test_load(&bad, 1, loaded.plan, loaded.diags, &suite), RT_ERR_DIAG);
    assert_int_equal(rt_diags_count(loaded.diags, RT_SEVERITY_ERROR), 2);
    unload(&loaded);
}

static enum rt_status load_once(const struct rule_source *source,
                                const struct rule_load_options *options, size_t *errors)
{
    struct rt_diags *diags;
    struct rule_plan *plan = NULL;
    struct rule_test_suite *suite = NULL;
    enum rt_status status = rt_diags_new(0, &diags);

    if (status != RT_OK)
        return status;
    status = rule_load(source, 1, options, diags, &plan);
    if (status == RT_OK) {
        const struct rule_source tests = {
            "t", RT_TEXT("version: 1\ntests: [{ rule: a, name: n, events: [], expect: [] }]\n")};

        status = rule_test_load(&tests, 1, plan, diags, &suite);
        if (status == RT_ERR_DIAG)
            status = RT_OK; /* the rule may have another name */
    }
    *errors = rt_diags_size(diags);
    if (status == RT_ERR_DIAG)
        print_error("%s\n", rt_diags_at(diags, 0).message);
    rule_test_suite_free(suite);
    rule_plan_unref(plan);
    rt_diags_free(diags);
    return status;
}

/* Declared fields, what windows remember, limits, a rule over alerts. */
static const char rich_text[] =
    "version: 1\n"
    "fields: { user: string, ip: ip, at: timestamp, geo.lat: double, n: int, rule: string, "
    "key.user: string, a: int, ts: any, \"*\": any }\n"
    "rules:\n"
    "  - id: w\n"
    "    key_by: user\n"
    "    group_by: ip\n"
    "    window: { tumbling: 1d, time_zone: Europe/Amsterdam }\n"
    "    aggregate: { calls: { value: count(), where: n > 1 && geo.lat > 1 }, most: \"topk(ip, "
    "3)\", usual: \"baseline(calls, 7d)\" }\n"
    "    having: calls > 2 && calls > previous.calls && double(calls) > usual\n"
    "    fire: on_close\n"
    "    alert: { message: \"{{ key.user }} {{ calls }}\", rate_limit: { max: 2, per: 1h } }\n"
    "  - id: r\n"
    "    source: alerts\n"
    "    key_by: key.user\n"
    "    pattern:\n"
    "      - { begin: x, where: event.rule == \"w\" }\n"
    "      - { followedBy: y, where: event.rule == \"w\" }\n"
    "    within: 1d\n";

static void without_memory_loading_fails_cleanly(void **state)
{
    static const struct rule_override overrides[] = {{"params.p", "2"}};
    const struct rule_source sources[] = {
        {"a", RT_TEXT(login_text)},
        {"b", RT_TEXT(tested_text)},
        {"c", RT_TEXT("version: 1\nparams: { p: 1 }\nlists: { l: [a] }\nrules:\n  - id: a\n"
                      "    any_of: [{ match: { a: [x, null] } }, { where: b in lists.l }]\n"
                      "    on_late: { message: '{{ event.a }}' }\n")},
        {"d", RT_TEXT(rich_text)}};
    size_t before = rt_live_blocks();

    (void)state;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct rule_load_options options = {.overrides = overrides,
                                            .override_count = i == 2,
                                            .time_field = "ts",
                                            .watermark_when = "a == 1"};

        for (size_t nth = 1;; nth++) {
            enum rt_status status;
            size_t errors = 0;
            bool struck;

            rt_fault_arm(nth);
            status = load_once(&sources[i], &options, &errors);
            struck = rt_fault_disarm();
            assert_int_equal(rt_live_blocks(), before);
            if (!struck) {
                assert_int_equal(status, RT_OK);
                break;
            }
            if (status != RT_ERR_NOMEM)
                fail_msg("source %zu, allocation %zu: status %d, %zu messages", i, nth, (int)status,
                         errors);
        }
    }
}

/* The first message that loading gives, with these options, of rules that name so many fields. */
static void assert_full(uint32_t fields, const char *more, const char *time_field,
                        const char *message)
{
    const struct rule_load_options options = {.time_field = time_field};
    struct rt_buffer text;
    struct rule_source source;
    struct rule_plan *plan = NULL;
    struct rt_diags *diags;

    rt_buffer_init(&text, 1 << 20);
    rt_buffer_string(&text, "version: 1\nrules:\n");
    for (uint32_t i = 0; i < fields; i++)
        rt_buffer_printf(&text, "  - { id: a%u, where: f%u == 1 }\n", i, i);
    rt_buffer_string(&text, more);
    assert_false(text.failed);
    source = (struct rule_source){"a", rt_buffer_view(&text)};
    assert_int_equal(rt_diags_new(0, &diags), RT_OK);
    assert_int_equal(rule_load(&source, 1, &options, diags, &plan),
                     message == NULL ? RT_OK : RT_ERR_DIAG);
    assert_int_equal(rt_diags_size(diags) > 0, message != NULL);
    if (message != NULL)
        assert_string_equal(rt_diags_at(diags, 0).message, message);
    rule_plan_unref(plan);
    rt_diags_free(diags);
    rt_buffer_done(&text);
}

static void a_field_that_there_is_no_room_for_is_said(void **state)
{
    static const char whole[] = "  - id: w\n    key_by: f0\n    pattern:\n"
                                "      - { begin: b, where: f1 == 1 }\n"
                                "      - { followedBy: c, where: b == b }\n    within: 1h\n";
    static const char deep[] = "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a";

    (void)state;
    assert_full(RT_FIELDS_MAX - 1, "", "ts", NULL);
    assert_full(RT_FIELDS_MAX, "", "ts",
                "no room for the field `ts`: a field is at most 32 names deep, and rules name at "
                "most 4096 fields");
    assert_full(1, "", deep,
                "no room for the field `a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
                "a.a.a`: a field is at most 32 names deep, and rules name at most 4096 fields");
    assert_full(RT_FIELDS_MAX - 1, whole, NULL, NULL);
    assert_full(RT_FIELDS_MAX, whole, NULL,
                "a field is at most 32 names deep, and rules name at most 4096 fields");
    assert_full(RT_FIELDS_MAX - 1, "  - { id: z, source: alerts, where: event.f0 == 1 }\n", NULL,
                NULL);
    assert_full(RT_FIELDS_MAX, "  - { id: z, source: alerts, where: event.f0 == 1 }\n", NULL,
                "no room for the field `rule`: a field is at most 32 names deep, and rules name at "
                "most 4096 fields");
}

/* A rule with `match: { BEFOREaaa...aBEHIND }`. */
static void assert_match_of(const char *before, size_t letters, const char *behind,
                            const char *message)
{
    struct rt_buffer text;
    struct rule_source source;
    struct rule_plan *plan = NULL;
    struct rt_diags *diags;

    rt_buffer_init(&text, 4 << 20);
    rt_buffer_printf(&text, "version: 1\nrules:\n  - id: long\n    match:\n      %s", before);
    for (size_t i = 0; i < letters; i++)
        rt_buffer_char(&text, 'a');
    rt_buffer_printf(&text, "%s\n", behind);
    assert_false(text.failed);
    source = (struct rule_source){"a", rt_buffer_view(&text)};
    assert_int_equal(rt_diags_new(0, &diags), RT_OK);
    assert_int_equal(rule_load(&source, 1, NULL, diags, &plan),
                     message == NULL ? RT_OK : RT_ERR_DIAG);
    assert_int_equal(rt_diags_size(diags), message != NULL);
    if (message != NULL)
        assert_string_equal(rt_diags_at(diags, 0).message, message);
    rule_plan_unref(plan);
    rt_diags_free(diags);
    rt_buffer_done(&text);
}

static void what_is_too_long_in_a_match_is_said(void **state)
{
    static const char too_long[] = "the expression has more than 1048576 bytes";

    (void)state;
    assert_match_of("x: ", 100000, "", NULL);
    assert_match_of("? ", 100000, "\n      : 1", NULL);
    assert_match_of("x: ", 1 << 20, "", too_long);
    assert_match_of("x: [b, ", 1 << 20, "]", too_long);
    assert_match_of("? ", 1 << 20, "\n      : 1", too_long);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_has_what_the_file_says),
        cmocka_unit_test(conditions_are_split_into_shared_atoms_and_a_rest),
        cmocka_unit_test(rules_share_atoms_and_keyings),
        cmocka_unit_test(match_maps_are_expressions),
        cmocka_unit_test(alternatives_are_joined_by_or),
        cmocka_unit_test(times_and_greed_follow_the_defaults),
        cmocka_unit_test(groups_are_flattened_in_order_and_repeat_their_steps),
        cmocka_unit_test(defaults_hold_for_rules_that_say_nothing),
        cmocka_unit_test(routes_are_the_smallest_sound_set),
        cmocka_unit_test(a_revision_changes_with_what_a_rule_does_only),
        cmocka_unit_test(parameters_can_be_set_from_outside),
        cmocka_unit_test(files_are_read_in_order_of_name_and_all_that_is_wrong_is_said),
        cmocka_unit_test(the_run_may_bring_a_time_field_and_a_watermark),
        cmocka_unit_test(a_field_that_there_is_no_room_for_is_said),
        cmocka_unit_test(what_is_too_long_in_a_match_is_said),
        cmocka_unit_test(tests_are_read_with_absolute_times_and_json),
        cmocka_unit_test(test_files_name_their_rules),
        cmocka_unit_test(without_memory_loading_fails_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
