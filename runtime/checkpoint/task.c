/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/task.h"

#include <signal.h>
#include <stddef.h>

#include "runtime/base/assert.h"

static void *run(void *context)
{
    struct rt_task *task = context;

    task->status = task->work(task->context);
    atomic_store_explicit(&task->done, true, memory_order_release);
    return NULL;
}

void rt_task_start(struct rt_task *task, rt_task_fn *work, void *context)
{
    sigset_t all, former;

    RT_ASSERT(!task->started);
    task->work = work;
    task->context = context;
    task->started = true;
    atomic_store_explicit(&task->done, false, memory_order_relaxed);
    /* Signals belong to the thread that reads: a wait of its has to end. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    task->threaded = pthread_create(&task->thread, NULL, run, task) == 0;
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (!task->threaded)
        run(task);
}

bool rt_task_is_done(struct rt_task *task)
{
    return task->started && atomic_load_explicit(&task->done, memory_order_acquire);
}

enum rt_status rt_task_take(struct rt_task *task)
{
    RT_ASSERT(task->started);
    if (task->threaded)
        pthread_join(task->thread, NULL);
    task->started = false;
    return task->status;
}
