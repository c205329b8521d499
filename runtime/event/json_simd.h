/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_simd.h - what vector instructions do for JSON: where its tokens begin, and decimals to doubles.
 *
 *     text      {"user":"ann" , "n":12}
 *     starts    ^^     ^^     ^ ^  ^^ ^        brackets, colons, commas, and the first byte of every scalar
 *
 * X1  Every byte that is neither white space nor inside a string is a start or continues the scalar before it, so whoever
 *     looks at all starts, and at scalars to their end, has seen the whole text.
 * X2  Checked here: UTF-8, closed strings, no control characters in strings.  Not checked: everything else.
 * X3  starts[count] and starts[count + 1] are `length`: looking one token ahead is always allowed.
 * The only user of simdjson is json_simd.cpp; it takes the library's first stage, whose kernel is chosen for the CPU at run time.
 */
#ifndef EGRET_RUNTIME_EVENT_JSON_SIMD_H
#define EGRET_RUNTIME_EVENT_JSON_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

struct rt_json_index;

enum rt_status rt_json_index_new(struct rt_json_index **out);
void rt_json_index_free(struct rt_json_index *index); /* NULL is fine */

/*
 * The starts of text[0 .. length), borrowed until the next call.  RT_ERR_DATA: one of the checks of X2 failed, or there is
 * no token at all; *detail (a static phrase) says which.  RT_ERR_NOMEM.  Nothing behind the text matters.
 */
enum rt_status rt_json_index_text(struct rt_json_index *index, const char *text, size_t length,
                                  const uint32_t **starts, size_t *count, const char **detail);

/* The double nearest to a well-formed JSON number; false if it is too large or too small for one. */
bool rt_json_double(const char *text, size_t length, double *out);

#endif
