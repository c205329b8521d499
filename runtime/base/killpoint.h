/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killpoint.h - named places at which a test build can die, and named mistakes that it can make.
 *
 *     EGRET_KILLPOINT=manifest_renamed:2     the process kills itself (SIGKILL) the second time that it gets there
 *     EGRET_KILLPOINT_LOG=FILE               the name of every point reached, once each, a line each: which points there are
 *     EGRET_MUTANT=no_fsync                  MUTANT("no_fsync") is true: the program does one thing wrong on purpose, and the
 *                                            tests show that they notice
 *
 * Only a build with EGRET_KILLPOINTS has any of this: elsewhere KILLPOINT is nothing and MUTANT is false.
 */
#ifndef EGRET_RUNTIME_BASE_KILLPOINT_H
#define EGRET_RUNTIME_BASE_KILLPOINT_H

#include <stdbool.h>

#ifdef EGRET_KILLPOINTS
void rt_killpoint(const char *name);
bool rt_mutant(const char *name);
#define KILLPOINT(name) rt_killpoint(name)
#define MUTANT(name) rt_mutant(name)
#else
#define KILLPOINT(name) ((void)0)
#define MUTANT(name) false
#endif

#endif
