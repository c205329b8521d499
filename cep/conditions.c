/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions of the event at hand: atoms are evaluated at most once an event, whatever the number of rules, and so are the lists
 * of atoms of guards, which many rules have in common:
 *
 *     r1  fail: [type == "fail"]   big: [type == "pay", amount > 9]           lists 0, 1
 *     r2  fail: [type == "fail"]   any: [type == "pay"]                       lists 0, 2
 */
#include "cep/state.h"
#include "runtime/base/alloc.h"
#include "runtime/base/map.h"

/* Numbers the list of a guard in the order in which distinct ones come. */
static enum rt_status number_guard(struct rt_map *lists, const struct rule_condition *guard,
                                   uint32_t *out)
{
    const struct rt_text list = {guard->atom_count == 0 ? "" : (const char *)guard->atoms,
                                 guard->atom_count * sizeof(*guard->atoms)};
    uint64_t number = lists->count;

    if (!rt_map_get(lists, list, &number) && rt_map_set(lists, list, number) != RT_OK)
        return RT_ERR_NOMEM;
    *out = (uint32_t)number;
    return RT_OK;
}

enum rt_status cep_memo_init(struct cep_memo *memo, const struct rule_plan *plan)
{
    enum rt_status status = RT_OK;
    struct rt_map lists = {0};
    size_t count = 0;

    memo->plan = plan;
    for (uint32_t i = 0; i < plan->rule_count; i++)
        count += plan->rules[i]->guard_count;
    memo->atoms = rt_alloc_zeroed(plan->atom_count, sizeof(*memo->atoms));
    memo->numbers = rt_alloc_zeroed(count, sizeof(*memo->numbers));
    if (memo->atoms == NULL || memo->numbers == NULL)
        return RT_ERR_NOMEM;
    count = 0;
    for (uint32_t i = 0; i < plan->rule_count; i++)
        for (uint32_t j = 0; j < plan->rules[i]->guard_count && status == RT_OK; j++)
            status = number_guard(&lists, &plan->rules[i]->guards[j], &memo->numbers[count++]);
    if (status == RT_OK)
        memo->guards = rt_alloc_zeroed(lists.count, sizeof(*memo->guards));
    rt_map_done(&lists);
    return memo->guards == NULL ? RT_ERR_NOMEM : RT_OK;
}

void cep_memo_done(struct cep_memo *memo)
{
    rt_free(memo->atoms);
    rt_free(memo->guards);
    rt_free(memo->numbers);
}

static struct cep_truth evaluate(struct cep_memo *memo, const struct expr *code)
{
    const struct expr_frame frame = {.event = memo->event};
    enum rt_value_error why = RT_ERROR_TYPE;
    enum expr_truth truth = expr_test(memo->machine, code, &frame, &why);

    return (struct cep_truth){.turn = memo->turn, .truth = (uint8_t)truth, .why = (uint8_t)why};
}

/* `&&` of CEL: false decides whatever the others are, then an error, then true. */
struct cep_truth cep_atoms_truth(struct cep_memo *memo, const struct rule_condition *condition)
{
    const struct cep_truth *error = NULL;

    for (uint32_t i = 0; i < condition->atom_count; i++) {
        struct cep_truth *atom = &memo->atoms[condition->atoms[i]];

        if (atom->turn != memo->turn)
            *atom = evaluate(memo, memo->plan->atoms[condition->atoms[i]].code);
        if (atom->truth == EXPR_FALSE)
            return *atom;
        if (atom->truth == EXPR_ERROR && error == NULL)
            error = atom;
    }
    return error != NULL ? *error : (struct cep_truth){.turn = memo->turn, .truth = EXPR_TRUE};
}

struct cep_truth cep_condition_truth(struct cep_memo *memo, const struct rule_condition *condition)
{
    struct cep_truth all = cep_atoms_truth(memo, condition);

    if (all.truth == EXPR_FALSE || condition->rest == NULL)
        return all;

    struct cep_truth rest = evaluate(memo, condition->rest);

    return rest.truth == EXPR_FALSE || all.truth == EXPR_TRUE ? rest : all;
}

void cep_count_error(struct cep_rule *rule, uint32_t row, enum rt_value_error why)
{
    uint64_t turn = rule->engine->memo.turn;

    if (rule->seen_errors[row] == turn)
        return;
    rule->seen_errors[row] = turn;
    rule->errors[row * CEP_REASONS + ((uint32_t)why < CEP_REASONS ? (uint32_t)why : 0)]++;
    rule->counters.condition_errors++;
}

/* ---- whose errors count ---- */

bool cep_may_start(const struct cep_rule *rule)
{
    const struct cep_engine *engine = rule->engine;

    return cep_classifier_starts(engine->classifier, engine->event, rule->rule->index);
}

bool cep_owns_guard(const struct cep_rule *rule, nfa_guard guard)
{
    const uint32_t keying = rule->keys[rule->guard_keys[guard]].keying;

    return cep_owns(rule->engine, cep_key_of_event(rule->engine, keying));
}

/* The event has the key already by one of those before. */
static bool is_repeated(const struct cep_rule *rule, uint32_t number)
{
    const struct cep_event_key *key = cep_key_of_event(rule->engine, rule->keys[number].keying);

    for (uint32_t i = 0; i < number; i++) {
        const struct cep_event_key *other = cep_key_of_event(rule->engine, rule->keys[i].keying);

        if (other->has_key &&
            rt_text_equal(rt_buffer_view(&key->bytes), rt_buffer_view(&other->bytes)))
            return true;
    }
    return false;
}

/* The key is this engine's and has runs. */
static bool has_runs(const struct cep_rule *rule, uint32_t number)
{
    struct cep_keying *keying = &rule->engine->keyings[rule->rule->keying];
    const struct cep_event_key *key = cep_key_of_event(rule->engine, rule->keys[number].keying);
    struct rt_key_line *line =
        key->has_key && cep_owns(rule->engine, key) ? cep_key_line(keying, key) : NULL;
    const struct cep_slot *slot = line == NULL ? NULL : cep_slot_find(line, rule->rule->index);

    return slot != NULL && !cep_slot_is_over(rule, slot);
}

/* Of a condition that is asked before any key; where the event begins nothing it counts once for each key with runs. */
static void count_gate_error(struct cep_rule *rule, uint32_t row, enum rt_value_error why)
{
    if (rule->machine == NULL || cep_may_start(rule)) {
        if (rule->counts)
            cep_count_error(rule, row, why);
        return;
    }
    if (rule->seen_errors[row] == rule->engine->memo.turn)
        return;
    for (uint32_t i = 0; i < rule->key_count; i++) {
        if (!has_runs(rule, i) || is_repeated(rule, i))
            continue;
        rule->seen_errors[row] = 0;
        cep_count_error(rule, row, why);
    }
}

typedef void count_error_fn(struct cep_rule *rule, uint32_t row, enum rt_value_error why);

static bool holds(struct cep_rule *rule, const struct rule_condition *condition,
                  enum cep_condition_place place, count_error_fn *count)
{
    if (condition->tree == NULL)
        return true;

    const struct cep_truth truth = cep_condition_truth(&rule->engine->memo, condition);

    if (truth.truth == EXPR_ERROR)
        count(rule, rule->rule->guard_count + place, (enum rt_value_error)truth.why);
    return truth.truth == EXPR_TRUE;
}

bool cep_condition_holds(struct cep_rule *rule, const struct rule_condition *condition,
                         enum cep_condition_place place)
{
    return holds(rule, condition, place, cep_count_error);
}

bool cep_gate_holds(struct cep_rule *rule, const struct rule_condition *condition,
                    enum cep_condition_place place)
{
    return holds(rule, condition, place, count_gate_error);
}
