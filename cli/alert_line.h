/* SPDX-License-Identifier: Apache-2.0 */
/* alert_line.h - an alert as one line for people: `2026-03-02 09:20:41  HIGH      login-brute-force  tess got in ...` */
#ifndef EGRET_CLI_ALERT_LINE_H
#define EGRET_CLI_ALERT_LINE_H

#include <stdbool.h>

#include "runtime/base/text.h"
#include "runtime/operator.h"

/* Appends the line without its end.  What an event brought cannot steer the terminal: control characters are shown, not sent. */
void cli_alert_line(const struct rt_output *output, bool color, struct rt_buffer *out);

/* Appends text with control characters as \n, \t, \u{1b}. */
void cli_visible_text(struct rt_text text, struct rt_buffer *out);

#endif
