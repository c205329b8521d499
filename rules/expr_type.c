/* SPDX-License-Identifier: Apache-2.0 */
/* Which types can meet.  "Anything" meets all; the run decides then. */
#include "rules/expr_checker.h"

const char *expr_type_phrase(struct expr_type type)
{
    static const char *const phrases[RT_TYPE_COUNT] = {
        [RT_ABSENT] = "anything",       [RT_NULL] = "null",
        [RT_BOOL] = "true or false",    [RT_INT] = "an int",
        [RT_UINT] = "a uint",           [RT_DOUBLE] = "a double",
        [RT_STRING] = "a string",       [RT_BYTES] = "bytes",
        [RT_LIST] = "a list",           [RT_MAP] = "a map",
        [RT_TIMESTAMP] = "a timestamp", [RT_DURATION] = "a duration",
        [RT_TYPE] = "a type",           [RT_OPTIONAL] = "an optional",
        [RT_EVENT] = "an event",        [RT_IP] = "an IP address",
        [RT_CIDR] = "a network",        [RT_ERROR] = "an error",
    };

    if (type.base == RT_LIST && type.item == RT_EVENT)
        return "a list of events";
    return phrases[type.base];
}

struct expr_type expr_value_type(struct rt_value value)
{
    struct expr_type type = expr_type_of((enum rt_type)value.type);

    if (value.type != RT_LIST || value.length == 0)
        return type;
    type.item = value.u.items[0].type;
    for (uint32_t i = 1; i < value.length; i++)
        type.item = value.u.items[i].type == type.item ? type.item : RT_ABSENT;
    return type;
}

static bool is_number(uint8_t type)
{
    return type == RT_INT || type == RT_UINT || type == RT_DOUBLE;
}

static bool is_ordered(uint8_t type)
{
    return is_number(type) || type == RT_STRING || type == RT_BYTES || type == RT_BOOL ||
           type == RT_TIMESTAMP || type == RT_DURATION || type == RT_ABSENT;
}

static bool is_mapping(uint8_t type)
{
    return type == RT_MAP || type == RT_EVENT;
}

static bool can_be_equal(uint8_t left, uint8_t right)
{
    return left == right || left == RT_ABSENT || right == RT_ABSENT || left == RT_NULL ||
           right == RT_NULL || (is_number(left) && is_number(right)) ||
           (is_mapping(left) && is_mapping(right));
}

static const struct expr_type no_type = {RT_ERROR, RT_ABSENT};
static const struct expr_type any_type = {RT_ABSENT, RT_ABSENT};

/* One side of an arithmetic operator is unknown: what the other side leaves possible. */
static struct expr_type half_known(enum expr_operator op, uint8_t known, bool known_left)
{
    switch (known) {
    case RT_INT:
    case RT_UINT:
        return op == EXPR_OP_REMAINDER ? expr_type_of((enum rt_type)known) : any_type;
    case RT_DOUBLE:
        return op == EXPR_OP_REMAINDER ? no_type : expr_type_of(RT_DOUBLE);
    case RT_STRING:
    case RT_BYTES:
    case RT_LIST:
        return op == EXPR_OP_ADD ? expr_type_of((enum rt_type)known) : no_type;
    case RT_TIMESTAMP:
        if (op == EXPR_OP_ADD)
            return expr_type_of(RT_TIMESTAMP);
        return op == EXPR_OP_SUBTRACT ? (known_left ? any_type : expr_type_of(RT_DURATION))
                                      : no_type;
    case RT_DURATION:
        return op == EXPR_OP_ADD || op == EXPR_OP_SUBTRACT ? any_type : no_type;
    case RT_ABSENT:
        return any_type;
    default:
        return no_type;
    }
}

static struct expr_type time_type(enum expr_operator op, uint8_t left, uint8_t right)
{
    if (left == RT_DURATION && right == RT_DURATION)
        return expr_type_of(RT_DURATION);
    if (left == RT_TIMESTAMP && right == RT_DURATION)
        return expr_type_of(RT_TIMESTAMP);
    if (op == EXPR_OP_ADD && left == RT_DURATION && right == RT_TIMESTAMP)
        return expr_type_of(RT_TIMESTAMP);
    if (op == EXPR_OP_SUBTRACT && left == RT_TIMESTAMP && right == RT_TIMESTAMP)
        return expr_type_of(RT_DURATION);
    return no_type;
}

static struct expr_type arithmetic_type(enum expr_operator op, struct expr_type left,
                                        struct expr_type right)
{
    if (left.base == RT_ABSENT)
        return half_known(op, right.base, false);
    if (right.base == RT_ABSENT)
        return half_known(op, left.base, true);
    if (is_number(left.base) && is_number(right.base)) {
        if (left.base == right.base)
            return op == EXPR_OP_REMAINDER && left.base == RT_DOUBLE ? no_type
                                                                     : expr_type_of(left.base);
        if (op == EXPR_OP_REMAINDER || (left.base != RT_DOUBLE && right.base != RT_DOUBLE))
            return no_type;
        return expr_type_of(RT_DOUBLE);
    }
    if (op == EXPR_OP_ADD && left.base == right.base &&
        (left.base == RT_STRING || left.base == RT_BYTES || left.base == RT_LIST))
        return left.item == right.item ? left : expr_type_of((enum rt_type)left.base);
    if (op == EXPR_OP_ADD || op == EXPR_OP_SUBTRACT)
        return time_type(op, left.base, right.base);
    return no_type;
}

struct expr_type expr_binary_type(enum expr_operator op, struct expr_type left,
                                  struct expr_type right)
{
    bool meets = false;

    switch (op) {
    case EXPR_OP_EQUAL:
    case EXPR_OP_NOT_EQUAL:
        meets = can_be_equal(left.base, right.base);
        break;
    case EXPR_OP_IN:
        meets = right.base == RT_ABSENT || right.base == RT_MAP ||
                (right.base == RT_LIST && can_be_equal(left.base, right.item));
        break;
    case EXPR_OP_LESS:
    case EXPR_OP_LESS_EQUAL:
    case EXPR_OP_GREATER:
    case EXPR_OP_GREATER_EQUAL:
        meets = is_ordered(left.base) && is_ordered(right.base) && left.base != RT_NULL &&
                can_be_equal(left.base, right.base);
        break;
    default:
        return arithmetic_type(op, left, right);
    }
    return meets ? expr_type_of(RT_BOOL) : no_type;
}

/* ---- overloads: "string,int->string|list->any" ---- */

static bool read_word(const char **at, char *out, size_t size)
{
    size_t length = 0;

    while (**at == ' ')
        ++*at;
    while ((**at >= 'a' && **at <= 'z') || **at == '_') {
        if (length + 1 < size)
            out[length++] = **at;
        ++*at;
    }
    out[length] = '\0';
    while (**at == ' ')
        ++*at;
    return length > 0;
}

static uint8_t type_of_word(const char *word)
{
    static const struct {
        const char *word;
        enum rt_type type;
    } words[] = {{"bool", RT_BOOL},         {"int", RT_INT},
                 {"uint", RT_UINT},         {"double", RT_DOUBLE},
                 {"string", RT_STRING},     {"bytes", RT_BYTES},
                 {"list", RT_LIST},         {"map", RT_MAP},
                 {"null", RT_NULL},         {"timestamp", RT_TIMESTAMP},
                 {"duration", RT_DURATION}, {"type", RT_TYPE},
                 {"optional", RT_OPTIONAL}, {"ip", RT_IP},
                 {"cidr", RT_CIDR}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i].word) == 0)
            return (uint8_t)words[i].type;
    }
    return RT_ABSENT;
}

static bool fits(uint8_t wanted, uint8_t given)
{
    return wanted == RT_ABSENT || given == RT_ABSENT || given == RT_ERROR || wanted == given ||
           (wanted == RT_MAP && given == RT_EVENT);
}

/* Reads one overload; true if the arguments fit it.  *result is its result type. */
static bool read_overload(const char **at, struct expr_node *const *args, size_t count,
                          uint8_t *result)
{
    char word[16];
    uint8_t wanted = RT_ABSENT;
    size_t index = 0;
    bool ok = true;

    while (read_word(at, word, sizeof(word))) {
        wanted = type_of_word(word);
        if (index < count)
            ok = ok && fits(wanted, args[index]->type.base);
        index++;
        if (**at != ',')
            break;
        ++*at;
    }
    if (**at == '.') { /* "int...->int": any number of the last one */
        while (**at == '.')
            ++*at;
        for (; index < count; index++)
            ok = ok && fits(wanted, args[index]->type.base);
    }
    if ((*at)[0] == '-' && (*at)[1] == '>')
        *at += 2;
    (void)read_word(at, word, sizeof(word));
    *result = type_of_word(word);
    return ok && index == count;
}

struct expr_type expr_overload_type(const char *types, struct expr_node *const *args, size_t count)
{
    struct expr_type type = no_type;
    const char *at = types;

    if (*types == '\0')
        return any_type;
    for (;;) {
        const char *before = at;
        uint8_t result;

        if (read_overload(&at, args, count, &result))
            type.base = type.base == RT_ERROR || type.base == result ? result : RT_ABSENT;
        while (*at != '\0' && *at != '|')
            at++;
        if (*at == '\0' || at == before)
            return type;
        at++;
    }
}
