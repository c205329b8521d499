/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree as text that parses to the same tree: operators with single blanks, only the parentheses that are needed,
 * fields as event.x.  Equal trees print equally, so the text is also what the fingerprint is made of.
 */
#include "rules/expr_tree.h"
#include "runtime/base/assert.h"

enum { /* how tight a node binds */
       LEVEL_CONDITIONAL,
       LEVEL_OR,
       LEVEL_AND,
       LEVEL_RELATION,
       LEVEL_SUM,
       LEVEL_PRODUCT,
       LEVEL_UNARY,
       LEVEL_MEMBER
};

static void print_node(const struct expr_node *node, struct rt_buffer *out, unsigned level);

/* ---- values ---- */

static void print_quoted(struct rt_text text, struct rt_buffer *out)
{
    rt_buffer_char(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == '"' || c == '\\')
            rt_buffer_printf(out, "\\%c", c);
        else if (c == '\n')
            rt_buffer_string(out, "\\n");
        else if (c < 0x20 || c == 0x7F)
            rt_buffer_printf(out, "\\x%02x", c);
        else
            rt_buffer_char(out, (char)c);
    }
    rt_buffer_char(out, '"');
}

static void print_bytes(struct rt_value value, struct rt_buffer *out)
{
    rt_buffer_string(out, "b\"");
    for (uint32_t i = 0; i < value.length; i++)
        rt_buffer_printf(out, "\\x%02x", value.u.bytes[i]);
    rt_buffer_char(out, '"');
}

static void print_double(double value, struct rt_buffer *out)
{
    char text[RT_DOUBLE_TEXT_MAX];

    rt_double_text(value, text);
    if (strpbrk(text, "NI") != NULL) { /* NaN, Infinity */
        rt_buffer_printf(out, "double(\"%s\")", text);
        return;
    }
    rt_buffer_string(out, text);
    if (strpbrk(text, ".e") == NULL)
        rt_buffer_string(out, ".0");
}

/* The type of an example: a type's name is read as one only beside a call of type(), elsewhere it is a field. */
static void print_type(enum rt_type type, struct rt_buffer *out)
{
    static const char *const examples[RT_TYPE_COUNT] = {
        [RT_NULL] = "null",
        [RT_BOOL] = "true",
        [RT_INT] = "0",
        [RT_UINT] = "0u",
        [RT_DOUBLE] = "0.0",
        [RT_STRING] = "\"\"",
        [RT_BYTES] = "b\"\"",
        [RT_LIST] = "[]",
        [RT_MAP] = "{}",
        [RT_TIMESTAMP] = "timestamp(0)",
        [RT_DURATION] = "duration(\"0s\")",
        [RT_TYPE] = "type(0)",
        [RT_OPTIONAL] = "optional.none()",
        [RT_IP] = "ip(\"::\")",
        [RT_CIDR] = "cidr(\"::/0\")",
    };

    RT_ASSERT(examples[type] != NULL);
    rt_buffer_printf(out, "type(%s)", examples[type]);
}

/* timestamp("..."), duration("..."), ip("...") */
static void print_converted(const char *function, struct rt_value value, struct rt_buffer *out)
{
    rt_buffer_printf(out, "%s(\"", function);
    (void)expr_value_text(value, out);
    rt_buffer_string(out, "\")");
}

static void print_value(struct rt_value value, struct rt_buffer *out);

// NOLINTNEXTLINE(misc-no-recursion): constants are as deep as the expression that wrote them, or a file's tree
static void print_container(struct rt_value value, struct rt_buffer *out)
{
    rt_buffer_char(out, value.type == RT_LIST ? '[' : '{');
    for (uint32_t i = 0; i < value.length; i++) {
        if (i > 0)
            rt_buffer_string(out, ", ");
        if (value.type == RT_LIST) {
            print_value(value.u.items[i], out);
        } else {
            print_value(value.u.entries[i].key, out);
            rt_buffer_string(out, ": ");
            print_value(value.u.entries[i].value, out);
        }
    }
    rt_buffer_char(out, value.type == RT_LIST ? ']' : '}');
}

// NOLINTNEXTLINE(misc-no-recursion): as print_container
static void print_value(struct rt_value value, struct rt_buffer *out)
{
    switch ((enum rt_type)value.type) {
    case RT_NULL:
        rt_buffer_string(out, "null");
        break;
    case RT_BOOL:
        rt_buffer_string(out, value.u.boolean ? "true" : "false");
        break;
    case RT_INT:
        rt_buffer_int(out, value.u.integer);
        break;
    case RT_UINT:
        rt_buffer_uint(out, value.u.natural);
        rt_buffer_char(out, 'u');
        break;
    case RT_DOUBLE:
        print_double(value.u.real, out);
        break;
    case RT_STRING:
        print_quoted(rt_value_text(value), out);
        break;
    case RT_BYTES:
        print_bytes(value, out);
        break;
    case RT_LIST:
    case RT_MAP:
        print_container(value, out);
        break;
    case RT_TYPE:
        print_type((enum rt_type)value.u.integer, out);
        break;
    case RT_TIMESTAMP:
        print_converted("timestamp", value, out);
        break;
    case RT_DURATION:
        print_converted("duration", value, out);
        break;
    case RT_IP:
        print_converted("ip", value, out);
        break;
    case RT_CIDR:
        print_converted("cidr", value, out);
        break;
    case RT_OPTIONAL:
        rt_buffer_string(out, value.u.items == NULL ? "optional.none(" : "optional.of(");
        if (value.u.items != NULL)
            print_value(*value.u.items, out);
        rt_buffer_char(out, ')');
        break;
    case RT_ABSENT:
    case RT_EVENT:
    case RT_ERROR:
    case RT_TYPE_COUNT: /* no constant is one of these */
        rt_buffer_printf(out, "error(\"%s\")", rt_value_error_name((enum rt_value_error)value.aux));
        break;
    }
}

/* ---- names ---- */

static bool is_identifier(struct rt_text name)
{
    if (name.length == 0 || (name.data[0] >= '0' && name.data[0] <= '9'))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];

        if (c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z'))
            return false;
    }
    return true;
}

/* .name or ["odd name"] */
static void print_selection(struct rt_text name, bool optional, struct rt_buffer *out)
{
    bool plain = is_identifier(name) && !rt_text_is(name, "true") && !rt_text_is(name, "false") &&
                 !rt_text_is(name, "null") && !rt_text_is(name, "in");

    if (plain) {
        rt_buffer_string(out, optional ? ".?" : ".");
        rt_buffer_text(out, name);
        return;
    }
    rt_buffer_string(out, optional ? "[?" : "[");
    print_quoted(name, out);
    rt_buffer_char(out, ']');
}

static void print_path(const struct expr_node *node, struct rt_buffer *out)
{
    for (uint32_t i = 0; i < node->path_length; i++)
        print_selection(node->path[i], (node->flags & EXPR_FLAG_OPTIONAL) != 0, out);
}

/* ---- nodes ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void print_many(const struct expr_node *node, uint32_t first, const char *separator,
                       unsigned level, struct rt_buffer *out)
{
    for (uint32_t i = first; i < node->child_count; i++) {
        if (i > first)
            rt_buffer_string(out, separator);
        print_node(node->children[i], out, level);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void print_entries(const struct expr_node *node, struct rt_buffer *out)
{
    bool map = node->kind == EXPR_MAP;

    rt_buffer_char(out, map ? '{' : '[');
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (i > 0)
            rt_buffer_string(out, map && i % 2 == 1 ? ": " : ", ");
        if ((node->children[i]->flags & EXPR_FLAG_OPTIONAL_ENTRY) != 0)
            rt_buffer_char(out, '?');
        print_node(node->children[i], out, LEVEL_CONDITIONAL);
    }
    rt_buffer_char(out, map ? '}' : ']');
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void print_call(const struct expr_node *node, struct rt_buffer *out)
{
    bool member = (node->flags & EXPR_FLAG_MEMBER) != 0;

    if (member) {
        print_node(node->children[0], out, LEVEL_MEMBER);
        rt_buffer_char(out, '.');
    }
    rt_buffer_text(out, node->name);
    rt_buffer_char(out, '(');
    print_many(node, member ? 1 : 0, ", ", LEVEL_CONDITIONAL, out);
    rt_buffer_char(out, ')');
}

/* FOLD, BIND, OPT_MAP: as they were written. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void print_macro(const struct expr_node *node, struct rt_buffer *out)
{
    if (node->kind == EXPR_BIND) {
        rt_buffer_printf(out, "cel.bind(%.*s, ", EXPR_PRINT(node->name));
        print_many(node, 0, ", ", LEVEL_CONDITIONAL, out);
        rt_buffer_char(out, ')');
        return;
    }
    print_node(node->children[0], out, LEVEL_MEMBER);
    rt_buffer_printf(out, ".%s(%.*s, ", node->macro, EXPR_PRINT(node->name));
    if (node->name2.length > 0)
        rt_buffer_printf(out, "%.*s, ", EXPR_PRINT(node->name2));
    if (node->child_count == 3) {
        print_node(node->children[2], out, LEVEL_CONDITIONAL);
        rt_buffer_string(out, ", ");
    }
    print_node(node->children[1], out, LEVEL_CONDITIONAL);
    rt_buffer_char(out, ')');
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void print_has(const struct expr_node *node, struct rt_buffer *out)
{
    rt_buffer_string(out, "has(");
    if (node->kind == EXPR_HAS) {
        print_node(node->children[0], out, LEVEL_MEMBER);
        rt_buffer_string(out, (node->flags & EXPR_FLAG_OPTIONAL) != 0 ? ".?" : ".");
        if (is_identifier(node->name))
            rt_buffer_text(out, node->name);
        else
            rt_buffer_printf(out, "`%.*s`", EXPR_PRINT(node->name));
    } else {
        if (node->kind == EXPR_FIELD_HAS)
            rt_buffer_string(out, "event");
        else
            print_node(node->children[0], out, LEVEL_MEMBER);
        print_path(node, out);
    }
    rt_buffer_char(out, ')');
}

static unsigned binary_level(enum expr_operator op)
{
    if (op <= EXPR_OP_IN)
        return LEVEL_RELATION;
    return op <= EXPR_OP_SUBTRACT ? LEVEL_SUM : LEVEL_PRODUCT;
}

static unsigned node_level(const struct expr_node *node)
{
    switch ((enum expr_kind)node->kind) {
    case EXPR_CONDITIONAL:
        return LEVEL_CONDITIONAL;
    case EXPR_OR:
        return LEVEL_OR;
    case EXPR_AND:
        return LEVEL_AND;
    case EXPR_BINARY:
        return binary_level((enum expr_operator)node->op);
    case EXPR_UNARY:
        return LEVEL_UNARY;
    default:
        return LEVEL_MEMBER;
    }
}

/* What a captured event or the event at hand is called. */
static void print_root(const struct expr_node *node, struct rt_buffer *out)
{
    if ((node->flags & EXPR_FLAG_ROOT_DOT) != 0)
        rt_buffer_char(out, '.');
    if (node->kind == EXPR_STEP && node->macro != NULL)
        rt_buffer_printf(out, "%s(%.*s)", node->macro, EXPR_PRINT(node->name));
    else
        rt_buffer_text(out, node->name);
}

/* One side of a binary operator: a type beside a call of type() by its name, as an author writes it. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void print_side(const struct expr_node *node, uint32_t side, unsigned level,
                       struct rt_buffer *out)
{
    const struct expr_node *child = node->children[side];

    if (child->kind == EXPR_CONSTANT && child->value.type == RT_TYPE &&
        expr_names_types(node, side))
        rt_buffer_string(out, rt_type_name((enum rt_type)child->value.u.integer));
    else
        print_node(child, out, level);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void print_operators(const struct expr_node *node, struct rt_buffer *out)
{
    unsigned own = node_level(node);

    if (node->kind == EXPR_CONDITIONAL) {
        print_node(node->children[0], out, LEVEL_OR);
        rt_buffer_string(out, " ? ");
        print_node(node->children[1], out, LEVEL_OR);
        rt_buffer_string(out, " : ");
        print_node(node->children[2], out, LEVEL_CONDITIONAL);
    } else if (node->kind == EXPR_UNARY) {
        const struct expr_node *operand = node->children[0];

        rt_buffer_string(out, expr_operator_text((enum expr_operator)node->op));
        /* !-x and -!x are no CEL */
        print_node(operand, out,
                   operand->kind == EXPR_UNARY && operand->op == node->op ? LEVEL_UNARY
                                                                          : LEVEL_MEMBER);
    } else if (node->kind == EXPR_BINARY) {
        print_side(node, 0, own, out);
        rt_buffer_printf(out, " %s ", expr_operator_text((enum expr_operator)node->op));
        print_side(node, 1, own + 1, out);
    } else {
        print_many(node, 0, node->kind == EXPR_AND ? " && " : " || ", own + 1, out);
        if (node->child_count == 1) /* it stands for "this is a bool", which x alone does not say */
            rt_buffer_string(out, node->kind == EXPR_AND ? " && true" : " || false");
    }
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void print_member(const struct expr_node *node, struct rt_buffer *out)
{
    switch ((enum expr_kind)node->kind) {
    case EXPR_CONSTANT:
        print_value(node->value, out);
        break;
    case EXPR_SELECT:
        print_node(node->children[0], out, LEVEL_MEMBER);
        print_selection(node->name, (node->flags & EXPR_FLAG_OPTIONAL) != 0, out);
        break;
    case EXPR_INDEX:
        print_node(node->children[0], out, LEVEL_MEMBER);
        if ((node->flags & EXPR_FLAG_OPTIONAL) == 0 && node->children[1]->kind == EXPR_CONSTANT &&
            node->children[1]->value.type == RT_STRING) { /* read again it is a selection */
            print_selection(rt_value_text(node->children[1]->value), false, out);
            break;
        }
        rt_buffer_string(out, (node->flags & EXPR_FLAG_OPTIONAL) != 0 ? "[?" : "[");
        print_node(node->children[1], out, LEVEL_CONDITIONAL);
        rt_buffer_char(out, ']');
        break;
    case EXPR_CALL:
        print_call(node, out);
        break;
    case EXPR_LIST:
    case EXPR_MAP:
        print_entries(node, out);
        break;
    case EXPR_HAS:
    case EXPR_FIELD_HAS:
    case EXPR_EVENT_HAS:
        print_has(node, out);
        break;
    case EXPR_FIELD:
        rt_buffer_string(out, "event");
        print_path(node, out);
        break;
    case EXPR_EVENT_FIELD:
        print_node(node->children[0], out, LEVEL_MEMBER);
        print_path(node, out);
        break;
    case EXPR_EVENT_TIME:
        rt_buffer_string(out, node->child_count == 0 ? "time(event" : "time(");
        print_many(node, 0, ", ", LEVEL_CONDITIONAL, out);
        rt_buffer_char(out, ')');
        break;
    case EXPR_FOLD:
    case EXPR_BIND:
    case EXPR_OPT_MAP:
        print_macro(node, out);
        break;
    default:
        print_root(node, out);
        break;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void print_node(const struct expr_node *node, struct rt_buffer *out, unsigned level)
{
    unsigned own = node_level(node);

    if (own < level)
        rt_buffer_char(out, '(');
    if (own < LEVEL_MEMBER)
        print_operators(node, out);
    else
        print_member(node, out);
    if (own < level)
        rt_buffer_char(out, ')');
}

void expr_tree_print(const struct expr_tree *tree, struct rt_buffer *out)
{
    print_node(tree->root, out, LEVEL_CONDITIONAL);
}
