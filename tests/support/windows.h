/* SPDX-License-Identifier: Apache-2.0 */
/* windows.h - windows for tests: shapes of every kind with every aggregate, events for them, equality of what is read. */
#ifndef EGRET_TESTS_SUPPORT_WINDOWS_H
#define EGRET_TESTS_SUPPORT_WINDOWS_H

#include "runtime/window/window.h"
#include "tests/support/seeded.h"

enum { WINDOWS_AGGREGATES = 14 };

/* Sizes in milliseconds; a count window takes 8 events, looked at every 4.  distinct_max is 40.  Lists lie in one static
 * place. */
struct rt_window_shape windows_shape(enum rt_window_kind kind, int64_t size_ms, int64_t slide_ms);

/* One value an aggregate; now and then one that is not to be counted.  Texts are static. */
void windows_values(struct seeded *seed, struct rt_value values[WINDOWS_AGGREGATES]);

/* Deals with what is due, then adds.  As rt_window_add. */
enum rt_status windows_push(const struct rt_window_shape *shape, struct rt_window **window,
                            struct rt_blocks *blocks, int64_t ms, uint64_t sequence,
                            const struct rt_value *values);

/* Whether two windows read the same. */
bool windows_equal(const struct rt_window_shape *shape, const struct rt_window *left,
                   struct rt_blocks *left_blocks, const struct rt_window *right,
                   struct rt_blocks *right_blocks);

#endif
