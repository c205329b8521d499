/* SPDX-License-Identifier: Apache-2.0 */
/* target.h - what a fuzz target defines: one call with any bytes, which must return 0 and leave nothing behind. */
#ifndef EGRET_TESTS_FUZZ_TARGET_H
#define EGRET_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* The name is libFuzzer's. */
// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
