/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that will be pushed soon: their keys are evaluated and hashed now, and what they lead to is fetched meanwhile.
 *
 *     for each event:  key --> hash --> prefetch the line        then, when the lines have come:  prefetch the runs
 *
 * A look-up in a table beyond the caches waits for memory; a batch of them waits once.  Small tables need none of this.
 * What was evaluated is kept until the push, so that no key is evaluated twice.
 */
#include "cep/key.h"
#include "cep/state.h"
#include "runtime/base/alloc.h"

enum { LARGE_BYTES = 1 << 20 };

void cep_prepared_done(struct cep_prepared *prepared)
{
    rt_free(prepared->keys);
    rt_buffer_done(&prepared->bytes);
}

const struct cep_prepared_key *cep_prepared_find(const struct cep_prepared *prepared,
                                                 uint64_t sequence)
{
    if (prepared->keys == NULL)
        return NULL;

    const struct cep_prepared_key *key = &prepared->keys[sequence % CEP_PREPARED_KEYS];

    return key->is_set && key->sequence == sequence ? key : NULL;
}

static void prepare_key(struct cep_engine *engine, struct cep_keying *keying,
                        const struct rt_event *event)
{
    struct cep_prepared *prepared = &keying->prepared;
    struct cep_prepared_key *key = &prepared->keys[event->sequence % CEP_PREPARED_KEYS];
    size_t begin = prepared->bytes.length;

    key->is_set = false;
    key->has_key = cep_key_evaluate(engine, keying, event, &prepared->bytes);
    if (prepared->bytes.failed)
        return; /* it is evaluated again when it is pushed */
    *key = (struct cep_prepared_key){
        .sequence = event->sequence,
        .begin = (uint32_t)begin,
        .length = (uint32_t)(prepared->bytes.length - begin),
        .has_key = key->has_key,
        .is_set = true,
    };
    if (key->has_key) {
        key->hash = rt_key_hash((struct rt_text){prepared->bytes.data + key->begin, key->length});
        rt_key_table_prefetch(&keying->table, key->hash);
    }
}

/* The lines are on their way or there: the lists of runs next, then the runs. */
static void fetch_runs(const struct cep_engine *engine, struct cep_keying *keying,
                       const struct rt_event *const *events, size_t count)
{
    const struct cep_prepared *prepared = &keying->prepared;
    const struct rt_key_line *lines[CEP_PREPARED_KEYS];
    size_t line_count = 0;

    for (size_t i = 0; i < count; i++) {
        const struct cep_prepared_key *key = cep_prepared_find(prepared, events[i]->sequence);

        if (key == NULL || !key->has_key)
            continue;

        const struct rt_text bytes = {prepared->bytes.data + key->begin, key->length};

        lines[line_count] = rt_key_table_find(&keying->table, key->hash, bytes);
        if (lines[line_count] != NULL)
            cep_key_prefetch(engine, lines[line_count++], false);
    }
    for (size_t i = 0; i < line_count; i++)
        cep_key_prefetch(engine, lines[i], true);
}

/* The event reaches a rule that looks keys up in this keying's table. */
static bool is_wanted(struct cep_engine *engine, uint32_t keying, const struct rt_event *event)
{
    size_t count;
    const uint32_t *rules = cep_classify(engine->classifier, event, &count);

    for (size_t i = 0; i < count; i++) {
        const struct cep_rule *rule = &engine->rules[rules[i]];

        if ((rule->machine != NULL || rule->windows != NULL || rule->rule->new_value_ttl.ms != 0) &&
            rule->rule->keying == keying)
            return true;
    }
    return false;
}

static void prepare_keying(struct cep_engine *engine, uint32_t number,
                           const struct rt_event *const *events, size_t count)
{
    struct cep_keying *keying = &engine->keyings[number];

    if (keying->table.capacity * sizeof(struct rt_key_line) < LARGE_BYTES &&
        cep_state_bytes(engine) < LARGE_BYTES)
        return;
    if (keying->prepared.keys == NULL)
        keying->prepared.keys = rt_alloc_zeroed(CEP_PREPARED_KEYS, sizeof(struct cep_prepared_key));
    if (keying->prepared.keys == NULL)
        return; /* only slower */
    for (size_t i = 0; i < CEP_PREPARED_KEYS; i++)
        keying->prepared.keys[i].is_set = false; /* their bytes go */
    rt_buffer_reset(&keying->prepared.bytes);
    expr_machine_reset(engine->memo.machine);
    for (size_t i = 0; i < count; i++) {
        if (is_wanted(engine, number, events[i]))
            prepare_key(engine, keying, events[i]);
    }
    fetch_runs(engine, keying, events, count);
}

void cep_prepare(struct rt_operator *port, const struct rt_event *const *events, size_t count)
{
    struct cep_engine *engine = (struct cep_engine *)port;

    if (count > CEP_PREPARED_KEYS)
        count = CEP_PREPARED_KEYS;
    for (uint32_t i = 0; i < engine->plan->keying_count; i++)
        prepare_keying(engine, i, events, count);
}
