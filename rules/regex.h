/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex.h - regular expressions: RE2's language, matched by PCRE2, or by plain comparison where that is enough.
 *
 *     pattern --scan--> refused with the construct's name
 *                 |---> ^lit  lit$  ^lit$  lit      prefix, suffix, equality, contains
 *                 '---> the same meaning in PCRE2's terms --> compiled, JIT
 *
 * R1  What RE2 does not have (look-around, backreferences, possessive and atomic groups, recursion ...) is refused,
 *     and what both write alike but read differently is translated.
 * R2  A match that takes more than EXPR_REGEX_MATCH_LIMIT steps from one start ends in RT_ERROR_LIMIT, so no
 *     pattern is catastrophic.  In texts above 10,000 bytes the limit shrinks with the length.
 * R3  A compiled pattern is immutable and shared by threads; the memory for matching is the call's caches'.
 * R4  Subjects are valid UTF-8 (value.h V3) and are not checked again.
 */
#ifndef EGRET_RULES_REGEX_H
#define EGRET_RULES_REGEX_H

#include "rules/value_ops.h"

enum { EXPR_REGEX_MATCH_LIMIT = 10000 };

struct expr_regex;

/* What is wrong with a pattern: bytes [begin, end) of it, and a phrase such as "look-ahead `(?=` is not supported". */
struct expr_regex_fault {
    size_t begin, end;
    char message[160];
};

/* RT_ERR_DIAG and *fault: not a pattern of the language.  RT_ERR_NOMEM. */
enum rt_status expr_regex_new(struct rt_text pattern, struct expr_regex_fault *fault,
                              struct expr_regex **out);
void expr_regex_free(struct expr_regex *regex); /* NULL is fine */

/* What the pattern comes down to.  EXPR_REGEX_GENERAL: no plain comparison does it. */
enum expr_regex_kind {
    EXPR_REGEX_GENERAL,
    EXPR_REGEX_CONTAINS,
    EXPR_REGEX_PREFIX,
    EXPR_REGEX_SUFFIX,
    EXPR_REGEX_EQUALS
};
/* *literal, borrowed, is what to compare with, for all but the general kind. */
enum expr_regex_kind expr_regex_kind(const struct expr_regex *regex, struct rt_text *literal);

/* An unbounded repetition of something that holds one, `(a+)*`: worth a warning. */
bool expr_regex_nests_repeats(const struct expr_regex *regex);

/* Groups that capture. */
uint32_t expr_regex_groups(const struct expr_regex *regex);

/* Whether the pattern matches anywhere: a bool or an error. */
struct rt_value expr_regex_test(struct expr_call *call, const struct expr_regex *regex,
                                struct rt_text subject);

/*
 * The first match at or after byte `from`.  spans[2 * i], spans[2 * i + 1]: where group i begins and ends, SIZE_MAX if it
 * took no part; group 0 is the match; `groups` at most EXPR_REGEX_SPANS_MAX.  A bool or an error.
 */
enum { EXPR_REGEX_SPANS_MAX = 10 };
struct rt_value expr_regex_search(struct expr_call *call, const struct expr_regex *regex,
                                  struct rt_text subject, size_t from, size_t *spans,
                                  size_t groups);

/* The pattern, compiled, from the call's caches: for patterns that are not constant.  NULL and an error in *why. */
const struct expr_regex *expr_regex_cached(struct expr_call *call, struct rt_text pattern,
                                           struct rt_value *why);

/* ---- the caches' part ---- */

struct expr_regexes;
enum rt_status expr_regexes_new(struct expr_regexes **out);
void expr_regexes_free(struct expr_regexes *regexes); /* NULL is fine */

#endif
