/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_tree.h - the tree of an expression, seen by the files of the expression compiler only.
 *
 *     parser                  checker (in place)                       reader
 *     NAME SELECT CALL ...    FIELD STEP BINDING VARIABLE ...          facts, index, code, templates
 *
 *     a.b > 2 * last(s).c
 *     BINARY >                          BINARY >
 *       SELECT b                          FIELD a.b
 *         NAME a                          BINARY *
 *       BINARY *                            CONSTANT 2
 *         CONSTANT 2                        EVENT_FIELD c
 *         SELECT c                            STEP s (the newest event)
 *           CALL last(NAME s)
 *
 * R1  After the check no NAME is left, and no SELECT whose operand is an event.
 * R2  `depth` is one more than the deepest child's and at most EXPR_DEPTH_MAX, so walks may recurse.
 * R3  begin..end are byte offsets in the decoded text; children lie inside their parent's span.
 * R4  Operands of AND and OR are no AND or OR themselves: chains are flat.
 * R5  Nodes, names and child arrays live in the arena that the check was given.
 */
#ifndef EGRET_RULES_EXPR_TREE_H
#define EGRET_RULES_EXPR_TREE_H

#include "rules/expr.h"
#include "rules/value_ops.h"

enum {
    EXPR_TEXT_MAX = 1024 * 1024, /* bytes of one expression */
    EXPR_NODES_MAX = 20000,      /* after folding: a list of constants is one */
    EXPR_MAP_MAX = 4096,         /* entries of a map that is written out */
    EXPR_DEPTH_MAX = 250,
    EXPR_FOLD_DEPTH_MAX = 8, /* macros over lists inside each other */
    EXPR_ARGUMENTS_MAX = 200
};

enum expr_kind {
    EXPR_CONSTANT,    /* value */
    EXPR_NAME,        /* name, not yet resolved */
    EXPR_SELECT,      /* [operand] . name */
    EXPR_INDEX,       /* [operand, key] */
    EXPR_CALL,        /* [arguments]; a member call has its receiver first */
    EXPR_UNARY,       /* op [operand] */
    EXPR_BINARY,      /* op [left, right] */
    EXPR_AND,         /* [two or more; one after folding] */
    EXPR_OR,          /* the same */
    EXPR_CONDITIONAL, /* [condition, then, else] */
    EXPR_LIST,        /* [items] */
    EXPR_MAP,         /* [key, value, key, value ...] */
    EXPR_HAS,         /* has([operand].name) */
    EXPR_FOLD,        /* op = enum expr_fold; [range, body, filter or nothing] */
    EXPR_BIND,        /* cel.bind(name, init, body); [init, body] */
    EXPR_OPT_MAP,     /* [optional, body] with the value as name; op: 1 = flat */
    /* made by the checker */
    EXPR_FIELD,        /* a field of the event at hand */
    EXPR_FIELD_HAS,    /* has() of it */
    EXPR_EVENT_FIELD,  /* [event] a field of a captured event */
    EXPR_EVENT_HAS,    /* [event] */
    EXPR_EVENT_TIME,   /* [event], or nothing: of the event at hand */
    EXPR_STEP,         /* what a step has taken: its newest event, or all with EXPR_FLAG_ALL */
    EXPR_BINDING_NAME, /* frame.bindings[id] */
    EXPR_VARIABLE      /* a macro's variable */
};

enum expr_operator {
    EXPR_OP_EQUAL,
    EXPR_OP_NOT_EQUAL,
    EXPR_OP_LESS,
    EXPR_OP_LESS_EQUAL,
    EXPR_OP_GREATER,
    EXPR_OP_GREATER_EQUAL,
    EXPR_OP_IN,
    EXPR_OP_ADD,
    EXPR_OP_SUBTRACT,
    EXPR_OP_MULTIPLY,
    EXPR_OP_DIVIDE,
    EXPR_OP_REMAINDER,
    EXPR_OP_NOT,
    EXPR_OP_NEGATE
};
const char *expr_operator_text(enum expr_operator op); /* "==" */

enum expr_fold {
    EXPR_FOLD_ALL,
    EXPR_FOLD_EXISTS,
    EXPR_FOLD_EXISTS_ONE,
    EXPR_FOLD_MAP,    /* also transformList */
    EXPR_FOLD_FILTER, /* the body is the condition */
    EXPR_FOLD_MAP_VALUES,
    EXPR_FOLD_MAP_ENTRIES
};

enum {                                /* expr_node.flags */
       EXPR_FLAG_OPTIONAL = 1,        /* .? or [? */
       EXPR_FLAG_ROOT_DOT = 2,        /* .name: no macro variable, no container */
       EXPR_FLAG_MEMBER = 4,          /* a.f(): the receiver is the first child */
       EXPR_FLAG_QUOTED = 8,          /* a.`b-c` */
       EXPR_FLAG_ALL = 16,            /* of a STEP: the list of its events */
       EXPR_FLAG_KEPT = 32,           /* of a field: read from a captured event */
       EXPR_FLAG_RESERVED = 64,       /* a reserved word, legal behind a dot only */
       EXPR_FLAG_OPTIONAL_ENTRY = 128 /* an entry of a list or a map (its key): ?entry */
};

/* What is known of a type before run time: RT_ABSENT is "anything", RT_ERROR "already reported". */
struct expr_type {
    uint8_t base; /* enum rt_type */
    uint8_t item; /* of a list or an optional; RT_ABSENT: anything */
};

struct expr_node {
    uint8_t kind; /* enum expr_kind */
    uint8_t op;   /* enum expr_operator or enum expr_fold */
    uint8_t flags;
    struct expr_type type;
    uint16_t depth;
    uint32_t begin, end;
    uint32_t name_begin, name_end; /* of SELECT, HAS, CALL: where the name stands */
    uint32_t child_count;
    struct expr_node **children;
    struct rt_text name,
        name2;         /* names; of FOLD, BIND, OPT_MAP: the variables (name2 may be empty) */
    const char *macro; /* of FOLD, BIND, OPT_MAP: as it was written */
    struct rt_value value;
    uint32_t
        id; /* STEP: step; BINDING_NAME: index; VARIABLE, FOLD, BIND, OPT_MAP: first variable */
    rt_field_id field;
    rt_field_id parent; /* of FIELD_HAS, EVENT_HAS with a path: the part before the last name */
    bool has_parent;
    const struct rt_text *path; /* of a field: its names */
    uint32_t path_length;
    const struct expr_function *function; /* of CALL, after the check */
};

struct expr_tree {
    struct expr_node *root;
    uint32_t variable_count;
    struct rt_hash128 fingerprint;
    struct rt_span span;         /* where it is written; of trees that were joined, the first */
    struct expr_tree *conjuncts; /* one for each operand of a root AND; NULL otherwise */
};

/* What lexer, parser and checker share while one text is worked on. */
struct expr_work {
    const struct expr_text *text;
    struct rt_arena *arena;
    struct rt_diags *diags;
    enum rt_status status;      /* sticky: RT_OK, RT_ERR_NOMEM, RT_ERR_DIAG */
    struct expr_caches *caches; /* for folding constants */
    bool quiet;                 /* constants that fail are left to run time without a word */
};

/* For "%.*s". */
#define EXPR_PRINT(text) (int)(text).length, (text).data

/* A node; NULL with work->status = RT_ERR_NOMEM. */
struct expr_node *expr_node_new(struct expr_work *work, enum expr_kind kind, size_t begin,
                                size_t end);
/* Sets the children (copied) and the depth; false with a diagnostic if that is too deep. */
bool expr_node_adopt(struct expr_work *work, struct expr_node *node,
                     struct expr_node *const *children, size_t count);

/* type(x) == int, type(x) in [int, double]: may this side (0 or 1) of an operator name types?  Elsewhere such a name is a field. */
bool expr_names_types(const struct expr_node *node, uint32_t side);

/* Text to tree, macros expanded, names unresolved.  NULL: work->status says why. */
struct expr_node *expr_parse(struct expr_work *work);

/* The call as a macro if its name, shape and argument count are one's; otherwise the call itself.  NULL: reported. */
struct expr_node *expr_macro_expand(struct expr_work *work, struct expr_node *call);

/* Resolves, infers, folds; the node may be replaced.  NULL: work->status says why. */
struct expr_node *expr_resolve(struct expr_work *work, const struct expr_scope *scope,
                               struct expr_node *root, uint32_t *variable_count);

/* The value of a node whose children are constants, or the node itself. */
struct expr_node *expr_fold_constants(struct expr_work *work, struct expr_node *node);

/* Reports a tree that is too large to become code; false then. */
bool expr_tree_fits(struct expr_work *work, const struct expr_node *root);

struct expr_cost expr_node_cost(const struct expr_node *node);

/* One operator on values, as the machine does it. */
struct rt_value expr_apply_binary(struct expr_call *call, enum expr_operator op,
                                  struct rt_value left, struct rt_value right);

#endif
