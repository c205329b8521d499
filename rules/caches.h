/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caches.h - what one thread keeps between evaluations, inside.  Others see struct expr_caches by name only.
 *
 *     text        one growing buffer, so that building a text allocates nothing in the steady state
 *     regexes     memory for matching, and patterns that came as data
 *     zones       time zones by name, read from the system's database when first named
 */
#ifndef EGRET_RULES_CACHES_H
#define EGRET_RULES_CACHES_H

#include "runtime/base/text.h"

struct expr_regexes;
struct expr_zones;

struct expr_caches {
    struct rt_buffer text;
    struct expr_regexes *regexes;
    struct expr_zones *zones;
};

#endif
