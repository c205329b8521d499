/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assert.h - what the programmer promised.
 *
 * RT_ASSERT stays on in release builds.  It guards what only a bug can break, never what a file, an
 * event or a snapshot can decide.  RT_ASSERT_SLOW is for checks that cost more than the code they
 * guard; it is on in debug builds only.
 */
#ifndef EGRET_RUNTIME_BASE_ASSERT_H
#define EGRET_RUNTIME_BASE_ASSERT_H

#if defined(__GNUC__)
#define RT_LIKELY(x) __builtin_expect(!!(x), 1)
#define RT_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define RT_NORETURN __attribute__((noreturn, cold))
#define RT_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define RT_PREFETCH(address) __builtin_prefetch(address)
#else
#define RT_LIKELY(x) (x)
#define RT_UNLIKELY(x) (x)
#define RT_NORETURN
#define RT_PRINTF(format_at, args_at)
#define RT_PREFETCH(address) ((void)(address))
#endif

/* Writes one line to stderr and aborts. */
RT_NORETURN void rt_assert_failed(const char *file, int line, const char *expression);

#define RT_ASSERT(expression)                                                                      \
    (RT_LIKELY(expression) ? (void)0 : rt_assert_failed(__FILE__, __LINE__, #expression))

/* A branch that no input can reach. */
#define RT_UNREACHABLE() rt_assert_failed(__FILE__, __LINE__, "unreachable")

#ifdef EGRET_SLOW_ASSERTS
#define RT_ASSERT_SLOW(expression) RT_ASSERT(expression)
#else
#define RT_ASSERT_SLOW(expression) ((void)0)
#endif

#endif
