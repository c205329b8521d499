/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pattern of a rule: steps in two passes, because a condition may name any step before its own.
 *
 *     (1) verbs, names, quantifiers, groups  -> nfa_step arrays, list of names
 *     (2) conditions, in the scope of their step -> guards
 *     then the automaton; what nfa refuses becomes a diagnostic at the step
 */
#include "rules/load_pattern.h"

#include <inttypes.h>

#include "runtime/base/assert.h"

enum { STEPS_MAX = 1000 };

struct pattern {
    struct loader *loader;
    struct load_rule *load;
    struct step_draft *drafts; /* steps and groups in order */
    size_t draft_count;
    struct rule_step *steps; /* by nfa step index */
    uint32_t step_count;
    struct rule_condition *guards;
    uint32_t guard_count;
    bool has_step_keys; /* some step looks for its event under a key of its own */
    bool has_shape;     /* false: so broken that the automaton would say nothing sensible */
};

/* Steps, groups, branches of a list, those inside groups included.  Depth is bounded by YAML_DEPTH_MAX. */
static size_t count_steps(const struct yaml_node *list) // NOLINT(misc-no-recursion)
{
    size_t count = 0;

    if (list == NULL || list->kind != YAML_SEQUENCE)
        return 0;
    for (size_t i = 0; i < list->count && count <= STEPS_MAX; i++) {
        const struct yaml_node *all_of = yaml_get(list->items[i], "all_of");

        count += 1 + count_steps(yaml_get(list->items[i], "pattern")) +
                 count_steps(yaml_get(list->items[i], "any_of"));
        if (all_of != NULL && all_of->kind == YAML_MAPPING)
            count += all_of->count;
    }
    return count;
}

/* ---- pass 1 ---- */

/* What the groups round a step say about it. */
struct surroundings {
    bool repeats, optional;
    const struct step_hidden *hidden;
};

/* `times: 5+`, as it was written; NULL: something else makes the step repeat. */
static const char *repeats_text(struct pattern *pattern, const struct step_draft *draft)
{
    const struct yaml_node *times = draft->nodes.times;
    const char *text;

    if (draft->step->times_max == 1 || times == NULL || times->kind != YAML_SCALAR)
        return NULL;
    text = rt_arena_printf(pattern->loader->arena, "times: %s", times->text.data);
    if (text == NULL)
        pattern->loader->status = RT_ERR_NOMEM;
    return text;
}

static void add_step(struct pattern *pattern, struct step_draft *draft,
                     const struct surroundings *around)
{
    const struct nfa_step *step = draft->step;
    struct rule_step *out = &pattern->steps[pattern->step_count];
    bool negative = step->contiguity == NFA_NOT_NEXT || step->contiguity == NFA_NOT_FOLLOW;

    draft->index = pattern->step_count++;
    draft->names_end = draft->index;
    draft->hidden = around->hidden;
    draft->loop_begin = draft->loop_end = draft->index;
    *out = (struct rule_step){.name = step->name,
                              .repeats = step->times_max > 1 || around->repeats,
                              .optional = load_step_is_optional(step) || around->optional,
                              .negative = negative,
                              .keying = RULE_NONE,
                              .times_min = step->times_min == 0 ? 1 : step->times_min,
                              .times_max = step->times_max,
                              .contiguity = step->contiguity,
                              .line = load_line(pattern->loader, draft->head)};
    pattern->load->steps[draft->index] =
        (struct expr_step_name){.name = step->name,
                                .step = draft->index,
                                .repeats = out->repeats,
                                .optional = out->optional,
                                .available = !negative,
                                .repeats_text = repeats_text(pattern, draft),
                                .never_text = negative ? "must not happen" : NULL};
}

static struct nfa_step *read_steps(struct pattern *pattern, const struct yaml_node *list,
                                   struct surroundings around);

static void refuse_group_condition(struct loader *loader, const struct step_draft *draft)
{
    const struct load_step_nodes *nodes = &draft->nodes;
    const struct yaml_node *wrong[] = {nodes->match, nodes->where,
                                       draft->shape == SHAPE_CHOICE ? NULL : nodes->any_of,
                                       draft->shape == SHAPE_SET ? NULL : nodes->all_of};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (wrong[i] != NULL)
            LOAD_ERROR(loader, CONFLICT, wrong[i],
                       "a group has no condition of its own, the steps in it have");
    }
}

/* A step or a branch that stands for itself, without quantifier. */
static struct step_draft *new_draft(struct pattern *pattern, struct nfa_step *step,
                                    const struct yaml_node *head)
{
    struct step_draft *draft = &pattern->drafts[pattern->draft_count++];

    *step = (struct nfa_step){.name = "",
                              .contiguity = NFA_BEGIN,
                              .where = NFA_NO_GUARD,
                              .until = NFA_NO_GUARD,
                              .times_min = 1,
                              .times_max = 1};
    *draft = (struct step_draft){.step = step, .head = head, .index = RULE_NONE};
    draft->is_usable = true;
    return draft;
}

/* The branches of a choice: each a group whose steps the other branches cannot name.  Depth as read_steps. */
// NOLINTNEXTLINE(misc-no-recursion)
static void read_branches(struct pattern *pattern, struct step_draft *draft,
                          struct surroundings around)
{
    struct loader *loader = pattern->loader;
    const struct yaml_node *list = draft->nodes.any_of;
    struct nfa_step *branches = load_alloc(loader, list->count, sizeof(*branches));
    uint32_t first = pattern->step_count;

    draft->step->group = branches;
    draft->step->group_count = list->count;
    around.optional = around.optional || list->count > 1;
    for (size_t i = 0; branches != NULL && i < list->count; i++) {
        struct step_draft *branch = new_draft(pattern, &branches[i], list->items[i]);
        struct step_hidden *hidden = load_alloc(loader, 1, sizeof(*hidden));
        struct load_branch_nodes nodes = {.pattern = NULL};

        if (hidden == NULL)
            return;
        *hidden = (struct step_hidden){first, pattern->step_count, around.hidden};
        if (!load_mapping(loader, list->items[i], &load_branch_map, NULL, &nodes) ||
            nodes.pattern == NULL || nodes.pattern->kind != YAML_SEQUENCE) {
            pattern->load->is_complete = pattern->has_shape = false;
            continue;
        }
        branch->shape = SHAPE_GROUP;
        branch->step->group = read_steps(
            pattern, nodes.pattern, (struct surroundings){around.repeats, around.optional, hidden});
        branch->step->group_count = nodes.pattern->count;
    }
}

/* The steps of a set: a map from names to conditions, none of which can name another. */
static void read_members(struct pattern *pattern, struct step_draft *draft,
                         const struct surroundings *around)
{
    struct loader *loader = pattern->loader;
    const struct yaml_node *map = draft->nodes.all_of;
    struct nfa_step *members = load_alloc(loader, map->count, sizeof(*members));
    uint32_t first = pattern->step_count;

    draft->step->group = members;
    draft->step->group_count = map->count;
    for (size_t i = 0; members != NULL && i < map->count; i++) {
        struct step_draft *member = new_draft(pattern, &members[i], map->pairs[i].key);
        struct load_member_nodes nodes = {.match = NULL};

        if (!load_member_name(loader, member, map->pairs[i].key) ||
            !load_mapping(loader, map->pairs[i].value, &load_member_map, NULL, &nodes))
            pattern->load->is_complete = pattern->has_shape = false;
        member->nodes.match = nodes.match;
        member->nodes.where = nodes.where;
        member->nodes.any_of = nodes.any_of;
        add_step(pattern, member, around);
        member->names_end = first;
    }
}

/* What a group consists of.  Depth is bounded by YAML_DEPTH_MAX. */
// NOLINTNEXTLINE(misc-no-recursion)
static void read_group(struct pattern *pattern, struct step_draft *draft,
                       struct surroundings around)
{
    bool starts_loop = draft->step->times_max > 1 && !around.repeats;
    size_t first_draft = pattern->draft_count;
    uint32_t first = pattern->step_count;

    refuse_group_condition(pattern->loader, draft);
    around.repeats = around.repeats || starts_loop;
    around.optional = around.optional || load_step_is_optional(draft->step);
    if (draft->shape == SHAPE_CHOICE) {
        draft->step->group_kind = NFA_ANY_OF;
        read_branches(pattern, draft, around);
    } else if (draft->shape == SHAPE_SET) {
        draft->step->group_kind = NFA_ALL_OF;
        read_members(pattern, draft, &around);
    } else {
        draft->step->group = read_steps(pattern, draft->nodes.pattern, around);
        draft->step->group_count = draft->nodes.pattern->count;
    }
    draft->names_end = pattern->step_count;
    draft->hidden = around.hidden;
    if (starts_loop) {
        draft->loop_begin = first;
        draft->loop_end = pattern->step_count;
    }
    for (size_t i = first_draft; starts_loop && i < pattern->draft_count; i++) {
        pattern->drafts[i].loop_begin = first;
        pattern->drafts[i].loop_end = pattern->step_count;
    }
}

/* One list of steps, as an array in the plan.  Depth is bounded by YAML_DEPTH_MAX. */
static struct nfa_step *read_steps(struct pattern *pattern, // NOLINT(misc-no-recursion)
                                   const struct yaml_node *list, struct surroundings around)
{
    struct nfa_step *steps = load_alloc(pattern->loader, list->count, sizeof(*steps));

    for (size_t i = 0; steps != NULL && i < list->count; i++) {
        struct step_draft *draft = &pattern->drafts[pattern->draft_count++];

        draft->step = &steps[i];
        draft->index = RULE_NONE;
        draft->is_usable = load_step(pattern->loader, list->items[i], i == 0, draft);
        if (!draft->is_usable)
            pattern->load->is_complete = false;
        if (draft->step->name[0] == '\0')
            pattern->has_shape = false;
        if (draft->shape != SHAPE_STEP)
            read_group(pattern, draft, around);
        else
            add_step(pattern, draft, &around);
    }
    return steps;
}

static void check_names(struct pattern *pattern)
{
    for (size_t i = 0; i < pattern->draft_count; i++) {
        const char *name = pattern->drafts[i].step->name;

        for (size_t k = 0; k < i && name[0] != '\0'; k++) {
            struct rt_diag *diag;

            if (strcmp(pattern->drafts[k].step->name, name) != 0)
                continue;
            diag = LOAD_ERROR(pattern->loader, DUPLICATE_STEP, pattern->drafts[i].head,
                              "a second step is named `%s`", name);
            rt_diag_also(pattern->loader->diags, diag, pattern->drafts[k].head->span,
                         "the first one is here");
            pattern->has_shape = false;
            break;
        }
    }
}

/* ---- pass 2 ---- */

static bool is_hidden(const struct step_hidden *hidden, uint32_t step)
{
    for (; hidden != NULL; hidden = hidden->outer) {
        if (step >= hidden->begin && step < hidden->end)
            return true;
    }
    return false;
}

/* Why a step before this one, or itself, can have taken nothing; NULL: it comes later. */
static const char *never_text(const struct step_draft *draft, uint32_t step)
{
    if (step == draft->index)
        return "is the step at hand";
    if (draft->index == RULE_NONE || step > draft->index)
        return NULL;
    return step < draft->names_end ? "is in another branch of `any_of`"
                                   : "may come after this one, too";
}

/* The names as the condition of one step sees them: what can have been taken before. */
static struct expr_step_name *names_at(struct pattern *pattern, const struct step_draft *draft)
{
    const struct expr_step_name *all = pattern->load->steps;
    struct expr_step_name *names = load_alloc(pattern->loader, pattern->step_count, sizeof(*names));

    for (uint32_t i = 0; names != NULL && i < pattern->step_count; i++) {
        bool in_loop = i >= draft->loop_begin && i < draft->loop_end;
        bool before = i < draft->names_end && !is_hidden(draft->hidden, i);

        names[i] = all[i];
        names[i].available =
            all[i].available && (before || in_loop || (i == draft->index && all[i].repeats));
        if (all[i].available && !names[i].available)
            names[i].never_text = never_text(draft, i);
    }
    return names;
}

static nfa_guard add_guard(struct pattern *pattern, const struct step_draft *draft,
                           struct expr_tree *tree)
{
    struct rule_condition *guard = &pattern->guards[pattern->guard_count];
    enum rt_status status = plan_condition(pattern->loader->plan, tree, draft->step->name, guard);

    if (status != RT_OK)
        pattern->loader->status = status;
    return pattern->guard_count++;
}

static void read_conditions(struct pattern *pattern, struct step_draft *draft)
{
    struct loader *loader = pattern->loader;
    struct load_condition nodes = {draft->nodes.match, draft->nodes.where, draft->nodes.any_of};
    struct expr_step_name *names = names_at(pattern, draft);
    struct expr_scope scope = load_scope(loader, pattern->load, names);
    struct expr_tree *tree;

    if (names == NULL)
        return;
    if (draft->index != RULE_NONE) {
        if (!load_condition(loader, &nodes, &scope, &tree))
            pattern->load->is_complete = false;
        else if (tree != NULL || pattern->has_step_keys)
            /* By its guard the engine knows which key a step asks for, also one that takes any event of it. */
            draft->step->where = add_guard(pattern, draft, tree);
    }
    if (draft->nodes.until == NULL)
        return;
    if (!load_expr(loader, draft->nodes.until, &scope, EXPR_WANT_BOOL, &tree)) {
        pattern->load->is_complete = false;
        /* The automaton is only asked for its opinion then. */
        draft->step->until = pattern->guard_count;
        return;
    }
    draft->step->until = add_guard(pattern, draft, tree);
}

static void read_step_key(struct pattern *pattern, const struct step_draft *draft)
{
    struct loader *loader = pattern->loader;
    struct rule *rule = pattern->load->rule;
    uint32_t keying;
    size_t parts;
    size_t wanted = rule->keying == RULE_NONE ? 0 : loader->plan->keyings[rule->keying].part_count;

    if (draft->nodes.key_by == NULL)
        return;
    if (draft->index == RULE_NONE) {
        LOAD_ERROR(loader, CONFLICT, draft->nodes.key_by,
                   "a group has no key of its own, the steps in its `pattern` may have");
        return;
    }
    if (!load_key_by(loader, pattern->load, draft->nodes.key_by, &keying, &parts)) {
        pattern->load->is_complete = false;
        return;
    }
    if (rule->keying != RULE_NONE && parts != wanted)
        LOAD_ERROR(loader, BAD_KEY, draft->nodes.key_by,
                   "the key of a step has as many parts as that of the rule, %zu", wanted);
    pattern->steps[draft->index].keying = keying;
}

/* ---- after_match, emit, within ---- */

static void read_skip_target(struct pattern *pattern, const struct yaml_node *node,
                             struct nfa_pattern *out)
{
    struct loader *loader = pattern->loader;
    const char **names;
    const char *nearest;
    struct rt_diag *diag;
    size_t count = 0;

    if (node->kind != YAML_SCALAR) {
        (void)load_accepts(loader, node, LOAD_SCALAR, "the name of a step");
        return;
    }
    if (!load_text(loader, node, "the name of a step", &out->skip_step))
        return;
    names = load_alloc(loader, out->step_count, sizeof(*names));
    if (names == NULL)
        return;
    for (size_t i = 0; i < out->step_count; i++) {
        if (out->steps[i].group != NULL)
            continue;
        if (strcmp(out->steps[i].name, out->skip_step) == 0)
            return;
        names[count++] = out->steps[i].name;
    }
    nearest = rt_nearest(node->text, names, count);
    diag = LOAD_ERROR(loader, UNKNOWN_STEP, node, "the pattern has no step `%s` of its own",
                      node->text.data);
    if (nearest != NULL) {
        rt_diag_label(loader->diags, diag, "did you mean `%s`?", nearest);
        rt_diag_fix(loader->diags, diag, "%s", nearest);
    }
    pattern->has_shape = false;
}

static void read_after_match(struct pattern *pattern, struct nfa_pattern *out)
{
    static const char *const words[] = {"skip_past_last", "no_skip", "skip_to_next"};
    static const enum nfa_skip skips[] = {NFA_SKIP_PAST_LAST, NFA_NO_SKIP, NFA_SKIP_TO_NEXT};
    const struct yaml_node *node = pattern->load->nodes.after_match;
    struct loader *loader = pattern->loader;
    struct rt_diag *diag;
    size_t found;

    out->skip = NFA_SKIP_PAST_LAST;
    if (node == NULL || node->kind == YAML_BROKEN || node->kind == YAML_SEQUENCE)
        return;
    if (node->kind == YAML_SCALAR) {
        if (load_word(loader, node, "after_match", words, 3, &found))
            out->skip = skips[found];
        return;
    }
    if (node->count == 1 && (rt_text_is(node->pairs[0].key->text, "skip_to_first") ||
                             rt_text_is(node->pairs[0].key->text, "skip_to_last"))) {
        out->skip = rt_text_is(node->pairs[0].key->text, "skip_to_first") ? NFA_SKIP_TO_FIRST
                                                                          : NFA_SKIP_TO_LAST;
        read_skip_target(pattern, node->pairs[0].value, out);
        return;
    }
    diag = LOAD_ERROR(loader, UNKNOWN_VALUE, node, "`after_match` is not one of its values");
    rt_diag_help(loader->diags, diag,
                 "one of skip_past_last, no_skip, skip_to_next, { skip_to_first: STEP }, "
                 "{ skip_to_last: STEP }");
}

static void read_rule_keys(struct pattern *pattern, struct nfa_pattern *out)
{
    static const char *const words[] = {"at_once", "in_start_order"};
    const struct load_rule_nodes *nodes = &pattern->load->nodes;
    size_t found = 0;

    read_after_match(pattern, out);
    if (nodes->emit != NULL && load_word(pattern->loader, nodes->emit, "emit", words, 2, &found))
        out->emit = found == 0 ? NFA_EMIT_AT_ONCE : NFA_EMIT_IN_START_ORDER;
    if (nodes->within == NULL)
        return;
    if (!load_duration(pattern->loader, nodes->within, "within", &out->within)) {
        pattern->load->is_complete = false;
        out->within = RT_DURATION_MAX;
    } else if (out->within.ms == 0) {
        LOAD_ERROR(pattern->loader, BAD_DURATION, nodes->within,
                   "`within` must be longer than nothing");
        out->within = RT_DURATION_MAX;
    }
}

/* ---- the automaton ---- */

static enum rule_diag refusal_code(enum nfa_refusal_kind kind)
{
    switch (kind) {
    case NFA_REFUSE_EMPTY:
    case NFA_REFUSE_GROUP_EMPTY:
        return RULE_DIAG_EMPTY;
    case NFA_REFUSE_FIRST_NOT_BEGIN:
        return RULE_DIAG_FIRST_NOT_BEGIN;
    case NFA_REFUSE_DUPLICATE_NAME:
        return RULE_DIAG_DUPLICATE_STEP;
    case NFA_REFUSE_TRAILING_NOT_WITHOUT_WITHIN:
        return RULE_DIAG_NOT_FOLLOW_LAST;
    case NFA_REFUSE_GROUP_GREEDY:
    case NFA_REFUSE_NOT_QUANTIFIED:
    case NFA_REFUSE_UNTIL_NOT_LOOPING:
    case NFA_REFUSE_GREEDY_SINGLE:
    case NFA_REFUSE_INNER_SINGLE:
    case NFA_REFUSE_LOOP_GAP_SINGLE:
        return RULE_DIAG_QUANTIFIER;
    default:
        return RULE_DIAG_PATTERN_REFUSED;
    }
}

static void report_refusal(struct pattern *pattern, const struct nfa_refusal *refusal)
{
    struct loader *loader = pattern->loader;
    const struct yaml_node *place = pattern->load->nodes.pattern;
    struct rt_diag *diag;

    for (size_t i = 0; i < pattern->draft_count; i++) {
        if (pattern->drafts[i].step == refusal->step)
            place = pattern->drafts[i].head;
    }
    diag = rt_diag_add(loader->diags, RT_SEVERITY_ERROR, refusal_code(refusal->kind), place->span,
                       "%s", nfa_refusal_text(refusal->kind));
    if (refusal->kind != NFA_REFUSE_TRAILING_NOT_WITHOUT_WITHIN)
        return;
    rt_diag_label(loader->diags, diag, "wait how long before the absence is certain?");
    rt_diag_help(loader->diags, diag, "add `within: 10m` to the rule, next to `pattern`");
}

static void compile(struct pattern *pattern, const struct nfa_pattern *from)
{
    struct loader *loader = pattern->loader;
    struct rule *rule = pattern->load->rule;
    struct nfa_refusal refusal = {.kind = NFA_REFUSE_NONE};
    struct nfa_program *program;
    enum rt_status status = nfa_compile(from, &program, &refusal);

    if (status == RT_ERR_DIAG) {
        /* What was put aside may have held the missing `within`. */
        if (refusal.kind != NFA_REFUSE_TRAILING_NOT_WITHOUT_WITHIN ||
            !loader->file->document.has_gaps)
            report_refusal(pattern, &refusal);
        pattern->load->is_complete = false;
    } else if (status == RT_ERR_LIMIT) {
        LOAD_ERROR(loader, PATTERN_LARGE, pattern->load->nodes.pattern,
                   "the pattern needs too many states");
    } else if (status != RT_OK) {
        loader->status = status;
    } else {
        RT_ASSERT(nfa_program_step_count(program) == pattern->step_count);
        rule->program = program;
        status = plan_add_program(loader->plan, program);
        if (status != RT_OK)
            loader->status = status;
    }
}

static bool is_strict(const struct nfa_step *step)
{
    return step->contiguity == NFA_STRICT || step->contiguity == NFA_NOT_NEXT ||
           step->inner == NFA_INNER_STRICT;
}

static void fill_rule(struct pattern *pattern, const struct nfa_pattern *from)
{
    struct rule *rule = pattern->load->rule;

    rule->steps = pattern->steps;
    rule->step_count = pattern->step_count;
    rule->guards = pattern->guards;
    rule->guard_count = pattern->guard_count;
    rule->within = from->within;
    rule->skip = from->skip;
    rule->pattern = from;
    for (size_t i = 0; i < pattern->draft_count; i++)
        rule->strict = rule->strict || is_strict(pattern->drafts[i].step);
}

/* How much that is before the limits drop some of it. */
static void label_with_bound(struct loader *loader, struct rt_diag *diag,
                             const struct nfa_step *step)
{
    const struct rule_load_options *options = loader->options;
    uint64_t matches =
        options->partials_per_key != 0 ? options->partials_per_key : NFA_RUNS_PER_KEY_USUAL;
    uint64_t events =
        options->events_per_partial != 0 ? options->events_per_partial : NFA_PATH_LENGTH_USUAL;

    if (step->times_max < events)
        events = step->times_max;
    rt_diag_label(loader->diags, diag,
                  "each key may come to %" PRIu64 " open matches (state.limits.partials_per_key) "
                  "with %" PRIu64 " of these events%s",
                  matches, events,
                  events < step->times_max ? " (state.limits.events_per_partial)" : "");
}

/* A warning for steps that only the limits bound. */
static void warn_of_growth(struct pattern *pattern, const struct nfa_pattern *from)
{
    struct loader *loader = pattern->loader;

    if (from->within.ms > 0 || pattern->load->nodes.cancel_if != NULL)
        return;
    for (size_t i = 0; i < pattern->draft_count; i++) {
        const struct step_draft *draft = &pattern->drafts[i];
        const struct nfa_step *step = draft->step;
        bool combines = step->inner == NFA_INNER_ANY;
        struct rt_diag *diag;

        if (draft->nodes.times == NULL || step->loop_gap.ms > 0 || step->until != NFA_NO_GUARD ||
            (step->times_max != NFA_UNBOUNDED && !combines))
            continue;
        diag = rt_diag_add(
            loader->diags, RT_SEVERITY_WARNING, RULE_DIAG_UNBOUNDED, draft->nodes.times->span,
            combines ? "`combinations` without `within`: each event may double the open matches"
                     : "a loop without `within`: each event may begin a match that never ends");
        label_with_bound(loader, diag, step);
        rt_diag_help(loader->diags, diag,
                     "add `within: 10m` to the rule, or `loop_gap: 1m` or `until` to the step");
    }
}

static bool prepare(struct pattern *pattern, size_t count)
{
    struct loader *loader = pattern->loader;

    pattern->drafts = rt_arena_array(&loader->scratch, count, sizeof(*pattern->drafts));
    pattern->steps = load_alloc(loader, count, sizeof(*pattern->steps));
    pattern->guards = load_alloc(loader, count * 2, sizeof(*pattern->guards));
    pattern->load->steps = load_alloc(loader, count, sizeof(*pattern->load->steps));
    if (pattern->drafts == NULL)
        loader->status = RT_ERR_NOMEM;
    return loader->status == RT_OK;
}

void load_pattern(struct loader *loader, struct load_rule *load)
{
    struct pattern pattern = {.loader = loader, .load = load, .has_shape = true};
    const struct yaml_node *list = load->nodes.pattern;
    struct nfa_pattern *out = load_alloc(loader, 1, sizeof(*out));
    size_t count = count_steps(list);

    if (out == NULL || list->kind != YAML_SEQUENCE)
        return;
    if (count == 0 || count > STEPS_MAX) {
        if (count == 0)
            LOAD_ERROR(loader, EMPTY, list, "a pattern needs at least one step");
        else
            LOAD_ERROR(loader, PATTERN_LARGE, list, "a pattern has at most %d steps", STEPS_MAX);
        return;
    }
    if (!prepare(&pattern, count))
        return;
    out->steps = read_steps(&pattern, list, (struct surroundings){.repeats = false});
    out->step_count = list->count;
    load->step_count = pattern.step_count;
    if (out->steps == NULL)
        return;
    for (size_t i = 0; i < pattern.draft_count; i++)
        load->has_gap = load->has_gap || pattern.drafts[i].nodes.gap != NULL ||
                        pattern.drafts[i].nodes.loop_gap != NULL;
    check_names(&pattern);
    for (size_t i = 0; i < pattern.draft_count; i++)
        pattern.has_step_keys = pattern.has_step_keys || pattern.drafts[i].nodes.key_by != NULL;
    read_rule_keys(&pattern, out);
    for (size_t i = 0; i < pattern.draft_count && loader->status == RT_OK; i++) {
        read_conditions(&pattern, &pattern.drafts[i]);
        read_step_key(&pattern, &pattern.drafts[i]);
    }
    if (pattern.has_shape && loader->status == RT_OK)
        compile(&pattern, out);
    if (load->is_complete)
        warn_of_growth(&pattern, out);
    fill_rule(&pattern, out);
}
