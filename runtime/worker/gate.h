/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.h - a number that one thread raises and another waits for: the end of a ring of batches.
 *
 *     raise(5)  --->  [ 5 ]  <---  wait(5): spins a while, then sleeps
 *
 * W1  One thread raises, one waits.  What was written before raising is seen after waiting.
 * W2  Raising costs a store and a look, unless somebody sleeps.
 */
#ifndef EGRET_RUNTIME_WORKER_GATE_H
#define EGRET_RUNTIME_WORKER_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/status.h"

struct rt_gate {
    atomic_uint_fast64_t value;
    atomic_bool sleeping;
    pthread_mutex_t mutex;
    pthread_cond_t raised;
};

/* RT_ERR_NOMEM: the system has none left. */
enum rt_status rt_gate_init(struct rt_gate *gate);
void rt_gate_done(struct rt_gate *gate);
void rt_gate_raise(struct rt_gate *gate, uint64_t value);
/* Returns when the value is at least `value`; gives what it is. */
uint64_t rt_gate_wait(struct rt_gate *gate, uint64_t value);
static inline uint64_t rt_gate_value(struct rt_gate *gate)
{
    return atomic_load_explicit(&gate->value, memory_order_acquire);
}

#endif
