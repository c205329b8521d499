/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - what an engine may be told: bounds on its state, and what to do at one.
 *
 *     --set state.limits.keys=1000000 --> cep_options_set --> struct cep_options --> cep_engine_new
 *
 * Names, defaults and help are rows of options.def.
 */
#ifndef EGRET_CEP_OPTIONS_H
#define EGRET_CEP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nfa/nfa.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

struct cep_options {
#define LIMIT(name, field, kind, standard, help) uint64_t field;
#include "cep/options.def"
#undef LIMIT
    enum nfa_limit_policy on_limit;  /* state.limits.on_limit: drop_oldest | drop_new | stop */
    const char *const *source_names; /* by rt_position.source, in records and ids; NULL: `input` */
    size_t source_count;
    bool
        asks_all; /* no index of rules: slower, and every error of a condition is counted (rule tests) */
    bool route_by_source; /* a rule sees the events of the sources that it names; else of all */
};

struct cep_options cep_options_standard(void);

/* RT_ERR_NOT_FOUND: no option of that name.  RT_ERR_DATA: not a value for it. */
enum rt_status cep_options_set(struct cep_options *options, struct rt_text name,
                               struct rt_text value);

/* All names, for messages. */
const char *const *cep_option_names(size_t *count);

#endif
