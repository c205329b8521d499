/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_rules.c - any bytes as a rule file: loaded, complained about in both forms, freed.  A file is refused exactly if
 * something was said to be wrong, every place lies inside the file, and a file that loads does so again to the same
 * revision.
 */
#include <string.h>

#include "rules/diagnostics.h"
#include "rules/plan.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "tests/fuzz/target.h"

enum { OUT_BYTES_MAX = 64 << 20 };

static void check_places(struct rt_diags *diags)
{
    for (size_t i = 0; i < rt_diags_size(diags); i++) {
        struct rt_diag_view view = rt_diags_at(diags, i);

        RT_ASSERT(rule_diag_find(view.code) != NULL);
        RT_ASSERT(view.severity != RT_SEVERITY_ERROR || view.message[0] != '\0');
        if (view.span.source == RT_NO_SOURCE)
            continue;
        RT_ASSERT(view.span.begin <= view.span.end);
        RT_ASSERT(view.span.end <= rt_diags_source_text(diags, view.span.source).length);
        RT_ASSERT(view.line >= 1 && view.column >= 1);
    }
}

static void render(struct rt_diags *diags)
{
    struct rt_buffer out;

    rt_buffer_init(&out, OUT_BYTES_MAX);
    rt_diags_render_text(diags, true, &out);
    RT_ASSERT(!out.failed);
    RT_ASSERT(out.length == 0 || rt_utf8_valid(rt_buffer_view(&out)));
    rt_buffer_reset(&out);
    rt_diags_render_json(diags, &out);
    RT_ASSERT(!out.failed && rt_utf8_valid(rt_buffer_view(&out)));
    rt_buffer_done(&out);
}

/* Loads once; the revision of the first rule, or nothing, goes to `revision`. */
static enum rt_status load(struct rt_text text, char revision[33])
{
    struct rule_source source = {"fuzz.yaml", text};
    struct rule_plan *plan = NULL;
    struct rt_diags *diags;
    enum rt_status status;

    RT_ASSERT(rt_diags_new(0, &diags) == RT_OK);
    status = rule_load(&source, 1, NULL, diags, &plan);
    RT_ASSERT(status == RT_OK || status == RT_ERR_DIAG);
    RT_ASSERT((status == RT_OK) == (rt_diags_count(diags, RT_SEVERITY_ERROR) == 0));
    check_places(diags);
    render(diags);
    revision[0] = '\0';
    if (plan != NULL && plan->rule_count > 0)
        memcpy(revision, plan->rules[0]->revision, 33);
    rule_plan_unref(plan);
    rt_diags_free(diags);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_text text = {(const char *)data, size};
    size_t before = rt_live_blocks();
    char first[33];
    char second[33];

    if (load(text, first) == RT_OK) {
        RT_ASSERT(load(text, second) == RT_OK);
        RT_ASSERT(strcmp(first, second) == 0);
    }
    RT_ASSERT(rt_live_blocks() == before);
    return 0;
}
