/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/caches.h"

#include "rules/regex.h"
#include "rules/value_ops.h"
#include "rules/zone.h"
#include "runtime/base/alloc.h"

enum { TEXT_BYTES_MAX = 1 << 24 };

enum rt_status expr_caches_new(struct expr_caches **out)
{
    struct expr_caches *caches = rt_alloc_zeroed(1, sizeof(*caches));
    enum rt_status status = RT_ERR_NOMEM;

    if (caches == NULL)
        return status;
    rt_buffer_init(&caches->text, TEXT_BYTES_MAX);
    status = expr_zones_new(&caches->zones);
    if (status == RT_OK)
        status = expr_regexes_new(&caches->regexes);
    if (status != RT_OK) {
        expr_caches_free(caches);
        return status;
    }
    *out = caches;
    return RT_OK;
}

void expr_caches_free(struct expr_caches *caches)
{
    if (caches == NULL)
        return;
    expr_regexes_free(caches->regexes);
    expr_zones_free(caches->zones);
    rt_buffer_done(&caches->text);
    rt_free(caches);
}
