/* SPDX-License-Identifier: Apache-2.0 */
#include "cep/event_json.h"

/* Depth: RT_FIELD_DEPTH_MAX, the longest path that a field table takes. */
// NOLINTNEXTLINE(misc-no-recursion)
static bool put_node(const struct rt_event *event, const struct rt_field_node *nodes,
                     const struct rt_field_node *node, struct rt_buffer *out)
{
    struct rt_value value = rt_event_at(event, node->slot);
    size_t begin = out->length;
    bool any = false;

    if (value.type != RT_ABSENT) {
        rt_value_json(value, out);
        return true;
    }
    rt_buffer_char(out, '{');
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct rt_field_node *child = &nodes[node->child_first + i];
        size_t before = out->length;

        if (any)
            rt_buffer_char(out, ',');
        rt_buffer_json_string(out, child->name);
        rt_buffer_char(out, ':');
        if (put_node(event, nodes, child, out))
            any = true;
        else
            out->length = before; /* nothing below it is there */
    }
    if (!any)
        out->length = begin;
    else
        rt_buffer_char(out, '}');
    return any;
}

void cep_event_json(const struct rt_event *event, const struct rt_fields *fields,
                    struct rt_buffer *out)
{
    size_t count;
    const struct rt_field_node *nodes = rt_fields_tree(fields, &count);

    if (!put_node(event, nodes, &nodes[0], out))
        rt_buffer_string(out, "{}");
}
