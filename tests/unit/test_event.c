/* SPDX-License-Identifier: Apache-2.0 */
/* Events that are kept: one block, nothing leads out of it, references are counted. */
#include "runtime/base/alloc.h"
#include "runtime/event/codec.h"
#include "runtime/event/event.h"
#include "tests/support/unit.h"

static const char raw[] = "{\"user\":\"ann\",\"ip\":\"10.0.0.1\"}";
static const unsigned char ip[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 1};

/* A pointer that is inside the kept event's block. */
static void assert_inside(const struct rt_event *kept, const void *pointer, size_t bytes)
{
    uintptr_t begin = (uintptr_t)kept, at = (uintptr_t)pointer;

    assert_true(at >= begin && at + bytes <= begin + kept->block_bytes);
}

/* As deep as the sample. */
// NOLINTNEXTLINE(misc-no-recursion)
static void assert_same(const struct rt_event *kept, const struct rt_value *a,
                        const struct rt_value *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->aux, b->aux);
    switch (a->type) {
    case RT_STRING:
    case RT_BYTES:
        if (a->length > 0)
            assert_inside(kept, b->u.text, b->length);
        assert_memory_equal(a->u.text, b->u.text, a->length);
        break;
    case RT_IP:
        assert_inside(kept, b->u.bytes, 16);
        assert_memory_equal(a->u.bytes, b->u.bytes, 16);
        break;
    case RT_LIST:
        for (uint32_t i = 0; i < a->length; i++)
            assert_same(kept, &a->u.items[i], &b->u.items[i]);
        if (a->length > 0)
            assert_inside(kept, b->u.items, b->length * sizeof(struct rt_value));
        break;
    case RT_MAP:
        for (uint32_t i = 0; i < a->length; i++) {
            assert_same(kept, &a->u.entries[i].key, &b->u.entries[i].key);
            assert_same(kept, &a->u.entries[i].value, &b->u.entries[i].value);
        }
        break;
    case RT_OPTIONAL:
        assert_int_equal(a->u.items == NULL, b->u.items == NULL);
        if (a->u.items != NULL)
            assert_same(kept, a->u.items, b->u.items);
        break;
    default:
        assert_memory_equal(&a->u, &b->u, sizeof(a->u));
    }
}

/* One value of every kind, nested ones among them. */
static struct rt_event sample(struct rt_value slots[12])
{
    static struct rt_value items[3], inner[1], one;
    static struct rt_map_entry entries[2];

    inner[0] = rt_string("unescaped\n", 10);
    items[0] = rt_int(1);
    items[1] = (struct rt_value){.type = RT_LIST, .length = 1, .u.items = inner};
    items[2] = rt_string(raw + 9, 3);
    entries[0] = (struct rt_map_entry){rt_string("k", 1), items[1]};
    entries[1] = (struct rt_map_entry){rt_int(2), rt_null()};
    one = rt_string("in an optional", 14);
    slots[0] = rt_string(raw + 9, 3);
    slots[0].flags = RT_FLAG_ASCII;
    slots[1] = rt_string("not in raw", 10);
    slots[2] = rt_double(2.5);
    slots[3] = (struct rt_value){.type = RT_LIST, .length = 3, .u.items = items};
    slots[4] = (struct rt_value){.type = RT_MAP, .length = 2, .u.entries = entries};
    slots[5] = (struct rt_value){.type = RT_IP, .aux = 4, .u.bytes = ip};
    slots[6] = (struct rt_value){.type = RT_OPTIONAL, .u.items = &one};
    slots[7] = (struct rt_value){.type = RT_OPTIONAL};
    slots[8] = (struct rt_value){.type = RT_ABSENT};
    slots[9] = (struct rt_value){.type = RT_MAP};
    slots[10] = rt_string("", 0);
    slots[11] = rt_bool(true);
    return (struct rt_event){
        .time = {1000},
        .sequence = 7,
        .position = {1, 2, 3},
        .slots = slots,
        .slot_count = 12,
        .raw_length = sizeof(raw) - 1,
        .raw = raw,
    };
}

static void a_kept_event_is_whole_and_leads_nowhere_else(void **state)
{
    struct rt_value slots[12];
    struct rt_event event = sample(slots);
    const struct rt_event *kept;
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, 1 << 20);
    assert_int_equal(rt_event_keep(&event, UINT32_MAX, &blocks, &kept), RT_OK);
    assert_int_equal(kept->slot_count, 12);
    assert_int_equal(kept->time.ms, 1000);
    assert_int_equal(kept->sequence, 7);
    assert_memory_equal(&kept->position, &event.position, sizeof(event.position));
    for (uint32_t i = 0; i < 12; i++)
        assert_same(kept, &slots[i], &kept->slots[i]);
    assert_inside(kept, kept->raw, kept->raw_length);
    assert_memory_equal(kept->raw, raw, kept->raw_length);
    assert_ptr_equal(kept->slots[0].u.text, kept->raw + 9);
    assert_ptr_equal(kept->slots[3].u.items[2].u.text, kept->raw + 9);
    rt_event_release(kept, &blocks);
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
}

static void only_the_first_slots_are_kept_and_absent_beyond(void **state)
{
    struct rt_value slots[12];
    struct rt_event event = sample(slots);
    const struct rt_event *kept;
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, 1 << 20);
    assert_int_equal(rt_event_keep(&event, 1, &blocks, &kept), RT_OK);
    assert_int_equal(kept->slot_count, 1);
    assert_int_equal(rt_event_at(kept, 0).type, RT_STRING);
    assert_int_equal(rt_event_at(kept, 1).type, RT_ABSENT);
    assert_int_equal(kept->block_bytes,
                     sizeof(struct rt_event) + sizeof(struct rt_value) + sizeof(raw) - 1);
    rt_event_release(kept, &blocks);
    rt_blocks_done(&blocks);
}

static void a_second_keep_shares_the_block(void **state)
{
    struct rt_value slots[12];
    struct rt_event event = sample(slots);
    const struct rt_event *kept, *again;
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, 1 << 20);
    assert_int_equal(rt_event_keep(&event, 12, &blocks, &kept), RT_OK);
    size_t in_use = blocks.bytes_in_use;
    assert_int_equal(rt_event_keep(kept, 1, &blocks, &again), RT_OK);
    assert_ptr_equal(kept, again);
    assert_int_equal(blocks.bytes_in_use, in_use);
    rt_event_release(kept, &blocks);
    assert_int_equal(blocks.bytes_in_use, in_use);
    rt_event_release(again, &blocks);
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
}

static void an_event_of_a_program_has_no_raw_bytes(void **state)
{
    struct rt_value slots[1] = {rt_string("text", 4)};
    struct rt_event event = {.slots = slots, .slot_count = 1};
    struct rt_event bare = {0};
    const struct rt_event *kept;
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, 1 << 20);
    assert_int_equal(rt_event_keep(&event, 1, &blocks, &kept), RT_OK);
    assert_null(kept->raw);
    assert_inside(kept, kept->slots[0].u.text, 4);
    rt_event_release(kept, &blocks);
    assert_int_equal(rt_event_keep(&bare, 4, &blocks, &kept), RT_OK);
    assert_int_equal(kept->slot_count, 0);
    rt_event_release(kept, &blocks);
    rt_blocks_done(&blocks);
}

static void full_blocks_and_endless_nesting_are_limits(void **state)
{
    static struct rt_value nest[RT_RECORD_DEPTH_MAX + 3];
    struct rt_value slots[12];
    struct rt_event event = sample(slots);
    const struct rt_event *kept = NULL;
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, 256);
    assert_int_equal(rt_event_keep(&event, 12, &blocks, &kept), RT_ERR_LIMIT);
    assert_null(kept);
    rt_blocks_done(&blocks);
    rt_blocks_init(&blocks, 1 << 20);
    for (size_t i = 0; i + 1 < COUNT_OF(nest); i++)
        nest[i] = (struct rt_value){.type = RT_LIST, .length = 1, .u.items = &nest[i + 1]};
    event = (struct rt_event){.slots = &nest[0], .slot_count = 1};
    assert_int_equal(rt_event_keep(&event, 1, &blocks, &kept), RT_ERR_LIMIT);
    event.slots = &nest[2];
    assert_int_equal(rt_event_keep(&event, 1, &blocks, &kept), RT_OK);
    rt_event_release(kept, &blocks);
    rt_fault_arm(1);
    event = sample(slots);
    assert_int_equal(rt_event_keep(&event, 12, &blocks, &kept), RT_ERR_NOMEM);
    assert_true(rt_fault_disarm());
    rt_blocks_done(&blocks);
}

static void every_reject_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(rt_reject_name(RT_REJECT_NONE), "none");
    assert_string_equal(rt_reject_name(RT_REJECT_NOT_OBJECT), "not_an_object");
    assert_string_equal(rt_reject_name(RT_REJECT_FUTURE), "too_far_in_future");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_event_is_whole_and_leads_nowhere_else),
        cmocka_unit_test(only_the_first_slots_are_kept_and_absent_beyond),
        cmocka_unit_test(a_second_keep_shares_the_block),
        cmocka_unit_test(an_event_of_a_program_has_no_raw_bytes),
        cmocka_unit_test(full_blocks_and_endless_nesting_are_limits),
        cmocka_unit_test(every_reject_has_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
