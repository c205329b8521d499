/* SPDX-License-Identifier: Apache-2.0 */
/* regex.c - patterns by PCRE2: the only file that knows it. */
#include "rules/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "rules/caches.h"
#include "rules/regex_scan.h"
#include "rules/value_support.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/map.h"

enum {
    CACHED_MAX = 256,
    STEPS_MAX = 100 * 1000 * 1000, /* of a whole match: half a second at the very worst */
    JIT_STACK_FIRST = 32 * 1024,
    JIT_STACK_MAX = 1024 * 1024,
    HEAP_KIB_MAX = 8192 /* for the interpreter, where there is no JIT */
};

struct expr_regex {
    enum expr_regex_kind kind;
    bool nests_repeats;
    uint32_t groups;
    char *literal; /* owned */
    size_t literal_length;
    pcre2_code *code; /* owned; always there, for the searches of plain kinds too */
};

struct cached {
    char *pattern;            /* owned; the map's key */
    struct expr_regex *regex; /* owned; NULL: the pattern is refused */
};

struct expr_regexes {
    pcre2_general_context *general;
    pcre2_match_context *context;
    pcre2_match_data *match;
    pcre2_jit_stack *stack;
    struct rt_map by_pattern; /* pattern -> index */
    struct cached cached[CACHED_MAX];
    size_t count;
};

static void *take_memory(PCRE2_SIZE bytes, void *context)
{
    (void)context;
    return rt_alloc(bytes);
}

static void give_memory(void *block, void *context)
{
    (void)context;
    rt_free(block);
}

/* ---- compiling ---- */

static enum rt_status compile_code(const struct regex_scan *scan, struct expr_regex_fault *fault,
                                   pcre2_code **out)
{
    static const uint32_t options = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY |
                                    PCRE2_NEVER_BACKSLASH_C | PCRE2_ALT_CIRCUMFLEX;
    pcre2_general_context *general = pcre2_general_context_create(take_memory, give_memory, NULL);
    pcre2_compile_context *context = general == NULL ? NULL : pcre2_compile_context_create(general);
    pcre2_code *code = NULL;
    PCRE2_SIZE offset = 0;
    int error = PCRE2_ERROR_NOMEMORY;

    if (context != NULL) {
        const char *pattern = scan->pattern.length == 0 ? "" : scan->pattern.data;

        pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        code = pcre2_compile((PCRE2_SPTR)pattern, scan->pattern.length, options, &error, &offset,
                             context);
    }
    pcre2_compile_context_free(context);
    pcre2_general_context_free(general);
    if (code == NULL) {
        /* Code 121 is a failed allocation; it has no name in the header. */
        enum { ERROR_HEAP_FAILED = 121 };

        if (error == PCRE2_ERROR_NOMEMORY || error == ERROR_HEAP_FAILED)
            return RT_ERR_NOMEM;
        pcre2_get_error_message(error, (PCRE2_UCHAR *)fault->message, sizeof(fault->message));
        return RT_ERR_DIAG;
    }
    /* Without JIT, on a machine that has none, the interpreter does the same more slowly. */
    if (pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == PCRE2_ERROR_NOMEMORY) {
        pcre2_code_free(code);
        return RT_ERR_NOMEM;
    }
    *out = code;
    return RT_OK;
}

static enum rt_status build(const struct regex_scan *scan, struct expr_regex_fault *fault,
                            struct expr_regex **out)
{
    struct expr_regex *regex = rt_alloc_zeroed(1, sizeof(*regex));
    enum rt_status status = RT_ERR_NOMEM;

    if (regex == NULL)
        return status;
    regex->kind = scan->kind;
    regex->nests_repeats = scan->nests_repeats;
    regex->literal_length = scan->literal.length;
    regex->literal =
        rt_alloc_text(scan->literal.length == 0 ? "" : scan->literal.data, scan->literal.length);
    if (regex->literal != NULL)
        status = compile_code(scan, fault, &regex->code);
    if (status != RT_OK) {
        expr_regex_free(regex);
        return status;
    }
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &regex->groups);
    *out = regex;
    return RT_OK;
}

enum rt_status expr_regex_new(struct rt_text pattern, struct expr_regex_fault *fault,
                              struct expr_regex **out)
{
    struct regex_scan scan;
    enum rt_status status = regex_scan(pattern, &scan, fault);

    if (status == RT_OK)
        status = build(&scan, fault, out);
    regex_scan_done(&scan);
    return status;
}

void expr_regex_free(struct expr_regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_code_free(regex->code);
    rt_free(regex->literal);
    rt_free(regex);
}

enum expr_regex_kind expr_regex_kind(const struct expr_regex *regex, struct rt_text *literal)
{
    *literal = (struct rt_text){regex->literal, regex->literal_length};
    return regex->kind;
}

bool expr_regex_nests_repeats(const struct expr_regex *regex)
{
    return regex->nests_repeats;
}

uint32_t expr_regex_groups(const struct expr_regex *regex)
{
    return regex->groups;
}

/* ---- matching ---- */

/*
 * PCRE2 counts steps from each start of a match anew, so a long text multiplies the limit: there it gets smaller.
 * Up to 10,000 bytes it is the full one.
 */
static uint32_t limit_for(size_t length)
{
    return length <= STEPS_MAX / EXPR_REGEX_MATCH_LIMIT ? EXPR_REGEX_MATCH_LIMIT
                                                        : (uint32_t)(STEPS_MAX / length);
}

/* True or false for a match or none, or the error that a limit is. */
static struct rt_value run(struct expr_regexes *regexes, const struct expr_regex *regex,
                           struct rt_text subject, size_t from)
{
    const char *text = subject.data == NULL ? "" : subject.data;

    pcre2_set_match_limit(regexes->context, limit_for(subject.length));

    int result = pcre2_match(regex->code, (PCRE2_SPTR)text, subject.length, from,
                             PCRE2_NO_UTF_CHECK, regexes->match, regexes->context);

    if (result >= 0)
        return rt_bool(true);
    if (result == PCRE2_ERROR_NOMATCH)
        return rt_bool(false);
    return expr_fail(RT_ERROR_LIMIT, "the pattern takes too many steps on this text");
}

struct rt_value expr_regex_test(struct expr_call *call, const struct expr_regex *regex,
                                struct rt_text subject)
{
    struct rt_text literal = {regex->literal, regex->literal_length};

    if (!expr_spend(call, 1 + subject.length / EXPR_BYTES_PER_WORK))
        return expr_limit();
    switch (regex->kind) {
    case EXPR_REGEX_CONTAINS:
        return rt_bool(expr_text_find(subject, literal, 0) != SIZE_MAX);
    case EXPR_REGEX_PREFIX:
        return rt_bool(rt_text_starts_with(subject, literal));
    case EXPR_REGEX_SUFFIX:
        return rt_bool(rt_text_ends_with(subject, literal));
    case EXPR_REGEX_EQUALS:
        return rt_bool(rt_text_equal(subject, literal));
    default:
        return run(call->caches->regexes, regex, subject, 0);
    }
}

struct rt_value expr_regex_search(struct expr_call *call, const struct expr_regex *regex,
                                  struct rt_text subject, size_t from, size_t *spans, size_t groups)
{
    RT_ASSERT(groups >= 1 && groups <= EXPR_REGEX_SPANS_MAX && from <= subject.length);
    if (!expr_spend(call, 1 + (subject.length - from) / EXPR_BYTES_PER_WORK))
        return expr_limit();

    struct rt_value found = run(call->caches->regexes, regex, subject, from);

    if (rt_is_error(found) || !found.u.boolean)
        return found;

    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(call->caches->regexes->match);

    for (size_t i = 0; i < groups; i++) {
        bool set = i <= regex->groups && ends[2 * i] != PCRE2_UNSET;

        spans[2 * i] = set ? ends[2 * i] : SIZE_MAX;
        spans[2 * i + 1] = set ? ends[2 * i + 1] : SIZE_MAX;
    }
    return found;
}

/* ---- patterns that are data ---- */

static void forget_all(struct expr_regexes *regexes)
{
    for (size_t i = 0; i < regexes->count; i++) {
        rt_free(regexes->cached[i].pattern);
        expr_regex_free(regexes->cached[i].regex);
    }
    regexes->count = 0;
    rt_map_done(&regexes->by_pattern);
    regexes->by_pattern = (struct rt_map){0};
}

static struct rt_value bad_pattern(void)
{
    return expr_fail(RT_ERROR_PATTERN, "not a regular expression");
}

const struct expr_regex *expr_regex_cached(struct expr_call *call, struct rt_text pattern,
                                           struct rt_value *why)
{
    struct expr_regexes *regexes = call->caches->regexes;
    struct expr_regex_fault fault;
    struct cached fresh = {0};
    uint64_t index;

    *why = bad_pattern();
    if (rt_map_get(&regexes->by_pattern, pattern, &index))
        return regexes->cached[index].regex;
    if (pattern.length > REGEX_PATTERN_BYTES_MAX)
        return NULL;
    if (regexes->count == CACHED_MAX)
        forget_all(regexes);
    fresh.pattern = rt_alloc_text(pattern.data, pattern.length);

    enum rt_status status =
        fresh.pattern == NULL ? RT_ERR_NOMEM : expr_regex_new(pattern, &fault, &fresh.regex);

    if (status == RT_OK || status == RT_ERR_DIAG) /* a refused pattern is remembered too */
        status = rt_map_set(&regexes->by_pattern, (struct rt_text){fresh.pattern, pattern.length},
                            regexes->count);
    if (status != RT_OK) {
        rt_free(fresh.pattern);
        expr_regex_free(fresh.regex);
        *why = expr_limit();
        return NULL;
    }
    regexes->cached[regexes->count++] = fresh;
    return fresh.regex;
}

/* ---- the caches' part ---- */

enum rt_status expr_regexes_new(struct expr_regexes **out)
{
    struct expr_regexes *regexes = rt_alloc_zeroed(1, sizeof(*regexes));

    if (regexes == NULL)
        return RT_ERR_NOMEM;
    regexes->general = pcre2_general_context_create(take_memory, give_memory, NULL);
    if (regexes->general == NULL)
        goto fail;
    regexes->context = pcre2_match_context_create(regexes->general);
    regexes->match = pcre2_match_data_create(EXPR_REGEX_SPANS_MAX, regexes->general);
    regexes->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, regexes->general);
    if (regexes->context == NULL || regexes->match == NULL || regexes->stack == NULL)
        goto fail;
    pcre2_set_heap_limit(regexes->context, HEAP_KIB_MAX);
    pcre2_jit_stack_assign(regexes->context, NULL, regexes->stack);
    *out = regexes;
    return RT_OK;

fail:
    expr_regexes_free(regexes);
    return RT_ERR_NOMEM;
}

void expr_regexes_free(struct expr_regexes *regexes)
{
    if (regexes == NULL)
        return;
    forget_all(regexes);
    pcre2_jit_stack_free(regexes->stack);
    pcre2_match_data_free(regexes->match);
    pcre2_match_context_free(regexes->context);
    pcre2_general_context_free(regexes->general);
    rt_free(regexes);
}
