/* SPDX-License-Identifier: Apache-2.0 */
/* diagnostics.h - the numbers of rules/diagnostics.def as names, and what there is to say about each. */
#ifndef EGRET_RULES_DIAGNOSTICS_H
#define EGRET_RULES_DIAGNOSTICS_H

#include <stddef.h>

enum rule_diag {
#define DIAG(name, number, title, explanation) RULE_DIAG_##name = (number),
#include "rules/diagnostics.def"
#undef DIAG
};

struct rule_diag_text {
    unsigned code;
    const char *title;       /* a phrase */
    const char *explanation; /* sentences */
};

/* All codes in order of number. */
const struct rule_diag_text *rule_diag_texts(size_t *count);

/* NULL: there is no such code. */
const struct rule_diag_text *rule_diag_find(unsigned code);

#endif
