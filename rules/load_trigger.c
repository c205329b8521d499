/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a window may say besides its kind and its size:
 *
 *     window: { tumbling: 1d, time_zone: Europe/Berlin, allowed_lateness: 10m }
 *     window: { global: { every: 1h }, expires: 30d }         looked at each hour; or count: 100, or when: EXPR
 *     early: on_change                                        or { every: 10s, purge: true }
 */
#include "rules/load.h"
#include "rules/load_pattern.h"
#include "rules/zone.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* ---- time zones ---- */

static bool is_zone(struct loader *loader, struct rt_text name)
{
    struct expr_zones *zones = NULL;
    int64_t seconds;
    enum rt_status status = expr_zones_new(&zones);

    if (status == RT_OK)
        status = expr_zone_offset(zones, name, 0, &seconds);
    expr_zones_free(zones);
    if (status == RT_ERR_NOMEM)
        loader->status = status;
    return status == RT_OK;
}

static bool read_time_zone(struct loader *loader, const struct yaml_node *node,
                           struct rule_window *out)
{
    if (node->kind != YAML_SCALAR)
        return false;
    if (!is_zone(loader, node->text)) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, WINDOW, node, "there is no time zone `%.*s`",
                                (int)node->text.length, node->text.data),
                     "a name of the IANA database, such as Europe/Berlin, or an offset: +02:00");
        return false;
    }
    if ((out->kind != RULE_TUMBLING && out->kind != RULE_HOPPING) || out->size.ms % DAY_MS != 0 ||
        out->slide.ms % DAY_MS != 0) {
        rt_diag_help(
            loader->diags,
            LOAD_ERROR(loader, CONFLICT, node,
                       "`time_zone` belongs to a tumbling or hopping window of whole days"),
            "it says when a day begins: `tumbling: 1d`; shorter windows are the same in "
            "every zone with full hours, `offset` moves them");
        return false;
    }
    out->time_zone = load_copy(loader, node->text);
    return out->time_zone != NULL;
}

/* ---- lateness ---- */

/* Time ends it, whatever comes. */
static bool ends_by_itself(const struct rule_window *window)
{
    return window->kind == RULE_TUMBLING || window->kind == RULE_HOPPING ||
           window->kind == RULE_SESSION;
}

static bool read_lateness(struct loader *loader, const struct yaml_node *node,
                          struct rule_window *out)
{
    if (!ends_by_itself(out)) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, CONFLICT, node,
                                "`allowed_lateness` belongs to a tumbling, hopping or session "
                                "window: others have no end to come after"),
                     "`--out-of-orderness` lets all windows wait for late events");
        return false;
    }
    return load_span(loader, node, "allowed_lateness", RULE_DIAG_WINDOW, &out->lateness);
}

bool load_window_extras(struct loader *loader, const struct load_window_nodes *nodes,
                        struct rule_window *out)
{
    if (nodes->time_zone != NULL && !read_time_zone(loader, nodes->time_zone, out))
        return false;
    return nodes->allowed_lateness == NULL || read_lateness(loader, nodes->allowed_lateness, out);
}

/* ---- global ---- */

static bool read_when(struct loader *loader, struct load_rule *load, const struct yaml_node *node,
                      struct rule_window *out)
{
    struct expr_scope scope = load_scope(loader, load, NULL);
    struct expr_tree *tree;
    enum rt_status status;

    if (!load_expr(loader, node, &scope, EXPR_WANT_BOOL, &tree))
        return false;
    status = plan_condition(loader->plan, tree, "when", &out->trigger);
    if (status != RT_OK)
        loader->status = status;
    out->has_trigger = true;
    return status == RT_OK;
}

static bool read_trigger(struct loader *loader, struct load_rule *load,
                         const struct yaml_node *node, struct rule_window *out)
{
    struct load_global_nodes nodes = {.count = NULL};
    int count;

    if (!load_mapping(loader, node, &load_global_map, &load_window_map, &nodes))
        return false;
    count = (nodes.count != NULL) + (nodes.every != NULL) + (nodes.when != NULL);
    if (count != 1) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, WINDOW, node, "a global window has one trigger"),
                     "global: { count: 1 } at each event, { every: 1h }, or { when: EXPR }");
        return false;
    }
    if (nodes.count != NULL)
        return load_number(loader, nodes.count, "count", RULE_DIAG_WINDOW, &out->every);
    if (nodes.every != NULL)
        return load_span(loader, nodes.every, "every", RULE_DIAG_WINDOW, &out->early_every);
    return read_when(loader, load, nodes.when, out);
}

bool load_window_expires(struct loader *loader, const struct yaml_node *node,
                         const struct load_window_nodes *window, const char *kind,
                         const char *example)
{
    if (window->expires != NULL)
        return true; /* it is read where every window's is */
    rt_diag_help(loader->diags,
                 LOAD_ERROR(loader, WINDOW, node,
                            "a %s window without `expires` is kept for ever for a key that does "
                            "not come back",
                            kind),
                 "write how long it waits for the next event: `expires: %s`", example);
    return false;
}

bool load_window_global(struct loader *loader, struct load_rule *load, const struct yaml_node *node,
                        const struct load_window_nodes *window, struct rule_window *out)
{
    return node->kind == YAML_MAPPING && read_trigger(loader, load, node, out) &&
           load_window_expires(loader, node, window, "global", "30d");
}

/* ---- early ---- */

static bool read_early_map(struct loader *loader, const struct yaml_node *node,
                           struct rule_window *out)
{
    struct load_early_nodes nodes = {.every = NULL};

    if (!load_mapping(loader, node, &load_early_map, &load_rule_map, &nodes))
        return false;
    if (nodes.on_change != NULL &&
        !load_bool(loader, nodes.on_change, "on_change", &out->early_on_change))
        return false;
    if (nodes.purge != NULL && !load_bool(loader, nodes.purge, "purge", &out->purges))
        return false;
    if (nodes.every != NULL &&
        !load_span(loader, nodes.every, "every", RULE_DIAG_WINDOW, &out->early_every))
        return false;
    if ((nodes.every != NULL) != out->early_on_change)
        return true;
    rt_diag_help(loader->diags,
                 LOAD_ERROR(loader, WINDOW, node,
                            "`early` says when a window is looked at before "
                            "its end"),
                 "early: on_change, or early: { every: 10s }");
    return false;
}

bool load_window_early(struct loader *loader, const struct load_rule *load, struct rule_window *out)
{
    static const char *const words[] = {"on_change"};
    const struct yaml_node *node = load->nodes.early;
    size_t found;

    if (node == NULL)
        return true;
    if (node->kind == YAML_SCALAR) {
        if (!load_word(loader, node, "early", words, 1, &found))
            return false;
        out->early_on_change = true;
    } else if (!read_early_map(loader, node, out)) {
        return false;
    }
    if (out->fire != RULE_FIRE_ON_CLOSE || !ends_by_itself(out)) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, CONFLICT, node,
                                "`early` belongs to a tumbling, hopping or session window that "
                                "fires when it ends"),
                     "write `fire: on_close`; the other words look at each event anyway");
        return false;
    }
    if (out->purges && out->kind == RULE_HOPPING) {
        LOAD_ERROR(loader, CONFLICT, node, "windows that overlap cannot be purged");
        return false;
    }
    if (out->purges && out->lateness.ms != 0) {
        rt_diag_help(
            loader->diags,
            LOAD_ERROR(loader, CONFLICT, node, "`purge` does not go with `allowed_lateness`"),
            "a correction tells all that a window holds, so nothing of it can have been emptied");
        return false;
    }
    return true;
}
