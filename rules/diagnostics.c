/* SPDX-License-Identifier: Apache-2.0 */
/* The table of diagnostics. */
#include "rules/diagnostics.h"

static const struct rule_diag_text texts[] = {
#define DIAG(name, number, title, explanation) {(number), (title), (explanation)},
#include "rules/diagnostics.def"
#undef DIAG
};

const struct rule_diag_text *rule_diag_texts(size_t *count)
{
    *count = sizeof(texts) / sizeof(texts[0]);
    return texts;
}

const struct rule_diag_text *rule_diag_find(unsigned code)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].code == code)
            return &texts[i];
    }
    return NULL;
}
