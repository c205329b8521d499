/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killpoint.h - named places at which a test build can die, and named mistakes that it can make.
 *
 *     EGRET_KILLPOINT=manifest_renamed:2     the process kills itself (SIGKILL) the second time that it gets there
 *     EGRET_KILLPOINT_LOG=FILE               the name of every point reached, once each, a line each: which points there are
 *     EGRET_MUTANT=no_fsync                  MUTANT("no_fsync") is true: the program does one thing wrong on purpose, and the
 *                                            tests show that they notice
 *     EGRET_TUNED=merge_after:3,...          TUNED("merge_after", 32) is 3: what needs a large state happens with a small one
 *
 * Only a build with EGRET_KILLPOINTS has any of this: elsewhere KILLPOINT is nothing, MUTANT is false, TUNED is
 * the number given.
 */
#ifndef EGRET_RUNTIME_BASE_KILLPOINT_H
#define EGRET_RUNTIME_BASE_KILLPOINT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef EGRET_KILLPOINTS
void rt_killpoint(const char *name);
bool rt_mutant(const char *name);
uint64_t rt_tuned(const char *name, uint64_t standard);
#define KILLPOINT(name) rt_killpoint(name)
#define MUTANT(name) rt_mutant(name)
#define TUNED(name, standard) rt_tuned(name, standard)
#else
#define KILLPOINT(name) ((void)0)
#define MUTANT(name) false
#define TUNED(name, standard) (standard)
#endif

#endif
