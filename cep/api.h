/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - what lies behind the handles of egret.h.  Private to cep/.
 *
 *     egret_ruleset = struct rule_plan (the same object under another name)
 *     egret_engine  = struct rt_stream + struct cep_engine + the JSON codec
 */
#ifndef EGRET_CEP_API_H
#define EGRET_CEP_API_H

#include "cep/include/egret/egret.h"
#include "cep/options.h"
#include "rules/plan.h"
#include "runtime/base/arena.h"
#include "runtime/base/diag.h"
#include "runtime/event/event.h"
#include "runtime/time/stream.h"
#include "runtime/time/timestamp.h"

struct egret_diags {
    struct rt_diags *list; /* owned */
};

struct api_param {
    struct api_param *next;
    char *path, *value; /* owned */
};

struct egret_options {
    struct cep_options limits;
    rt_duration out_of_orderness;
    egret_clock_fn *clock; /* NULL: event time */
    void *clock_context;
    bool ties_by_rank;
    struct rt_time_reader time_reader;
    char *time_field;   /* owned, as the next two; NULL: the default */
    char *time_pattern; /* what time_reader.pattern points to */
    char *watermark_when;
    struct api_param *params; /* owned, newest first */
};

/* The defaults; nothing is owned. */
struct egret_options api_options_standard(void);

struct egret_event {
    struct rt_event event; /* slots point to `slots` */
    struct rt_value *slots;
    bool has_position;
    int32_t rank;
};

static inline struct rule_plan *api_plan(const struct egret_ruleset *rules)
{
    return (struct rule_plan *)(uintptr_t)rules;
}

static inline enum egret_status api_status(enum rt_status status)
{
    return (enum egret_status)status; /* api_text.c asserts that the numbers agree */
}

#endif
