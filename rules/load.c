/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files -> a plan: the walk over the files, and what belongs to no single rule. */
#include "rules/load.h"

#include <stdlib.h>

#include "runtime/base/alloc.h"

void *load_alloc(struct loader *loader, size_t count, size_t bytes)
{
    void *block = rt_arena_array(loader->arena, count, bytes);

    if (block == NULL)
        loader->status = RT_ERR_NOMEM;
    return block;
}

const char *load_copy(struct loader *loader, struct rt_text text)
{
    const char *copy =
        rt_arena_text(loader->arena, text.data == NULL ? "" : text.data, text.length);

    if (copy == NULL)
        loader->status = RT_ERR_NOMEM;
    return copy;
}

uint32_t load_line(const struct loader *loader, const struct yaml_node *node)
{
    struct rt_text text = rt_diags_source_text(loader->diags, node->span.source);
    struct load_file *file = loader->file;
    uint32_t line = file->line_number;
    uint32_t at = file->line_at;

    /* Mostly asked in the order of the file: count on from the last place. */
    if (node->span.begin < at || file->source != node->span.source) {
        line = 1;
        at = 0;
    }
    for (; at < node->span.begin; at++)
        line += text.data[at] == '\n';
    if (file->source == node->span.source) {
        file->line_number = line;
        file->line_at = at;
    }
    return line;
}

/* ---- files ---- */

void load_check_version(struct loader *loader, const struct load_file *file)
{
    const struct yaml_node *version = file->nodes.version;

    if (version == NULL || version->kind != YAML_SCALAR || version->type == YAML_NULL ||
        rt_text_is(version->text, "1"))
        return;
    rt_diag_help(
        loader->diags,
        LOAD_ERROR(loader, BAD_VERSION, version, "version `%s` is not known", version->text.data),
        "this version of egret reads `version: 1`");
}

static struct rt_value empty_map(void)
{
    return (struct rt_value){.type = RT_MAP};
}

/* What the file says for all its rules.  False: there is nothing more to read in it. */
static bool read_head(struct loader *loader, struct load_file *file)
{
    struct rt_span start = {file->source, 0, 0};

    file->params = empty_map();
    file->lists = empty_map();
    if (file->document.root == NULL) {
        if (!file->document.has_gaps)
            rt_diag_add(loader->diags, RT_SEVERITY_ERROR, RULE_DIAG_MISSING_KEY, start,
                        "the file is empty, a rule file has `version` and `rules`");
        return false;
    }
    if (!load_mapping(loader, file->document.root, &load_file_map, NULL, &file->nodes))
        return false;
    load_check_version(loader, file);
    if (file->nodes.defaults != NULL && file->nodes.defaults->kind == YAML_MAPPING)
        (void)load_mapping(loader, file->nodes.defaults, &load_default_map, &load_file_map,
                           &file->defaults);
    load_fields(loader, file);
    (void)load_params(loader, file->nodes.params, file->params, &file->params);
    (void)load_lists(loader, file->nodes.lists, file->lists, &file->lists);
    return loader->status == RT_OK;
}

static void read_rules(struct loader *loader, struct load_file *file)
{
    const struct yaml_node *rules = file->nodes.rules;

    if (file->nodes.tests != NULL)
        rt_diag_help(
            loader->diags,
            LOAD_ERROR(loader, YAML_INDENTATION, file->nodes.tests, "`tests` stands inside a rule"),
            "in a file of its own, `NAME_test.yaml`, it stands at the top");
    if (rules == NULL) {
        if (!file->document.has_gaps &&
            !load_misspelt(file->document.root, &load_file_map, "rules"))
            LOAD_ERROR(loader, MISSING_KEY, file->document.root, "a rule file needs `rules`");
        return;
    }
    if (rules->kind != YAML_SEQUENCE)
        return;
    for (size_t i = 0; i < rules->count && loader->status == RT_OK; i++)
        load_one_rule(loader, rules->items[i]);
}

void load_file(struct loader *loader, const struct rule_source *source, struct load_file *file)
{
    enum rt_status status;

    loader->file = file;
    file->line_number = 1;
    file->name = load_copy(loader, rt_text_of(source->name));
    file->source = rt_diags_add_source(loader->diags, source->name, source->text);
    if (file->name == NULL || file->source == RT_NO_SOURCE) {
        loader->status = RT_ERR_NOMEM;
        return;
    }
    status = yaml_read(loader->diags, file->source, &loader->scratch, &file->document);
    if (status != RT_OK)
        loader->status = status;
}

/* ---- what the run brings ---- */

bool load_add_field(struct loader *loader, const char *path, rt_field_id *out)
{
    struct rt_text names[RT_FIELD_DEPTH_MAX];
    size_t depth = 0;
    enum rt_status status;

    do {
        path += depth > 0;
        names[depth++] = (struct rt_text){path, strcspn(path, ".")};
        path += names[depth - 1].length;
    } while (*path == '.' && depth < RT_FIELD_DEPTH_MAX);
    status = *path == '.' ? RT_ERR_LIMIT
                          : rt_fields_add(loader->plan->plan->fields, names, depth, false, out);
    if (status == RT_ERR_LIMIT)
        rt_diag_add(loader->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LIMIT, RT_NO_SPAN,
                    "no room for the field `%.*s`: a field is at most %d names deep, and rules "
                    "name at most %d fields",
                    (int)(path - names[0].data), names[0].data, RT_FIELD_DEPTH_MAX, RT_FIELDS_MAX);
    else if (status != RT_OK)
        loader->status = status;
    return status == RT_OK;
}

static void add_condition(struct loader *loader, const struct rule_named_text *given,
                          struct expr_tree **out)
{
    struct expr_scope scope = {.fields = loader->plan->plan->fields};
    struct expr_text text;
    enum rt_status status;

    text = (struct expr_text){
        .text = {load_copy(loader, rt_text_of(given->text)), strlen(given->text)},
        .source = rt_diags_add_source(loader->diags, given->name, rt_text_of(given->text))};
    if (text.text.data == NULL || text.source == RT_NO_SOURCE) {
        loader->status = RT_ERR_NOMEM;
        return;
    }
    status = expr_check(&text, &scope, EXPR_WANT_BOOL, loader->arena, loader->diags, out);
    if (status != RT_OK && status != RT_ERR_DIAG)
        loader->status = status;
}

static void add_what_the_run_brings(struct loader *loader)
{
    const struct rule_load_options *options = loader->options;
    struct plan_builder *plan = loader->plan;

    plan->has_time_field = options->time_field != NULL &&
                           load_add_field(loader, options->time_field, &plan->time_field);
    if (options->watermark_when != NULL)
        add_condition(loader,
                      &(struct rule_named_text){"--watermark-when", options->watermark_when},
                      &plan->watermark_when);
    plan->run_fields = load_alloc(loader, options->field_count + 1, sizeof(*plan->run_fields));
    plan->run_conditions =
        load_alloc(loader, options->condition_count + 1, sizeof(struct expr_tree *));
    for (size_t i = 0; i < options->field_count && loader->status == RT_OK; i++)
        (void)load_add_field(loader, options->fields[i],
                             &plan->run_fields[plan->run_field_count++]);
    for (size_t i = 0; i < options->condition_count && loader->status == RT_OK; i++)
        add_condition(loader, &options->conditions[i],
                      &plan->run_conditions[plan->run_condition_count++]);
}

/* ---- the whole ---- */

static int compare_sources(const void *left, const void *right)
{
    const struct rule_source *const *a = left;
    const struct rule_source *const *b = right;

    return strcmp((*a)->name, (*b)->name);
}

/* The sources in order of their names: the order of rules is that of files, then of places. */
static const struct rule_source **sorted(struct loader *loader, const struct rule_source *sources,
                                         size_t count)
{
    const struct rule_source **order =
        rt_arena_array(&loader->scratch, count, sizeof(const struct rule_source *));

    if (order == NULL) {
        loader->status = RT_ERR_NOMEM;
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        order[i] = &sources[i];
    if (count > 1)
        qsort(order, count, sizeof(*order), compare_sources);
    return order;
}

static enum rt_status begin(struct loader *loader, const struct rule_load_options *options,
                            struct rt_diags *diags)
{
    static const struct rule_load_options none = {.overrides = NULL};
    enum rt_status status;

    *loader = (struct loader){.diags = diags,
                              .options = options == NULL ? &none : options,
                              .errors_before = rt_diags_count(diags, RT_SEVERITY_ERROR)};
    rt_arena_init(&loader->scratch, LOAD_BYTES_MAX);
    status = plan_builder_new(&loader->plan);
    if (status == RT_OK)
        loader->arena = loader->plan->arena;
    return status;
}

static void end(struct loader *loader)
{
    plan_builder_free(loader->plan);
    rt_map_done(&loader->ids);
    rt_arena_done(&loader->scratch);
}

static void read_all(struct loader *loader, const struct rule_source *sources, size_t count)
{
    const struct rule_source **order = sorted(loader, sources, count);

    if (order == NULL || (!load_read_overrides(loader) && loader->status != RT_OK))
        return;
    for (size_t i = 0; i < count && loader->status == RT_OK; i++) {
        struct load_file *file = rt_arena_alloc(&loader->scratch, sizeof(*file));

        if (file == NULL) {
            loader->status = RT_ERR_NOMEM;
            return;
        }
        load_file(loader, order[i], file);
        if (loader->status == RT_OK && read_head(loader, file))
            read_rules(loader, file);
        expr_schema_done(&file->declared);
    }
    load_check_overrides(loader);
    if (loader->status == RT_OK)
        add_what_the_run_brings(loader);
    if (loader->status == RT_OK)
        load_feeds(loader);
}

enum rt_status rule_load(const struct rule_source *sources, size_t source_count,
                         const struct rule_load_options *options, struct rt_diags *diags,
                         struct rule_plan **out)
{
    struct loader loader;
    enum rt_status status = begin(&loader, options, diags);

    if (status == RT_OK) {
        read_all(&loader, sources, source_count);
        status = rt_diags_failed(diags) ? RT_ERR_NOMEM : loader.status;
    }
    if (status == RT_OK && rt_diags_count(diags, RT_SEVERITY_ERROR) > loader.errors_before)
        status = RT_ERR_DIAG;
    if (status == RT_OK || (status == RT_ERR_DIAG && loader.options->keeps_good_rules)) {
        enum rt_status finished = plan_finish(loader.plan, out);

        status = finished == RT_OK ? status : finished;
    }
    end(&loader);
    return status;
}
