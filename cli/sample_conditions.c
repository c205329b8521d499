/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conditions of all rules, asked of the events of a sample.
 *
 *     event --> every atom once --> for each rule whose filter lets it through: each condition   --> tallies
 *
 * What a condition takes from earlier steps is not there; such a part counts as met.
 */
#include "cli/sample.h"
#include "rules/diagnostics.h"
#include "runtime/base/alloc.h"
#include "runtime/event/codec.h"

enum {
    ARENA_BYTES_MAX = 256 << 20,
    WORK_MAX = 50 * 1000 * 1000 /* atoms and conditions times events */
};

struct tally {
    uint64_t asked, held, failed;
    enum rt_value_error why; /* the first failure's */
};

struct verdict {
    uint8_t truth; /* enum expr_truth */
    uint8_t why;   /* enum rt_value_error, with EXPR_ERROR */
};

struct trial {
    const struct rule_plan *plan;
    struct rt_diags *diags;
    struct rt_arena arena;  /* tallies */
    struct rt_arena record; /* of one event */
    struct rt_codec *codec;
    struct expr_machine *machine;
    struct verdict *verdicts; /* by atom, of the event at hand */
    struct tally *atoms;      /* by atom */
    struct tally *conditions; /* of all rules, in the order of condition_at */
    struct rt_value *slots;
};

/* ---- the conditions of a rule in one order ---- */

static uint32_t condition_count(const struct rule *rule)
{
    return 3 + rule->except_count + rule->guard_count;
}

/* The filter is the first.  NULL: the rule has no such condition. */
static const struct rule_condition *condition_at(const struct rule *rule, uint32_t index)
{
    const struct rule_condition *own[3] = {&rule->filter, &rule->cancel_if, &rule->where};
    const struct rule_condition *found;

    if (index < 3)
        found = own[index];
    else if (index < 3 + rule->except_count)
        found = &rule->excepts[index - 3].condition;
    else
        found = &rule->guards[index - 3 - rule->except_count];
    return found->tree == NULL ? NULL : found;
}

/* Without this condition the rule matches nothing. */
static bool is_needed(const struct rule *rule, const struct rule_condition *condition)
{
    if (condition == &rule->filter || condition == &rule->where)
        return true;
    for (size_t i = 0; rule->kind == RULE_PATTERN && i < rule->pattern->step_count; i++) {
        const struct nfa_step *step = &rule->pattern->steps[i];

        if (step->group == NULL && step->where != NFA_NO_GUARD &&
            &rule->guards[step->where] == condition)
            return !step->optional && step->contiguity != NFA_NOT_NEXT &&
                   step->contiguity != NFA_NOT_FOLLOW;
    }
    return false;
}

/* ---- counting ---- */

static void count(struct tally *tally, struct verdict verdict)
{
    tally->asked++;
    tally->held += verdict.truth == EXPR_TRUE;
    if (verdict.truth == EXPR_ERROR && tally->failed++ == 0)
        tally->why = (enum rt_value_error)verdict.why;
}

static void ask_atoms(struct trial *trial, const struct rt_event *event)
{
    const struct expr_frame frame = {.event = event};

    expr_machine_reset(trial->machine);
    for (uint32_t i = 0; i < trial->plan->atom_count; i++) {
        enum rt_value_error why = RT_ERROR_TYPE;
        enum expr_truth truth = expr_test(trial->machine, trial->plan->atoms[i].code, &frame, &why);

        trial->verdicts[i] = (struct verdict){(uint8_t)truth, (uint8_t)why};
        count(&trial->atoms[i], trial->verdicts[i]);
    }
}

/* As the engine does it: false decides, then an error. */
static struct verdict verdict_of(const struct trial *trial, const struct rule_condition *condition)
{
    struct verdict all = {.truth = EXPR_TRUE};

    for (uint32_t i = 0; i < condition->atom_count; i++) {
        struct verdict atom = trial->verdicts[condition->atoms[i]];

        if (atom.truth == EXPR_FALSE)
            return atom;
        if (atom.truth == EXPR_ERROR && all.truth == EXPR_TRUE)
            all = atom;
    }
    return all;
}

static void ask_rule(struct trial *trial, const struct rule *rule, struct tally *tallies)
{
    for (uint32_t i = 0; i < condition_count(rule); i++) {
        const struct rule_condition *condition = condition_at(rule, i);
        struct verdict verdict;

        if (condition == NULL)
            continue;
        verdict = verdict_of(trial, condition);
        count(&tallies[i], verdict);
        if (i == 0 && verdict.truth != EXPR_TRUE)
            return;
    }
}

static enum rt_status ask_event(struct trial *trial, struct rt_text record)
{
    const struct rule_plan *plan = trial->plan;
    struct rt_event event = {.slots = trial->slots,
                             .slot_count = (uint32_t)rt_fields_count(plan->fields)};
    struct tally *tallies = trial->conditions;
    enum rt_reject reject;
    const char *detail;
    enum rt_status status;

    rt_arena_reset(&trial->record);
    status =
        trial->codec->decode(trial->codec, record, &trial->record, trial->slots, &reject, &detail);
    if (status == RT_ERR_DATA)
        return RT_OK;
    if (status != RT_OK)
        return status;
    ask_atoms(trial, &event);
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        ask_rule(trial, plan->rules[i], tallies);
        tallies += condition_count(plan->rules[i]);
    }
    return RT_OK;
}

/* ---- telling ---- */

/* The first part that no event has met, with its place; NULL: the parts are met, but never together. */
static const struct tally *guilty(const struct trial *trial, const struct rule_condition *condition,
                                  struct rt_span *span)
{
    size_t parts = expr_tree_conjunct_count(condition->tree);

    for (size_t i = 0; i < parts; i++) {
        const struct expr_tree *part = expr_tree_conjunct(condition->tree, i);
        struct rt_hash128 print = expr_tree_fingerprint(part);

        for (uint32_t k = 0; k < condition->atom_count; k++) {
            uint32_t atom = condition->atoms[k];
            struct rt_hash128 other = expr_tree_fingerprint(trial->plan->atoms[atom].tree);

            if (trial->atoms[atom].held == 0 && memcmp(&print, &other, sizeof(print)) == 0) {
                *span = expr_tree_span(part);
                return &trial->atoms[atom];
            }
        }
    }
    *span = expr_tree_span(condition->tree);
    return NULL;
}

static void tell(const struct trial *trial, const struct rule *rule,
                 const struct rule_condition *condition, const struct tally *tally)
{
    struct rt_span span;
    const struct tally *part = guilty(trial, condition, &span);
    bool fails = tally->failed == tally->asked;
    unsigned long long asked = (unsigned long long)tally->asked;
    struct rt_diag *diag;

    if (fails)
        diag =
            rt_diag_add(trial->diags, RT_SEVERITY_WARNING, RULE_DIAG_ALWAYS_FAILED, span,
                        "`%s` of `%s` ends in an error for %llu of %llu events that it is asked of",
                        condition->step, rule->id, asked, asked);
    else
        diag = rt_diag_add(trial->diags, RT_SEVERITY_WARNING, RULE_DIAG_NEVER_HELD, span,
                           "`%s` of `%s` holds for 0 of %llu events that it is asked of",
                           condition->step, rule->id, asked);
    if (part != NULL && part->failed == part->asked)
        rt_diag_label(trial->diags, diag, "always an error: %s", rt_value_error_name(part->why));
    else if (part != NULL)
        rt_diag_label(trial->diags, diag, "never true");
    else
        rt_diag_label(trial->diags, diag, "its parts are never true together");
    if (!fails && tally->failed > 0)
        rt_diag_note(trial->diags, diag, "for %llu of them it ends in an error, the first: %s",
                     (unsigned long long)tally->failed, rt_value_error_name(tally->why));
    if (is_needed(rule, condition))
        rt_diag_note(trial->diags, diag, "so `%s` cannot match anything of this sample", rule->id);
}

static void tell_all(const struct trial *trial)
{
    const struct tally *tallies = trial->conditions;

    for (uint32_t i = 0; i < trial->plan->rule_count; i++) {
        const struct rule *rule = trial->plan->rules[i];

        for (uint32_t k = 0; k < condition_count(rule); k++, tallies++) {
            const struct rule_condition *condition = condition_at(rule, k);

            if (condition != NULL && tallies->asked > 0 && tallies->held == 0)
                tell(trial, rule, condition, tallies);
        }
    }
}

/* ---- the whole ---- */

static enum rt_status open_trial(struct trial *trial, size_t conditions)
{
    const struct rule_plan *plan = trial->plan;
    enum rt_status status;

    rt_arena_init(&trial->arena, ARENA_BYTES_MAX);
    rt_arena_init(&trial->record, ARENA_BYTES_MAX);
    trial->verdicts = rt_arena_array(&trial->arena, plan->atom_count + 1, sizeof(*trial->verdicts));
    trial->atoms = rt_arena_array(&trial->arena, plan->atom_count + 1, sizeof(*trial->atoms));
    trial->conditions = rt_arena_array(&trial->arena, conditions + 1, sizeof(*trial->conditions));
    trial->slots =
        rt_arena_array(&trial->arena, rt_fields_count(plan->fields) + 1, sizeof(*trial->slots));
    if (trial->verdicts == NULL || trial->atoms == NULL || trial->conditions == NULL ||
        trial->slots == NULL)
        return RT_ERR_NOMEM;
    status = rt_codec_json_new(plan->fields, &trial->codec);
    return status == RT_OK ? expr_machine_new(&trial->machine) : status;
}

static void close_trial(struct trial *trial)
{
    if (trial->codec != NULL)
        trial->codec->free(trial->codec);
    expr_machine_free(trial->machine);
    rt_arena_done(&trial->arena);
    rt_arena_done(&trial->record);
}

enum rt_status cli_sample_check_conditions(const struct cli_sample *sample,
                                           const struct rule_plan *plan, struct rt_diags *diags)
{
    struct trial trial = {.plan = plan, .diags = diags};
    size_t conditions = 0, events = cli_sample_record_count(sample);
    enum rt_status status;

    for (uint32_t i = 0; i < plan->rule_count; i++)
        conditions += condition_count(plan->rules[i]);
    if (events > WORK_MAX / (conditions + plan->atom_count + 1))
        events = WORK_MAX / (conditions + plan->atom_count + 1);
    status = open_trial(&trial, conditions);
    for (size_t i = 0; i < events && status == RT_OK; i++)
        status = ask_event(&trial, cli_sample_record(sample, i));
    if (status == RT_OK)
        tell_all(&trial);
    close_trial(&trial);
    return status;
}
