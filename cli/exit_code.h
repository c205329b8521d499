/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_code.h - what the program answers to the shell.  Interactive commands use 0, 1, 2, so that a script can tell
 * "your rules are wrong" from "the call was wrong"; `run` follows sysexits, so that a service manager can decide by name.
 */
#ifndef EGRET_CLI_EXIT_CODE_H
#define EGRET_CLI_EXIT_CODE_H

#include "runtime/base/status.h"

enum cli_exit {
    CLI_OK = 0,           /* done */
    CLI_FINDINGS = 1,     /* it worked and the answer is no: errors found, test failed */
    CLI_USAGE = 2,        /* wrong flag, no such file, no such rule */
    CLI_DATA = 65,        /* input cannot be decoded and the policy is stop */
    CLI_UNAVAILABLE = 69, /* source or sink not reachable */
    CLI_SOFTWARE = 70,    /* our bug */
    CLI_IO = 74,        /* disk full, checksum error; a limit, and state.limits.on_limit is stop */
    CLI_TEMPORARY = 75, /* a retry may help: locked by another instance */
    CLI_FENCED =
        76, /* Kafka refuses our transactions: a second instance, or one that took too long */
    CLI_CONFIG = 78 /* run: configuration or rules are invalid, a restart will not help */
};

/* How `run` ends for a status that stopped it. */
enum cli_exit cli_exit_of(enum rt_status status);

#endif
