/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.h - the bytes of one file, pipe or stdin, decompressed when its content says gzip; private to the file source.
 *
 *     descriptor --> staged (first bytes, or gzip's) --> [ gunzip ] --> caller's buffer
 *                \--------------------- plain -------------------------/
 *
 * N1  Reading never waits for bytes that are not there yet: RT_AGAIN says so, and rt_input_descriptor what to wait for.
 */
#ifndef EGRET_RUNTIME_IO_INPUT_H
#define EGRET_RUNTIME_IO_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

struct rt_input;

/* "-" is stdin, which is not closed.  RT_ERR_IO: errno says why.  RT_ERR_NOMEM. */
enum rt_status rt_input_open(const char *path, struct rt_input **out);
void rt_input_close(struct rt_input *input); /* NULL is fine */

/*
 * RT_OK: *got > 0 bytes.  RT_AGAIN: nothing there yet.  RT_END.  RT_ERR_IO, RT_ERR_NOMEM: rt_input_error says more.
 */
enum rt_status rt_input_read(struct rt_input *input, char *data, size_t size, size_t *got);

/*
 * Goes to a byte of the decompressed data, before anything was read.  `scratch` is for what has to be decompressed on the way.
 * RT_ERR_UNSUPPORTED: not a regular file.  RT_ERR_CORRUPT: the file is shorter.
 */
enum rt_status rt_input_seek(struct rt_input *input, uint64_t offset, char *scratch, size_t size);

/* Readable when there may be bytes; -1: a file, which cannot be waited for. */
int rt_input_descriptor(const struct rt_input *input);

/* What became of a file that is followed, of which `read` bytes were read. */
enum rt_input_change {
    RT_INPUT_SAME,
    RT_INPUT_CUT,     /* it is shorter than that */
    RT_INPUT_REPLACED /* another file has its name now */
};
enum rt_input_change rt_input_change(const struct rt_input *input, const char *path, uint64_t read);

/* A phrase about the last failure, never NULL. */
const char *rt_input_error(const struct rt_input *input);

#endif
