/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_case.h - a value with its type as JSON, exactly: what `egret eval` prints and conformance cases hold.
 *
 *     {"type":"list","value":[{"type":"int","value":"1"},{"type":"double","value":"0.5"}]}
 *
 *     null null   bool true|false   string "text"   int, uint decimal in a string   double shortest decimal in a string with a
 *     point or an exponent, or NaN, Infinity, -Infinity   bytes hexadecimal   list an array   map an array of [key, value]
 *     timestamp, duration nanoseconds in a string   type its name   net.IP, net.CIDR their text   optional_type the value or null
 */
#ifndef EGRET_RULES_VALUE_CASE_H
#define EGRET_RULES_VALUE_CASE_H

#include "runtime/event/value.h"

/* `name`: the type as it stands in cases: `timestamp` for RT_TIMESTAMP.  RT_ABSENT: there is no such type. */
enum rt_type expr_case_type(struct rt_text name);

/* Appends the value.  An error becomes {"error":"range: the result is out of range"}. */
void expr_value_case(struct rt_value value, struct rt_buffer *out);

#endif
