/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_files.h - from paths on the command line to rule files in memory.
 *
 *     rules/            every *.yaml and *.yml below it, but not egret.yaml and nothing hidden
 *     rules/a.yaml      the file itself
 *     -                 stdin
 *
 * What ends in _test.yaml (or .yml) holds tests of rules that stand elsewhere and is kept apart.  Files are in order of
 * their path, each once.
 */
#ifndef EGRET_CLI_RULE_FILES_H
#define EGRET_CLI_RULE_FILES_H

#include "rules/plan.h"
#include "runtime/base/arena.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

enum { CLI_RULE_FILE_BYTES_MAX = 16 << 20, CLI_RULE_FOLDER_DEPTH_MAX = 32 };

struct cli_rule_files {
    struct rt_arena arena;           /* everything here lives in it */
    const struct rule_source *rules; /* borrowed names and texts */
    size_t rule_count;
    const struct rule_source *tests;
    size_t test_count;
};

/*
 * RT_ERR_IO: a path cannot be read, or there is no rule file in it; *message says which and why.  Call
 * cli_rule_files_done in either case.
 */
enum rt_status cli_rule_files_read(struct cli_rule_files *files, const char *const *paths,
                                   size_t count, struct rt_buffer *message);
void cli_rule_files_done(struct cli_rule_files *files); /* a zeroed one is fine */

#endif
