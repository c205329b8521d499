/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/caches.h"

#include "rules/value_ops.h"
#include "runtime/base/alloc.h"

enum { TEXT_BYTES_MAX = 1 << 24 };

enum rt_status expr_caches_new(struct expr_caches **out)
{
    struct expr_caches *caches = rt_alloc_zeroed(1, sizeof(*caches));

    if (caches == NULL)
        return RT_ERR_NOMEM;
    rt_buffer_init(&caches->text, TEXT_BYTES_MAX);
    *out = caches;
    return RT_OK;
}

void expr_caches_free(struct expr_caches *caches)
{
    if (caches == NULL)
        return;
    rt_buffer_done(&caches->text);
    rt_free(caches);
}
