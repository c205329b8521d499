/* SPDX-License-Identifier: Apache-2.0 */
/* test_junit.h - results of rule tests as JUnit XML, which most CI systems read. */
#ifndef EGRET_CLI_TEST_JUNIT_H
#define EGRET_CLI_TEST_JUNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/text.h"

struct cli_junit_case {
    const char *rule, *name, *file;
    uint32_t line;
    uint64_t nanoseconds;
    bool passed;
    struct rt_text difference; /* of a failed one */
};

/* Appends one <testcase> element. */
void cli_junit_case(const struct cli_junit_case *test, struct rt_buffer *out);

/* The whole document around the cases.  False: the file cannot be written; errno says why. */
bool cli_junit_write(const char *path, struct rt_text cases, uint32_t tests, uint32_t failures);

#endif
