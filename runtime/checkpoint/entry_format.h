/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry_format.h - numbers of the entry file that its writer and its reader share; docs/checkpoint-format.md explains them.
 *
 *     head   magic | version | job | checkpoint | hash64 of the 32 bytes before
 *     block  hash64 of the rest | offset | kind + 256 * count | length of the payload | payload
 *     tail   offset of the footer | bytes of the file | hash64 of the 16 bytes before | magic
 *
 * All numbers are 8 bytes, little-endian.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_ENTRY_FORMAT_H
#define EGRET_RUNTIME_CHECKPOINT_ENTRY_FORMAT_H

#include <stdint.h>

#define RT_ENTRY_HEAD_MAGIC UINT64_C(0x31544e4554524745) /* "EGRTENT1" */
#define RT_ENTRY_TAIL_MAGIC UINT64_C(0x31444e4554524745) /* "EGRTEND1" */

enum {
    RT_ENTRY_VERSION = 1,
    RT_ENTRY_HEAD_BYTES = 40,
    RT_ENTRY_BLOCK_HEAD_BYTES = 32,
    RT_ENTRY_TAIL_BYTES = 32,
    RT_ENTRY_BLOCK_BYTES = 64 << 10, /* a block ends with the entry that reaches this */
};

enum rt_block_kind { RT_BLOCK_BLOB = 1, RT_BLOCK_ENTRIES = 2, RT_BLOCK_FOOTER = 3 };

#endif
