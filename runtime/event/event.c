/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.c - keeping an event: one block, filled in one go.
 *
 *     [struct rt_event][ values ...................................][ bytes ...........][ raw ]
 *                       slots | items of lists, entries of maps      strings not in raw
 *                             scan -->              values_end -->    bytes_end -->
 *
 * K1  Everything that has to be moved is a run of struct rt_value, so the copy needs no recursion: it walks the values in the
 *     block from front to back, and what a list or map at hand holds is appended behind (as in Cheney's collector).
 * K2  measure() counts exactly what the copy will append: the two cursors must end where the next part begins.
 * K3  A string inside the raw bytes is not copied: it leads to the same place of the copied raw bytes.
 */
#include "runtime/event/event.h"

#include "runtime/base/assert.h"
#include "runtime/event/codec.h"

_Static_assert(sizeof(struct rt_event) % 16 == 0, "the values begin right behind the event");
_Static_assert(sizeof(struct rt_map_entry) == 2 * sizeof(struct rt_value), "entries are values");

enum { IP_BYTES = 16 };

/* What a value leads to: so many bytes, or so many further values. */
struct extent {
    const char *bytes;
    size_t byte_count;
    const struct rt_value *values;
    size_t value_count;
};

static struct extent extent_of(const struct rt_value *value)
{
    switch ((enum rt_type)value->type) {
    case RT_STRING:
        return (struct extent){.bytes = value->u.text, .byte_count = value->length};
    case RT_BYTES:
        return (struct extent){.bytes = (const char *)value->u.bytes, .byte_count = value->length};
    case RT_IP:
    case RT_CIDR:
        return (struct extent){.bytes = (const char *)value->u.bytes, .byte_count = IP_BYTES};
    case RT_LIST:
        return (struct extent){.values = value->u.items, .value_count = value->length};
    case RT_OPTIONAL:
        return (struct extent){.values = value->u.items, .value_count = value->u.items != NULL};
    case RT_MAP:
        return (struct extent){.values = (const struct rt_value *)value->u.entries,
                               .value_count = 2 * (size_t)value->length};
    case RT_EVENT:
    case RT_ERROR:
    case RT_TYPE_COUNT:
        RT_UNREACHABLE(); /* a field is never one of these */
    case RT_ABSENT:
    case RT_NULL:
    case RT_BOOL:
    case RT_INT:
    case RT_UINT:
    case RT_DOUBLE:
    case RT_TIMESTAMP:
    case RT_DURATION:
    case RT_TYPE:
        break;
    }
    return (struct extent){0};
}

static bool inside_raw(const struct rt_event *event, const struct extent *extent)
{
    uintptr_t begin = (uintptr_t)event->raw, at = (uintptr_t)extent->bytes;

    return event->raw != NULL && at >= begin && at - begin <= event->raw_length &&
           extent->byte_count <= event->raw_length - (at - begin);
}

struct size {
    size_t values, bytes;
};

/* Recursion ends at RT_RECORD_DEPTH_MAX. */
// NOLINTNEXTLINE(misc-no-recursion)
static bool measure(const struct rt_event *event, const struct rt_value *values, size_t count,
                    unsigned depth, struct size *size)
{
    if (count > UINT32_MAX || depth > RT_RECORD_DEPTH_MAX)
        return false;
    size->values += count;
    for (size_t i = 0; i < count; i++) {
        struct extent extent = extent_of(&values[i]);

        if (extent.byte_count > 0 && !inside_raw(event, &extent))
            size->bytes += extent.byte_count;
        if (extent.value_count > 0 &&
            !measure(event, extent.values, extent.value_count, depth + 1, size))
            return false;
    }
    return size->values <= UINT32_MAX && size->bytes <= UINT32_MAX;
}

/* The two cursors behind what has been filled in so far. */
struct copy {
    const struct rt_event *from;
    struct rt_value *values_end;
    char *bytes_end;
    const char *raw; /* of the copy */
};

static const char *copy_bytes(struct copy *copy, const struct extent *extent)
{
    if (extent->byte_count == 0)
        return "";
    if (inside_raw(copy->from, extent))
        return copy->raw + (extent->bytes - copy->from->raw);

    char *bytes = copy->bytes_end;

    memcpy(bytes, extent->bytes, extent->byte_count);
    copy->bytes_end += extent->byte_count;
    return bytes;
}

static const struct rt_value *copy_values(struct copy *copy, const struct extent *extent)
{
    struct rt_value *values = copy->values_end;

    memcpy(values, extent->values, extent->value_count * sizeof(*values));
    copy->values_end += extent->value_count;
    return values;
}

/* Makes a value that was copied flat lead into the block. */
static void settle(struct copy *copy, struct rt_value *value)
{
    struct extent extent = extent_of(value);

    switch ((enum rt_type)value->type) {
    case RT_STRING:
        value->u.text = copy_bytes(copy, &extent);
        break;
    case RT_BYTES:
    case RT_IP:
    case RT_CIDR:
        value->u.bytes = (const unsigned char *)copy_bytes(copy, &extent);
        break;
    case RT_LIST:
    case RT_OPTIONAL:
        value->u.items = extent.value_count == 0 ? NULL : copy_values(copy, &extent);
        break;
    case RT_MAP:
        value->u.entries = extent.value_count == 0
                               ? NULL
                               : (const struct rt_map_entry *)copy_values(copy, &extent);
        break;
    default:
        break;
    }
}

static enum rt_status take_block(struct rt_blocks *blocks, size_t bytes, void **out)
{
    size_t room = blocks->bytes_max - blocks->bytes_in_use;

    if (bytes > UINT32_MAX || rt_blocks_size(bytes) > room)
        return RT_ERR_LIMIT;
    *out = rt_blocks_take(blocks, bytes);
    return *out == NULL ? RT_ERR_NOMEM : RT_OK;
}

enum rt_status rt_event_keep(const struct rt_event *event, uint32_t slots_max,
                             struct rt_blocks *blocks, const struct rt_event **out)
{
    if (event->references > 0) {
        RT_ASSERT(event->references < UINT32_MAX);
        ((struct rt_event *)event)->references++;
        *out = event;
        return RT_OK;
    }

    uint32_t slot_count = event->slot_count < slots_max ? event->slot_count : slots_max;
    struct size size = {0};

    if (!measure(event, event->slots, slot_count, 0, &size))
        return RT_ERR_LIMIT;

    size_t values_bytes = size.values * sizeof(struct rt_value);
    size_t bytes = sizeof(struct rt_event) + values_bytes + size.bytes + event->raw_length;
    void *block;
    enum rt_status status = take_block(blocks, bytes, &block);

    if (status != RT_OK)
        return status;

    struct rt_event *kept = block;
    struct rt_value *values = (struct rt_value *)(kept + 1);
    char *texts = (char *)(values + size.values);
    char *raw = event->raw == NULL ? NULL : texts + size.bytes;
    struct copy copy = {event, values + slot_count, texts, raw};

    if (slot_count > 0)
        memcpy(values, event->slots, slot_count * sizeof(*values));
    for (struct rt_value *at = values; at < copy.values_end; at++)
        settle(&copy, at);
    RT_ASSERT(copy.values_end == values + size.values && copy.bytes_end == texts + size.bytes);
    if (raw != NULL)
        memcpy(raw, event->raw, event->raw_length);
    *kept = *event;
    kept->slots = values;
    kept->slot_count = slot_count;
    kept->raw = raw;
    kept->references = 1;
    kept->block_bytes = (uint32_t)bytes;
    *out = kept;
    return RT_OK;
}

void rt_event_release(const struct rt_event *event, struct rt_blocks *blocks)
{
    struct rt_event *kept = (struct rt_event *)event;

    RT_ASSERT(kept->references > 0);
    if (--kept->references == 0)
        rt_blocks_give(blocks, kept, kept->block_bytes);
}
