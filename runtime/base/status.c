/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/status.h"

const char *rt_status_text(enum rt_status status)
{
    switch (status) {
#define STATUS(name, value, text)                                                                  \
    case RT_##name:                                                                                \
        return text;
#include "runtime/base/status.def"
#undef STATUS
    }
    return "unknown status";
}
