/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_tree.h - a YAML text as a tree with marks, read by the core schema of YAML 1.2.
 *
 *     rules:                    MAPPING
 *       - id: a          -->      "rules" -> SEQUENCE
 *         times: 3                             MAPPING  "id" -> SCALAR "a" (string)   "times" -> SCALAR "3" (int)
 *
 * Y1  Every node knows where it stands in the file, in bytes.  An alias is the node of its anchor, shared.
 * Y2  Plain scalars have the type of the core schema: NO, on, 1:30 and 2026-01-01 are strings.  Quoted ones are strings.
 * Y3  Keys of a mapping are scalars, not null, and distinct by text; duplicates are reported and the later one left out.
 * Y4  Depth, size, and what aliases add are bounded.  Tags are refused.
 * Y5  A value that was reported and cannot be used is a node of kind YAML_BROKEN: readers pass over it in silence.
 * Y6  After an error that is understood (a known trap) the value is put aside and the rest is read all the same, so
 *     that one run finds everything.
 * Only yaml_tree.c sees libyaml.
 */
#ifndef EGRET_RULES_YAML_TREE_H
#define EGRET_RULES_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/expr.h"
#include "runtime/base/arena.h"
#include "runtime/base/diag.h"

enum {
    YAML_DEPTH_MAX = 48,
    YAML_BYTES_MAX = 64 * 1024 * 1024,
    YAML_NODES_MAX = 4 * 1000 * 1000,
    YAML_ALIAS_NODES_MAX = 100 * 1000 /* what aliases may add to the nodes that are written */
};

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING, YAML_BROKEN };

enum yaml_type { YAML_STRING, YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT };

enum yaml_style { YAML_PLAIN, YAML_SINGLE_QUOTED, YAML_DOUBLE_QUOTED, YAML_LITERAL, YAML_FOLDED };

struct yaml_pair {
    const struct yaml_node *key; /* YAML_SCALAR, not null */
    const struct yaml_node *value;
};

struct yaml_node {
    enum yaml_kind kind;
    enum yaml_type type;   /* scalars */
    enum yaml_style style; /* scalars */
    struct rt_span span;
    struct rt_text text; /* scalars: decoded, with a NUL behind it; may hold NULs itself */
    const struct yaml_node *const *items; /* sequences */
    const struct yaml_pair *pairs;        /* mappings */
    size_t count;
    uint32_t weight; /* nodes below and including this one, aliases expanded */
    uint32_t height; /* 1 for a scalar */
};

struct yaml_document {
    const struct yaml_node *root; /* NULL: empty or unusable */
    bool has_gaps;                /* parts were left out: a missing key may stand in one of them */
};

/*
 * Reads the text of a registered source.  What is wrong goes to `diags`; the tree then holds what could be read.
 * Nodes live in `arena`.  RT_ERR_NOMEM only.
 */
enum rt_status yaml_read(struct rt_diags *diags, rt_source_id source, struct rt_arena *arena,
                         struct yaml_document *out);

/* The value of a key, NULL if the mapping does not have it. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);

/*
 * A scalar as an expression's text: decoded, with the file offset of every byte.  The text is the node's, the offsets live in `arena`.
 * Where the way back cannot be followed (an exotic form of folding) all bytes map to the scalar's beginning.
 */
enum rt_status yaml_expr_text(const struct rt_diags *diags, const struct yaml_node *scalar,
                              struct rt_arena *arena, struct expr_text *out);

/* The decoded text of a scalar as its author could write it on one line, e.g. `a: b` as "\"a: b\"". */
const char *yaml_quoted(struct rt_arena *arena, struct rt_text text);

/* ---- traps: what the author wrote against what a YAML reader makes of it (yaml_trap.c) ---- */

/* A piece of the text that is put aside so that reading can go on. */
struct yaml_gap {
    uint32_t begin, end;
    bool is_value; /* a value, replaced by a YAML_BROKEN node; else whole lines, blanked out */
};

/* What libyaml said. */
struct yaml_problem {
    struct rt_text source; /* the whole text, with earlier gaps filled */
    const char *text;      /* "did not find expected key" */
    const char *context;   /* "while parsing a block mapping", or NULL */
    uint32_t at;           /* byte offset */
    uint32_t context_at;   /* UINT32_MAX: none */
    uint32_t quoted_begin; /* a quoted text of several lines that was read last; equal: none */
    uint32_t quoted_end;
    size_t flow_depth; /* open `[` and `{` round it */
};

/* Reports the problem.  True and *gap when it is understood and reading may go on without that piece. */
bool yaml_trap_report(struct rt_diags *diags, rt_source_id source, struct rt_arena *arena,
                      const struct yaml_problem *problem, struct yaml_gap *gap);

/* Reports a tag or an unquoted template that begins at `at`; both parse, but not as they were meant. */
void yaml_trap_value(struct rt_diags *diags, rt_source_id source, struct rt_arena *arena,
                     uint32_t at);

#endif
