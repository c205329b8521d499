/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/job/stage.h"

#include "runtime/base/assert.h"

const char *rt_stage_name(enum rt_stage stage)
{
    static const char *const names[RT_STAGE_COUNT] = {"read", "decode", "order", "push", "emit"};

    RT_ASSERT((unsigned)stage < RT_STAGE_COUNT);
    return names[stage];
}

void rt_stages_init(struct rt_stages *stages)
{
    enum { LOOKS = 1000 };
    uint64_t begin = rt_clock_monotonic_ns();

    for (int i = 0; i < LOOKS - 1; i++)
        (void)rt_clock_monotonic_ns();
    *stages = (struct rt_stages){.clock_ns = (rt_clock_monotonic_ns() - begin) / LOOKS};
}

void rt_stages_begin(struct rt_stages *stages)
{
    if (stages == NULL || stages->batches++ % RT_STAGE_SAMPLE != 0)
        return;
    stages->running = true;
    stages->current = RT_STAGE_READ;
    stages->since = rt_clock_monotonic_ns();
}

void rt_stages_end(struct rt_stages *stages, uint64_t records)
{
    if (stages == NULL || !stages->running)
        return;
    rt_stage_switch(stages, RT_STAGE_READ);
    stages->records += records;
    stages->running = false;
}
