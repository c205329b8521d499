/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag.h - what is wrong with a text that a person wrote, collected and shown with its place.
 *
 *     error[E110]: unknown step verb `folowedBy`
 *       --> rules/login.yaml:13:9
 *        |
 *     12 |         times: 5+
 *     13 |       - folowedBy: ok
 *        |         ^^^^^^^^^ did you mean `followedBy`?
 *        |
 *        = help: a step starts with one of begin, next, ...
 *        = fix:  replace with `followedBy`
 *
 * D1  Many per run: reporting never stops the reader of the text; RT_ERR_DIAG at the end does.
 * D2  A span is a half-open range of bytes of one registered source; the list keeps a copy of the text.
 * D3  Messages are lower case without a full stop, names in backquotes, no internal type names.
 * D4  Codes are stable for ever.  The number is the code, the letter its severity (E, W).  Hundreds: 0 YAML,
 *     1 keys and values, 2 patterns and expressions, 3 meaning, 4 cost, 5 across files.  rules/diagnostics.def
 *     lists them; this module knows only numbers.
 * D5  Out of memory is sticky: adding then does nothing and rt_diags_failed() says so, so that callers
 *     need no check at each report.
 * All strings live in the list's arena.
 */
#ifndef EGRET_RUNTIME_BASE_DIAG_H
#define EGRET_RUNTIME_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"
#include "runtime/base/text.h"

enum rt_severity { RT_SEVERITY_NOTE, RT_SEVERITY_WARNING, RT_SEVERITY_ERROR };

/* A registered source text.  RT_NO_SOURCE: the diagnostic has no place. */
typedef uint32_t rt_source_id;
#define RT_NO_SOURCE UINT32_MAX

struct rt_span {
    rt_source_id source;
    uint32_t begin; /* byte offset */
    uint32_t end;   /* byte offset behind the last; equal to begin for "here" */
};
#define RT_NO_SPAN ((struct rt_span){RT_NO_SOURCE, 0, 0})

struct rt_diags; /* the list */
struct rt_diag;  /* one entry, opaque; valid until the list is freed */

/* per_source_max: how many errors of one source are kept; the rest is counted.  0 = 20. */
enum rt_status rt_diags_new(size_t per_source_max, struct rt_diags **out);
void rt_diags_free(struct rt_diags *diags); /* NULL is fine */

/* Copies name and text.  RT_NO_SOURCE when out of memory (sticky, D5). */
rt_source_id rt_diags_add_source(struct rt_diags *diags, const char *name, struct rt_text text);
/* Of one source or, with RT_NO_SOURCE, of no place; dropped ones included. */
size_t rt_diags_source_errors(const struct rt_diags *diags, rt_source_id source,
                              enum rt_severity severity);
struct rt_text rt_diags_source_text(const struct rt_diags *diags, rt_source_id source);
const char *rt_diags_source_name(const struct rt_diags *diags, rt_source_id source);

/*
 * Adds an entry.  Never NULL: past the limit or without memory a dummy is returned, so calls can be chained.
 * The same code at the same span is added once.
 */
struct rt_diag *rt_diag_add(struct rt_diags *diags, enum rt_severity severity, unsigned code,
                            struct rt_span span, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The words behind the carets. */
void rt_diag_label(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* `= help:` and `= note:` lines, in the order they were added. */
void rt_diag_help(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void rt_diag_note(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A second place, shown as a note with file:line:column and its own source line. */
void rt_diag_also(struct rt_diags *diags, struct rt_diag *diag, struct rt_span span,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A safe edit: put the text in place of the primary span.  Shown as "replace with `text`". */
void rt_diag_fix(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* How the fix reads instead: the line as it is then (`where: "!event.ok"`). */
void rt_diag_fix_reads(struct rt_diags *diags, struct rt_diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The line that holds byte `at` of the same source is shown above the marked one: the head of its step or block. */
void rt_diag_context(struct rt_diags *diags, struct rt_diag *diag, uint32_t at);

size_t rt_diags_count(const struct rt_diags *diags, enum rt_severity severity); /* incl. dropped */
bool rt_diags_failed(const struct rt_diags *diags);

/* One entry for programs, in order of file, then place.  Strings are borrowed from the list. */
struct rt_diag_view {
    enum rt_severity severity;
    unsigned code;
    struct rt_span span;
    const char *source_name; /* NULL without a place */
    uint32_t line, column;   /* of span.begin, from 1; column counts code points */
    uint32_t end_line, end_column;
    const char *message, *label, *fix; /* label, fix: NULL if none */
    const char *const *helps;
    size_t help_count;
    const char *const *notes;
    size_t note_count;
};
size_t rt_diags_size(const struct rt_diags *diags);
struct rt_diag_view rt_diags_at(struct rt_diags *diags, size_t index);

/* Text for people, all entries in order, and for each source how many were left out.  `color`: ANSI colours. */
void rt_diags_render_text(struct rt_diags *diags, bool color, struct rt_buffer *out);
/* The same facts as one JSON array (user-facing format, keys as in the manual). */
void rt_diags_render_json(struct rt_diags *diags, struct rt_buffer *out);
/* Those of several lists in one array. */
void rt_diags_render_json_all(struct rt_diags *const *lists, size_t count, struct rt_buffer *out);

#endif
