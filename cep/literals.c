/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trie while literals are added; a full table when sealed.
 *
 * The table holds rows, not states: the number of a state times the number of classes, and the lowest bit says that a literal
 * ends there.  So the loop over a text is a load of the class and a load of the row.
 */
#include "cep/literals.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { BYTES = 256, CELLS_MAX = 16 << 20, NONE = -1 };
#define NO_NUMBER UINT32_MAX

struct node {
    int32_t child, sibling; /* trie: first child, next child of the same parent */
    uint32_t number;        /* of the literal that ends here */
    uint32_t suffix;        /* the state of its longest proper suffix in the trie */
    uint32_t ending; /* nearest state, itself or by suffixes, where a literal ends; 0: none */
    unsigned char byte;
};

struct cep_literals {
    struct node *nodes; /* owned; node 0 is the root */
    uint32_t node_count, node_capacity;
    uint32_t *rows; /* owned; [state][class] -> row << 1 | something ends there */
    uint32_t class_count;
    uint8_t classes[BYTES];
};

static enum rt_status add_node(struct cep_literals *literals, unsigned char byte, uint32_t *out)
{
    if (literals->node_count == literals->node_capacity) {
        uint32_t capacity = literals->node_capacity == 0 ? 64 : literals->node_capacity * 2;
        struct node *more = rt_realloc(literals->nodes, capacity * sizeof(*more));

        if (more == NULL)
            return RT_ERR_NOMEM;
        literals->nodes = more;
        literals->node_capacity = capacity;
    }
    *out = literals->node_count++;
    literals->nodes[*out] =
        (struct node){.child = NONE, .sibling = NONE, .number = NO_NUMBER, .byte = byte};
    return RT_OK;
}

enum rt_status cep_literals_new(struct cep_literals **out)
{
    struct cep_literals *literals = rt_alloc_zeroed(1, sizeof(*literals));
    uint32_t root;

    if (literals == NULL)
        return RT_ERR_NOMEM;
    if (add_node(literals, 0, &root) != RT_OK) {
        cep_literals_free(literals);
        return RT_ERR_NOMEM;
    }
    *out = literals;
    return RT_OK;
}

void cep_literals_free(struct cep_literals *literals)
{
    if (literals == NULL)
        return;
    rt_free(literals->nodes);
    rt_free(literals->rows);
    rt_free(literals);
}

enum rt_status cep_literals_add(struct cep_literals *literals, struct rt_text literal,
                                uint32_t number)
{
    uint32_t at = 0;

    RT_ASSERT(literal.length > 0 && literals->rows == NULL);
    if (literal.length > CELLS_MAX - literals->node_count)
        return RT_ERR_LIMIT;
    for (size_t i = 0; i < literal.length; i++) {
        unsigned char byte = (unsigned char)literal.data[i];
        int32_t child = literals->nodes[at].child;
        uint32_t fresh;

        while (child != NONE && literals->nodes[child].byte != byte)
            child = literals->nodes[child].sibling;
        if (child == NONE) {
            if (add_node(literals, byte, &fresh) != RT_OK)
                return RT_ERR_NOMEM;
            literals->nodes[fresh].sibling = literals->nodes[at].child;
            literals->nodes[at].child = (int32_t)fresh;
            child = (int32_t)fresh;
        }
        at = (uint32_t)child;
    }
    if (literals->nodes[at].number == NO_NUMBER)
        literals->nodes[at].number = number;
    return RT_OK;
}

/* Class 0: bytes of no literal. */
static void number_classes(struct cep_literals *literals)
{
    literals->class_count = 1;
    for (uint32_t i = 1; i < literals->node_count; i++) {
        uint8_t *class = &literals->classes[literals->nodes[i].byte];

        if (*class == 0)
            *class = (uint8_t)literals->class_count++;
    }
    RT_ASSERT(literals->class_count <= BYTES); /* UTF-8 never has all of them */
}

static uint32_t row_of(const struct cep_literals *literals, uint32_t state)
{
    return (state * literals->class_count) << 1 | (literals->nodes[state].ending != 0);
}

/* The children of one state; their suffixes are the states that the suffix of their parent goes to. */
static void fill_row(struct cep_literals *literals, uint32_t state, uint32_t *queue,
                     uint32_t *queued)
{
    struct node *nodes = literals->nodes;
    uint32_t *row = &literals->rows[state * literals->class_count];
    const uint32_t *fallback = &literals->rows[nodes[state].suffix * literals->class_count];

    if (state != 0)
        memcpy(row, fallback, literals->class_count * sizeof(*row));
    for (int32_t child = nodes[state].child; child != NONE; child = nodes[child].sibling) {
        uint8_t class = literals->classes[nodes[child].byte];
        uint32_t suffix = state == 0 ? 0 : (fallback[class] >> 1) / literals->class_count;

        nodes[child].suffix = suffix;
        nodes[child].ending =
            nodes[child].number != NO_NUMBER ? (uint32_t)child : nodes[suffix].ending;
        row[class] = row_of(literals, (uint32_t)child);
        queue[(*queued)++] = (uint32_t)child;
    }
}

enum rt_status cep_literals_seal(struct cep_literals *literals)
{
    uint32_t *queue;
    uint32_t queued = 1;

    number_classes(literals);
    if ((size_t)literals->node_count * literals->class_count > CELLS_MAX)
        return RT_ERR_LIMIT;
    queue = rt_alloc_zeroed(literals->node_count, sizeof(*queue));
    literals->rows = rt_alloc_zeroed((size_t)literals->node_count * literals->class_count,
                                     sizeof(*literals->rows));
    if (queue == NULL || literals->rows == NULL) {
        rt_free(queue);
        return RT_ERR_NOMEM;
    }
    for (uint32_t at = 0; at < queued; at++) /* breadth first: a suffix is shorter */
        fill_row(literals, queue[at], queue, &queued);
    rt_free(queue);
    return RT_OK;
}

static void tell(const struct cep_literals *literals, uint32_t state, cep_literal_fn *found,
                 void *context)
{
    const struct node *nodes = literals->nodes;

    for (uint32_t at = nodes[state].ending; at != 0; at = nodes[nodes[at].suffix].ending)
        found(context, nodes[at].number);
}

void cep_literals_scan(const struct cep_literals *literals, struct rt_text text,
                       cep_literal_fn *found, void *context)
{
    const uint32_t *rows = literals->rows;
    uint32_t row = 0;

    for (size_t i = 0; i < text.length; i++) {
        row = rows[(row >> 1) + literals->classes[(unsigned char)text.data[i]]];
        if (RT_UNLIKELY((row & 1) != 0))
            tell(literals, (row >> 1) / literals->class_count, found, context);
    }
}
