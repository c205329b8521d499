/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.h - one piece of work on a thread of its own, while the caller goes on.
 *
 *     idle --start--> running --(the work has ended)--> done --take--> idle
 *
 * K1  What the work touches nobody else touches between start and take.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_TASK_H
#define EGRET_RUNTIME_CHECKPOINT_TASK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "runtime/base/status.h"

typedef enum rt_status rt_task_fn(void *context);

struct rt_task {
    rt_task_fn *work;
    void *context;
    pthread_t thread;
    bool started; /* and not yet taken */
    bool threaded;
    atomic_bool done;
    enum rt_status status;
};

/* Starts the work.  Where there can be no further thread it is done at once, by the caller. */
void rt_task_start(struct rt_task *task, rt_task_fn *work, void *context);
/* Started and not yet taken. */
static inline bool rt_task_is_busy(const struct rt_task *task)
{
    return task->started;
}
/* True if there is an answer to take. */
bool rt_task_is_done(struct rt_task *task);
/* Waits for the end; what the work answered. */
enum rt_status rt_task_take(struct rt_task *task);

#endif
