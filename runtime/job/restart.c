/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/job/restart.h"

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t draw(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

static int64_t same(struct rt_restart *restart)
{
    return restart->strategy.delay.ms;
}

static int64_t doubled(struct rt_restart *restart)
{
    int64_t delay = restart->strategy.delay.ms, delay_max = restart->strategy.delay_max.ms;

    for (uint32_t i = 1; i < restart->tried && delay < delay_max; i++)
        delay = delay > delay_max / 2 ? delay_max : delay * 2;
    if (delay > delay_max)
        delay = delay_max;
    return delay - (int64_t)(draw(&restart->random) % ((uint64_t)delay / 2 + 1));
}

bool rt_restart_next(struct rt_restart *restart, rt_duration worked, rt_duration *delay)
{
    static int64_t (*const delays[])(struct rt_restart *) = {
        [RT_RESTART_FIXED] = same, [RT_RESTART_EXPONENTIAL] = doubled};
    const struct rt_restart_strategy *strategy = &restart->strategy;

    if (strategy->kind == RT_RESTART_NONE)
        return false;
    if (worked.ms >= strategy->calm.ms)
        restart->tried = 0;
    if (strategy->attempts != 0 && restart->tried >= strategy->attempts)
        return false;
    restart->tried++;
    *delay = (rt_duration){delays[strategy->kind](restart)};
    return true;
}
