/* SPDX-License-Identifier: Apache-2.0 */
/* The public API: version, status, diagnostics. */
#include "cep/api.h"
#include "runtime/base/alloc.h"

_Static_assert((int)EGRET_OK == (int)RT_OK && (int)EGRET_ERR_NOMEM == (int)RT_ERR_NOMEM &&
                   (int)EGRET_ERR_LIMIT == (int)RT_ERR_LIMIT &&
                   (int)EGRET_ERR_DIAG == (int)RT_ERR_DIAG &&
                   (int)EGRET_ERR_DATA == (int)RT_ERR_DATA && (int)EGRET_ERR_IO == (int)RT_ERR_IO &&
                   (int)EGRET_ERR_UNSUPPORTED == (int)RT_ERR_UNSUPPORTED &&
                   (int)EGRET_ERR_NOT_FOUND == (int)RT_ERR_NOT_FOUND &&
                   (int)EGRET_ERR_ORDER == (int)RT_ERR_ORDER,
               "the status numbers are one set");
_Static_assert((int)EGRET_NOTE == (int)RT_SEVERITY_NOTE &&
                   (int)EGRET_WARNING == (int)RT_SEVERITY_WARNING &&
                   (int)EGRET_ERROR == (int)RT_SEVERITY_ERROR,
               "so are the severities");

const char *egret_version(void)
{
    return EGRET_VERSION;
}

const char *egret_status_text(enum egret_status status)
{
    return rt_status_text((enum rt_status)status);
}

enum egret_status egret_diags_new(struct egret_diags **out_diags)
{
    struct egret_diags *diags = rt_alloc_zeroed(1, sizeof(*diags));
    enum rt_status status;

    if (diags == NULL)
        return EGRET_ERR_NOMEM;
    status = rt_diags_new(0, &diags->list);
    if (status != RT_OK) {
        rt_free(diags);
        return api_status(status);
    }
    *out_diags = diags;
    return EGRET_OK;
}

void egret_diags_free(struct egret_diags *diags)
{
    if (diags == NULL)
        return;
    rt_diags_free(diags->list);
    rt_free(diags);
}

size_t egret_diags_count(const struct egret_diags *diags)
{
    return rt_diags_size(diags->list);
}

enum egret_severity egret_diag_severity(struct egret_diags *diags, size_t index)
{
    return (enum egret_severity)rt_diags_at(diags->list, index).severity;
}

unsigned egret_diag_code(struct egret_diags *diags, size_t index)
{
    return rt_diags_at(diags->list, index).code;
}

const char *egret_diag_message(struct egret_diags *diags, size_t index)
{
    return rt_diags_at(diags->list, index).message;
}

const char *egret_diag_file(struct egret_diags *diags, size_t index)
{
    const char *name = rt_diags_at(diags->list, index).source_name;

    return name == NULL ? "" : name;
}

uint32_t egret_diag_line(struct egret_diags *diags, size_t index)
{
    return rt_diags_at(diags->list, index).line;
}

uint32_t egret_diag_column(struct egret_diags *diags, size_t index)
{
    return rt_diags_at(diags->list, index).column;
}

enum egret_status egret_diags_render(struct egret_diags *diags, egret_text_fn *write, void *context)
{
    struct rt_buffer text;
    enum egret_status status;

    rt_buffer_init(&text, SIZE_MAX);
    rt_diags_render_text(diags->list, false, &text);
    status = text.failed ? EGRET_ERR_NOMEM : EGRET_OK;
    if (text.length > 0)
        write(context, text.data, text.length);
    rt_buffer_done(&text);
    return status;
}
