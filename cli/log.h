/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - what the program says on stderr beside its results.
 *
 *     complain (error), warn, note (info) --level--> text   egret: checkpoint 12 is whole
 *                                                    json   {"ts":"...","level":"error","message":"checkpoint 12 is whole"}
 *
 * L1  A line in JSON is one object, whatever the message holds; a finding in a file brings code, file, line and column.
 * L2  `egret run` follows its configuration as soon as that is read.  Until then, and in all other commands, everything is said,
 *     as text.
 */
#ifndef EGRET_CLI_LOG_H
#define EGRET_CLI_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/terminal.h"
#include "runtime/base/diag.h"

enum cli_log_level { CLI_LOG_ERROR, CLI_LOG_WARN, CLI_LOG_INFO };

struct cli_log {
    enum cli_log_level level; /* what is beyond it is not said */
    bool is_json;
    bool follows; /* the configuration decides about it as soon as it is read */
};

struct cli_call;

/* "egret: MESSAGE" as one line on stderr. */
void cli_complain(const struct cli_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What works, but not as one might think. */
void cli_warn(const struct cli_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What is no complaint: counts, progress. */
void cli_note(const struct cli_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One value of a note; text NULL: the number, with so many decimals behind the point. */
struct cli_log_field {
    const char *name;
    const char *text;
    uint64_t number; /* 48 with one decimal is 4.8 */
    unsigned decimals;
};
/* A note with values: `egret: MESSAGE name=value name=value`, or each a key of the object. */
void cli_note_fields(const struct cli_call *call, const char *message,
                     const struct cli_log_field *fields, size_t count);

/* Findings, as far as the level goes: as text, or a line in JSON each. */
void cli_print_diags(const struct cli_call *call, struct rt_diags *diags);

/* With --format json one array of what is in the lists, some of which may be NULL. */
void cli_print_json_diags(struct rt_diags *const *lists, size_t count, FILE *out);

#endif
