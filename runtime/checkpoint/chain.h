/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.h - the files that make up a state, oldest first: a base and the deltas after it.
 *
 *     base-8 | delta-9-0 | delta-10-0 | delta-10-1 | delta-11-0
 *
 * H1  A base is first; a chain without one begins with a delta that holds everything.
 * H2  A later part hides earlier ones, entry by entry.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_CHAIN_H
#define EGRET_RUNTIME_CHECKPOINT_CHAIN_H

#include "runtime/checkpoint/manifest.h"

enum { RT_PART_NAME_BYTES = 96 };

struct rt_link {
    struct rt_part part; /* its name points into `name` only after rt_chain_parts */
    char name[RT_PART_NAME_BYTES];
};

struct rt_chain {
    struct rt_link *links; /* owned */
    size_t count, capacity;
};

void rt_chain_done(struct rt_chain *chain); /* a zeroed chain is fine */
void rt_chain_clear(struct rt_chain *chain);
enum rt_status rt_chain_add(struct rt_chain *chain, const struct rt_part *part);
enum rt_status rt_chain_copy(struct rt_chain *chain, const struct rt_chain *from);
/* Replaces links [begin, end) by one. */
enum rt_status rt_chain_replace(struct rt_chain *chain, size_t begin, size_t end,
                                const struct rt_part *part);
/* True if a part lies in the directory `name`. */
bool rt_chain_uses(const struct rt_chain *chain, const char *name);
uint64_t rt_chain_bytes(const struct rt_chain *chain, size_t from, size_t to);

/* ---- reading one ---- */

struct rt_chain_reader;

struct rt_chain_options {
    const char *directory;
    uint64_t job;
    uint32_t from, to; /* key groups */
    bool with_removed;
};

/* The entries of links [begin, end).  `why` lives as long; rt_entries' free ends it. */
enum rt_status rt_chain_entries(const struct rt_chain *chain, size_t begin, size_t end,
                                const struct rt_chain_options *options, struct rt_buffer *why,
                                struct rt_entries **out);

#endif
