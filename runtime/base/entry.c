/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/entry.h"

#include <stddef.h>

struct packed { /* before name and value */
    uint16_t group;
    uint8_t kind;
    bool removed;
    uint32_t name_length, value_length;
};

void rt_entry_put(struct rt_buffer *queue, const struct rt_entry *entry)
{
    const struct packed packed = {.group = entry->group,
                                  .kind = entry->kind,
                                  .removed = entry->removed,
                                  .name_length = (uint32_t)entry->name.length,
                                  .value_length = (uint32_t)entry->value.length};

    rt_buffer_add(queue, (const char *)&packed, sizeof(packed));
    rt_buffer_text(queue, entry->name);
    rt_buffer_text(queue, entry->value);
}

bool rt_entry_take(const struct rt_buffer *queue, size_t *at, struct rt_entry *out)
{
    struct packed packed;

    if (*at == queue->length)
        return false;

    const char *bytes = queue->data + *at;

    memcpy(&packed, bytes, sizeof(packed));
    bytes += sizeof(packed);
    *out = (struct rt_entry){.group = packed.group,
                             .kind = packed.kind,
                             .removed = packed.removed,
                             .name = {bytes, packed.name_length},
                             .value = {bytes + packed.name_length, packed.value_length}};
    *at += sizeof(packed) + packed.name_length + packed.value_length;
    return true;
}
