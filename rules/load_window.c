/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule that counts:
 *
 *     window: { sliding: 10m }
 *     aggregate: { errors: count(), slow: { value: "max(event.ms)", where: event.ok } }
 *     having: errors >= 5
 *     fire: on_threshold
 *
 * An aggregate is a function around one expression of the event; the function is read here, the expression by the
 * compiler of expressions.
 */
#include "rules/load.h"
#include "rules/load_pattern.h"

enum { SLIDES_MAX = 1000000, TOPK_MAX = 100, COLLECT_MAX = 1000 };

static const char *const kind_names[RULE_WINDOW_KINDS] = {"tumbling", "hopping", "sliding",
                                                          "session",  "count",   "global"};
static const char *const fire_names[] = {"on_threshold", "on_close", "on_every", "reset"};

static const struct function {
    const char *name;
    unsigned arguments;
    bool numbers;
    enum rt_type type;
} functions[RULE_AGGREGATE_FUNCTIONS] = {
#define AGGREGATE(function, name, arguments, numbers, type) {name, arguments, numbers, type},
#include "rules/aggregates.def"
#undef AGGREGATE
};

const char *rule_window_kind_name(enum rule_window_kind kind)
{
    return kind_names[kind];
}

const char *rule_fire_name(enum rule_fire fire)
{
    return fire_names[fire];
}

const char *rule_aggregate_name(enum rule_aggregate_function function)
{
    return functions[function].name;
}

enum rt_type load_aggregate_type(enum rule_aggregate_function function)
{
    return functions[function].type;
}

bool load_aggregate_is_number(enum rule_aggregate_function function)
{
    return functions[function].numbers || functions[function].type == RT_INT ||
           functions[function].type == RT_DOUBLE;
}

/* ---- the window ---- */

/* The slide must fit into the size a whole number of times: the windows share what lies between two of them. */
static bool check_slide(struct loader *loader, const struct yaml_node *slide_node, int64_t size,
                        int64_t slide, bool is_time)
{
    struct rt_buffer text;
    struct rt_diag *diag;
    int64_t parts = size / slide > 2 ? size / slide : 2;

    if (size == slide) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, WINDOW, slide_node,
                                "a slide as long as the size makes windows that do not overlap"),
                     is_time ? "write `tumbling:` and the size" : "write `count:` and the size");
        return false;
    }
    if (size % slide == 0 && size / slide <= SLIDES_MAX)
        return true;
    if (size % slide == 0) {
        LOAD_ERROR(loader, WINDOW, slide_node, "the slide fits into the size more than %d times",
                   SLIDES_MAX);
        return false;
    }
    diag = LOAD_ERROR(loader, WINDOW, slide_node, "the slide does not divide the size");
    while (size % parts != 0 && parts < SLIDES_MAX)
        parts++;
    parts = size % parts == 0 ? parts : 1;
    rt_buffer_init(&text, 64);
    if (is_time)
        rt_buffer_duration(&text, size / parts);
    else
        rt_buffer_int(&text, size / parts);
    rt_diag_help(loader->diags, diag, "a slide of %s would", text.data == NULL ? "" : text.data);
    rt_buffer_done(&text);
    return false;
}

static bool read_hopping(struct loader *loader, const struct yaml_node *node,
                         struct rule_window *out)
{
    struct load_span_nodes nodes = {.size = NULL};

    return load_mapping(loader, node, &load_span_map, &load_window_map, &nodes) &&
           nodes.size != NULL && nodes.slide != NULL &&
           load_span(loader, nodes.size, "size", RULE_DIAG_WINDOW, &out->size) &&
           load_span(loader, nodes.slide, "slide", RULE_DIAG_WINDOW, &out->slide) &&
           check_slide(loader, nodes.slide, out->size.ms, out->slide.ms, true);
}

static bool read_count(struct loader *loader, const struct yaml_node *node,
                       const struct load_window_nodes *window, struct rule_window *out)
{
    struct load_span_nodes nodes = {.size = NULL};

    if (node->kind == YAML_MAPPING) {
        if (!load_mapping(loader, node, &load_span_map, &load_window_map, &nodes) ||
            nodes.size == NULL || nodes.slide == NULL ||
            !load_number(loader, nodes.size, "`size` is a number of events", RULE_DIAG_WINDOW,
                         &out->count) ||
            !load_number(loader, nodes.slide, "`slide` is a number of events", RULE_DIAG_WINDOW,
                         &out->every) ||
            !check_slide(loader, nodes.slide, out->count, out->every, false))
            return false;
    } else if (!load_number(loader, node, "`count` is a number of events", RULE_DIAG_WINDOW,
                            &out->count)) {
        return false;
    } else {
        out->every = out->count;
    }
    return load_window_expires(loader, node, window, "count", "1d");
}

static bool read_kind(struct loader *loader, struct load_rule *load,
                      const struct load_window_nodes *nodes, struct rule_window *out)
{
    const struct yaml_node *found = NULL;

    for (int kind = 0; kind < RULE_WINDOW_KINDS; kind++) {
        if (nodes->kinds[kind] == NULL)
            continue;
        if (found != NULL) {
            LOAD_ERROR(loader, WINDOW, nodes->kinds[kind], "a window is `%s` or `%s`, not both",
                       kind_names[out->kind], kind_names[kind]);
            return false;
        }
        found = nodes->kinds[kind];
        out->kind = (enum rule_window_kind)kind;
    }
    if (found == NULL) {
        if (!loader->file->document.has_gaps && load->nodes.window->count == 0)
            rt_diag_help(loader->diags,
                         LOAD_ERROR(loader, WINDOW, load->nodes.window, "a window without size"),
                         "for example `window: { sliding: 10m }`");
        else if (!loader->file->document.has_gaps &&
                 rt_diags_count(loader->diags, RT_SEVERITY_ERROR) == loader->errors_before)
            rt_diag_help(loader->diags,
                         LOAD_ERROR(loader, WINDOW, load->nodes.window,
                                    "the window has no kind and no size"),
                         "one of tumbling, hopping, sliding, session, count, global");
        return false;
    }
    if (found->kind != YAML_SCALAR && found->kind != YAML_MAPPING)
        return false;
    if (out->kind == RULE_HOPPING)
        return read_hopping(loader, found, out);
    if (out->kind == RULE_COUNT)
        return read_count(loader, found, nodes, out);
    if (out->kind == RULE_GLOBAL)
        return load_window_global(loader, load, found, nodes, out);
    return load_span(loader, found, kind_names[out->kind], RULE_DIAG_WINDOW, &out->size);
}

static bool read_window(struct loader *loader, struct load_rule *load, struct rule_window *out)
{
    struct load_window_nodes nodes = {.offset = NULL};

    if (!load_mapping(loader, load->nodes.window, &load_window_map, &load_rule_map, &nodes) ||
        !read_kind(loader, load, &nodes, out))
        return false;
    if (nodes.expires != NULL &&
        !load_span(loader, nodes.expires, "expires", RULE_DIAG_WINDOW, &out->expires))
        return false;
    if (out->kind == RULE_COUNT || out->kind == RULE_GLOBAL)
        out->size = out->expires;
    if (!load_window_extras(loader, &nodes, out))
        return false;
    if (nodes.offset == NULL)
        return true;
    if (out->kind != RULE_TUMBLING && out->kind != RULE_HOPPING) {
        LOAD_ERROR(loader, CONFLICT, nodes.offset,
                   "`offset` belongs to a tumbling or hopping window");
        return false;
    }
    return load_duration(loader, nodes.offset, "offset", &out->offset);
}

/* ---- aggregates ---- */

/* Where the function's name, its arguments and the last comma between them lie. */
struct call {
    size_t name_end, open, comma, close; /* comma == close: none */
};

/* Brackets and quotes are followed as far as it takes to find the comma; the rest is the expression compiler's. */
static bool find_call(struct rt_text text, struct call *out)
{
    size_t at = 0, end = text.length;
    int depth = 0;
    char quote = '\0';

    while (end > 0 && strchr(" \t\r\n", text.data[end - 1]) != NULL)
        end--;
    while (at < end && (text.data[at] == '_' || (text.data[at] >= 'a' && text.data[at] <= 'z')))
        at++;
    out->name_end = at;
    while (at < end && text.data[at] == ' ')
        at++;
    if (out->name_end == 0 || at >= end || text.data[at] != '(' || text.data[end - 1] != ')')
        return false;
    out->open = at;
    out->comma = out->close = end - 1;
    for (at++; at < out->close; at++) {
        char c = text.data[at];

        if (quote != '\0') {
            at += c == '\\';
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == ',' && depth == 0) {
            out->comma = at;
        } else {
            depth += (strchr("([{", c) != NULL) - (strchr(")]}", c) != NULL);
        }
        if (depth < 0)
            return false; /* f(a) + g(b) */
    }
    return depth == 0 && quote == '\0';
}

static bool find_function(struct loader *loader, const struct yaml_node *node, struct rt_text name,
                          enum rule_aggregate_function *out)
{
    const char *names[RULE_AGGREGATE_FUNCTIONS];
    const char *nearest;
    struct rt_diag *diag;

    for (int i = 0; i < RULE_AGGREGATE_FUNCTIONS; i++) {
        names[i] = functions[i].name;
        if (rt_text_is(name, names[i])) {
            *out = (enum rule_aggregate_function)i;
            return true;
        }
    }
    nearest = rt_nearest(name, names, RULE_AGGREGATE_FUNCTIONS);
    diag = LOAD_ERROR(loader, AGGREGATE, node, "there is no aggregate `%.*s`", (int)name.length,
                      name.data);
    if (nearest != NULL)
        rt_diag_label(loader->diags, diag, "did you mean `%s`?", nearest);
    else
        rt_diag_help(loader->diags, diag,
                     "count, rate, sum, avg, variance, stddev, min, max, first, last, "
                     "count_distinct, quantile, topk, collect");
    return false;
}

static bool read_rank(struct loader *loader, const struct yaml_node *node, struct rt_text text,
                      const struct call *call, double *out)
{
    size_t begin = call->comma + 1, end = call->close;

    while (begin < end && text.data[begin] == ' ')
        begin++;
    while (end > begin && text.data[end - 1] == ' ')
        end--;
    if (call->comma < call->close &&
        rt_text_to_double((struct rt_text){text.data + begin, end - begin}, out) && *out >= 0 &&
        *out <= 1)
        return true;
    rt_diag_help(loader->diags,
                 LOAD_ERROR(loader, AGGREGATE, node,
                            "`quantile` takes an expression and a rank from 0 to 1"),
                 "the 99th percentile of a field is quantile(event.ms, 0.99)");
    return false;
}

static bool read_items(struct loader *loader, const struct yaml_node *node, struct rt_text text,
                       const struct call *call, const char *name, uint32_t *out)
{
    const int64_t items_max = rt_text_is(rt_text_of(name), "topk") ? TOPK_MAX : COLLECT_MAX;
    size_t begin = call->comma + 1, end = call->close;
    int64_t items;

    while (begin < end && text.data[begin] == ' ')
        begin++;
    while (end > begin && text.data[end - 1] == ' ')
        end--;
    if (call->comma < call->close &&
        rt_text_to_int((struct rt_text){text.data + begin, end - begin}, &items) && items >= 1 &&
        items <= items_max) {
        *out = (uint32_t)items;
        return true;
    }
    rt_diag_help(loader->diags,
                 LOAD_ERROR(loader, AGGREGATE, node,
                            "`%s` takes an expression and how many values it keeps, 1 to %d", name,
                            (int)items_max),
                 "for example %s(event.ip, 3)", name);
    return false;
}

static bool is_blank(struct rt_text text, size_t begin, size_t end)
{
    while (begin < end && strchr(" \t\r\n", text.data[begin]) != NULL)
        begin++;
    return begin == end;
}

static bool read_argument(struct loader *loader, struct load_rule *load,
                          const struct yaml_node *node, const struct expr_text *text,
                          const struct call *call, struct rule_aggregate *out)
{
    const struct function *function = &functions[out->function];
    struct expr_scope scope = load_scope(loader, load, NULL);
    struct expr_tree *tree;
    size_t end = function->arguments >= 2 ? call->comma : call->close;
    bool blank = is_blank(text->text, call->open + 1, end);
    enum rt_type type;
    enum rt_status status;

    if (blank != (function->arguments == 0)) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, AGGREGATE, node,
                                blank ? "`%s` needs an expression: what of the event it takes"
                                      : "`%s` counts events and takes no expression",
                                function->name),
                     blank ? "for example `%s(event.amount)`"
                           : "which ones, a `where` says: `{ value: %s(), where: event.x > 5 }`",
                     function->name);
        return false;
    }
    if (blank)
        return true;
    if (!load_expr_part(loader, text, call->open + 1, end, &scope, &tree))
        return false;
    type = expr_tree_type(tree);
    if (function->numbers && type != RT_ABSENT && type != RT_INT && type != RT_UINT &&
        type != RT_DOUBLE) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, AGGREGATE, node, "`%s` takes numbers, this is %s",
                                function->name, rt_type_name(type)),
                     type == RT_BOOL
                         ? "how often it is true: `{ value: count(), where: CONDITION }`"
                         : "a text that holds a number becomes one by `double(event.x)`; how many "
                           "different ones there are is count_distinct(event.x)");
        return false;
    }
    out->tree = tree;
    status = plan_code(loader->plan, tree, &out->value);
    if (status != RT_OK)
        loader->status = status;
    return status == RT_OK;
}

static bool read_call(struct loader *loader, struct load_rule *load, const struct yaml_node *node,
                      struct rule_aggregate *out)
{
    struct expr_text text;
    struct call call;

    if (!load_expr_text(loader, node, &text))
        return false;
    if (!find_call(text.text, &call)) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, AGGREGATE, node, "an aggregate is one function call"),
                     "errors: count(), total: sum(event.amount); arithmetic belongs to `having` "
                     "and `fields`");
        return false;
    }
    return find_function(loader, node, (struct rt_text){text.text.data, call.name_end},
                         &out->function) &&
           (functions[out->function].arguments != 2 ||
            read_rank(loader, node, text.text, &call, &out->quantile)) &&
           (functions[out->function].arguments != 3 ||
            read_items(loader, node, text.text, &call, functions[out->function].name,
                       &out->items)) &&
           read_argument(loader, load, node, &text, &call, out);
}

static bool read_where(struct loader *loader, struct load_rule *load, const struct yaml_node *node,
                       struct rule_aggregate *out)
{
    struct expr_scope scope = load_scope(loader, load, NULL);
    struct expr_tree *tree;
    enum rt_status status;

    if (node == NULL)
        return true;
    if (!load_expr(loader, node, &scope, EXPR_WANT_BOOL, &tree))
        return false;
    status = plan_condition(loader->plan, tree, out->name, &out->where);
    if (status != RT_OK)
        loader->status = status;
    return status == RT_OK;
}

static bool read_name(struct loader *loader, const struct yaml_node *key,
                      struct rule_aggregate *out)
{
    static const char *const reserved[] = {"key",   "group",   "event",    "params", "lists",
                                           "alert", "timeout", "previous", "window", "first_time"};

    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (rt_text_is(key->text, reserved[i])) {
            LOAD_ERROR(loader, BAD_NAME, key, "`%s` means something else already", reserved[i]);
            return false;
        }
    }
    if (!load_is_name(key->text)) {
        rt_diag_help(
            loader->diags,
            LOAD_ERROR(loader, BAD_NAME, key, "`%s` cannot be the name of an aggregate",
                       key->text.data),
            "letters, digits and `_`, not starting with a digit: expressions use the name");
        return false;
    }
    out->name = load_copy(loader, key->text);
    return out->name != NULL;
}

static bool read_aggregate(struct loader *loader, struct load_rule *load,
                           const struct yaml_pair *pair, struct rule_aggregate *out)
{
    struct load_aggregate_nodes nodes = {.value = pair->value};

    if (!read_name(loader, pair->key, out) ||
        !load_accepts(loader, pair->value, LOAD_SCALAR | LOAD_MAPPING, out->name))
        return false;
    if (pair->value->kind == YAML_MAPPING) {
        nodes.value = NULL;
        if (!load_mapping(loader, pair->value, &load_aggregate_map, &load_rule_map, &nodes) ||
            nodes.value == NULL)
            return false;
    }
    return read_call(loader, load, nodes.value, out) && read_where(loader, load, nodes.where, out);
}

/* Behind the aggregates, so that they may stand in any order. */
static bool read_baselines(struct loader *loader, const struct yaml_node *node,
                           struct rule_window *out)
{
    struct rule_baseline *baselines = load_alloc(loader, node->count, sizeof(*baselines));
    bool good = baselines != NULL;

    out->baselines = baselines;
    for (size_t i = 0; baselines != NULL && i < node->count; i++) {
        struct rule_aggregate named = {.name = NULL};
        struct rule_baseline *baseline = &baselines[out->baseline_count];

        if (!load_is_baseline(node->pairs[i].value))
            continue;
        good = read_name(loader, node->pairs[i].key, &named) &&
               load_baseline(loader, node->pairs[i].value, out, baseline) && good;
        baseline->name = named.name == NULL ? "" : named.name;
        out->baseline_count++;
    }
    return good;
}

static bool read_aggregates(struct loader *loader, struct load_rule *load, struct rule_window *out)
{
    const struct yaml_node *node = load->nodes.aggregate;
    struct rule_aggregate *aggregates;
    struct expr_binding *names;
    bool good = true;

    if (node == NULL || (node->kind == YAML_MAPPING && node->count == 0)) {
        LOAD_ERROR(loader, MISSING_KEY, node == NULL ? load->nodes.window : node,
                   "a rule with a `window` needs `aggregate`: what it counts");
        return false;
    }
    if (node->kind != YAML_MAPPING)
        return false;
    if (node->count > RULE_AGGREGATES_MAX) {
        LOAD_ERROR(loader, AGGREGATE, node, "a rule has at most %d aggregates",
                   (int)RULE_AGGREGATES_MAX);
        return false;
    }
    aggregates = load_alloc(loader, node->count, sizeof(*aggregates));
    names = load_alloc(loader, 2 * node->count + 2, sizeof(*names));
    if (aggregates == NULL || names == NULL)
        return false;
    names[load->name_count++] = load_key_name(loader, load);
    if (load->rule->group_parts > 0)
        names[load->name_count++] = load_group_name(loader, load);
    load->names = names;
    out->aggregates = aggregates;
    for (size_t i = 0; i < node->count; i++) {
        struct rule_aggregate *aggregate = &aggregates[out->aggregate_count];

        if (load_is_baseline(node->pairs[i].value))
            continue;
        good = read_aggregate(loader, load, &node->pairs[i], aggregate) && good;
        names[load->name_count++] = (struct expr_binding){
            .name = aggregate->name == NULL ? "" : aggregate->name,
            .index = RULE_BINDING_AGGREGATES + out->aggregate_count++,
            .type = functions[aggregate->function].type,
        };
    }
    return read_baselines(loader, node, out) && load_history_names(loader, load, out, names) &&
           good;
}

/* ---- having, fire ---- */

static bool read_having(struct loader *loader, struct load_rule *load, struct rule_window *out)
{
    struct expr_scope scope = load_scope(loader, load, NULL);
    struct expr_tree *tree;
    enum rt_status status;

    if (load->nodes.having == NULL)
        return true;
    scope.fields = NULL;
    scope.closed = true;
    scope.bindings = load->names;
    scope.binding_count = load->name_count;
    if (!load_expr(loader, load->nodes.having, &scope, EXPR_WANT_BOOL, &tree))
        return false;
    out->having_tree = tree;
    status = plan_code(loader->plan, tree, &out->having);
    if (status != RT_OK)
        loader->status = status;
    return status == RT_OK;
}

static bool read_fire_word(struct loader *loader, const struct yaml_node *node,
                           struct rule_window *out)
{
    struct load_fire_nodes nodes = {.reset = NULL};
    size_t found;
    bool reset;

    if (node->kind == YAML_SCALAR) {
        if (!load_word(loader, node, "fire", fire_names, RULE_FIRE_RESET, &found))
            return false;
        out->fire = (enum rule_fire)found;
        return true;
    }
    if (!load_mapping(loader, node, &load_fire_map, &load_rule_map, &nodes) ||
        nodes.reset == NULL || !load_bool(loader, nodes.reset, "reset", &reset))
        return false;
    if (!reset)
        LOAD_ERROR(loader, FIRE, nodes.reset, "`reset` is true, or `fire` is one of the words");
    out->fire = RULE_FIRE_RESET;
    return reset;
}

static bool read_fire(struct loader *loader, const struct load_rule *load, struct rule_window *out)
{
    const struct yaml_node *node = load->nodes.fire;
    const struct yaml_node *at = node != NULL ? node : load->nodes.window;
    bool has_slide =
        out->kind == RULE_HOPPING || (out->kind == RULE_COUNT && out->every != out->count);
    const bool has_end =
        out->kind == RULE_TUMBLING || out->kind == RULE_HOPPING || out->kind == RULE_SESSION;
    const bool tells_at_end = out->lateness.ms != 0 || (has_end && load->nodes.early != NULL);

    out->fire =
        load->nodes.having != NULL && !tells_at_end ? RULE_FIRE_ON_THRESHOLD : RULE_FIRE_ON_CLOSE;
    if (out->kind == RULE_GLOBAL && load->nodes.having == NULL)
        out->fire = RULE_FIRE_ON_EVERY;
    if (node != NULL && !read_fire_word(loader, node, out))
        return false;
    out->looks_at_close = has_slide || out->fire == RULE_FIRE_ON_CLOSE;
    if (out->kind == RULE_SLIDING && out->fire == RULE_FIRE_ON_CLOSE) {
        if (node == NULL)
            rt_diag_help(loader->diags,
                         LOAD_ERROR(loader, MISSING_KEY, load->nodes.window,
                                    "a rule with a sliding window needs `having`"),
                         "it says when there is an alert: `having: errors >= 5`");
        else
            rt_diag_help(loader->diags,
                         LOAD_ERROR(loader, FIRE, node, "a sliding window has no end to fire at"),
                         "on_threshold, on_every or { reset: true }; or a hopping window");
        return false;
    }
    if (has_slide && out->fire == RULE_FIRE_RESET) {
        LOAD_ERROR(loader, FIRE, node, "a window with a slide cannot be emptied when it fires");
        return false;
    }
    if (out->kind == RULE_GLOBAL && out->fire == RULE_FIRE_ON_CLOSE) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, FIRE, at, "a global window has no end to fire at"),
                     "on_threshold, on_every or { reset: true }");
        return false;
    }
    if (out->lateness.ms != 0 && out->fire != RULE_FIRE_ON_CLOSE) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, FIRE, at,
                                "a window with `allowed_lateness` fires at its end, and again when "
                                "a late event changes it"),
                     "write `fire: on_close`");
        return false;
    }
    return true;
}

void load_window(struct loader *loader, struct load_rule *load)
{
    struct rule_window *window = load_alloc(loader, 1, sizeof(*window));
    bool good;

    if (window == NULL)
        return;
    load->rule->window = window;
    good = read_window(loader, load, window);
    if (good)
        good = read_fire(loader, load, window) && load_window_early(loader, load, window);
    if (!read_aggregates(loader, load, window) || !read_having(loader, load, window) || !good)
        load->is_complete = false;
}
