/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h - a key as bytes: what keyed state is looked up by, what ids are made of, what is saved.
 *
 *     user "bob"             s b o b
 *     ["bob", 7]             s 3 b o b  i 07 00 00 00 00 00 00 00         every string but the last with its length
 *
 * E1  Two keys have equal bytes if and only if their parts are equal by CEL's ==: 1, 1u and 1.0 are one key, "1" another.
 * E2  Null, list, map, an absent field, an error and NaN are no key.
 * E3  The form is part of alert ids and of saved state: it does not change.
 */
#ifndef EGRET_CEP_KEY_H
#define EGRET_CEP_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/text.h"
#include "runtime/event/value.h"

/* Appends one part; `last`: nothing follows.  False: the value is no key. */
bool cep_key_add(struct rt_buffer *bytes, struct rt_value part, bool last);

/* The parts again; strings point into `bytes`, which must come from cep_key_add with as many parts. */
void cep_key_parts(struct rt_text bytes, struct rt_value *parts, size_t count);

/* The bytes are what cep_key_add makes of `count` parts: for keys that come from outside. */
bool cep_key_is_valid(struct rt_text bytes, size_t count);

#endif
