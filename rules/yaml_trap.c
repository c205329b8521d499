/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the author wrote against what a YAML reader makes of it.
 *
 *     where: !event.ok              a tag, no value                     E013
 *     where: a ? "x" : "y"          a mapping inside a value            E014
 *     where: "x" in event.tags      a quoted text, then garbage         E015
 *     message: {{ key.user }} x     a mapping inside a mapping          E017
 *     title: "never closed          closed by the next quote, lines on  E010
 *     a tab, one level too deep     "cannot start any token"            E012
 *
 * Works on the raw line round the place where the reader stopped.  What it recognises, it puts aside.
 */
#include "rules/diagnostics.h"
#include "rules/yaml_tree.h"

struct line {            /* one line of the file; offsets into the whole text */
    size_t begin;        /* first byte */
    size_t end;          /* the line break not included */
    size_t indent;       /* first byte that is no blank */
    size_t key, key_end; /* `key`; equal: the line has none */
    size_t value,
        value_end; /* what follows `key: ` or `- `, trailing blanks not included; equal: nothing */
};

struct trap {
    struct rt_diags *diags;
    rt_source_id source;
    struct rt_arena *arena;
    struct rt_text text;
    struct line line;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '|';
}

static size_t skip_blanks(struct rt_text text, size_t at, size_t end)
{
    while (at < end && is_blank(text.data[at]))
        at++;
    return at;
}

/* The parts of the line that holds byte `at`. */
static struct line line_at(struct rt_text text, size_t at)
{
    struct line line = {.begin = at < text.length ? at : text.length};
    size_t word;

    while (line.begin > 0 && text.data[line.begin - 1] != '\n')
        line.begin--;
    line.end = line.begin;
    while (line.end < text.length && text.data[line.end] != '\n' && text.data[line.end] != '\r')
        line.end++;
    line.indent = skip_blanks(text, line.begin, line.end);
    line.value = line.indent;
    while (line.value + 1 < line.end && text.data[line.value] == '-' &&
           is_blank(text.data[line.value + 1]))
        line.value = skip_blanks(text, line.value + 1, line.end);
    line.key = line.key_end = line.value;
    for (word = line.value; word < line.end && is_word(text.data[word]);)
        word++;
    if (word > line.value && word < line.end && text.data[word] == ':' &&
        (word + 1 == line.end || is_blank(text.data[word + 1]))) {
        line.key_end = word;
        line.value = skip_blanks(text, word + 1, line.end);
    }
    line.value_end = line.end;
    while (line.value_end > line.value && is_blank(text.data[line.value_end - 1]))
        line.value_end--;
    return line;
}

static struct rt_span span_in(const struct trap *trap, size_t begin, size_t end)
{
    return (struct rt_span){trap->source, (uint32_t)begin, (uint32_t)end};
}

static struct rt_text slice(const struct trap *trap, size_t begin, size_t end)
{
    return (struct rt_text){trap->text.data + begin, end - begin};
}

const char *yaml_quoted(struct rt_arena *arena, struct rt_text text)
{
    bool has_double = text.length > 0 && memchr(text.data, '"', text.length) != NULL;
    bool has_backslash = text.length > 0 && memchr(text.data, '\\', text.length) != NULL;
    char quote = has_double || has_backslash ? '\'' : '"';
    char *out = rt_arena_raw(arena, text.length * 2 + 3);
    size_t length = 0;

    if (out == NULL)
        return NULL;
    out[length++] = quote;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\'' && quote == '\'')
            out[length++] = '\'';
        out[length++] = text.data[i];
    }
    out[length++] = quote;
    out[length] = '\0';
    return out;
}

/* The head of the step or mapping that the line belongs to: the nearest line above that starts further left. */
static size_t head_of(const struct trap *trap)
{
    size_t column = trap->line.key - trap->line.begin;
    size_t at = trap->line.begin;

    if (trap->line.key != trap->line.indent)
        return trap->line.begin; /* `- key:` is its own head */
    while (at > 0) {
        struct line above = line_at(trap->text, at - 1);

        if (above.end > above.indent && above.indent - above.begin < column &&
            trap->text.data[above.indent] != '#')
            return above.begin;
        at = above.begin;
    }
    return trap->line.begin;
}

/* Where a plain value ends: at ` #`, else at the end of the line. */
static size_t plain_end(const struct trap *trap, size_t begin)
{
    size_t end = trap->line.value_end;

    for (size_t i = begin; i + 1 < end; i++) {
        if (is_blank(trap->text.data[i]) && trap->text.data[i + 1] == '#') {
            end = i;
            break;
        }
    }
    while (end > begin && is_blank(trap->text.data[end - 1]))
        end--;
    return end;
}

/* Offers the value in quotes, and shows the line as it reads then. */
static void offer_quotes(const struct trap *trap, struct rt_diag *diag, size_t begin, size_t end)
{
    const char *quoted = yaml_quoted(trap->arena, slice(trap, begin, end));
    struct rt_text key = slice(trap, trap->line.key, trap->line.key_end);

    if (quoted == NULL)
        return;
    rt_diag_fix(trap->diags, diag, "%s", quoted);
    if (key.length > 0)
        rt_diag_fix_reads(trap->diags, diag, "%.*s: %s", (int)key.length, key.data, quoted);
}

static void help_quote(const struct trap *trap, struct rt_diag *diag)
{
    struct rt_text key = slice(trap, trap->line.key, trap->line.key_end);

    if (key.length > 0)
        rt_diag_help(trap->diags, diag, "quote it, or put it on its own line after `%.*s: >-`",
                     (int)key.length, key.data);
    else
        rt_diag_help(trap->diags, diag, "quote it");
}

static struct rt_diag *report(const struct trap *trap, enum rule_diag code, size_t begin,
                              size_t end, const char *message)
{
    struct rt_diag *diag =
        rt_diag_add(trap->diags, RT_SEVERITY_ERROR, code, span_in(trap, begin, end), "%s", message);

    rt_diag_context(trap->diags, diag, (uint32_t)head_of(trap));
    return diag;
}

/* A value of this line that YAML reads differently: reported as a whole, quotes offered. */
static void report_value(const struct trap *trap, enum rule_diag code, size_t begin,
                         const char *message)
{
    size_t end = plain_end(trap, begin);
    struct rt_diag *diag = report(trap, code, begin, end, message);

    help_quote(trap, diag);
    offer_quotes(trap, diag, begin, end);
}

static const char tag_message[] = "`!` starts a YAML tag, so this is not the expression you wrote";
static const char braces_message[] =
    "`{{` starts a YAML mapping, so this is not the text you wrote";

void yaml_trap_value(struct rt_diags *diags, rt_source_id source, struct rt_arena *arena,
                     uint32_t at)
{
    struct trap trap = {.diags = diags,
                        .source = source,
                        .arena = arena,
                        .text = rt_diags_source_text(diags, source)};
    bool is_tag;

    trap.line = line_at(trap.text, at);
    is_tag = at < trap.text.length && trap.text.data[at] != '{';
    if (trap.line.value == at) {
        report_value(&trap, is_tag ? RULE_DIAG_YAML_TAG : RULE_DIAG_YAML_BRACES, at,
                     is_tag ? tag_message : braces_message);
        return;
    }
    /* Inside a flow collection only the beginning is certain. */
    rt_diag_help(diags,
                 report(&trap, is_tag ? RULE_DIAG_YAML_TAG : RULE_DIAG_YAML_BRACES, at, at + 1,
                        is_tag ? tag_message : braces_message),
                 "quote the value");
}

/* Behind the closing quote of a value that begins with one; 0: it is not closed on this line. */
static size_t quoted_end(const struct trap *trap, size_t begin)
{
    char quote = trap->text.data[begin];

    for (size_t i = begin + 1; i < trap->line.end; i++) {
        if (quote == '"' && trap->text.data[i] == '\\') {
            i++;
        } else if (trap->text.data[i] == quote) {
            if (quote == '\'' && i + 1 < trap->line.end && trap->text.data[i + 1] == '\'')
                i++;
            else
                return i + 1;
        }
    }
    return 0;
}

/* `: ` or a final `:` inside a plain value. */
static bool has_colon(const struct trap *trap, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        if (trap->text.data[i] == ':' && (i + 1 == end || is_blank(trap->text.data[i + 1])))
            return true;
    }
    return false;
}

/* The value of this line is one of the known traps. */
static bool report_value_trap(const struct trap *trap)
{
    size_t begin = trap->line.value;
    size_t end = trap->line.value_end;
    char first;

    if (begin == end)
        return false;
    first = trap->text.data[begin];
    if (first == '!') {
        report_value(trap, RULE_DIAG_YAML_TAG, begin, tag_message);
        return true;
    }
    if (end - begin >= 2 && first == '{' && trap->text.data[begin + 1] == '{') {
        report_value(trap, RULE_DIAG_YAML_BRACES, begin, braces_message);
        return true;
    }
    if (first == '"' || first == '\'') {
        size_t closed = quoted_end(trap, begin);
        size_t next = closed == 0 ? end : skip_blanks(trap->text, closed, end);

        if (next == end || trap->text.data[next] == '#' ||
            strchr(",]}:", trap->text.data[next]) != NULL)
            return false;
        report_value(trap, RULE_DIAG_YAML_QUOTED_START, begin,
                     "a quoted text ends before the value does");
        return true;
    }
    if (strchr("{[>|#&*%@`", first) != NULL || trap->line.key == trap->line.key_end)
        return false;
    end = plain_end(trap, begin);
    if (!has_colon(trap, begin, end))
        return false;
    report_value(trap, RULE_DIAG_YAML_COLON, begin,
                 memchr(trap->text.data + begin, '?', end - begin) != NULL
                     ? "`: ` starts a YAML mapping, so this is not the conditional you wrote"
                     : "`: ` starts a YAML mapping inside a value");
    return true;
}

/* The nearest line above that has something on it; false: there is none. */
static bool line_above(const struct trap *trap, struct line *out)
{
    size_t at = trap->line.begin;

    while (at > 0) {
        *out = line_at(trap->text, at - 1);
        if (out->end > out->indent && trap->text.data[out->indent] != '#')
            return true;
        at = out->begin;
    }
    return false;
}

/* A tab among the blanks at the beginning of the line. */
static bool report_tab(const struct trap *trap)
{
    const struct line *line = &trap->line;
    const char *tab = memchr(trap->text.data + line->begin, '\t', line->indent - line->begin);
    size_t at;

    if (tab == NULL)
        return false;
    at = (size_t)(tab - trap->text.data);
    rt_diag_help(trap->diags,
                 report(trap, RULE_DIAG_YAML_INDENTATION, at, at + 1, "a tab indents this line"),
                 "indent with blanks");
    return true;
}

/* A key whose column fits nothing above it. */
static bool report_indentation(const struct trap *trap, const struct yaml_problem *problem)
{
    const struct line *line = &trap->line;
    struct line above;
    struct rt_diag *diag;
    size_t column = line->indent - line->begin;

    if (strstr(problem->text, "mapping values are not allowed") == NULL &&
        strstr(problem->text, "did not find expected key") == NULL &&
        strstr(problem->text, "could not find expected ':'") == NULL &&
        strstr(problem->text, "did not find expected '-' indicator") == NULL &&
        strstr(problem->text, "block sequence entries are not allowed") == NULL)
        return false;
    if (line->end == line->indent || !line_above(trap, &above) ||
        (line->key == line->key_end && trap->text.data[line->indent] != '-'))
        return false;
    diag = report(trap, RULE_DIAG_YAML_INDENTATION, line->key, line->key_end,
                  "this line is indented wrongly");
    if (above.key < above.key_end && above.value < above.value_end &&
        above.key - above.begin < column) {
        rt_diag_label(trap->diags, diag, "`%.*s` above has a value already",
                      (int)(above.key_end - above.key), trap->text.data + above.key);
        rt_diag_help(trap->diags, diag, "to stand beside `%.*s` it starts in column %zu",
                     (int)(above.key_end - above.key), trap->text.data + above.key,
                     above.key - above.begin + 1);
    } else {
        rt_diag_help(trap->diags, diag, "keys of one mapping start in the same column");
    }
    return true;
}

/* What libyaml says, in words of rule files; NULL: its own are good enough. */
static const char *in_our_words(const struct yaml_problem *problem)
{
    static const struct {
        const char *context, *text, *words;
    } table[] = {
        {"quoted scalar", "end of stream", "a quote is not closed"},
        {"quoted scalar", "document indicator", "a quote is not closed"},
        {"double-quoted scalar", "unknown escape", "an escape that double quotes do not know"},
        {"flow mapping", "did not find expected", "a `{` is not closed, or a comma is missing"},
        {"flow sequence", "did not find expected", "a `[` is not closed, or a comma is missing"},
        {"", "cannot start any token", "a value cannot begin with this character, quote it"},
        {"block mapping", "did not find expected key", "neither a key nor the end of the mapping"},
        {"simple key", "could not find expected ':'", "a key without `:`"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        bool fits = table[i].context[0] == '\0' ||
                    (problem->context != NULL && strstr(problem->context, table[i].context));

        if (fits && strstr(problem->text, table[i].text) != NULL)
            return table[i].words;
    }
    return NULL;
}

/* Anything else: what the reader says, at the place where the broken thing began if that is known. */
static void report_other(const struct trap *trap, const struct yaml_problem *problem)
{
    const char *words = in_our_words(problem);
    bool at_start =
        problem->context_at != UINT32_MAX && problem->context_at < problem->at &&
        problem->context != NULL &&
        (strstr(problem->context, "quoted") != NULL || strstr(problem->context, "flow") != NULL ||
         strstr(problem->context, "simple key") != NULL);
    size_t at = at_start ? problem->context_at : problem->at;
    struct rt_diag *diag =
        rt_diag_add(trap->diags, RT_SEVERITY_ERROR, RULE_DIAG_YAML_SYNTAX, span_in(trap, at, at),
                    "%s", words != NULL ? words : problem->text);

    if (at_start && problem->at < trap->text.length)
        rt_diag_also(trap->diags, diag, span_in(trap, problem->at, problem->at),
                     "reading stopped here");
    rt_diag_note(trap->diags, diag, "the rest of this file was not checked");
}

/*
 * A quote that is closed by the quote with which a later text begins: what comes behind that one makes no sense.  The line on
 * which it was opened is put aside, but for the brackets that are open.
 */
static bool report_open_quote(struct trap *trap, const struct yaml_problem *problem,
                              struct yaml_gap *gap)
{
    size_t begin = problem->quoted_begin, end = problem->quoted_end, brackets = problem->flow_depth;
    struct rt_diag *diag;

    if (begin == end || problem->at < end ||
        memchr(trap->text.data + end, '\n', problem->at - end) != NULL)
        return false;
    trap->line = line_at(trap->text, begin);
    diag = report(trap, RULE_DIAG_YAML_SYNTAX, begin, begin + 1, "a quote is not closed");
    rt_diag_also(trap->diags, diag, span_in(trap, end - 1, end), "the text would end here");
    for (end = trap->line.end; end > begin + 1; end--) {
        char c = trap->text.data[end - 1];

        if (!is_blank(c) && (brackets == 0 || (c != ']' && c != '}')))
            break;
        brackets -= !is_blank(c);
    }
    *gap = (struct yaml_gap){(uint32_t)begin, (uint32_t)end, true};
    return true;
}

/* The trap in the line that holds `at`, if there is one. */
static bool report_line(struct trap *trap, const struct yaml_problem *problem, size_t at,
                        struct yaml_gap *gap)
{
    trap->line = line_at(trap->text, at);
    if (report_value_trap(trap)) {
        *gap = (struct yaml_gap){(uint32_t)trap->line.value,
                                 (uint32_t)plain_end(trap, trap->line.value), true};
        return true;
    }
    if (report_tab(trap) || (at == problem->at && report_indentation(trap, problem))) {
        *gap = (struct yaml_gap){(uint32_t)trap->line.begin, (uint32_t)trap->line.end, false};
        return true;
    }
    return false;
}

bool yaml_trap_report(struct rt_diags *diags, rt_source_id source, struct rt_arena *arena,
                      const struct yaml_problem *problem, struct yaml_gap *gap)
{
    struct trap trap = {.diags = diags, .source = source, .arena = arena, .text = problem->source};
    bool inside_quotes = problem->context != NULL && strstr(problem->context, "quoted") != NULL;

    if (report_open_quote(&trap, problem, gap) ||
        (!inside_quotes && report_line(&trap, problem, problem->at, gap)))
        return true;
    /* The reader often notices on the next line: look at the one where the unfinished thing began. */
    if (problem->context_at != UINT32_MAX && report_line(&trap, problem, problem->context_at, gap))
        return true;
    trap.line = line_at(trap.text, problem->at);
    report_other(&trap, problem);
    return false;
}
