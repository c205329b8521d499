/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h - how a call ended.
 *
 * Three kinds of wrong, three mechanisms:
 *
 *   the programmer          RT_ASSERT (assert.h)      a bug; the process stops
 *   the user's text, data   diagnostics (diag.h)      RT_ERR_DIAG, or a counted reject
 *   the world               enum rt_status            memory, disk, limits
 *
 * An output parameter is written only when the function returns RT_OK.
 */
#ifndef EGRET_RUNTIME_BASE_STATUS_H
#define EGRET_RUNTIME_BASE_STATUS_H

enum rt_status {
#define STATUS(name, value, text) RT_##name = (value),
#include "runtime/base/status.def"
#undef STATUS
};

/* A short phrase for people, in lower case without a full stop.  Never NULL. */
const char *rt_status_text(enum rt_status status);

#endif
