/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/worker/gate.h"

#include "runtime/base/assert.h"

enum { SPINS = 2000 };

enum rt_status rt_gate_init(struct rt_gate *gate)
{
    atomic_init(&gate->value, 0);
    atomic_init(&gate->sleeping, false);
    if (pthread_mutex_init(&gate->mutex, NULL) != 0)
        return RT_ERR_NOMEM;
    if (pthread_cond_init(&gate->raised, NULL) != 0) {
        (void)pthread_mutex_destroy(&gate->mutex);
        return RT_ERR_NOMEM;
    }
    return RT_OK;
}

void rt_gate_done(struct rt_gate *gate)
{
    (void)pthread_cond_destroy(&gate->raised);
    (void)pthread_mutex_destroy(&gate->mutex);
}

/* Sequentially consistent with the wait: either this sees the sleeper, or the sleeper sees the value. */
void rt_gate_raise(struct rt_gate *gate, uint64_t value)
{
    atomic_store(&gate->value, value);
    if (!atomic_load(&gate->sleeping))
        return;
    (void)pthread_mutex_lock(&gate->mutex);
    (void)pthread_cond_signal(&gate->raised);
    (void)pthread_mutex_unlock(&gate->mutex);
}

uint64_t rt_gate_wait(struct rt_gate *gate, uint64_t value)
{
    uint64_t now = rt_gate_value(gate);

    for (unsigned i = 0; i < SPINS && now < value; i++)
        now = rt_gate_value(gate);
    if (now >= value)
        return now;
    (void)pthread_mutex_lock(&gate->mutex);
    atomic_store(&gate->sleeping, true);
    while ((now = atomic_load(&gate->value)) < value)
        (void)pthread_cond_wait(&gate->raised, &gate->mutex);
    atomic_store(&gate->sleeping, false);
    (void)pthread_mutex_unlock(&gate->mutex);
    return now;
}
