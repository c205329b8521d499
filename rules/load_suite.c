/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test files: tests that do not stand beside their rule.
 *
 *     version: 1
 *     tests:
 *       - rule: login-brute-force
 *         name: ...
 *         events: ...
 *         expect: ...
 */
#include "rules/load.h"
#include "runtime/base/alloc.h"

struct rule_test_suite {
    struct rt_arena arena;
    struct rule_plan *plan;
    struct rule_test_group *groups;
    size_t count, capacity;
};

const struct rule_test_group *rule_test_groups(const struct rule_test_suite *suite, size_t *count)
{
    *count = suite->count;
    return suite->groups;
}

void rule_test_suite_free(struct rule_test_suite *suite)
{
    if (suite == NULL)
        return;
    rule_plan_unref(suite->plan);
    rt_free(suite->groups);
    rt_arena_done(&suite->arena);
    rt_free(suite);
}

static const struct rule *find_rule(const struct rule_plan *plan, struct rt_text id)
{
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        if (rt_text_is(id, plan->rules[i]->id))
            return plan->rules[i];
    }
    return NULL;
}

static void report_no_rule(struct loader *loader, const struct rule_plan *plan,
                           const struct yaml_node *node)
{
    const char **ids = load_alloc(loader, plan->rule_count, sizeof(*ids));
    const char *nearest;
    struct rt_diag *diag;

    if (ids == NULL)
        return;
    for (uint32_t i = 0; i < plan->rule_count; i++)
        ids[i] = plan->rules[i]->id;
    nearest = rt_nearest(node->text, ids, plan->rule_count);
    diag = LOAD_ERROR(loader, BAD_TEST, node, "there is no rule `%s`", node->text.data);
    if (nearest != NULL) {
        rt_diag_label(loader->diags, diag, "did you mean `%s`?", nearest);
        rt_diag_fix(loader->diags, diag, "%s", nearest);
    }
}

/* One test into the group of its rule; neighbours with one rule share a group. */
static void add_test(struct loader *loader, struct rule_test_suite *suite,
                     const struct rule_test *test, const struct yaml_node *node)
{
    const struct rule *rule = find_rule(suite->plan, node->text);

    if (rule == NULL) {
        report_no_rule(loader, suite->plan, node);
        return;
    }
    if (suite->groups != NULL && suite->count > 0) {
        struct rule_test_group *last = &suite->groups[suite->count - 1];

        if (last->rule == rule && last->tests + last->test_count == test) {
            last->test_count++;
            return;
        }
    }
    if (suite->groups == NULL || suite->count == suite->capacity) {
        size_t capacity = suite->capacity == 0 ? 16 : suite->capacity * 2;
        void *larger = rt_realloc(suite->groups, capacity * sizeof(*suite->groups));

        if (larger == NULL) {
            loader->status = RT_ERR_NOMEM;
            return;
        }
        suite->groups = larger;
        suite->capacity = capacity;
    }
    suite->groups[suite->count++] = (struct rule_test_group){rule, test, 1};
}

static void read_suite(struct loader *loader, struct rule_test_suite *suite,
                       const struct rule_source *source)
{
    struct load_file *file = rt_arena_alloc(&loader->scratch, sizeof(*file));
    const struct yaml_node **rules;
    const struct rule_test *tests;
    uint32_t count;

    if (file == NULL) {
        loader->status = RT_ERR_NOMEM;
        return;
    }
    load_file(loader, source, file);
    if (loader->status != RT_OK || file->document.root == NULL ||
        !load_mapping(loader, file->document.root, &load_file_map, NULL, &file->nodes))
        return;
    load_check_version(loader, file);
    if (file->nodes.tests == NULL) {
        if (!file->document.has_gaps)
            LOAD_ERROR(loader, MISSING_KEY, file->document.root, "a test file needs `tests`");
        return;
    }
    if (!load_tests(loader, file->nodes.tests, &tests, &count, &rules))
        return;
    for (uint32_t i = 0; i < count && loader->status == RT_OK; i++) {
        if (rules[i] == NULL)
            LOAD_ERROR(loader, BAD_TEST, file->nodes.tests->items[i],
                       "a test in a test file needs `rule`");
        else if (rules[i]->kind == YAML_SCALAR)
            add_test(loader, suite, &tests[i], rules[i]);
    }
}

enum rt_status rule_test_load(const struct rule_source *sources, size_t source_count,
                              struct rule_plan *plan, struct rt_diags *diags,
                              struct rule_test_suite **out)
{
    static const struct rule_load_options none = {.overrides = NULL};
    struct rule_test_suite *suite = rt_alloc_zeroed(1, sizeof(*suite));
    struct loader loader = {.diags = diags,
                            .options = &none,
                            .errors_before = rt_diags_count(diags, RT_SEVERITY_ERROR)};
    enum rt_status status;

    if (suite == NULL)
        return RT_ERR_NOMEM;
    rt_arena_init(&suite->arena, LOAD_BYTES_MAX);
    rt_arena_init(&loader.scratch, LOAD_BYTES_MAX);
    suite->plan = rule_plan_ref(plan);
    loader.arena = &suite->arena;
    for (size_t i = 0; i < source_count && loader.status == RT_OK; i++)
        read_suite(&loader, suite, &sources[i]);
    status = rt_diags_failed(diags) ? RT_ERR_NOMEM : loader.status;
    if (status == RT_OK && rt_diags_count(diags, RT_SEVERITY_ERROR) > loader.errors_before)
        status = RT_ERR_DIAG;
    rt_arena_done(&loader.scratch);
    if (status == RT_OK)
        *out = suite;
    else
        rule_test_suite_free(suite);
    return status;
}
