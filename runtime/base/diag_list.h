/* SPDX-License-Identifier: Apache-2.0 */
/* diag_list.h - the list of diagnostics as the files diag*.c see it; nobody else includes this. */
#ifndef EGRET_RUNTIME_BASE_DIAG_LIST_H
#define EGRET_RUNTIME_BASE_DIAG_LIST_H

#include "runtime/base/arena.h"
#include "runtime/base/diag.h"

enum diag_line_kind { DIAG_HELP, DIAG_NOTE, DIAG_ALSO };

struct diag_line { /* a `= help:` or `= note:` line, or a second place */
    enum diag_line_kind kind;
    const char *text;
    struct rt_span span; /* DIAG_ALSO */
    struct diag_line *next;
};

struct rt_diag {
    enum rt_severity severity;
    unsigned code;
    struct rt_span span;
    size_t sequence; /* order of arrival */
    const char *message;
    const char *label, *fix, *fix_reads; /* NULL: none */
    struct diag_line *lines, **lines_end;
    uint32_t context_at; /* UINT32_MAX: no line above */
    struct rt_diag *next_of_source;
};

/* Text registered under a name, and what was said about it.  The first one stands for "no place". */
struct diag_source {
    const char *name;
    struct rt_text text;
    struct rt_diag *entries; /* newest first */
    size_t counts[RT_SEVERITY_ERROR + 1];
    size_t kept[RT_SEVERITY_ERROR + 1];
};

struct rt_diags {
    struct rt_arena arena;
    struct diag_source *sources; /* [0]: no place; [id + 1] */
    size_t source_count, source_capacity;
    struct rt_diag **entries;
    size_t entry_count, entry_capacity;
    size_t sequence;
    size_t per_source_max;
    bool sorted;
    bool failed;
    struct rt_diag dummy; /* takes what is not kept */
};

struct diag_position {
    uint32_t line, column;       /* from 1 */
    size_t line_begin, line_end; /* byte offsets; the line break not included */
};
struct diag_position diag_position(struct rt_text text, uint32_t offset);

/* In order of source, place, arrival. */
void diag_sort(struct rt_diags *diags);

/* "error", "warning", "note", and the letter of the code. */
const char *diag_severity_name(enum rt_severity severity);
char diag_severity_letter(enum rt_severity severity);

#endif
