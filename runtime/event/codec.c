/* SPDX-License-Identifier: Apache-2.0 */
/* codec.c - the names of the reasons to reject a record. */
#include "runtime/event/codec.h"

#include "runtime/base/assert.h"

const char *rt_reject_name(enum rt_reject reject)
{
    static const char *const names[] = {
#define REJECT(NAME, name, meaning) name,
#include "runtime/event/reject.def"
#undef REJECT
    };

    RT_ASSERT((unsigned)reject < RT_REJECT_COUNT);
    return names[reject];
}
