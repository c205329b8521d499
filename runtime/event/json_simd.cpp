/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_simd.cpp - the only file that knows simdjson.
 *
 * Of simdjson this takes the first stage alone: one pass of vector instructions that finds the tokens and checks UTF-8.
 * The grammar is checked by json_token.c, because simdjson's lazy second stage does not look at what nobody reads, and a record
 * must be valid as a whole.  simdjson allocates with operator new(nothrow), so no exception can come from it.
 */
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include <simdjson.h>

extern "C" {
#include "runtime/base/alloc.h"
#include "runtime/event/json_simd.h"
}

namespace
{
constexpr std::size_t CAPACITY_FIRST = 4096;

const char *phrase(simdjson::error_code error)
{
    switch (error) {
    case simdjson::EMPTY:
        return "nothing but white space";
    case simdjson::UNCLOSED_STRING:
        return "a string is not closed";
    case simdjson::UNESCAPED_CHARS:
        return "a control character in a string";
    case simdjson::UTF8_ERROR:
        return "not valid UTF-8";
    default:
        return "not JSON";
    }
}
} // namespace

struct rt_json_index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
};

/* The second stage is never run, so depth 1 is enough. */
static bool grow(struct rt_json_index *index, std::size_t length)
{
    std::size_t capacity = CAPACITY_FIRST;

    while (capacity < length)
        capacity *= 2;
    if (index->stage)
        return index->stage->allocate(capacity, 1) == simdjson::SUCCESS;
    return simdjson::get_active_implementation()->create_dom_parser_implementation(
               capacity, 1, index->stage) == simdjson::SUCCESS;
}

extern "C" enum rt_status rt_json_index_new(struct rt_json_index **out)
{
    void *memory = rt_alloc(sizeof(struct rt_json_index));

    if (memory == nullptr)
        return RT_ERR_NOMEM;

    struct rt_json_index *index = new (memory) rt_json_index;

    if (!grow(index, CAPACITY_FIRST)) {
        rt_json_index_free(index);
        return RT_ERR_NOMEM;
    }
    *out = index;
    return RT_OK;
}

extern "C" void rt_json_index_free(struct rt_json_index *index)
{
    if (index == nullptr)
        return;
    index->~rt_json_index();
    rt_free(index);
}

extern "C" enum rt_status rt_json_index_text(struct rt_json_index *index, const char *text,
                                             size_t length, const uint32_t **starts, size_t *count,
                                             const char **detail)
{
    if (index->stage->capacity() < length && !grow(index, length))
        return RT_ERR_NOMEM;

    simdjson::error_code error = index->stage->stage1(reinterpret_cast<const std::uint8_t *>(text),
                                                      length, simdjson::stage1_mode::regular);

    if (error != simdjson::SUCCESS) {
        *detail = phrase(error);
        return RT_ERR_DATA;
    }
    *starts = index->stage->structural_indexes.get();
    *count = index->stage->n_structural_indexes;
    return RT_OK;
}

extern "C" bool rt_json_double(const char *text, size_t length, double *out)
{
    double value = 0.0;

    if (std::from_chars(text, text + length, value).ec != std::errc())
        return false;
    *out = value;
    return true;
}
