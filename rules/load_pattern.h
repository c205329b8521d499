/* SPDX-License-Identifier: Apache-2.0 */
/* load_pattern.h - a pattern while it is being read; shared by load_pattern.c and load_step.c. */
#ifndef EGRET_RULES_LOAD_PATTERN_H
#define EGRET_RULES_LOAD_PATTERN_H

#include "rules/load.h"

/* What a step of the file is. */
enum step_shape {
    SHAPE_STEP,
    SHAPE_GROUP,  /* `pattern` */
    SHAPE_CHOICE, /* `any_of` with patterns */
    SHAPE_SET     /* `all_of` */
};

/* Steps that a condition cannot name: those of the other branches round it. */
struct step_hidden {
    uint32_t begin, end;
    const struct step_hidden *outer;
};

/* A step or group: what the file says, and the step that it becomes. */
struct step_draft {
    struct load_step_nodes nodes;
    const struct yaml_node *head; /* the verb, for messages */
    struct nfa_step *step;
    enum step_shape shape;
    uint32_t names_end; /* a condition names the steps before this one */
    const struct step_hidden *hidden;
    uint32_t index;      /* of a step: nfa step index; RULE_NONE: a group */
    uint32_t loop_begin; /* steps [loop_begin, loop_end) are inside the same repeating group */
    uint32_t loop_end;   /* equal: not inside one */
    bool is_usable;      /* false: something about it was reported */
};

/* Verb, name, quantifiers.  draft->step is to be filled.  False: something was reported. */
bool load_step(struct loader *loader, const struct yaml_node *node, bool is_first,
               struct step_draft *draft);

/* `times: 0..3` says it too. */
static inline bool load_step_is_optional(const struct nfa_step *step)
{
    return step->optional || step->times_min == 0;
}

/* The name of a step of `all_of`, which is a key. */
bool load_member_name(struct loader *loader, struct step_draft *draft, const struct yaml_node *key);

/* Letters, digits and `_`, not starting with a digit. */
bool load_is_name(struct rt_text name);

#endif
