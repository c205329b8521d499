/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex_scan.h - reads a pattern as RE2 does, refuses what RE2 refuses, and writes it as PCRE2 must see it.
 */
#ifndef EGRET_RULES_REGEX_SCAN_H
#define EGRET_RULES_REGEX_SCAN_H

#include "rules/regex.h"

enum { REGEX_PATTERN_BYTES_MAX = 1 << 15, REGEX_DEPTH_MAX = 100, REGEX_REPEAT_MAX = 1000 };

struct regex_scan {
    struct rt_buffer pattern; /* owned; for PCRE2 */
    struct rt_buffer literal; /* owned; what to compare with */
    enum expr_regex_kind kind;
    bool nests_repeats;
};

/* RT_ERR_DIAG and *fault, RT_ERR_NOMEM, or RT_OK; in every case the scan is to be done with regex_scan_done. */
enum rt_status regex_scan(struct rt_text pattern, struct regex_scan *out,
                          struct expr_regex_fault *fault);
void regex_scan_done(struct regex_scan *scan);

#endif
