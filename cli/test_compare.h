/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_compare.h - what a test expected against what came, and the difference as text.
 *
 *           alert 1 of 1, at 10m
 *             message
 *           -   card k7: 3 probes
 *           +   card k7: 4 probes
 *           what matched:
 *                    0s  probe       amount 0.5  merchant kiosk
 */
#ifndef EGRET_CLI_TEST_COMPARE_H
#define EGRET_CLI_TEST_COMPARE_H

#include "cli/test_run.h"

struct cli_test_compare; /* what comparing needs; one for all tests */
enum rt_status cli_test_compare_new(struct cli_test_compare **out);
void cli_test_compare_free(struct cli_test_compare *compare); /* NULL is fine */

/* RT_OK and *same; when they differ the difference is appended to `out`.  RT_ERR_NOMEM. */
enum rt_status cli_test_compare(struct cli_test_compare *compare, const struct rule_test *test,
                                const struct cli_test_result *result, bool color,
                                struct rt_buffer *out, bool *same);

#endif
