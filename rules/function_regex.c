/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_regex.c - matches, find, extract and replace.
 *
 * A constant pattern of matches() is compiled with its rule and does not come here; every other pattern goes through the
 * caches.
 */
#include <string.h>

#include "rules/function.h"
#include "rules/regex.h"

/* The pattern args[1] for the text args[0]; NULL and *why when there is none. */
static const struct expr_regex *take_pattern(struct expr_call *call, const struct rt_value *args,
                                             size_t count, struct rt_value *why)
{
    if (!expr_is_string(args[0]) || !expr_is_string(args[1])) {
        *why = expr_no_overload(args, count);
        return NULL;
    }
    return expr_regex_cached(call, rt_value_text(args[1]), why);
}

struct rt_value expr_fn_matches(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value why;
    const struct expr_regex *regex = take_pattern(call, args, count, &why);

    return regex == NULL ? why : expr_regex_test(call, regex, rt_value_text(args[0]));
}

/* All matches of a pattern in a text, one after another. */
struct walk {
    struct expr_call *call;
    const struct expr_regex *regex;
    struct rt_text text;
    size_t at;       /* where the next search begins */
    size_t last_end; /* of the match before; SIZE_MAX: none */
    size_t spans[2 * EXPR_REGEX_SPANS_MAX];
};

static struct walk walk_over(struct expr_call *call, const struct expr_regex *regex,
                             struct rt_value text)
{
    return (struct walk){
        .call = call, .regex = regex, .text = rt_value_text(text), .last_end = SIZE_MAX};
}

/* The next match, a bool, or an error.  An empty match where the last one ended is none. */
static struct rt_value next_match(struct walk *walk)
{
    while (walk->at <= walk->text.length) {
        struct rt_value found = expr_regex_search(walk->call, walk->regex, walk->text, walk->at,
                                                  walk->spans, EXPR_REGEX_SPANS_MAX);

        if (rt_is_error(found) || !found.u.boolean)
            return found;

        size_t begin = walk->spans[0], end = walk->spans[1];
        bool repeated = begin == end && begin == walk->last_end;

        walk->at = end;
        if (begin == end) {
            if (end < walk->text.length)
                rt_utf8_next(walk->text, &walk->at);
            else
                walk->at = end + 1;
        }
        if (repeated)
            continue;
        walk->last_end = end;
        return found;
    }
    return rt_bool(false);
}

static struct rt_value span_value(const struct walk *walk, size_t group)
{
    size_t begin = walk->spans[2 * group], end = walk->spans[2 * group + 1];

    return begin == SIZE_MAX ? rt_string("", 0)
                             : rt_string(walk->text.data + begin, (uint32_t)(end - begin));
}

/* ---- find ---- */

struct rt_value expr_fn_regex_find(struct expr_call *call, const struct rt_value *args,
                                   size_t count)
{
    struct rt_value why;
    const struct expr_regex *regex = take_pattern(call, args, count, &why);

    if (regex == NULL)
        return why;

    struct walk walk = walk_over(call, regex, args[0]);
    struct rt_value found = next_match(&walk);

    if (rt_is_error(found))
        return found;
    return found.u.boolean ? span_value(&walk, 0) : rt_string("", 0);
}

/* Up to `limit` matches, or of each the group, as a list: once to count, once to fill. */
static struct rt_value all_matches(struct expr_call *call, const struct expr_regex *regex,
                                   struct rt_value text, size_t group, uint64_t limit)
{
    struct rt_value *items = NULL;
    size_t size = 0;

    for (int pass = 0; pass < 2; pass++) {
        struct walk walk = walk_over(call, regex, text);
        size_t at = 0;

        while (at < limit) {
            struct rt_value found = next_match(&walk);

            if (rt_is_error(found))
                return found;
            if (!found.u.boolean)
                break;
            if (items != NULL)
                items[at] = span_value(&walk, group);
            at++;
        }
        size = at;
        if (pass == 0)
            items = expr_room(call, size, sizeof(*items));
        if (items == NULL)
            return expr_limit();
    }
    return (struct rt_value){.type = RT_LIST, .length = (uint32_t)size, .u.items = items};
}

static uint64_t limit_of(const struct rt_value *args, size_t count, size_t at)
{
    return count <= at || args[at].u.integer < 0 ? UINT64_MAX : (uint64_t)args[at].u.integer;
}

struct rt_value expr_fn_regex_find_all(struct expr_call *call, const struct rt_value *args,
                                       size_t count)
{
    struct rt_value why;
    const struct expr_regex *regex = take_pattern(call, args, count, &why);

    if (regex == NULL)
        return why;
    if (count == 3 && args[2].type != RT_INT)
        return expr_no_overload(args, count);
    return all_matches(call, regex, args[0], 0, limit_of(args, count, 2));
}

/* ---- extract ---- */

/* The pattern, whose only group, if it has one, is what is wanted of each match. */
static const struct expr_regex *take_pattern_of_one(struct expr_call *call,
                                                    const struct rt_value *args, size_t count,
                                                    struct rt_value *why)
{
    const struct expr_regex *regex = take_pattern(call, args, count, why);

    if (regex == NULL || expr_regex_groups(regex) <= 1)
        return regex;
    *why = expr_fail(RT_ERROR_ARGUMENT, "the pattern has more than one group");
    return NULL;
}

struct rt_value expr_fn_regex_extract(struct expr_call *call, const struct rt_value *args,
                                      size_t count)
{
    struct rt_value why;
    const struct expr_regex *regex = take_pattern_of_one(call, args, count, &why);

    if (regex == NULL)
        return why;

    struct walk walk = walk_over(call, regex, args[0]);
    struct rt_value found = next_match(&walk);
    uint32_t group = expr_regex_groups(regex);

    if (rt_is_error(found))
        return found;
    if (!found.u.boolean || walk.spans[2 * group] == SIZE_MAX)
        return expr_optional_none();
    return expr_optional_of(call, span_value(&walk, group));
}

struct rt_value expr_fn_regex_extract_all(struct expr_call *call, const struct rt_value *args,
                                          size_t count)
{
    struct rt_value why;
    const struct expr_regex *regex = take_pattern_of_one(call, args, count, &why);

    if (regex == NULL)
        return why;
    return all_matches(call, regex, args[0], expr_regex_groups(regex), UINT64_MAX);
}

/* ---- replace ---- */

/* The replacement for the match at hand.  False: it names a group that the pattern has not. */
static bool put_replacement(const struct walk *walk, struct rt_text with, struct rt_buffer *out)
{
    for (size_t i = 0; i < with.length; i++) {
        if (with.data[i] != '\\') {
            rt_buffer_char(out, with.data[i]);
            continue;
        }
        if (++i == with.length)
            return false;

        char c = with.data[i];

        if (c == '\\') {
            rt_buffer_char(out, c);
            continue;
        }
        if (c < '0' || c > '9' || (uint32_t)(c - '0') > expr_regex_groups(walk->regex))
            return false;
        rt_buffer_text(out, rt_value_text(span_value(walk, (size_t)(c - '0'))));
    }
    return true;
}

struct rt_value expr_fn_regex_replace(struct expr_call *call, const struct rt_value *args,
                                      size_t count)
{
    struct rt_value why;
    const struct expr_regex *regex = take_pattern(call, args, count, &why);

    if (regex == NULL)
        return why;
    if (!expr_is_string(args[2]) || (count == 4 && args[3].type != RT_INT))
        return expr_no_overload(args, count);

    struct walk walk = walk_over(call, regex, args[0]);
    struct rt_buffer *out = expr_buffer(call);
    size_t done = 0;

    for (uint64_t left = limit_of(args, count, 3); left > 0 && !out->failed; left--) {
        struct rt_value found = next_match(&walk);

        if (rt_is_error(found))
            return found;
        if (!found.u.boolean)
            break;
        rt_buffer_add(out, walk.text.data + done, walk.spans[0] - done);
        if (!put_replacement(&walk, rt_value_text(args[2]), out))
            return expr_fail(RT_ERROR_ARGUMENT, "the replacement names a group that is not there");
        done = walk.spans[1];
    }
    rt_buffer_add(out, walk.text.data + done, walk.text.length - done);
    return expr_buffer_string(call);
}
