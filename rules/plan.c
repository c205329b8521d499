/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: their memory, what rules share, and the step from trees to code. */
#include <stdatomic.h>

#include "rules/plan_build.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

static const size_t plan_bytes_max = (size_t)1 << 32;

struct rule_plan_memory {
    atomic_uint references;
    struct rt_arena arena; /* everything else */
    struct plan_code *codes;
    struct plan_text *texts;
    struct plan_program *programs;
};

const char *rule_severity_name(enum rule_severity severity)
{
    static const char *const names[RULE_SEVERITY_COUNT] = {"info", "low", "medium", "high",
                                                           "critical"};

    RT_ASSERT(severity < RULE_SEVERITY_COUNT);
    return names[severity];
}

bool rule_severity_parse(struct rt_text text, enum rule_severity *out)
{
    for (int i = 0; i < RULE_SEVERITY_COUNT; i++) {
        if (rt_text_is(text, rule_severity_name((enum rule_severity)i))) {
            *out = (enum rule_severity)i;
            return true;
        }
    }
    return false;
}

const char *rule_output_name(enum rule_output_kind kind)
{
    static const char *const names[RULE_OUTPUT_COUNT] = {"match", "timeout", "late"};

    RT_ASSERT(kind < RULE_OUTPUT_COUNT);
    return names[kind];
}

const char *rule_names_join(struct rt_arena *arena, const char *const *names, uint32_t count)
{
    const char *joined = count == 0 ? "" : names[0];

    for (uint32_t i = 1; i < count && joined != NULL; i++)
        joined = rt_arena_printf(arena, "%s, %s", joined, names[i]);
    return joined;
}

/* ---- cost ---- */

static void add_condition_cost(const struct rule_condition *condition, struct expr_cost *sum,
                               struct expr_cost *most, const struct rule_condition **dearest)
{
    struct expr_cost cost;

    if (condition->tree == NULL)
        return;
    cost = expr_tree_cost(condition->tree);
    expr_cost_add(sum, &cost);
    if (expr_cost_compare(&cost, most) > 0) {
        *most = cost;
        *dearest = condition;
    }
}

struct expr_cost rule_cost(const struct rule *rule, const struct rule_condition **dearest)
{
    const struct rule_condition *found = NULL;
    struct expr_cost sum = {{0}}, most = {{0}};

    add_condition_cost(&rule->filter, &sum, &most, &found);
    add_condition_cost(&rule->cancel_if, &sum, &most, &found);
    add_condition_cost(&rule->where, &sum, &most, &found);
    for (uint32_t i = 0; i < rule->except_count; i++)
        add_condition_cost(&rule->excepts[i].condition, &sum, &most, &found);
    for (uint32_t i = 0; i < rule->guard_count; i++)
        add_condition_cost(&rule->guards[i], &sum, &most, &found);
    for (uint32_t i = 0; rule->window != NULL && i < rule->window->aggregate_count; i++)
        add_condition_cost(&rule->window->aggregates[i].where, &sum, &most, &found);
    if (dearest != NULL)
        *dearest = found;
    return sum;
}

/* ---- memory ---- */

static void free_plan(struct rule_plan *plan)
{
    struct rule_plan_memory *memory = plan->memory;

    for (struct plan_code *code = memory->codes; code != NULL; code = code->next)
        expr_free(*code->target);
    for (struct plan_text *text = memory->texts; text != NULL; text = text->next)
        expr_template_free(*text->target);
    for (struct plan_program *program = memory->programs; program != NULL; program = program->next)
        nfa_program_unref(program->program);
    rt_fields_free(plan->fields);
    rt_arena_done(&memory->arena); /* the plan itself is in it */
    rt_free(memory);
}

struct rule_plan *rule_plan_ref(struct rule_plan *plan)
{
    unsigned before = atomic_fetch_add_explicit(&plan->memory->references, 1, memory_order_relaxed);

    RT_ASSERT(before > 0);
    return plan;
}

void rule_plan_unref(struct rule_plan *plan)
{
    unsigned before;

    if (plan == NULL)
        return;
    before = atomic_fetch_sub_explicit(&plan->memory->references, 1, memory_order_acq_rel);
    RT_ASSERT(before > 0);
    if (before == 1)
        free_plan(plan);
}

static enum rt_status plan_new(struct rule_plan **out)
{
    struct rule_plan_memory *memory = rt_alloc_zeroed(1, sizeof(*memory));
    struct rule_plan *plan;

    if (memory == NULL)
        return RT_ERR_NOMEM;
    atomic_init(&memory->references, 1);
    rt_arena_init(&memory->arena, plan_bytes_max);
    plan = rt_arena_alloc(&memory->arena, sizeof(*plan));
    if (plan == NULL) {
        rt_arena_done(&memory->arena);
        rt_free(memory);
        return RT_ERR_NOMEM;
    }
    plan->memory = memory;
    plan->time_slot = RT_NO_SLOT;
    *out = plan;
    return RT_OK;
}

enum rt_status plan_builder_new(struct plan_builder **out)
{
    struct plan_builder *builder = rt_alloc_zeroed(1, sizeof(*builder));
    enum rt_status status;

    if (builder == NULL)
        return RT_ERR_NOMEM;
    status = plan_new(&builder->plan);
    if (status == RT_OK) {
        builder->arena = &builder->plan->memory->arena;
        builder->mentions =
            rt_arena_array(builder->arena, RT_FIELDS_MAX, sizeof(*builder->mentions));
        status = builder->mentions == NULL ? RT_ERR_NOMEM : rt_fields_new(&builder->plan->fields);
    }
    if (status != RT_OK) {
        plan_builder_free(builder);
        return status;
    }
    *out = builder;
    return RT_OK;
}

void plan_builder_free(struct plan_builder *builder)
{
    if (builder == NULL)
        return;
    rt_map_done(&builder->atom_index);
    rt_map_done(&builder->keying_index);
    rt_free(builder->atoms);
    rt_free(builder->keyings);
    rt_free(builder->rules);
    rule_plan_unref(builder->plan);
    rt_free(builder);
}

/* Room for one more element in a vector. */
static enum rt_status grow(void **vector, size_t count, size_t *capacity, size_t element_bytes)
{
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *larger;

    if (count < *capacity)
        return RT_OK;
    larger = rt_realloc(*vector, wanted * element_bytes);
    if (larger == NULL)
        return RT_ERR_NOMEM;
    *vector = larger;
    *capacity = wanted;
    return RT_OK;
}

/* ---- what rules share ---- */

enum rt_status plan_print_tree(struct plan_builder *builder, const struct expr_tree *tree,
                               const char **out)
{
    enum { PRINT_BYTES_MAX = 64 << 20, SHOWN_BYTES_MAX = 4096 };
    struct rt_buffer buffer;
    const char *copy = NULL;
    size_t shown;

    rt_buffer_init(&buffer, PRINT_BYTES_MAX);
    rt_buffer_string(&buffer, "");
    expr_tree_print(tree, &buffer);
    shown = buffer.length;
    if (shown > SHOWN_BYTES_MAX) { /* a list of thousands helps nobody */
        for (shown = SHOWN_BYTES_MAX; ((unsigned char)buffer.data[shown] & 0xc0U) == 0x80U;)
            shown--;
    }
    if (!buffer.failed && shown < buffer.length)
        copy = rt_arena_printf(builder->arena, "%.*s...", (int)shown, buffer.data);
    else if (!buffer.failed)
        copy = rt_arena_text(builder->arena, buffer.data, shown);
    rt_buffer_done(&buffer);
    if (copy == NULL)
        return RT_ERR_NOMEM;
    *out = copy;
    return RT_OK;
}

/* The bytes of a fingerprint as a key that lives as long as the plan. */
static enum rt_status find_or_add(struct plan_builder *builder, struct rt_map *index,
                                  struct rt_hash128 fingerprint, size_t next, uint64_t *found)
{
    struct rt_text key = {(const char *)&fingerprint, sizeof(fingerprint)};

    if (rt_map_get(index, key, found))
        return RT_OK;
    key.data = rt_arena_text(builder->arena, key.data, key.length);
    if (key.data == NULL)
        return RT_ERR_NOMEM;
    *found = next;
    return rt_map_set(index, key, next);
}

static enum rt_status add_atom(struct plan_builder *builder, const struct expr_tree *tree,
                               uint32_t *out)
{
    void *vector = builder->atoms;
    enum rt_status status =
        grow(&vector, builder->atom_count, &builder->atom_capacity, sizeof(*builder->atoms));
    struct rule_atom atom = {.tree = tree};
    uint64_t found;

    builder->atoms = vector;
    if (status == RT_OK)
        status = find_or_add(builder, &builder->atom_index, expr_tree_fingerprint(tree),
                             builder->atom_count, &found);
    if (status != RT_OK)
        return status;
    if (found == builder->atom_count) {
        status = plan_print_tree(builder, tree, &atom.text);
        if (status != RT_OK)
            return status;
        builder->atoms[builder->atom_count++] = atom;
    }
    *out = (uint32_t)found;
    return RT_OK;
}

static bool has_atom(const uint32_t *atoms, uint32_t count, uint32_t atom)
{
    for (uint32_t i = 0; i < count; i++) {
        if (atoms[i] == atom)
            return true;
    }
    return false;
}

enum rt_status plan_condition(struct plan_builder *builder, struct expr_tree *tree,
                              const char *step, struct rule_condition *out)
{
    struct expr_tree *rest = NULL;
    struct expr_tree **parts;
    uint32_t *atoms;
    size_t count;
    enum rt_status status = RT_OK;

    *out = (struct rule_condition){.tree = tree, .step = step};
    if (tree == NULL)
        return RT_OK;
    count = expr_tree_conjuncts(tree, NULL, 0);
    parts = rt_arena_array(builder->arena, count, sizeof(struct expr_tree *));
    atoms = rt_arena_array(builder->arena, count, sizeof(*atoms));
    if (parts == NULL || atoms == NULL)
        return RT_ERR_NOMEM;
    (void)expr_tree_conjuncts(tree, parts, count);
    for (size_t i = 0; i < count && status == RT_OK; i++) {
        uint32_t atom;

        if ((expr_tree_uses(parts[i]) & ~(unsigned)EXPR_USES_EVENT) != 0) {
            status = expr_tree_and(builder->arena, rest, parts[i], &rest);
            continue;
        }
        status = add_atom(builder, parts[i], &atom);
        if (status == RT_OK && !has_atom(atoms, out->atom_count, atom))
            atoms[out->atom_count++] = atom;
    }
    out->atoms = atoms;
    if (status == RT_OK)
        status = plan_code(builder, rest, &out->rest);
    return status;
}

enum rt_status plan_code(struct plan_builder *builder, const struct expr_tree *tree,
                         struct expr **target)
{
    struct rule_plan_memory *memory = builder->plan->memory;
    struct plan_code *code;

    *target = NULL;
    if (tree == NULL)
        return RT_OK;
    code = rt_arena_alloc(builder->arena, sizeof(*code));
    if (code == NULL)
        return RT_ERR_NOMEM;
    *code = (struct plan_code){tree, target, memory->codes};
    memory->codes = code;
    return RT_OK;
}

enum rt_status plan_template(struct plan_builder *builder, const struct expr_template_tree *tree,
                             struct expr_template **target)
{
    struct rule_plan_memory *memory = builder->plan->memory;
    struct plan_text *text;

    *target = NULL;
    if (tree == NULL)
        return RT_OK;
    text = rt_arena_alloc(builder->arena, sizeof(*text));
    if (text == NULL)
        return RT_ERR_NOMEM;
    *text = (struct plan_text){tree, target, memory->texts};
    memory->texts = text;
    return RT_OK;
}

/* Labels and expressions in their order. */
static enum rt_status keying_fingerprint(const struct plan_key_part *parts, size_t count,
                                         struct rt_hash128 *out)
{
    enum { FINGERPRINT_BYTES_MAX = 1 << 20 };
    struct rt_buffer buffer;
    bool failed;

    rt_buffer_init(&buffer, FINGERPRINT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct rt_hash128 tree = expr_tree_fingerprint(parts[i].tree);

        rt_buffer_add(&buffer, (const char *)&tree, sizeof(tree));
        rt_buffer_add(&buffer, parts[i].label, strlen(parts[i].label) + 1);
    }
    *out = rt_hash128(buffer.data, buffer.length);
    failed = buffer.failed;
    rt_buffer_done(&buffer);
    return failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status make_keying(struct plan_builder *builder, const struct plan_key_part *parts,
                                  size_t count, struct rule_keying *out)
{
    struct rule_key_part *copies = rt_arena_array(builder->arena, count, sizeof(*copies));
    enum rt_status status = RT_OK;

    if (copies == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count && status == RT_OK; i++) {
        copies[i].label = parts[i].label;
        status = plan_print_tree(builder, parts[i].tree, &copies[i].text);
        if (status == RT_OK)
            status = plan_code(builder, parts[i].tree, &copies[i].value);
    }
    *out = (struct rule_keying){copies, (uint32_t)count};
    return status;
}

enum rt_status plan_keying(struct plan_builder *builder, const struct plan_key_part *parts,
                           size_t count, uint32_t *out)
{
    struct rt_hash128 fingerprint;
    void *vector = builder->keyings;
    enum rt_status status = keying_fingerprint(parts, count, &fingerprint);
    uint64_t found;

    if (status != RT_OK)
        return status;
    status =
        grow(&vector, builder->keying_count, &builder->keying_capacity, sizeof(*builder->keyings));
    builder->keyings = vector;
    if (status == RT_OK)
        status = find_or_add(builder, &builder->keying_index, fingerprint, builder->keying_count,
                             &found);
    if (status == RT_OK && found == builder->keying_count) {
        status = make_keying(builder, parts, count, &builder->keyings[builder->keying_count]);
        builder->keying_count += status == RT_OK;
    }
    if (status == RT_OK)
        *out = (uint32_t)found;
    return status;
}

enum rt_status plan_add_program(struct plan_builder *builder, struct nfa_program *program)
{
    struct rule_plan_memory *memory = builder->plan->memory;
    struct plan_program *entry = rt_arena_alloc(builder->arena, sizeof(*entry));

    if (entry == NULL) {
        nfa_program_unref(program);
        return RT_ERR_NOMEM;
    }
    *entry = (struct plan_program){program, memory->programs};
    memory->programs = entry;
    return RT_OK;
}

enum rt_status plan_add_rule(struct plan_builder *builder, struct rule *rule)
{
    void *vector = builder->rules;
    enum rt_status status =
        grow(&vector, builder->rule_count, &builder->rule_capacity, sizeof(*builder->rules));

    builder->rules = vector;
    if (status != RT_OK)
        return status;
    rule->index = (uint32_t)builder->rule_count;
    builder->rules[builder->rule_count++] = rule;
    return RT_OK;
}

/* ---- the end: slots are known, code can be made ---- */

/* The vectors become arrays of the plan; the atoms' code goes on the list of all code. */
static enum rt_status move_vectors(struct plan_builder *builder)
{
    struct rule_plan *plan = builder->plan;
    struct rule_atom *atoms = rt_arena_array(builder->arena, builder->atom_count, sizeof(*atoms));
    struct rule_keying *keyings =
        rt_arena_array(builder->arena, builder->keying_count, sizeof(*keyings));
    const struct rule **rules =
        rt_arena_array(builder->arena, builder->rule_count, sizeof(const struct rule *));
    enum rt_status status = RT_OK;

    if (atoms == NULL || keyings == NULL || rules == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < builder->atom_count && status == RT_OK; i++) {
        atoms[i] = builder->atoms[i];
        status = plan_code(builder, atoms[i].tree, &atoms[i].code);
    }
    for (size_t i = 0; i < builder->keying_count; i++)
        keyings[i] = builder->keyings[i];
    for (size_t i = 0; i < builder->rule_count; i++)
        rules[i] = builder->rules[i];
    plan->atoms = atoms;
    plan->atom_count = (uint32_t)builder->atom_count;
    plan->keyings = keyings;
    plan->keying_count = (uint32_t)builder->keying_count;
    plan->rules = rules;
    plan->rule_count = (uint32_t)builder->rule_count;
    return status;
}

static enum rt_status compile_all(struct plan_builder *builder)
{
    struct rule_plan *plan = builder->plan;
    struct rule_plan_memory *memory = plan->memory;
    enum rt_status status = RT_OK;

    for (struct plan_code *code = memory->codes; code != NULL && status == RT_OK; code = code->next)
        status = expr_compile(code->tree, plan->fields, code->target);
    for (struct plan_text *text = memory->texts; text != NULL && status == RT_OK; text = text->next)
        status = expr_template_compile(text->tree, plan->fields, text->target);
    return status;
}

/* What the run brought gets its places: slots once the table is sealed, code with that of the rules. */
static enum rt_status place_run_conditions(struct plan_builder *builder)
{
    size_t count = builder->run_condition_count;
    struct expr **places = rt_arena_array(builder->arena, count + 1, sizeof(struct expr *));
    enum rt_status status = RT_OK;

    if (places == NULL)
        return RT_ERR_NOMEM;
    memset(places, 0, (count + 1) * sizeof(struct expr *));
    builder->plan->run_conditions = places;
    for (size_t i = 0; i < count && status == RT_OK; i++)
        status = plan_code(builder, builder->run_conditions[i], &places[i]);
    return status;
}

static enum rt_status place_run_fields(struct plan_builder *builder)
{
    rt_slot *slots = rt_arena_array(builder->arena, builder->run_field_count + 1, sizeof(*slots));

    if (slots == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < builder->run_field_count; i++)
        slots[i] = rt_fields_slot(builder->plan->fields, builder->run_fields[i]);
    builder->plan->run_slots = slots;
    return RT_OK;
}

enum rt_status plan_finish(struct plan_builder *builder, struct rule_plan **out)
{
    struct rule_plan *plan = builder->plan;
    enum rt_status status = plan_code(builder, builder->watermark_when, &plan->watermark_when);

    if (status == RT_OK)
        status = place_run_conditions(builder);
    if (status == RT_OK)
        status = plan_share_windows(builder);
    if (status == RT_OK)
        status = move_vectors(builder);
    if (status != RT_OK)
        return status;
    rt_fields_seal(plan->fields);
    status = place_run_fields(builder);
    if (status != RT_OK)
        return status;
    if (builder->has_time_field)
        plan->time_slot = rt_fields_slot(plan->fields, builder->time_field);
    status = compile_all(builder);
    if (status == RT_OK)
        status = plan_routes(builder);
    if (status != RT_OK)
        return status;
    builder->plan = NULL;
    *out = plan;
    return RT_OK;
}
