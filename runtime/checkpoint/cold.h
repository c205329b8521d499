/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cold.h - the port of runtime/base/cold.h over the working copy of the state in RocksDB.
 *
 *     'e' entry's id                          -> value       as the checkpoints made it (database.h)
 *     't' part, time (8 bytes, order of time) id -> nothing  reminders; no part of any checkpoint
 *
 * F1  The next reminders, some thousand, are in memory; the later ones in the database, written and read many at once.
 * F2  What a base holds of reminders means nothing: they are removed when a working copy is opened.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_COLD_H
#define EGRET_RUNTIME_CHECKPOINT_COLD_H

#include "runtime/base/cold.h"
#include "runtime/checkpoint/rocks.h"

/*
 * `rocks`: a handle of its own (rt_rocks_share), which the cold owns from now on, also when this fails.  RT_ERR_IO (the
 * message is appended to `why`), RT_ERR_NOMEM.
 */
enum rt_status rt_cold_new(struct rt_rocks *rocks, struct rt_buffer *why, struct rt_cold **out);
/*
 * What RocksDB said when a call of it, or of one of its parts, gave RT_ERR_IO for the first time; "" if none did.  While none of them
 * is being used.
 */
const char *rt_cold_error(const struct rt_cold *cold);
void rt_cold_free(struct rt_cold *cold); /* NULL is fine */

#endif
