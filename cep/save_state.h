/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save_state.h - what saving and restoring work with.  Private to cep/save*.c, cep/restore.c and cep/inspect.c.
 *
 *     tables    keyings[0] .. keyings[n - 1], dedup       each with its changes (runtime/state/changes.h)
 *     saving    names of removed keys of all tables --> entries that were written early --> lines of all tables
 */
#ifndef EGRET_CEP_SAVE_STATE_H
#define EGRET_CEP_SAVE_STATE_H

#include "cep/save.h"
#include "cep/state.h"
#include "runtime/base/form.h"
#include "runtime/base/map.h"
#include "runtime/event/event_form.h"

enum { CEP_SAVE_VERSION = 1, CEP_IDENTITY_BYTES = 8 };

/* The captured events of the key at hand, numbered in order of mention. */
struct cep_numbering {
    struct cep_numbered {
        const void *event;
        uint32_t stamp; /* of the key; another: the place is free */
        uint32_t number;
    } * places;        /* owned; open addressing */
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count, stamp;
    bool failed;
};

struct cep_saving {
    uint16_t groups, group_begin, group_end;
    bool is_open;           /* a freeze is not through */
    bool is_broken;         /* something was lost: the saving cannot be finished */
    struct rt_buffer early; /* entries that were written before their turn */
    size_t early_next;
    uint64_t *identities; /* owned; by keying */
    /* scratch */
    struct rt_buffer name, value, slots, events;
    struct cep_numbering numbering;
    struct rt_memory_counters counters; /* what does not follow from the tables */
};

/* ---- save_key.c ---- */

/* The entry of a line of a keying, borrowed until the next call.  RT_ERR_NOMEM. */
enum rt_status cep_save_key(struct cep_engine *engine, const struct cep_keying *keying,
                            const struct rt_key_line *line, struct rt_entry *out);
/* Only its id, as removed. */
enum rt_status cep_save_key_removed(struct cep_engine *engine, const struct cep_keying *keying,
                                    struct rt_text key, struct rt_entry *out);
/* How many bytes a slot would take as the only one of its key. */
enum rt_status cep_save_measure(struct cep_engine *engine, const struct cep_slot *slot,
                                uint64_t *bytes);
void cep_numbering_done(struct cep_numbering *numbering);
/* Lines whose entries will be made next: what they lead to is fetched meanwhile, all of it at once. */
void cep_save_prefetch(const struct cep_engine *engine, const struct cep_keying *keying,
                       const struct rt_key_line *const *lines, size_t count);

/* ---- save_header.c ---- */

struct cep_saved_rule {
    struct rt_text id, revision;
    struct rt_hash128 machine;
    const struct cep_saved_part {
        struct rt_text label;
        uint64_t hash;
    } * parts;
    size_t part_count;
    uint64_t partials;
    uint32_t now; /* rule that goes on with its state; RULE_NONE: none */
    bool has_window;
    uint32_t keeper,
        reader;            /* of its windows: the saved rule that kept them, and its number there */
    const uint8_t *places; /* of its aggregates among the keeper's units */
    size_t place_count;
    const struct rt_window_aggregate *units; /* of a keeper */
    size_t unit_count;
    const struct cep_move *moves; /* of a keeper: where its windows go */
    enum cep_change change;
    const char *why;
};

struct cep_move { /* from what a rule kept to what one keeps now */
    uint32_t keeper;
    bool is_alike;                       /* it is laid out as it was */
    const struct rt_window_shape *shape; /* as it was; NULL: alike */
    uint8_t places[RULE_AGGREGATES_MAX]; /* by aggregate now: that of `shape` */
    uint32_t readers[RULE_READERS_MAX];  /* by reader now: its number then */
    const struct cep_move *next;
};

struct cep_saved {
    struct rt_arena arena; /* what the rest lies in */
    uint64_t groups;
    struct cep_saved_rule *rules;
    size_t rule_count;
    uint64_t *identities; /* of the keyings */
    size_t keying_count;
    struct rt_map ids;           /* of the rules of the engine: their numbers */
    struct rt_event_names names; /* of this engine's events */
    struct rt_event_reader *events;
    struct rt_text name_bytes; /* of the names, as saved */
};

/* The names of this engine's captured events. */
struct rt_event_names cep_event_names(const struct cep_engine *engine);
enum rt_status cep_save_header(struct cep_engine *engine, struct rt_buffer *out);
/*
 * Reads it and finds out which rules go on; the texts borrow from the header.  `take`: turns and counters go to the engine.
 * RT_ERR_CORRUPT and RT_ERR_UNSUPPORTED with the engine's error text.
 */
enum rt_status cep_read_header(struct cep_engine *engine, struct rt_text header, bool take,
                               struct cep_saved *out);
void cep_saved_done(struct cep_saved *saved);

/* *out: the rules and names of the saved state have the numbers that they have in this engine.  RT_ERR_NOMEM. */
enum rt_status cep_saved_is_numbered_alike(const struct cep_engine *engine,
                                           const struct cep_saved *saved, bool *out);

/* ---- restore_window.c ---- */

/*
 * Which rules go on with which windows.  `take`: they keep them together now as they did, as far as that goes.  RT_ERR_CORRUPT.
 * RT_ERR_NOMEM.
 */
enum rt_status cep_readers_restore(struct cep_engine *engine, struct cep_saved *saved, bool take);
/* Rules of the same numbers keep their windows together as they did. */
bool cep_readers_are_alike(const struct cep_engine *engine, const struct cep_saved *saved);
/* A window of the keeper.  RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM. */
enum rt_status cep_window_restore(struct cep_rule *keeper, const struct cep_move *move,
                                  struct rt_form *form, struct rt_window **out);

/* ---- restore.c ---- */

/*
 * Reads entries that were saved under one header.  `take`: its turns and counters go to the engine.  Engines that share the keys
 * get every entry each, and take what is their own.  RT_ERR_CORRUPT and so on.
 */
struct cep_restoring;
enum rt_status cep_restoring_new(struct cep_engine *engine, struct rt_text header, bool take,
                                 struct cep_restoring **out);
void cep_restoring_free(struct cep_restoring *restoring); /* NULL is fine */
enum rt_status cep_restoring_entry(struct cep_restoring *restoring, const struct rt_entry *entry);

enum rt_status cep_restore(struct cep_engine *const *engines, size_t count, struct rt_text header,
                           struct rt_entries *entries, bool *starts_anew);

/* ---- cold.c ---- */

enum rt_status cep_cold_set(struct cep_engine *engine, struct rt_cold *cold, size_t bytes);
/*
 * To be called when rules keep their windows together in another way than before, which restoring may do: what is cold is read as
 * this engine saves it from now on.  Nothing without cold keys.  RT_ERR_NOMEM.
 */
enum rt_status cep_cold_read_as_now(struct cep_engine *engine);
void cep_cold_done(struct cep_engine *engine);
void cep_cold_count(const struct cep_engine *engine, struct rt_memory_counters *out);
enum rt_status cep_cold_spill(struct cep_engine *engine, size_t bytes);
/* While restoring: this line leaves again at once if there is too much. */
enum rt_status cep_cold_limit(struct cep_engine *engine, struct cep_keying *keying,
                              struct rt_key_line *line);

/* ---- save.c ---- */

/* Notes an entry that is to be handed out with the next saving, or with the one that is open. */
enum rt_status cep_save_early(struct cep_engine *engine, const struct rt_entry *entry);

/* Says why, for people, and gives the status back. */
enum rt_status cep_saving_failed(struct cep_engine *engine, enum rt_status status, const char *why);

#endif
