/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of rules: what is fed, and what is expected. */
#include "rules/load.h"

/* `10s` since the start of the test, or an RFC 3339 text. */
static bool load_moment(struct loader *loader, const struct yaml_node *node, const char *name,
                        rt_time *out)
{
    rt_duration since;

    if (node == NULL || node->kind != YAML_SCALAR)
        return false;
    if (node->text.length >= 10 && node->text.data[4] == '-')
        return load_time(loader, node, name, out);
    if (!load_duration(loader, node, name, &since))
        return false;
    *out = rt_time_plus(RULE_TEST_START, since);
    if (rt_time_before(RT_TIME_LAST, *out)) {
        LOAD_ERROR(loader, BAD_TIME, node, "`%s` lies behind the year 9999", name);
        return false;
    }
    return true;
}

static bool load_repeat(struct loader *loader, const struct load_test_event_nodes *nodes,
                        struct rule_test_event *out)
{
    int64_t repeat = 1;

    if (nodes->repeat != NULL &&
        (nodes->repeat->kind != YAML_SCALAR || nodes->repeat->type != YAML_INT ||
         !rt_text_to_int(nodes->repeat->text, &repeat) || repeat < 1 ||
         repeat > RULE_TEST_REPEAT_MAX)) {
        if (nodes->repeat->kind == YAML_SCALAR)
            LOAD_ERROR(loader, BAD_NUMBER, nodes->repeat, "`repeat` is a number from 1 to %d",
                       RULE_TEST_REPEAT_MAX);
        return false;
    }
    out->repeat = (uint32_t)repeat;
    if (nodes->every == NULL)
        return true;
    if (nodes->repeat == NULL) {
        LOAD_ERROR(loader, BAD_TEST, nodes->every, "`every` needs `repeat`");
        return false;
    }
    return load_duration(loader, nodes->every, "every", &out->every);
}

static bool load_test_event(struct loader *loader, const struct yaml_node *node,
                            struct rule_test_event *out)
{
    struct load_test_event_nodes nodes = {.at = NULL};
    bool good = true;

    if (!load_mapping(loader, node, &load_test_event_map, &load_test_map, &nodes))
        return false;
    out->line = load_line(loader, node);
    if (nodes.event == NULL && load_misspelt(node, &load_test_event_map, "event"))
        return false;
    if ((nodes.event == NULL) == (nodes.from == NULL)) {
        LOAD_ERROR(loader, BAD_TEST, node->count > 0 ? node->pairs[0].key : node,
                   "an event of a test has either `event` or `from`");
        return false;
    }
    if (nodes.at == NULL && nodes.from == NULL) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, BAD_TEST, node->count > 0 ? node->pairs[0].key : node,
                                "an event of a test needs `at`"),
                     "`at: 10s` is ten seconds after the start of the test");
        return false;
    }
    if (nodes.at != NULL) {
        out->has_at = load_moment(loader, nodes.at, "at", &out->at);
        good = out->has_at;
    }
    good = load_repeat(loader, &nodes, out) && good;
    if (nodes.event != NULL && nodes.event->kind == YAML_MAPPING)
        good = load_json(loader, nodes.event, &out->json) && good;
    if (nodes.from != NULL)
        good = load_text(loader, nodes.from, "from", &out->from) && good;
    if (nodes.source != NULL)
        good = load_text(loader, nodes.source, "source", &out->source) && good;
    load_check_names(loader, nodes.source, "source", RULE_DIAG_UNKNOWN_SOURCE,
                     loader->options->source_names, loader->options->source_count);
    return good;
}

/* One text stands for a list of one, as in the rule. */
static bool load_expected_tags(struct loader *loader, const struct yaml_node *node,
                               struct rule_test_expect *out)
{
    if (!load_json(loader, node, &out->tags_json))
        return false;
    if (node->kind == YAML_SEQUENCE)
        return true;
    out->tags_json = rt_arena_printf(loader->arena, "[%s]", out->tags_json);
    if (out->tags_json == NULL)
        loader->status = RT_ERR_NOMEM;
    return out->tags_json != NULL;
}

/* Several names become one text, as those of an alert do. */
static bool load_expected_sinks(struct loader *loader, const struct yaml_node *node,
                                struct rule_test_expect *out)
{
    const char *const *names;
    uint32_t count;

    if (!load_texts(loader, node, "sink", &names, &count))
        return false;
    out->sinks = rule_names_join(loader->arena, names, count);
    if (out->sinks == NULL)
        loader->status = RT_ERR_NOMEM;
    return out->sinks != NULL;
}

static bool load_expect(struct loader *loader, const struct yaml_node *node,
                        struct rule_test_expect *out)
{
    static const char *const words[RULE_OUTPUT_COUNT] = {"match", "timeout", "late"};
    struct load_test_expect_nodes nodes = {.at = NULL};
    enum rule_severity severity;
    size_t kind = RULE_OUTPUT_MATCH;
    bool good = true;

    if (!load_mapping(loader, node, &load_test_expect_map, &load_test_map, &nodes))
        return false;
    out->line = load_line(loader, node);
    if (nodes.at != NULL) {
        out->has_at = load_moment(loader, nodes.at, "at", &out->at);
        good = out->has_at;
    }
    if (nodes.output != NULL)
        good = load_word(loader, nodes.output, "output", words, RULE_OUTPUT_COUNT, &kind) && good;
    out->output = (enum rule_output_kind)kind;
    if (nodes.severity != NULL) {
        good = load_severity(loader, nodes.severity, "severity", &severity) && good;
        good = load_text(loader, nodes.severity, "severity", &out->severity) && good;
    }
    if (nodes.rule != NULL)
        good = load_text(loader, nodes.rule, "rule", &out->rule) && good;
    if (nodes.title != NULL)
        good = load_text(loader, nodes.title, "title", &out->title) && good;
    if (nodes.message != NULL)
        good = load_text(loader, nodes.message, "message", &out->message) && good;
    if (nodes.sink != NULL)
        good = load_expected_sinks(loader, nodes.sink, out) && good;
    if (nodes.tags != NULL)
        good = load_expected_tags(loader, nodes.tags, out) && good;
    if (nodes.key != NULL)
        good = load_json(loader, nodes.key, &out->key_json) && good;
    if (nodes.fields != NULL)
        good = load_json(loader, nodes.fields, &out->fields_json) && good;
    return good;
}

static bool load_watermark(struct loader *loader, const struct yaml_node *node,
                           struct rule_test *out)
{
    struct load_watermark_nodes nodes = {.bound = NULL};

    if (node == NULL || node->kind != YAML_MAPPING)
        return node == NULL;
    return load_mapping(loader, node, &load_watermark_map, &load_test_map, &nodes) &&
           (nodes.bound == NULL ||
            load_duration(loader, nodes.bound, "max_out_of_orderness", &out->out_of_orderness));
}

static bool load_lists_of(struct loader *loader, const struct load_test_nodes *nodes,
                          struct rule_test *out)
{
    size_t event_count =
        nodes->events != NULL && nodes->events->kind == YAML_SEQUENCE ? nodes->events->count : 0;
    size_t expect_count =
        nodes->expect != NULL && nodes->expect->kind == YAML_SEQUENCE ? nodes->expect->count : 0;
    struct rule_test_event *events = load_alloc(loader, event_count, sizeof(*events));
    struct rule_test_expect *expects = load_alloc(loader, expect_count, sizeof(*expects));
    bool good = true;

    if (events == NULL || expects == NULL)
        return false;
    for (size_t i = 0; i < event_count; i++)
        good = load_test_event(loader, nodes->events->items[i], &events[i]) && good;
    for (size_t i = 0; i < expect_count; i++)
        good = load_expect(loader, nodes->expect->items[i], &expects[i]) && good;
    out->events = events;
    out->event_count = (uint32_t)event_count;
    out->expects = expects;
    out->expect_count = (uint32_t)expect_count;
    return good;
}

static bool load_test(struct loader *loader, const struct yaml_node *node, struct rule_test *out,
                      const struct yaml_node **out_rule)
{
    struct load_test_nodes nodes = {.name = NULL};
    bool good = true;

    if (!load_mapping(loader, node, &load_test_map, &load_rule_map, &nodes))
        return false;
    out->name = "";
    out->file = loader->file->name;
    out->line = load_line(loader, node);
    out->stop_at = RT_TIME_MAX;
    if (nodes.name != NULL)
        good = load_text(loader, nodes.name, "name", &out->name);
    if (nodes.stop_at != NULL)
        good = load_moment(loader, nodes.stop_at, "stop_at", &out->stop_at) && good;
    good = load_watermark(loader, nodes.watermark, out) && good;
    good = load_lists_of(loader, &nodes, out) && good;
    if (out_rule != NULL) {
        *out_rule = nodes.rule;
    } else if (nodes.rule != NULL) {
        LOAD_ERROR(loader, UNKNOWN_KEY, nodes.rule, "a test beside its rule needs no `rule`");
        good = false;
    }
    return good;
}

bool load_tests(struct loader *loader, const struct yaml_node *node,
                const struct rule_test **out_tests, uint32_t *out_count,
                const struct yaml_node ***out_rules)
{
    size_t count = node != NULL && node->kind == YAML_SEQUENCE ? node->count : 0;
    struct rule_test *tests = load_alloc(loader, count, sizeof(*tests));
    const struct yaml_node **rules = NULL;
    bool good = true;

    if (out_rules != NULL) {
        rules = rt_arena_array(&loader->scratch, count, sizeof(*rules));
        if (rules == NULL)
            loader->status = RT_ERR_NOMEM;
    }
    if (tests == NULL || loader->status != RT_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        good =
            load_test(loader, node->items[i], &tests[i], rules == NULL ? NULL : &rules[i]) && good;
    if (out_rules != NULL)
        *out_rules = rules;
    *out_tests = tests;
    *out_count = (uint32_t)count;
    return good;
}
