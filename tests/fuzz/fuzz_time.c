/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_time.c - "FORMAT\nTEXT": any text read as a time in every format.  What is read lies in the years 1 to 9999 and comes
 * back from its own RFC 3339.
 */
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/time/timestamp.h"
#include "tests/fuzz/target.h"

static void check_round_trip(rt_time time)
{
    const struct rt_time_reader reader = {RT_TIME_RFC3339, NULL};
    struct rt_buffer text;
    rt_time again = {0};

    RT_ASSERT(time.ms >= RT_TIME_FIRST.ms && time.ms <= RT_TIME_LAST.ms);
    rt_buffer_init(&text, 100);
    rt_time_text(time, &text);
    RT_ASSERT(text.length == strlen("2026-01-01T00:00:00.000Z"));
    RT_ASSERT(rt_time_read(&reader, rt_string(text.data, (uint32_t)text.length), &again) ==
              RT_REJECT_NONE);
    RT_ASSERT(again.ms == time.ms);
    rt_buffer_done(&text);
}

static void read_as(const struct rt_time_reader *reader, struct rt_text text)
{
    rt_time time;
    enum rt_reject reject =
        rt_time_read(reader, rt_string(text.data, (uint32_t)text.length), &time);

    RT_ASSERT(reject == RT_REJECT_NONE || reject == RT_REJECT_BAD_TIME ||
              reject == RT_REJECT_TIME_RANGE);
    if (reject == RT_REJECT_NONE)
        check_round_trip(time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t format_length = end == NULL ? 0 : (size_t)(end - data);
    size_t text_at = end == NULL ? 0 : format_length + 1;
    char *format = rt_alloc_text((const char *)data, format_length);
    /* A block of its own, so that a byte behind the end is seen. */
    char *text = rt_alloc(size - text_at);
    struct rt_time_reader reader;

    RT_ASSERT(format != NULL && text != NULL);
    if (size > text_at)
        memcpy(text, data + text_at, size - text_at);

    struct rt_text piece = {text, size - text_at};

    if (rt_time_reader_parse(format, &reader))
        read_as(&reader, piece);
    for (enum rt_time_format known = RT_TIME_AUTO; known <= RT_TIME_RFC3339; known++)
        read_as(&(struct rt_time_reader){known, NULL}, piece);
    rt_free(format);
    rt_free(text);
    return 0;
}
