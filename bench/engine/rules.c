/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/engine/rules.h"

#include <stdio.h>

#include "bench/engine/pass.h"
#include "runtime/base/alloc.h"

static bool read_file(const char *path, struct rt_buffer *out)
{
    char piece[65536];
    size_t length;
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return false;
    while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
        rt_buffer_add(out, piece, length);
    return fclose(file) == 0 && !out->failed;
}

struct rule_plan *bench_load_files(const char *program, char **paths, size_t count)
{
    struct rule_source *sources = rt_alloc_zeroed(count, sizeof(*sources));
    struct rt_buffer *texts = rt_alloc_zeroed(count, sizeof(*texts));
    struct rt_buffer report;
    struct rt_diags *diags = NULL;
    struct rule_plan *plan = NULL;

    if (sources == NULL || texts == NULL || rt_diags_new(0, &diags) != RT_OK)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        rt_buffer_init(&texts[i], 1 << 24);
        if (!read_file(paths[i], &texts[i])) {
            fprintf(stderr, "%s: cannot read %s\n", program, paths[i]);
            return NULL;
        }
        sources[i] = (struct rule_source){paths[i], rt_buffer_view(&texts[i])};
    }
    if (bench_load(sources, count, diags, &plan) != RT_OK) {
        rt_buffer_init(&report, 1 << 20);
        rt_diags_render_text(diags, false, &report);
        fprintf(stderr, "%s", report.data);
        rt_buffer_done(&report);
    }
    for (size_t i = 0; i < count; i++)
        rt_buffer_done(&texts[i]);
    rt_free(texts);
    rt_free(sources);
    rt_diags_free(diags);
    return plan;
}
