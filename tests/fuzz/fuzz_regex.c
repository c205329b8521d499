/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_regex.c - "PATTERN\nTEXT": any pattern is refused with its place or compiled; a test and a search of the text agree, and
 * the groups that a search tells lie inside the text.
 */
#include <string.h>

#include "rules/regex.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "tests/fuzz/target.h"

enum { ARENA_BYTES_MAX = 1 << 20, FUEL = 1 << 20 };

static void check_spans(const struct expr_regex *regex, const size_t *spans, size_t length)
{
    for (size_t i = 0; i < EXPR_REGEX_SPANS_MAX; i++) {
        bool set = spans[2 * i] != SIZE_MAX;

        RT_ASSERT(set || i > 0);
        RT_ASSERT(!set || i <= expr_regex_groups(regex));
        RT_ASSERT(!set || (spans[2 * i] <= spans[2 * i + 1] && spans[2 * i + 1] <= length));
    }
}

static void check_match(struct expr_call *call, const struct expr_regex *regex, struct rt_text text)
{
    size_t spans[2 * EXPR_REGEX_SPANS_MAX];
    struct rt_value tested = expr_regex_test(call, regex, text);
    struct rt_value found = expr_regex_search(call, regex, text, 0, spans, EXPR_REGEX_SPANS_MAX);

    RT_ASSERT(tested.type == RT_BOOL || tested.aux == RT_ERROR_LIMIT);
    RT_ASSERT(found.type == RT_BOOL || found.aux == RT_ERROR_LIMIT);
    if (tested.type == RT_BOOL && found.type == RT_BOOL)
        RT_ASSERT(tested.u.boolean == found.u.boolean);
    if (found.type == RT_BOOL && found.u.boolean)
        check_spans(regex, spans, text.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    size_t length = end == NULL ? size : (size_t)(end - data);
    struct rt_text pattern = {(const char *)data, length};
    struct rt_text text = {(const char *)data + length + 1, end == NULL ? 0 : size - length - 1};
    struct expr_regex_fault fault;
    struct expr_regex *regex = NULL;
    struct rt_arena arena;
    struct expr_call call = {.scratch = &arena, .fuel = FUEL};
    size_t before = rt_live_blocks();

    if (end == NULL)
        text.data = "";
    if (!rt_utf8_valid(pattern) || !rt_utf8_valid(text))
        return 0;
    rt_arena_init(&arena, ARENA_BYTES_MAX);

    enum rt_status status = expr_regex_new(pattern, &fault, &regex);

    RT_ASSERT(status == RT_OK || status == RT_ERR_DIAG);
    if (status == RT_ERR_DIAG)
        RT_ASSERT(fault.begin <= fault.end && fault.end <= pattern.length &&
                  fault.message[0] != '\0');
    else if (expr_caches_new(&call.caches) == RT_OK)
        check_match(&call, regex, text);
    expr_caches_free(call.caches);
    expr_regex_free(regex);
    rt_arena_done(&arena);
    RT_ASSERT(rt_live_blocks() == before);
    return 0;
}
