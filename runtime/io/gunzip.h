/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gunzip.h - gzip, piece by piece; the port behind which zlib stands.
 *
 *     [member][member] ... [zero bytes]      one stream, as gzip itself reads it
 */
#ifndef EGRET_RUNTIME_IO_GUNZIP_H
#define EGRET_RUNTIME_IO_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/status.h"

struct rt_gunzip;

enum rt_status rt_gunzip_new(struct rt_gunzip **out);
void rt_gunzip_free(struct rt_gunzip *gunzip); /* NULL is fine */

/* What is left to read and to fill; rt_gunzip_run moves both on. */
struct rt_gunzip_io {
    const char *in;
    size_t in_size;
    char *out;
    size_t out_size;
};

/* Runs until one of the two is used up.  RT_ERR_DATA: not gzip, or damaged.  RT_ERR_NOMEM. */
enum rt_status rt_gunzip_run(struct rt_gunzip *gunzip, struct rt_gunzip_io *io);

/* Nothing is missing if the input ends here. */
bool rt_gunzip_complete(const struct rt_gunzip *gunzip);

#endif
