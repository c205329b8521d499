/* SPDX-License-Identifier: Apache-2.0 */
/*
 * union.h - what a pattern with groups means, said by patterns without: with no_skip its matches are those of all ways to go
 * through its groups, written out one after the other.
 *
 *     begin a; followedBy ( begin b; next c ) 0..2; followedBy any ( begin d | begin e )
 *
 *         begin a; followedBy d                        begin a; followedBy e
 *         begin a; followedBy b; next c; followedBy d  ...
 */
#ifndef EGRET_TESTS_NFA_UNION_H
#define EGRET_TESTS_NFA_UNION_H

#include "tests/nfa/oracle.h"

/*
 * Changes what has no such meaning: sets, `until` and `greedy` beside groups, not-steps at the edge of groups, skip strategies; and
 * groups in which a run waits for another turn and passes over what the next step wants (as in Flink it
 * may go on with a later event then): a group with a range is `consecutive` unless it is the last.
 */
void union_tame(struct nfa_table *table);

/* The lines of the matches, sorted, each once.  False: there are too many ways. */
bool union_run(const struct nfa_table *table, struct rt_buffer *out);

/* Leaves the lines of matches, sorted, each once. */
void union_sort_matches(struct rt_buffer *text);

#endif
