/* SPDX-License-Identifier: Apache-2.0 */
#include "cep/inspect.h"

#include "cep/key.h"
#include "cep/save_state.h"
#include "cep/state.h"
#include "runtime/base/alloc.h"

enum { KEY_BYTES_MAX = 1 << 20 };

struct looking {
    struct cep_engine *engine;
    struct rt_buffer key;
    struct cep_step_count steps[CEP_SLOT_STEPS_MAX];
    struct cep_slot_view view;
    cep_slot_view_fn *each;
    void *context;
};

/* ---- one slot ---- */

static void add_step(struct looking *looking, const char *step)
{
    struct cep_slot_view *view = &looking->view;
    size_t at = 0;

    while (at < view->step_count && looking->steps[at].step != step)
        at++;
    if (at == CEP_SLOT_STEPS_MAX)
        at--;
    if (at == view->step_count)
        looking->steps[view->step_count++] = (struct cep_step_count){step, 0};
    looking->steps[at].partials++;
    view->partials++;
}

static void add_run(void *context, const struct nfa_run_view *run)
{
    struct looking *looking = context;

    add_step(looking, run->step == NULL ? "" : run->step);
    if (rt_time_before(run->start_time, looking->view.oldest))
        looking->view.oldest = run->start_time;
}

/* {"user":"bob"}, from the key's bytes. */
static void render_key(const struct cep_keying *keying, struct rt_text bytes,
                       struct rt_value *parts, struct rt_buffer *out)
{
    const struct rule_keying *plan = keying->plan;

    cep_key_parts(bytes, parts, plan->part_count);
    rt_buffer_reset(out);
    rt_buffer_char(out, '{');
    for (uint32_t i = 0; i < plan->part_count; i++) {
        if (i > 0)
            rt_buffer_char(out, ',');
        rt_buffer_json_string(out, rt_text_of(plan->parts[i].label));
        rt_buffer_char(out, ':');
        rt_value_json(parts[i], out);
    }
    rt_buffer_char(out, '}');
}

static enum rt_status look_at_slot(struct looking *looking, const struct cep_slot *slot,
                                   const struct cep_rule *rule)
{
    enum rt_status status;

    looking->view = (struct cep_slot_view){.rule = rule->rule->index,
                                           .key = rt_buffer_view(&looking->key),
                                           .oldest = RT_TIME_MAX,
                                           .deadline = slot->deadline,
                                           .steps = looking->steps};
    if (rule->machine != NULL)
        nfa_runs_each(rule->machine, &slot->runs, add_run, looking);
    else
        add_step(looking, rule->windows != NULL ? "window" : "value");
    status = cep_save_measure(looking->engine, slot, &looking->view.bytes);
    return status != RT_OK ? status : looking->each(looking->context, &looking->view);
}

static enum rt_status look_at_line(struct looking *looking, const struct cep_keying *keying,
                                   struct rt_key_line *line)
{
    uint32_t count;
    struct cep_slot *slots = cep_key_slots(cep_key_of_line(line), &count);
    enum rt_status status = RT_OK;

    render_key(keying, rt_key_line_key(line), looking->engine->key_parts, &looking->key);
    if (looking->key.failed)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct cep_rule *rule = &looking->engine->rules[slots[i].rule];

        while (rule != NULL && status == RT_OK) { /* all that read it */
            status = look_at_slot(looking, &slots[i], rule);
            rule = rule->windows == NULL ? NULL : rule->windows->next_reader;
        }
    }
    return status;
}

enum rt_status cep_engine_each_slot(struct cep_engine *engine, cep_slot_view_fn *each,
                                    void *context)
{
    struct looking looking = {.engine = engine, .each = each, .context = context};
    enum rt_status status = RT_OK;

    rt_buffer_init(&looking.key, KEY_BYTES_MAX);
    for (uint32_t k = 0; k < engine->plan->keying_count; k++) {
        const struct cep_keying *keying = &engine->keyings[k];

        for (size_t place = 0; place < keying->table.capacity && status == RT_OK; place++) {
            struct rt_key_line *line = rt_key_table_at(&keying->table, place);

            if (line != NULL)
                status = look_at_line(&looking, keying, line);
        }
    }
    rt_buffer_done(&looking.key);
    return status;
}

/* ---- taking out ---- */

struct dropping {
    struct cep_engine *engine;
    uint32_t rule;
    struct rt_text key; /* empty: all */
    struct rt_buffer text;
    uint64_t dropped;
    bool found;
};

/* The keys' bytes are gathered first: a table moves its lines when one goes. */
struct gathered {
    size_t begin, length;
};

static void count_run(void *context, const struct nfa_run_view *run)
{
    uint64_t *count = context;

    (void)run;
    ++*count;
}

static void drop_slot(struct dropping *dropping, struct cep_keying *keying,
                      struct rt_key_line *line)
{
    struct cep_engine *engine = dropping->engine;
    struct cep_slot *slot = cep_slot_find(line, dropping->rule);
    const struct cep_rule *rule = &engine->rules[dropping->rule];
    uint64_t partials = 0;

    if (slot == NULL)
        return;
    if (rule->machine != NULL)
        nfa_runs_each(rule->machine, &slot->runs, count_run, &partials);
    else
        partials = 1;
    dropping->found = true;
    dropping->dropped += partials;
    cep_key_touch(keying, line);
    cep_slot_clear(engine, slot);
    (void)cep_slot_drop(engine, keying, line, slot);
}

/* Names of the keys that are meant, one after another in dropping->text. */
static enum rt_status gather(struct dropping *dropping, const struct cep_keying *keying,
                             struct gathered **out, size_t *count)
{
    struct gathered *list = rt_alloc_zeroed(keying->table.count + 1, sizeof(*list));
    struct rt_buffer key;

    *count = 0;
    *out = list;
    if (list == NULL)
        return RT_ERR_NOMEM;
    rt_buffer_init(&key, KEY_BYTES_MAX);
    for (size_t place = 0; place < keying->table.capacity; place++) {
        struct rt_key_line *line = rt_key_table_at(&keying->table, place);

        if (line == NULL || cep_slot_find(line, dropping->rule) == NULL)
            continue;
        render_key(keying, rt_key_line_key(line), dropping->engine->key_parts, &key);
        if (dropping->key.length > 0 && !rt_text_equal(dropping->key, rt_buffer_view(&key)))
            continue;
        list[(*count)++] = (struct gathered){dropping->text.length, rt_key_line_key(line).length};
        rt_buffer_text(&dropping->text, rt_key_line_key(line));
    }
    rt_buffer_done(&key);
    return dropping->text.failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status drop_in(struct dropping *dropping, struct cep_keying *keying)
{
    struct gathered *list;
    size_t count;
    enum rt_status status;

    rt_buffer_reset(&dropping->text);
    status = gather(dropping, keying, &list, &count);
    for (size_t i = 0; i < count && status == RT_OK; i++) {
        struct rt_text key = {dropping->text.data + list[i].begin, list[i].length};
        struct rt_key_line *line = rt_key_table_find(&keying->table, rt_key_hash(key), key);

        drop_slot(dropping, keying, line);
    }
    rt_free(list);
    return status;
}

enum rt_status cep_engine_drop(struct cep_engine *engine, uint32_t rule, struct rt_text key,
                               uint64_t *dropped)
{
    const struct cep_windows *windows = engine->rules[rule].windows;
    struct dropping dropping = {.engine = engine, .rule = rule, .key = key};
    enum rt_status status = RT_OK;

    if (windows != NULL) /* who shares it loses it too */
        dropping.rule = windows->keeper->rule->index;
    rt_buffer_init(&dropping.text, SIZE_MAX);
    for (uint32_t k = 0; k < engine->plan->keying_count && status == RT_OK; k++)
        status = drop_in(&dropping, &engine->keyings[k]);
    rt_buffer_done(&dropping.text);
    if (status != RT_OK)
        return status;
    *dropped = dropping.dropped;
    return dropping.found || key.length == 0 ? RT_OK : RT_ERR_NOT_FOUND;
}
