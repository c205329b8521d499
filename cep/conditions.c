/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of the event at hand: atoms are evaluated at most once an event, whatever the number of rules. */
#include "cep/state.h"

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
    struct cep_truth all = {.turn = memo->turn, .truth = EXPR_TRUE};

    for (uint32_t i = 0; i < condition->atom_count; i++) {
        struct cep_truth *atom = &memo->atoms[condition->atoms[i]];

        if (atom->turn != memo->turn)
            *atom = evaluate(memo, memo->plan->atoms[condition->atoms[i]].code);
        if (atom->truth == EXPR_FALSE)
            return *atom;
        if (atom->truth == EXPR_ERROR && all.truth != EXPR_ERROR)
            all = *atom;
    }
    return all;
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

    if (rule->seen_errors[row] == turn || !rule->counts)
        return;
    rule->seen_errors[row] = turn;
    rule->errors[row * CEP_REASONS + ((uint32_t)why < CEP_REASONS ? (uint32_t)why : 0)]++;
    rule->counters.condition_errors++;
}

bool cep_condition_holds(struct cep_rule *rule, const struct rule_condition *condition,
                         enum cep_condition_place place)
{
    struct cep_truth truth = cep_condition_truth(&rule->engine->memo, condition);

    if (truth.truth == EXPR_ERROR)
        cep_count_error(rule, rule->rule->guard_count + place, (enum rt_value_error)truth.why);
    return truth.truth == EXPR_TRUE;
}
