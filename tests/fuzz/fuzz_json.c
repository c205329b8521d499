/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json.c - any bytes as a record: decoded twice (the second time names are guessed), kept, released.  What is accepted must
 * be accepted by a codec without fields too: a record is valid whoever reads it.
 */
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/event/codec.h"
#include "runtime/event/event.h"
#include "tests/fuzz/target.h"

enum { BYTES_MAX = 64 << 20, SLOTS = 7 };

static const struct rt_text paths[SLOTS][3] = {
    {{"ts", 2}},
    {{"user", 4}},
    {{"a", 1}},
    {{"a", 1}, {"b", 1}},
    {{"b", 1}, {"a", 1}},
    {{"b", 1}, {"a", 1}, {"c", 1}},
    {{"", 0}},
};
static const size_t depths[SLOTS] = {1, 1, 1, 2, 2, 3, 0};

static struct rt_fields *make_fields(size_t count)
{
    struct rt_fields *fields = NULL;
    enum rt_status status = rt_fields_new(&fields);
    rt_field_id id;

    for (size_t i = 0; status == RT_OK && i < count; i++)
        status = rt_fields_add(fields, paths[i], depths[i], i < 4, &id);
    RT_ASSERT(status == RT_OK);
    rt_fields_seal(fields);
    return fields;
}

static void keep_and_release(const struct rt_value *slots, size_t count, const char *record,
                             size_t size)
{
    struct rt_event event = {
        .slots = slots, .slot_count = (uint32_t)count, .raw = record, .raw_length = (uint32_t)size};
    const struct rt_event *kept;
    struct rt_blocks blocks;

    rt_blocks_init(&blocks, BYTES_MAX);
    RT_ASSERT(rt_event_keep(&event, UINT32_MAX, &blocks, &kept) == RT_OK);
    rt_event_release(kept, &blocks);
    RT_ASSERT(blocks.bytes_in_use == 0);
    rt_blocks_done(&blocks);
}

/* Decodes with the first `count` of the fields. */
static enum rt_reject decode_with(size_t count, const char *record, size_t size)
{
    struct rt_fields *fields = make_fields(count);
    struct rt_codec *codec = NULL;
    struct rt_arena scratch;
    struct rt_value slots[SLOTS];
    enum rt_reject reject = RT_REJECT_NONE;
    const char *detail = NULL;

    rt_arena_init(&scratch, BYTES_MAX);
    RT_ASSERT(rt_codec_json_new(fields, &codec) == RT_OK);
    for (int round = 0; round < 2; round++) {
        rt_arena_reset(&scratch);
        enum rt_status status =
            codec->decode(codec, (struct rt_text){record, size}, &scratch, slots, &reject, &detail);
        RT_ASSERT(status == RT_OK || (status == RT_ERR_DATA && detail != NULL));
        RT_ASSERT((status == RT_OK) == (reject == RT_REJECT_NONE));
        if (status == RT_OK)
            keep_and_release(slots, count, record, size);
    }
    codec->free(codec);
    rt_fields_free(fields);
    rt_arena_done(&scratch);
    return reject;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *record = rt_alloc(size + RT_RECORD_PADDING);

    RT_ASSERT(record != NULL);
    if (size > 0)
        memcpy(record, data, size);
    memset(record + size, '0', RT_RECORD_PADDING);

    enum rt_reject with_fields = decode_with(SLOTS, record, size);
    enum rt_reject without = decode_with(0, record, size);

    RT_ASSERT(with_fields == without || with_fields == RT_REJECT_DUPLICATE_FIELD ||
              with_fields == RT_REJECT_BAD_NUMBER);
    rt_free(record);
    return 0;
}
