/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads.c - the threads of C11 by those of POSIX, in builds for the thread sanitizer only.
 *
 *     librdkafka --thrd_create, mtx_lock, ...--> here --pthread_create, ...--> the sanitizer --> glibc
 *
 * GCC's sanitizer knows the threads of POSIX only: in a thread that glibc's thrd_create made it ends with a segmentation fault,
 * and of what its mutexes put in order it sees nothing.  glibc's types are the same underneath, which is checked here.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

#include "runtime/base/alloc.h"

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mutex is a mutex");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "a condition is a condition");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "a thread is a thread");

#define EXPORTED __attribute__((visibility("default")))

struct start {
    thrd_start_t run;
    void *context;
};

static void *begin(void *context)
{
    struct start start = *(struct start *)context;

    rt_free(context);
    return (void *)(intptr_t)start.run(start.context);
}

EXPORTED int thrd_create(thrd_t *thread, thrd_start_t run, void *context)
{
    struct start *start = rt_alloc(sizeof(*start));

    if (start == NULL)
        return thrd_nomem;
    *start = (struct start){run, context};
    if (pthread_create(thread, NULL, begin, start) == 0)
        return thrd_success;
    rt_free(start);
    return thrd_error;
}

EXPORTED int thrd_join(thrd_t thread, int *result)
{
    void *answer;

    if (pthread_join(thread, &answer) != 0)
        return thrd_error;
    if (result != NULL)
        *result = (int)(intptr_t)answer;
    return thrd_success;
}

static pthread_mutex_t *mutex_of(mtx_t *mutex)
{
    return (pthread_mutex_t *)mutex;
}

static pthread_cond_t *condition_of(cnd_t *condition)
{
    return (pthread_cond_t *)condition;
}

static int answer(int error)
{
    return error == 0 ? thrd_success : thrd_error;
}

EXPORTED int mtx_init(mtx_t *mutex, int kind)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    if ((kind & mtx_recursive) != 0)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    return answer(pthread_mutex_init(mutex_of(mutex), &attributes));
}

EXPORTED void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy(mutex_of(mutex));
}

EXPORTED int mtx_lock(mtx_t *mutex)
{
    return answer(pthread_mutex_lock(mutex_of(mutex)));
}

EXPORTED int mtx_unlock(mtx_t *mutex)
{
    return answer(pthread_mutex_unlock(mutex_of(mutex)));
}

EXPORTED int cnd_init(cnd_t *condition)
{
    return answer(pthread_cond_init(condition_of(condition), NULL));
}

EXPORTED void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy(condition_of(condition));
}

EXPORTED int cnd_signal(cnd_t *condition)
{
    return answer(pthread_cond_signal(condition_of(condition)));
}

EXPORTED int cnd_broadcast(cnd_t *condition)
{
    return answer(pthread_cond_broadcast(condition_of(condition)));
}

EXPORTED int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return answer(pthread_cond_wait(condition_of(condition), mutex_of(mutex)));
}

EXPORTED int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    int error = pthread_cond_timedwait(condition_of(condition), mutex_of(mutex), until);

    return error == ETIMEDOUT ? thrd_timedout : answer(error);
}
