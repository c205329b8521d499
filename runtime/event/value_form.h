/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_form.h - the saved form of a value (runtime/base/form.h): a byte that says what it is, then its content.
 *
 *     [type][content]     null, bool, int, uint, double, string, bytes, list, map, timestamp, duration, address, network
 *
 * What is not data (an error, a type, an event, an optional) is never kept, so it has no saved form.
 */
#ifndef EGRET_RUNTIME_EVENT_VALUE_FORM_H
#define EGRET_RUNTIME_EVENT_VALUE_FORM_H

#include "runtime/base/arena.h"
#include "runtime/base/form.h"
#include "runtime/event/value.h"

/* Deeper lists and maps do not come out of records (DESIGN 6.18), nor are they read. */
enum { RT_VALUE_FORM_DEPTH = 64 };

/* Appends the value; asserts that it is data. */
void rt_value_add_form(struct rt_value value, struct rt_buffer *out);

/*
 * Reads a value.  Texts borrow from the form's bytes, items of lists and entries of maps lie in the arena.  RT_ERR_CORRUPT:
 * the form says why.  RT_ERR_NOMEM: the arena is full.
 */
enum rt_status rt_value_of_form(struct rt_form *form, struct rt_arena *arena, struct rt_value *out);

#endif
