/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle.h - a slow matcher for patterns without groups, to compare the automaton with.
 *
 * It compiles nothing and shares nothing with nfa/ but the form of the pattern: a run is a place in the pattern and the
 * whole list of what it has taken, copied at every turn; what a run may do next is read from the steps each time.
 */
#ifndef EGRET_TESTS_NFA_ORACLE_H
#define EGRET_TESTS_NFA_ORACLE_H

#include "tests/support/nfa_table.h"

/* Appends what comes out, in the form of nfa_table.h. */
void oracle_run(const struct nfa_table *table, struct rt_buffer *out);

#endif
