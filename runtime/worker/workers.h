/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workers.h - operators that share the keys of a stream, each in its own thread, as one operator.
 *
 *                      batch 7 ──> thread 0: push pass late advance ... ──> results 7.0 ─┐
 *     push, late, ──>  (shared,                                                          ├─> merge ──> head ──> records
 *     advance          immutable) ──> thread 1: pass push late ... ───────> results 7.1 ─┘
 *
 * W1  Calls are put into batches, which all workers get.  Whom an event can matter to the head has told before (`route`); for the others
 *     time passes, and what matters to nobody is not even copied.  Records are merged in the order of the output
 *     (runtime/operator.h O4), so nobody can tell how many workers there are.
 * W2  Between threads there are batches and their results, each with one writer; operators share nothing.
 * W3  What comes out of a call comes later: at one of the next calls, in `settle` at the latest.  So does its status.
 * W4  The head, and whatever is asked of all operators together (memory), is called by the caller's thread, and only when no
 *     worker is at work; saving what is frozen goes on in the workers' threads, between batches.
 */
#ifndef EGRET_RUNTIME_WORKER_WORKERS_H
#define EGRET_RUNTIME_WORKER_WORKERS_H

#include "runtime/operator.h"

enum { RT_WORKERS_MAX = 64 };

struct rt_workers_options {
    struct rt_operator *head;           /* delivers and forgets */
    struct rt_operator *const *workers; /* their emit and refused are set here */
    uint32_t count;
    struct rt_memory *memory; /* of all, the head included; NULL: not saved */
};

struct rt_workers;
/* Everything in the options is borrowed.  Starts the threads.  RT_ERR_NOMEM, RT_ERR_LIMIT: no more threads. */
enum rt_status rt_workers_new(const struct rt_workers_options *options, struct rt_workers **out);
/* Ends the threads; what was not settled is lost.  NULL is fine. */
void rt_workers_free(struct rt_workers *workers);

struct rt_operator *rt_workers_operator(struct rt_workers *workers);

#endif
