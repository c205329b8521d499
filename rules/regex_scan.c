/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex_scan.c - one pass over a pattern, with a stack for its groups.
 *
 *     regex    = branch { "|" branch }
 *     branch   = { atom [ repeat ] }
 *     atom     = char | "." | "^" | "$" | class | escape | "(" ["?" flags ":" | "?P<name>" | "?<name>"] regex ")" | "(?flags)"
 *     repeat   = ("*" | "+" | "?" | "{n}" | "{n,}" | "{n,m}") ["?"]
 *
 * Differences that are translated: \v is one character (PCRE2: any vertical space), \s has no vertical tab, octal
 * escapes, braces and brackets that mean themselves, \Q..\E.
 * Beside that, the pass sees whether the pattern is nothing but a literal with anchors.
 */
#include "rules/regex_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/assert.h"

/* What was last read, as far as a repetition may follow it. */
enum last { LAST_NOTHING, LAST_ATOM, LAST_REPEAT, LAST_ASSERTION };

struct group {
    size_t begin;    /* of its parenthesis */
    unsigned repeat; /* largest product of bounded repetitions inside, at least 1 */
    bool unbounded;  /* holds an unbounded repetition */
};

struct scanner {
    struct rt_text text;
    size_t at;
    struct regex_scan *out;
    struct expr_regex_fault *fault;
    struct group groups[REGEX_DEPTH_MAX + 1];
    size_t depth;
    enum last last;
    struct group atom; /* facts about the last atom, if it was a group */
    /* Literal so far: any number of characters between the anchors. */
    bool plain; /* nothing but literals and anchors has been read */
    bool begin_anchor, end_anchor;
    bool dots_before, dots_after; /* .* at the ends */
    bool atom_is_dot;
};

static bool refuse(struct scanner *in, size_t begin, const char *format, ...) RT_PRINTF(3, 4);

/* Always false, so that callers can return it. */
static bool refuse(struct scanner *in, size_t begin, const char *format, ...)
{
    va_list args;

    in->fault->begin = begin;
    in->fault->end = in->at > begin ? in->at : begin;
    va_start(args, format);
    vsnprintf(in->fault->message, sizeof(in->fault->message), format, args);
    va_end(args);
    return false;
}

static bool at_end(const struct scanner *in)
{
    return in->at == in->text.length;
}

static bool looking_at(const struct scanner *in, const char *what)
{
    struct rt_text rest = {in->text.data + in->at, in->text.length - in->at};

    return rt_text_starts_with(rest, rt_text_of(what));
}

static bool take(struct scanner *in, const char *what)
{
    if (!looking_at(in, what))
        return false;
    in->at += strlen(what);
    return true;
}

static void emit(struct scanner *in, const char *text)
{
    rt_buffer_string(&in->out->pattern, text);
}

/* The source from `begin` to here as it stands. */
static void emit_source(struct scanner *in, size_t begin)
{
    rt_buffer_add(&in->out->pattern, in->text.data + begin, in->at - begin);
}

/* The reduction to a plain comparison does not hold any more. */
static void not_plain(struct scanner *in)
{
    in->plain = false;
}

static void read_atom(struct scanner *in)
{
    in->last = LAST_ATOM;
    in->atom = (struct group){.repeat = 1};
    in->atom_is_dot = false;
}

/* One character that means itself, inside a class or outside. */
static void emit_char(struct scanner *in, uint32_t c)
{
    char bytes[4];
    bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                c == '_' || c >= 0x80;

    if (c < 0x20 || c == 0x7f) {
        rt_buffer_printf(&in->out->pattern, "\\x{%x}", c);
        return;
    }
    if (!word)
        rt_buffer_char(&in->out->pattern, '\\');
    rt_buffer_add(&in->out->pattern, bytes, rt_utf8_put(c, bytes));
}

static void read_literal(struct scanner *in, uint32_t c)
{
    char bytes[4];

    emit_char(in, c);
    if (in->end_anchor || in->dots_after)
        not_plain(in);
    rt_buffer_add(&in->out->literal, bytes, rt_utf8_put(c, bytes));
    read_atom(in);
}

/* ---- escapes ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Behind \x: two digits, or any number in braces. */
static bool read_hex(struct scanner *in, size_t begin, uint32_t *out)
{
    uint32_t value = 0;
    bool braces = take(in, "{");
    size_t digits = 0;

    for (; !at_end(in) && hex_value(in->text.data[in->at]) >= 0 && (braces || digits < 2);
         in->at++, digits++) {
        value = value * 16 + (uint32_t)hex_value(in->text.data[in->at]);
        if (value > 0x10ffff)
            return refuse(in, begin, "a code point is at most 10FFFF");
    }
    if (braces ? digits == 0 || !take(in, "}") : digits != 2)
        return refuse(in, begin, "`\\x` takes two hexadecimal digits, or any number in braces");
    if (value >= 0xd800 && value <= 0xdfff)
        return refuse(in, begin, "a surrogate is no character");
    *out = value;
    return true;
}

/* Behind a backslash and a digit: octal, or what others read as a reference to a group. */
static bool read_octal(struct scanner *in, size_t begin, char first, uint32_t *out)
{
    uint32_t value = (uint32_t)(first - '0');
    size_t digits = 1;

    for (;
         !at_end(in) && digits < 3 && in->text.data[in->at] >= '0' && in->text.data[in->at] <= '7';
         in->at++, digits++)
        value = value * 8 + (uint32_t)(in->text.data[in->at] - '0');
    if (first > '7' || (first != '0' && digits == 1))
        return refuse(in, begin, "backreference `\\%c` is not supported", first);
    *out = value;
    return true;
}

/* An escape that stands for one character.  *known false: it is none of these, and nothing was read. */
static bool read_char_escape(struct scanner *in, size_t begin, uint32_t *out, bool *known)
{
    static const char letters[] = "aftnrv";
    static const char values[] = "\a\f\t\n\r\v";
    char c = in->text.data[in->at];
    const char *letter = c == '\0' ? NULL : strchr(letters, c);

    *known = true;
    *out = 0;
    if (letter != NULL) {
        in->at++;
        *out = (unsigned char)values[letter - letters];
        return true;
    }
    if (c == 'x') {
        in->at++;
        return read_hex(in, begin, out);
    }
    if (c >= '0' && c <= '9') {
        in->at++;
        return read_octal(in, begin, c, out);
    }
    *known = (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
             (c >= '{' && c <= '~') || c == ' ';
    if (*known) {
        in->at++;
        *out = (unsigned char)c;
    }
    return true;
}

/* General categories, besides the scripts. */
static bool is_category(struct rt_text name)
{
    static const char *const names[] = {"C",  "Cc", "Cf", "Co", "Cs", "L",  "Ll", "Lm", "Lo", "Lt",
                                        "Lu", "M",  "Mc", "Me", "Mn", "N",  "Nd", "Nl", "No", "P",
                                        "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S",  "Sc", "Sk",
                                        "Sm", "So", "Z",  "Zl", "Zp", "Zs", "Any"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (rt_text_is(name, names[i]))
            return true;
    return false;
}

/* Behind \p or \P: a letter, or a name in braces with an optional ^. */
static bool read_property(struct scanner *in, size_t begin)
{
    struct rt_text name;

    if (take(in, "{")) {
        const char *close = memchr(in->text.data + in->at, '}', in->text.length - in->at);

        if (close == NULL)
            return refuse(in, begin, "missing `}` of a character property");
        take(in, "^");
        name = (struct rt_text){in->text.data + in->at, (size_t)(close - in->text.data) - in->at};
        in->at = (size_t)(close - in->text.data) + 1;
    } else {
        if (at_end(in))
            return refuse(in, begin, "missing name of a character property");
        name = (struct rt_text){in->text.data + in->at++, 1};
    }
    if (!is_category(name) &&
        (name.length < 2 || name.data[0] < 'A' || name.data[0] > 'Z' || name.data[0] == 'X'))
        return refuse(in, begin, "unknown character property");
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] != '_' && hex_value(name.data[i]) < 0 &&
            !((name.data[i] | 0x20) >= 'a' && (name.data[i] | 0x20) <= 'z'))
            return refuse(in, begin, "unknown character property");
    emit_source(in, begin);
    return true;
}

/* \d \D \s \S \w \W \pL.  *known false: none of these, and nothing was read. */
static bool read_class_escape(struct scanner *in, size_t begin, bool inside, bool *known)
{
    char c = in->text.data[in->at];

    *known = true;
    switch (c) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
        in->at++;
        emit_source(in, begin);
        return true;
    case 's':
        in->at++;
        emit(in, inside ? "\\t\\n\\f\\r\\x20" : "[\\t\\n\\f\\r\\x20]");
        return true;
    case 'S':
        in->at++;
        emit(in, inside ? "\\S\\x0b" : "[^\\t\\n\\f\\r\\x20]");
        return true;
    case 'p':
    case 'P':
        in->at++;
        return read_property(in, begin);
    default:
        *known = false;
        return true;
    }
}

static bool refuse_escape(struct scanner *in, size_t begin)
{
    static const struct {
        char letter;
        const char *name;
    } known[] = {{'Z', "end of text before a line end"},
                 {'G', "start of search"},
                 {'K', "reset of the match"},
                 {'h', "horizontal space"},
                 {'H', "horizontal space"},
                 {'R', "line end"},
                 {'X', "grapheme"},
                 {'N', "not a line end"},
                 {'e', "escape character"},
                 {'c', "control character"},
                 {'k', "backreference"},
                 {'g', "backreference"},
                 {'C', "single byte"},
                 {'V', "vertical space"}};
    char letter = in->text.data[in->at++];

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].letter == letter)
            return refuse(in, begin, "%s `\\%c` is not supported", known[i].name, letter);
    return refuse(in, begin, "unknown escape");
}

/* \Q...\E, or to the end of the pattern: every character means itself. */
static void read_quoted(struct scanner *in)
{
    while (!at_end(in) && !take(in, "\\E"))
        read_literal(in, rt_utf8_next(in->text, &in->at));
}

static void read_anchor(struct scanner *in, bool begin, const char *pcre)
{
    emit(in, pcre);
    if (begin ? in->out->literal.length > 0 || in->end_anchor || in->dots_before || in->dots_after
              : in->end_anchor || in->dots_after)
        not_plain(in);
    if (begin)
        in->begin_anchor = true;
    else
        in->end_anchor = true;
    in->last = LAST_ASSERTION;
}

/* At a backslash, outside a class. */
static bool read_escape(struct scanner *in)
{
    size_t begin = in->at++;
    uint32_t c;
    bool known;

    if (at_end(in))
        return refuse(in, begin, "a backslash at the end escapes nothing");
    if (take(in, "Q")) {
        read_quoted(in);
        return true;
    }
    if (take(in, "A") || take(in, "z")) {
        read_anchor(in, in->text.data[begin + 1] == 'A',
                    in->text.data[begin + 1] == 'A' ? "\\A" : "\\z");
        return true;
    }
    if (take(in, "b") || take(in, "B")) {
        emit_source(in, begin);
        not_plain(in);
        in->last = LAST_ASSERTION;
        return true;
    }
    if (!read_char_escape(in, begin, &c, &known))
        return false;
    if (known) {
        read_literal(in, c);
        return true;
    }
    not_plain(in);
    if (!read_class_escape(in, begin, false, &known))
        return false;
    if (!known)
        return refuse_escape(in, begin);
    read_atom(in);
    return true;
}

/* ---- classes ---- */

/* [:alpha:], [:^alpha:] */
static bool read_named_class(struct scanner *in)
{
    static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl",
                                        "digit", "graph", "lower", "print", "punct",
                                        "space", "upper", "word",  "xdigit"};
    size_t begin = in->at;

    in->at += 2;
    take(in, "^");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (take(in, names[i])) {
            if (!take(in, ":]"))
                break;
            emit_source(in, begin);
            return true;
        }
    }
    return refuse(in, begin, "unknown character class");
}

/* One end of a range, or a single character.  *single false: it was a class of its own and is written. */
static bool read_class_item(struct scanner *in, uint32_t *out, bool *single)
{
    size_t begin = in->at;
    bool known;

    *single = true;
    *out = 0;
    if (in->text.data[in->at] != '\\') {
        *out = rt_utf8_next(in->text, &in->at);
        return true;
    }
    in->at++;
    if (at_end(in))
        return refuse(in, begin, "missing `]`");
    if (!read_char_escape(in, begin, out, &known))
        return false;
    if (known)
        return true;
    *single = false;
    if (!read_class_escape(in, begin, true, &known))
        return false;
    return known || refuse_escape(in, begin);
}

/* Single character or range. */
static bool read_class_part(struct scanner *in)
{
    size_t begin = in->at;
    uint32_t low, high;
    bool single;

    if (!read_class_item(in, &low, &single))
        return false;
    if (!single)
        return true;
    emit_char(in, low);
    if (!looking_at(in, "-") || in->at + 1 == in->text.length || in->text.data[in->at + 1] == ']')
        return true;
    in->at++;
    emit(in, "-");
    if (!read_class_item(in, &high, &single))
        return false;
    if (!single || high < low)
        return refuse(in, begin, "bad range in a character class");
    emit_char(in, high);
    return true;
}

/* At a bracket. */
static bool read_class(struct scanner *in)
{
    size_t begin = in->at++;
    bool first = true;

    not_plain(in);
    emit(in, take(in, "^") ? "[^" : "[");
    for (;; first = false) {
        if (at_end(in))
            return refuse(in, begin, "missing `]`");
        if (!first && take(in, "]"))
            break;
        if (looking_at(in, "[:") ? !read_named_class(in) : !read_class_part(in))
            return false;
    }
    emit(in, "]");
    read_atom(in);
    return true;
}

/* ---- groups ---- */

static const struct {
    const char *begin;
    const char *name;
} refused_groups[] = {
    {"(?=", "look-ahead"},   {"(?!", "look-ahead"},        {"(?<=", "look-behind"},
    {"(?<!", "look-behind"}, {"(?>", "atomic group"},      {"(?|", "branch reset"},
    {"(?#", "comment"},      {"(?(", "condition"},         {"(?R", "recursion"},
    {"(?&", "recursion"},    {"(?P>", "recursion"},        {"(?P=", "backreference"},
    {"(?C", "callout"},      {"(?'", "quoted group name"}, {"(*", "verb"},
    {"(?+", "recursion"},

    {"(?^", "flag reset"},
};

/* Behind (?P< or (?<: the name and >. */
static bool read_group_name(struct scanner *in, size_t begin)
{
    size_t name = in->at;

    for (; !at_end(in) && in->text.data[in->at] != '>'; in->at++) {
        char c = in->text.data[in->at];
        bool digit = c >= '0' && c <= '9';

        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '_' && !(digit && in->at > name))
            return refuse(in, begin, "a group's name has letters, digits and `_` only");
    }
    if (in->at == name || !take(in, ">"))
        return refuse(in, begin, "missing name of a group");
    return true;
}

/* Behind (?: flags, then : or ).  *group: it opens one. */
static bool read_flags(struct scanner *in, size_t begin, bool *group)
{
    bool minus = false, any = false;

    for (; !at_end(in); in->at++) {
        char c = in->text.data[in->at];

        if (c == ':' || c == ')') {
            if (minus && !any)
                break;
            in->at++;
            *group = c == ':';
            return true;
        }
        if (c == '-' && !minus) {
            minus = true;
            any = false;
        } else if (c != '\0' && strchr("imsU", c) != NULL) {
            any = true;
        } else {
            break;
        }
    }
    if (!at_end(in))
        in->at++;
    return refuse(in, begin, "unknown group or flag; flags are i m s U");
}

static bool open_group(struct scanner *in, size_t begin)
{
    if (in->depth == REGEX_DEPTH_MAX)
        return refuse(in, begin, "groups are nested too deeply");
    in->groups[++in->depth] = (struct group){.begin = begin, .repeat = 1};
    in->last = LAST_NOTHING;
    return true;
}

/* At an opening parenthesis. */
static bool read_group(struct scanner *in)
{
    size_t begin = in->at;
    bool group = true;

    not_plain(in);
    for (size_t i = 0; i < sizeof(refused_groups) / sizeof(refused_groups[0]); i++)
        if (take(in, refused_groups[i].begin))
            return refuse(in, begin, "%s `%s` is not supported", refused_groups[i].name,
                          refused_groups[i].begin);
    if (take(in, "(?P<") || take(in, "(?<")) {
        if (!read_group_name(in, begin))
            return false;
    } else if (take(in, "(?")) {
        if (!read_flags(in, begin, &group))
            return false;
    } else {
        in->at++;
    }
    emit_source(in, begin);
    if (group)
        return open_group(in, begin);
    in->last = LAST_NOTHING;
    return true;
}

/* What was inside counts for what is outside. */
static void add_facts(struct group *outer, struct group inner)
{
    if (inner.repeat > outer->repeat)
        outer->repeat = inner.repeat;
    outer->unbounded = outer->unbounded || inner.unbounded;
}

/* At a closing parenthesis. */
static bool close_group(struct scanner *in)
{
    in->at++;
    if (in->depth == 0)
        return refuse(in, in->at - 1, "`)` without `(`");
    emit(in, ")");
    in->atom = in->groups[in->depth--];
    in->last = LAST_ATOM;
    add_facts(&in->groups[in->depth], in->atom);
    return true;
}

/* ---- repetitions ---- */

static bool take_count(struct scanner *in, unsigned *out)
{
    size_t begin = in->at;
    unsigned value = 0;

    for (; !at_end(in) && in->text.data[in->at] >= '0' && in->text.data[in->at] <= '9'; in->at++)
        if (value <= REGEX_REPEAT_MAX)
            value = value * 10 + (unsigned)(in->text.data[in->at] - '0');
    *out = value;
    return in->at > begin;
}

/* {n}, {n,} or {n,m}.  False with the position kept: it is none. */
static bool take_counts(struct scanner *in, unsigned *least, unsigned *most, bool *unbounded)
{
    size_t begin = in->at++;
    bool taken = take_count(in, least);

    *most = *least;
    *unbounded = false;
    if (taken && take(in, ",")) {
        *unbounded = !take_count(in, most);
        if (*unbounded)
            *most = *least;
    }
    if (taken && take(in, "}"))
        return true;
    in->at = begin;
    return false;
}

/* `.*` as the very first or last part of a pattern without anchor there matches anything: it can be left out. */
static void reduce_repeat(struct scanner *in, bool star)
{
    bool free = star && in->atom_is_dot && !in->end_anchor;
    bool empty = in->out->literal.length == 0;
    bool before = free && empty && !in->begin_anchor && !in->dots_before;
    bool after = free && !empty && !in->dots_after;

    in->dots_before = in->dots_before || before;
    in->dots_after = in->dots_after || after;
    in->plain = in->plain && (before || after);
}

/* At * + ? or {n,m}. */
static bool read_repeat(struct scanner *in)
{
    size_t begin = in->at;
    char c = in->text.data[begin];
    unsigned least = c == '+' ? 1 : 0, most = 1;
    bool unbounded = c == '*' || c == '+';

    if (c != '{')
        in->at++;
    else if (!take_counts(in, &least, &most, &unbounded))
        RT_UNREACHABLE();
    if (in->last == LAST_REPEAT)
        return refuse(in, begin,
                      c == '+' ? "possessive repetition is not supported"
                               : "a repetition of a repetition needs a group");
    if (in->last != LAST_ATOM)
        return refuse(in, begin, "nothing to repeat");
    if (least > REGEX_REPEAT_MAX || most > REGEX_REPEAT_MAX)
        return refuse(in, begin, "at most %d repetitions", REGEX_REPEAT_MAX);
    if (!unbounded && most < least)
        return refuse(in, begin, "the counts of a repetition are reversed");
    if (c == '{' && most > 1) {
        in->atom.repeat *= most;
        if (in->atom.repeat > REGEX_REPEAT_MAX)
            return refuse(in, begin, "at most %d repetitions, nested ones multiplied",
                          REGEX_REPEAT_MAX);
    }
    if (unbounded && in->atom.unbounded)
        in->out->nests_repeats = true;
    in->atom.unbounded = in->atom.unbounded || unbounded;
    add_facts(&in->groups[in->depth], in->atom);
    take(in, "?");
    emit_source(in, begin);
    reduce_repeat(in, c == '*');
    in->last = LAST_REPEAT;
    return true;
}

/* A brace that begins no repetition means itself; `{,3}` means that to some and a repetition to others. */
static bool read_brace(struct scanner *in)
{
    size_t begin = in->at;
    unsigned least, most;
    bool unbounded;

    if (take_counts(in, &least, &most, &unbounded)) {
        in->at = begin;
        return read_repeat(in);
    }
    if (take(in, "{,") && take_count(in, &most) && take(in, "}"))
        return refuse(in, begin, "`{,n}` is ambiguous; write `{0,n}`");
    in->at = begin + 1;
    read_literal(in, '{');
    return true;
}

/* ---- the pass ---- */

static bool read_part(struct scanner *in)
{
    switch (in->text.data[in->at]) {
    case '\\':
        return read_escape(in);
    case '[':
        return read_class(in);
    case '(':
        return read_group(in);
    case ')':
        return close_group(in);
    case '*':
    case '+':
    case '?':
        return read_repeat(in);
    case '{':
        return read_brace(in);
    case '^':
    case '$':
        read_anchor(in, in->text.data[in->at] == '^', in->text.data[in->at] == '^' ? "^" : "$");
        in->at++;
        return true;
    case '|':
        in->at++;
        emit(in, "|");
        not_plain(in);
        in->last = LAST_NOTHING;
        return true;
    case '.':
        in->at++;
        emit(in, ".");
        if (!looking_at(in, "*")) /* `.*` may yet prove to be free */
            not_plain(in);
        read_atom(in);
        in->atom_is_dot = true;
        return true;
    default:
        read_literal(in, rt_utf8_next(in->text, &in->at));
        return true;
    }
}

static void reduce(const struct scanner *in)
{
    struct regex_scan *out = in->out;
    bool begin = in->begin_anchor && !in->dots_before;
    bool end = in->end_anchor && !in->dots_after;

    out->kind = EXPR_REGEX_GENERAL;
    if (!in->plain)
        return;
    out->kind = begin ? (end ? EXPR_REGEX_EQUALS : EXPR_REGEX_PREFIX)
                      : (end ? EXPR_REGEX_SUFFIX : EXPR_REGEX_CONTAINS);
}

enum rt_status regex_scan(struct rt_text pattern, struct regex_scan *out,
                          struct expr_regex_fault *fault)
{
    struct scanner in = {
        .text = pattern, .out = out, .fault = fault, .groups = {{.repeat = 1}}, .plain = true};

    *out = (struct regex_scan){.kind = EXPR_REGEX_GENERAL};
    *fault = (struct expr_regex_fault){.end = pattern.length};
    rt_buffer_init(&out->pattern, 16 * (size_t)REGEX_PATTERN_BYTES_MAX);
    rt_buffer_init(&out->literal, REGEX_PATTERN_BYTES_MAX);
    if (pattern.length > REGEX_PATTERN_BYTES_MAX) {
        refuse(&in, 0, "a pattern has at most %d bytes", REGEX_PATTERN_BYTES_MAX);
        return RT_ERR_DIAG;
    }
    while (!at_end(&in))
        if (!read_part(&in))
            return RT_ERR_DIAG;
    if (in.depth > 0) {
        refuse(&in, in.groups[in.depth].begin, "`(` without `)`");
        return RT_ERR_DIAG;
    }
    reduce(&in);
    return out->pattern.failed || out->literal.failed ? RT_ERR_NOMEM : RT_OK;
}

void regex_scan_done(struct regex_scan *scan)
{
    rt_buffer_done(&scan->pattern);
    rt_buffer_done(&scan->literal);
}
