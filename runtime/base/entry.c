/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/entry.h"

#include <stddef.h>

const char *rt_entry_kind_name(uint8_t kind)
{
    switch (kind) {
#define ENTRY_KIND(name, value, text)                                                              \
    case (value):                                                                                  \
        return text;
#include "runtime/base/entry_kinds.def"
#undef ENTRY_KIND
    default:
        return NULL;
    }
}
