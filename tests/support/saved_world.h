/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved_world.h - random rules, a random stream, and an engine between them that can be saved and brought back at any event.
 *
 *     rules (random)  -->  plan  -->  stream -> engine -> output (text)
 *     events (random) ----------------^
 */
#ifndef EGRET_TESTS_SUPPORT_SAVED_WORLD_H
#define EGRET_TESTS_SUPPORT_SAVED_WORLD_H

#include "cep/team.h"
#include "runtime/time/stream.h"
#include "runtime/worker/workers.h"
#include "tests/support/saved_store.h"
#include "tests/support/seeded.h"

enum { WORLD_TEXT_MAX = 128, WORLD_GROUPS = 128 };

struct world_event {
    char json[WORLD_TEXT_MAX];
    size_t length;
    int64_t time;
    uint32_t partition;
};

/* Patterns, absences, timeouts, windows, first-seen, dedup, a step with a key of its own: some of each. */
void world_write_rules(struct seeded *seeded, struct rt_buffer *out);
void world_make_events(struct seeded *seeded, struct world_event *events, size_t count);
struct rule_plan *world_load(const char *yaml);

struct world {
    struct rule_plan *plan; /* borrowed */
    struct cep_options options;
    struct rt_stream_options stream_options;
    uint32_t workers; /* 0: one engine, without a team */
    struct cep_engine *engine;
    struct cep_team *team;
    struct rt_workers *crew;
    struct rt_operator *target; /* engine or crew */
    struct rt_stream *stream;
    struct rt_codec *codec;
    struct rt_value *slots;
    struct rt_buffer *output; /* borrowed */
    uint64_t sequence;
};

/* Fills in engine, stream, codec and slots; plan, options and output are set. */
enum rt_status world_begin(struct world *world);
void world_end(struct world *world);
void world_push(struct world *world, const struct world_event *event);
struct rt_event_names world_names(const struct world *world);

/* The whole as it is, laid over `store`; `header` and `stream` are emptied first. */
struct world_saved {
    struct saved_store store;
    struct rt_buffer header, stream;
    uint64_t sequence;
};
void world_saved_init(struct world_saved *saved);
void world_saved_done(struct world_saved *saved);
enum rt_status world_save(struct world *world, size_t budget, struct world_saved *saved);
/* Into a world that has begun and does not track yet. */
enum rt_status world_restore(struct world *world, uint16_t groups, struct world_saved *saved,
                             bool *starts_anew);

#endif
