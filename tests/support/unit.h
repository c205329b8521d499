/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h - cmocka with the headers it wants before it, and what every unit test needs. */
#ifndef EGRET_TESTS_SUPPORT_UNIT_H
#define EGRET_TESTS_SUPPORT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
