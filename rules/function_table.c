/* SPDX-License-Identifier: Apache-2.0 */
/* function_table.c - rules/functions.def as a table, found by name and shape. */
#include <string.h>

#include "rules/function.h"

enum shape { GLOBAL = 1, MEMBER = 2, BOTH = 3 };

static const struct expr_function functions[] = {
#define FUNCTION(symbol, text, shape, least, most, overloads, sentence, sample)                    \
    {.name = (text),                                                                               \
     .global = ((shape)&GLOBAL) != 0,                                                              \
     .member = ((shape)&MEMBER) != 0,                                                              \
     .args_min = (least),                                                                          \
     .args_max = (most),                                                                           \
     .types = (overloads),                                                                         \
     .call = expr_fn_##symbol,                                                                     \
     .summary = (sentence),                                                                        \
     .example = (sample)},
#include "rules/functions.def"
#undef FUNCTION
};

enum { FUNCTION_COUNT = sizeof(functions) / sizeof(functions[0]) };

const struct expr_function *expr_functions(size_t *count)
{
    *count = FUNCTION_COUNT;
    return functions;
}

/* Names are looked up once per call in the text of a rule, so a walk over the table is good enough. */
const struct expr_function *expr_function_find(struct rt_text name, bool member)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        const struct expr_function *function = &functions[i];

        if ((member ? function->member : function->global) && rt_text_is(name, function->name))
            return function;
    }
    return NULL;
}
