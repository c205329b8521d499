/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egret.h - patterns in event streams, as a library.
 *
 *     rule files --egret_ruleset_load--> ruleset      immutable, shared by threads
 *                                          |
 *     your events --egret_engine_push--> engine --callback--> alerts
 *
 *     struct egret_ruleset *rules;
 *     struct egret_engine *engine;
 *     egret_ruleset_load_file("rules/login.yaml", NULL, NULL, &rules);
 *     egret_engine_new(rules, NULL, on_alert, NULL, &engine);
 *     while (...)
 *         egret_engine_push_json(engine, line, length);
 *     egret_engine_finish(engine);
 *
 * Egret pulls nothing, starts no thread, opens no socket, reads no clock: alerts are delivered from inside push, advance
 * and finish, and the same calls give the same alerts.
 *
 * A1  An engine, its batches and its options belong to one thread at a time; a ruleset may be shared.
 * A2  An output parameter is written on EGRET_OK only.
 * A3  Texts are UTF-8.  Those that go in end in a NUL or have a length; those that come out end in a NUL and are owned by the object they came
 *     from, unless it says otherwise.
 * A4  Times are event time, in milliseconds since 1970-01-01T00:00:00Z.
 * A5  No struct is public; the numbers of the enums never change.
 */
#ifndef EGRET_EGRET_H
#define EGRET_EGRET_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define EGRET_API __attribute__((visibility("default")))
#else
#define EGRET_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- version and status ---- */

/* "0.1.0" */
EGRET_API const char *egret_version(void);

enum egret_status {
    EGRET_OK = 0,
    EGRET_ERR_NOMEM = 1,       /* out of memory; what was built so far stays usable */
    EGRET_ERR_LIMIT = 2,       /* a configured limit was reached and its policy is `stop` */
    EGRET_ERR_DIAG = 3,        /* the rules are not valid; the diagnostics say why */
    EGRET_ERR_DATA = 4,        /* the event is not valid; it was counted and left out */
    EGRET_ERR_IO = 5,          /* a file cannot be read */
    EGRET_ERR_UNSUPPORTED = 7, /* not supported */
    EGRET_ERR_NOT_FOUND = 8,   /* no such option */
    EGRET_ERR_ORDER = 9        /* called out of order: after finish, or time went back */
};

/* A short phrase for people, never NULL. */
EGRET_API const char *egret_status_text(enum egret_status status);

/* Receives text in pieces; `text` does not end in a NUL. */
typedef void egret_text_fn(void *context, const char *text, size_t length);

/* ---- diagnostics: what is wrong with rule files ---- */

struct egret_diags;

EGRET_API enum egret_status egret_diags_new(struct egret_diags **out_diags);
EGRET_API void egret_diags_free(struct egret_diags *diags); /* NULL is fine */

enum egret_severity { EGRET_NOTE = 0, EGRET_WARNING = 1, EGRET_ERROR = 2 };

/* Entries are in order of file, then place. */
EGRET_API size_t egret_diags_count(const struct egret_diags *diags);
EGRET_API enum egret_severity egret_diag_severity(struct egret_diags *diags, size_t index);
EGRET_API unsigned egret_diag_code(struct egret_diags *diags, size_t index); /* 110 of E110 */
EGRET_API const char *egret_diag_message(struct egret_diags *diags, size_t index);
EGRET_API const char *egret_diag_file(struct egret_diags *diags, size_t index); /* "" if none */
EGRET_API uint32_t egret_diag_line(struct egret_diags *diags, size_t index); /* from 1; 0 if none */
EGRET_API uint32_t egret_diag_column(struct egret_diags *diags, size_t index);

/* All of them as text for people: source lines, carets, hints. */
EGRET_API enum egret_status egret_diags_render(struct egret_diags *diags, egret_text_fn *write,
                                               void *context);

/* ---- options: for loading rules and for engines ---- */

struct egret_options;

EGRET_API enum egret_status egret_options_new(struct egret_options **out_options);
EGRET_API void egret_options_free(struct egret_options *options); /* NULL is fine */

/*
 * Sets one option by name.
 *
 *     out_of_orderness            "10s"          how far an event may lie behind the latest one; default 0s
 *     time.field                  "ts"           of events pushed as JSON; for loading and for the engine
 *     time.format                 "unix_ms"      unix_s unix_ms unix_us unix_ns rfc3339, or a pattern with %
 *     watermark.when              "is_marker"    only events for which it holds move the watermark; for loading
 *     params.NAME                 "5"            a rule's parameter; for loading
 *     state.limits.keys           "1000000"      and partials_per_key, events_per_partial, captured_bytes, memory ...
 *     state.limits.on_limit       "drop_oldest"  drop_new, stop
 *     ties                        "arrival"      order of events of equal time; "rank": by egret_event_set_rank, then arrival
 *
 * EGRET_ERR_NOT_FOUND: no such option.  EGRET_ERR_DATA: not a value for it.
 */
EGRET_API enum egret_status egret_options_set(struct egret_options *options, const char *name,
                                              const char *value);

/*
 * Processing time: the time of an event is what `clock` says when it is pushed, whatever time it has; nothing is late, and
 * out_of_orderness, watermark.when and the time field have no meaning.  egret_engine_tick lets time go on without an event.
 * The clock gives Unix milliseconds; one that goes back counts as standing still.  NULL: event time, as without this call.
 */
typedef int64_t egret_clock_fn(void *context);
EGRET_API void egret_options_set_clock(struct egret_options *options, egret_clock_fn *clock,
                                       void *context);

/* ---- rules: compiled, immutable, reference-counted ---- */

struct egret_ruleset;

/*
 * `options` and `diags` may be NULL.  EGRET_ERR_DIAG, EGRET_ERR_IO, EGRET_ERR_NOMEM.  Warnings do not fail.
 * A ruleset remembers the time field it was loaded with.
 */
EGRET_API enum egret_status egret_ruleset_load_file(const char *path,
                                                    const struct egret_options *options,
                                                    struct egret_diags *diags,
                                                    struct egret_ruleset **out_rules);
/* `name` stands for the file in messages. */
EGRET_API enum egret_status egret_ruleset_load_text(const char *name, const char *text,
                                                    const struct egret_options *options,
                                                    struct egret_diags *diags,
                                                    struct egret_ruleset **out_rules);
EGRET_API struct egret_ruleset *egret_ruleset_ref(struct egret_ruleset *rules); /* atomic */
EGRET_API void egret_ruleset_unref(struct egret_ruleset *rules);                /* NULL is fine */

EGRET_API size_t egret_ruleset_count(const struct egret_ruleset *rules);
EGRET_API const char *egret_ruleset_id(const struct egret_ruleset *rules, size_t index);

/* What a rule does, as text: steps, conditions, automaton. */
EGRET_API enum egret_status egret_ruleset_explain(const struct egret_ruleset *rules, size_t index,
                                                  egret_text_fn *write, void *context);

/*
 * The number of an event field, for the setters below: "user", "geo.lat".  EGRET_NO_FIELD when no rule names it; setting
 * that does nothing.  Look it up once, not per event.
 */
#define EGRET_NO_FIELD UINT32_MAX
EGRET_API uint32_t egret_ruleset_field(const struct egret_ruleset *rules, const char *path);

/* ---- events: built in a batch, dead at its reset; an engine copies what it keeps ---- */

struct egret_batch;
struct egret_event;

/* `events_max` events at a time.  References the rules. */
EGRET_API enum egret_status egret_batch_new(struct egret_ruleset *rules, size_t events_max,
                                            struct egret_batch **out_batch);
EGRET_API void egret_batch_reset(struct egret_batch *batch);
EGRET_API void egret_batch_free(struct egret_batch *batch); /* NULL is fine */

/*
 * An event without fields at `time_ms`; NULL when the batch is full.  Constant cost, no allocation.
 * Its position, of which ids of alerts are made, is (0, the engine's count of events) unless it is set.
 */
EGRET_API struct egret_event *egret_event_new(struct egret_batch *batch, int64_t time_ms);
EGRET_API void egret_event_set_position(struct egret_event *event, uint32_t partition,
                                        uint64_t offset);

/*
 * Where the event stands among those of equal time, with the option ties = rank: lower ones come first.  Events then wait for the
 * first one of a later time.  EGRET_ERR_DATA: not within EGRET_RANK_MIN and EGRET_RANK_MAX.
 */
#define EGRET_RANK_MIN (-8388608)
#define EGRET_RANK_MAX 8388607
EGRET_API enum egret_status egret_event_set_rank(struct egret_event *event, int32_t rank);

EGRET_API void egret_event_set_null(struct egret_event *event, uint32_t field);
EGRET_API void egret_event_set_bool(struct egret_event *event, uint32_t field, int value);
EGRET_API void egret_event_set_int(struct egret_event *event, uint32_t field, int64_t value);
EGRET_API void egret_event_set_double(struct egret_event *event, uint32_t field, double value);
/* The text is borrowed until the batch is reset.  EGRET_ERR_DATA: not UTF-8, or 4 GiB long. */
EGRET_API enum egret_status egret_event_set_text(struct egret_event *event, uint32_t field,
                                                 const char *text, size_t length);

/* ---- engine ---- */

struct egret_engine;
struct egret_alert; /* valid during the callback only */

/* Must not call the engine it was called from. */
typedef void egret_alert_fn(void *context, const struct egret_alert *alert);

/* References the rules; `options` (NULL: defaults) are copied. */
EGRET_API enum egret_status egret_engine_new(struct egret_ruleset *rules,
                                             const struct egret_options *options,
                                             egret_alert_fn *on_alert, void *context,
                                             struct egret_engine **out_engine);
EGRET_API void egret_engine_free(struct egret_engine *engine); /* NULL is fine */

/*
 * One event in order of arrival; borrowed.  Events more than out_of_orderness behind are late: they are counted, and go to
 * rules with `on_late`.  Cost in the steady state: no allocation.
 * EGRET_ERR_DATA: the time is outside the years 1 to 9999.
 */
EGRET_API enum egret_status egret_engine_push(struct egret_engine *engine,
                                              const struct egret_event *event);

/* The same for one JSON object; its time is in the field "time.field" (default "ts") that the rules were loaded with. */
EGRET_API enum egret_status egret_engine_push_json(struct egret_engine *engine, const char *text,
                                                   size_t length);

/* No event at or before `watermark_ms` will follow: fires the timeouts and absences due by then. */
EGRET_API enum egret_status egret_engine_advance(struct egret_engine *engine, int64_t watermark_ms);

/*
 * Processing time: fires what is due before the moment that the clock tells; events of that very moment may still come.
 * EGRET_ERR_ORDER: the engine has no clock.
 */
EGRET_API enum egret_status egret_engine_tick(struct egret_engine *engine);

/* The end of the stream: everything that waits is decided.  Nothing may be pushed afterwards. */
EGRET_API enum egret_status egret_engine_finish(struct egret_engine *engine);

/* ---- alerts ---- */

/* The whole record: one JSON object without line end. */
EGRET_API const char *egret_alert_json(const struct egret_alert *alert, size_t *out_length);
EGRET_API const char *egret_alert_rule(const struct egret_alert *alert);
EGRET_API const char *egret_alert_id(const struct egret_alert *alert);     /* 32 digits */
EGRET_API const char *egret_alert_output(const struct egret_alert *alert); /* match timeout late */
EGRET_API const char *egret_alert_severity(const struct egret_alert *alert);
/* The sinks that the rule names, one by one; NULL behind the last: with index 0 they are the default ones. */
EGRET_API const char *egret_alert_sink(const struct egret_alert *alert, size_t index);
/* These two do not end in a NUL. */
EGRET_API const char *egret_alert_message(const struct egret_alert *alert, size_t *out_length);
EGRET_API const char *egret_alert_key(const struct egret_alert *alert,
                                      size_t *out_length); /* JSON */
EGRET_API int64_t egret_alert_time(const struct egret_alert *alert);
EGRET_API int64_t egret_alert_first_time(const struct egret_alert *alert);

/* ---- counters ---- */

enum egret_stat {
    EGRET_STAT_EVENTS = 0,     /* of the engine: pushed; of a rule: seen after source and filter */
    EGRET_STAT_LATE = 1,       /* behind the watermark */
    EGRET_STAT_REJECTED = 2,   /* not events */
    EGRET_STAT_STARTED = 3,    /* partial matches begun */
    EGRET_STAT_MATCHED = 4,    /* matches, suppressed ones included */
    EGRET_STAT_TIMED_OUT = 5,  /* partial matches that ran out of time */
    EGRET_STAT_SUPPRESSED = 6, /* alerts that dedup or a rate limit kept back */
    EGRET_STAT_NO_KEY = 7,     /* events without a key */
    EGRET_STAT_CONDITION_ERRORS = 8, /* conditions that ended in an error */
    EGRET_STAT_DROPPED = 9,          /* partial matches dropped at a limit */
    EGRET_STAT_LIVE = 10,            /* partial matches now */
    EGRET_STAT_KEYS = 11,            /* keys now; of the engine only */
    EGRET_STAT_STATE_BYTES = 12      /* memory of the state now; of the engine only */
};

/* Over all rules; 0 for numbers that do not exist. */
EGRET_API uint64_t egret_engine_stat(const struct egret_engine *engine, enum egret_stat stat);
EGRET_API uint64_t egret_engine_rule_stat(const struct egret_engine *engine, size_t rule,
                                          enum egret_stat stat);

#ifdef __cplusplus
}
#endif

#endif
