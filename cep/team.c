/* SPDX-License-Identifier: Apache-2.0 */
#include "cep/team.h"

#include "cep/save_state.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { HEADER_BYTES_MAX = 1 << 30 };

struct cep_team {
    struct rt_memory memory;                      /* first */
    struct cep_engine *engines[CEP_TEAM_MAX + 1]; /* owned; the head comes first, if there is one */
    uint32_t count;                               /* of engines */
    uint32_t workers;
    uint32_t saving; /* engine whose entries are handed out */
};

static struct cep_team *team_of(const struct rt_memory *memory)
{
    return (struct cep_team *)(uintptr_t)memory;
}

static struct rt_memory *memory_of(struct cep_engine *engine)
{
    return cep_engine_operator(engine)->memory;
}

/* ---- memory ---- */

static enum rt_status track(struct rt_memory *memory, uint16_t groups, uint16_t group_begin,
                            uint16_t group_end)
{
    struct cep_team *team = team_of(memory);
    enum rt_status status = RT_OK;

    for (uint32_t i = 0; i < team->count && status == RT_OK; i++) {
        struct rt_memory *one = memory_of(team->engines[i]);
        const struct cep_share *share = &team->engines[i]->share;

        if (share->role != CEP_WORKER) {
            status = one->track(one, groups, group_begin, group_end);
            continue;
        }
        RT_ASSERT(groups == share->groups && group_begin == 0 && group_end == groups);
        status = one->track(one, groups, share->group_begin, share->group_end);
    }
    return status;
}

static enum rt_status freeze(struct rt_memory *memory, bool whole, struct rt_buffer *header)
{
    struct cep_team *team = team_of(memory);
    struct rt_buffer parts[CEP_TEAM_MAX + 1];
    struct rt_text texts[CEP_TEAM_MAX + 1];
    enum rt_status status = RT_OK;

    for (uint32_t i = 0; i < team->count; i++)
        rt_buffer_init(&parts[i], HEADER_BYTES_MAX);
    for (uint32_t i = 0; i < team->count && status == RT_OK; i++) {
        struct rt_memory *one = memory_of(team->engines[i]);

        status = one->freeze(one, whole, &parts[i]);
        texts[i] = rt_buffer_view(&parts[i]);
    }
    if (status == RT_OK)
        cep_join_headers(texts, team->count, header);
    for (uint32_t i = 0; i < team->count; i++)
        rt_buffer_done(&parts[i]);
    team->saving = 0;
    return status == RT_OK && header->failed ? RT_ERR_NOMEM : status;
}

static enum rt_status save_some(struct rt_memory *memory, size_t bytes, rt_entry_fn *take,
                                void *context)
{
    struct cep_team *team = team_of(memory);

    while (team->saving < team->count) {
        struct rt_memory *one = memory_of(team->engines[team->saving]);
        enum rt_status status = one->save_some(one, bytes, take, context);

        if (status != RT_OK)
            return status;
        team->saving++;
    }
    return RT_OK;
}

static enum rt_status restore(struct rt_memory *memory, struct rt_text header,
                              struct rt_entries *entries, bool *starts_anew)
{
    struct cep_team *team = team_of(memory);

    return cep_restore(team->engines, team->count, header, entries, starts_anew);
}

/* The engines that keep keys are those from here on; each may have its share of memory. */
static uint32_t first_worker(const struct cep_team *team)
{
    return team->count > 1 ? 1 : 0;
}

static size_t share_of(const struct cep_team *team, size_t bytes)
{
    const size_t head = team->count > 1 ? cep_state_bytes(team->engines[0]) : 0;

    return bytes > head ? (bytes - head) / team->workers : 0;
}

/* Each worker looks things up in its own thread. */
static enum rt_status set_cold(struct rt_memory *memory, struct rt_cold *cold, size_t bytes)
{
    struct cep_team *team = team_of(memory);
    enum rt_status status = RT_OK;

    for (uint32_t i = first_worker(team); i < team->count && status == RT_OK; i++) {
        struct rt_memory *one = memory_of(team->engines[i]);
        struct rt_cold *part = cold;

        if (team->count > 1)
            status = cold->part(cold, &part);
        if (status == RT_OK)
            status = one->set_cold(one, part, share_of(team, bytes));
    }
    return status;
}

static enum rt_status spill(struct rt_memory *memory, size_t bytes)
{
    struct cep_team *team = team_of(memory);
    enum rt_status status = RT_OK;

    for (uint32_t i = first_worker(team); i < team->count && status == RT_OK; i++) {
        struct rt_memory *one = memory_of(team->engines[i]);

        status = one->spill(one, share_of(team, bytes));
    }
    return status;
}

static size_t memory_bytes(const struct rt_memory *memory)
{
    const struct cep_team *team = team_of(memory);
    size_t sum = 0;

    for (uint32_t i = 0; i < team->count; i++)
        sum += cep_state_bytes(team->engines[i]);
    return sum;
}

static void memory_counters(const struct rt_memory *memory, struct rt_memory_counters *out)
{
    const struct cep_team *team = team_of(memory);

    *out = (struct rt_memory_counters){0};
    for (uint32_t i = 0; i < team->count; i++) {
        const struct rt_memory *one = memory_of(team->engines[i]);
        struct rt_memory_counters counters;

        one->counters(one, &counters);
        rt_memory_counters_add(out, &counters);
    }
}

static const char *memory_error(const struct rt_memory *memory)
{
    const struct cep_team *team = team_of(memory);

    for (uint32_t i = 0; i < team->count; i++) {
        const struct rt_memory *one = memory_of(team->engines[i]);
        const char *error = one->error(one);

        if (error[0] != '\0')
            return error;
    }
    return "";
}

/* ---- life ---- */

/* What one of several may use. */
static struct cep_options part_of(const struct cep_options *options, uint32_t workers)
{
    struct cep_options part = *options;

    part.keys = options->keys / workers + 1;
    part.memory = options->memory / workers + 1;
    part.captured_bytes = options->captured_bytes / workers + 1;
    return part;
}

bool cep_team_can_share(const struct rule_plan *plan)
{
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        if (plan->rules[i]->reads_alerts)
            return false;
    }
    return true;
}

enum rt_status cep_team_new(struct rule_plan *plan, const struct cep_options *options,
                            struct cep_team_size size, rt_emit_fn *emit, void *context,
                            struct cep_team **out)
{
    const uint32_t workers = size.workers;
    const uint16_t groups = size.groups;
    const struct cep_share front = {
        .role = workers == 1 ? CEP_WHOLE : CEP_HEAD, .groups = groups, .workers = workers};
    const struct cep_options part = part_of(options, workers);
    struct cep_team *team = rt_alloc_zeroed(1, sizeof(*team));
    enum rt_status status;

    RT_ASSERT(workers >= 1 && workers <= CEP_TEAM_MAX && workers <= groups &&
              (workers == 1 || cep_team_can_share(plan)));
    if (team == NULL)
        return RT_ERR_NOMEM;
    team->workers = workers;
    status = cep_engine_new_share(plan, options, &front, emit, context, &team->engines[0]);
    team->count = status == RT_OK;
    for (uint32_t i = 0; i < workers && workers > 1 && status == RT_OK; i++) {
        const struct cep_share share = {.role = CEP_WORKER,
                                        .groups = groups,
                                        .group_begin = cep_share_begin(groups, i, workers),
                                        .group_end = cep_share_begin(groups, i + 1, workers)};

        status =
            cep_engine_new_share(plan, &part, &share, emit, context, &team->engines[team->count]);
        team->count += status == RT_OK;
    }
    if (status != RT_OK) {
        cep_team_free(team);
        return status;
    }
    team->memory = (struct rt_memory){.track = track,
                                      .freeze = freeze,
                                      .save_some = save_some,
                                      .restore = restore,
                                      .set_cold = set_cold,
                                      .spill = spill,
                                      .bytes = memory_bytes,
                                      .counters = memory_counters,
                                      .error = memory_error};
    *out = team;
    return RT_OK;
}

void cep_team_free(struct cep_team *team)
{
    if (team == NULL)
        return;
    for (uint32_t i = 0; i < team->count; i++)
        cep_engine_free(team->engines[i]);
    rt_free(team);
}

uint32_t cep_team_count(const struct cep_team *team)
{
    return team->workers;
}

struct rt_operator *cep_team_worker(struct cep_team *team, uint32_t number)
{
    RT_ASSERT(number < team->workers);
    return cep_engine_operator(team->engines[team->workers == 1 ? 0 : number + 1]);
}

struct rt_operator *cep_team_head(struct cep_team *team)
{
    return cep_engine_operator(team->engines[0]);
}

struct cep_engine *cep_team_engine(struct cep_team *team)
{
    return team->engines[0];
}

struct rt_memory *cep_team_memory(struct cep_team *team)
{
    return &team->memory;
}

/* ---- counters ---- */

void cep_team_counters(const struct cep_team *team, struct cep_counters *out)
{
    *out = (struct cep_counters){0};
    for (uint32_t i = 0; i < team->count; i++) {
        struct cep_counters one;

        cep_engine_counters(team->engines[i], &one);
        out->events += one.events;
        out->late += one.late;
        out->keys += one.keys;
        out->keys_evicted += one.keys_evicted;
        out->keys_refused += one.keys_refused;
        out->captured_bytes += one.captured_bytes;
        out->state_bytes += one.state_bytes;
    }
}

void cep_team_rule_counters(const struct cep_team *team, uint32_t rule,
                            struct cep_rule_counters *out)
{
    *out = (struct cep_rule_counters){0};
    for (uint32_t i = 0; i < team->count; i++) {
        struct cep_rule_counters one;

        cep_engine_rule_counters(team->engines[i], rule, &one);
        cep_rule_counters_add(out, &one);
    }
}

void cep_team_each_error(const struct cep_team *team, cep_error_count_fn *each, void *context)
{
    cep_engines_each_error(team->engines, team->count, each, context);
}
