/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - egret.yaml: what a job consists of.
 *
 *     /etc, ~/.config, ./egret.yaml, EGRET_A__B, --set  --layers, lowest first-->  one tree, merged per leaf
 *                                                                                     |  every node knows its file and line
 *     config_keys.def --check: unknown keys, kinds, names that lead nowhere-----------+
 *                                                                                     v
 *                                                                               struct cli_config
 *
 * C1  A leaf is what a key of config_keys.def takes: a higher layer replaces it as a whole, a list included.
 * C2  Texts are taken as they are: nothing is put into them from the environment.  A secret is a mapping that says where it
 *     is; it is read when a connection is opened, and never shown.
 * C3  Everything that is wrong is reported at once, with its place; the place of a value from outside a file is its name
 *     (`EGRET_LOG__LEVEL`, `--set log.level`).
 */
#ifndef EGRET_CLI_CONFIG_H
#define EGRET_CLI_CONFIG_H

#include <stdbool.h>

#include "cep/options.h"
#include "cli/log.h"
#include "rules/expr.h"
#include "rules/plan.h"
#include "runtime/base/arena.h"
#include "runtime/base/diag.h"
#include "runtime/job/restart.h"
#include "runtime/time/timestamp.h"

/* ---- the table ---- */

enum cli_config_kind {
    CLI_CONFIG_VERSION,
    CLI_CONFIG_TEXT,
    CLI_CONFIG_TEXT_REQUIRED, /* if the mapping that it belongs to is there */
    CLI_CONFIG_TEXTS,         /* one or a list */
    CLI_CONFIG_TEXTS_REQUIRED,
    CLI_CONFIG_BOOL,
    CLI_CONFIG_DURATION,
    CLI_CONFIG_BYTES,
    CLI_CONFIG_COUNT,
    CLI_CONFIG_LIMIT_COUNT,
    CLI_CONFIG_LIMIT_BYTES,
    CLI_CONFIG_WORD,
    CLI_CONFIG_SECRET,
    CLI_CONFIG_TEXT_MAP,
    CLI_CONFIG_START,
    CLI_CONFIG_TIME_FORMAT,
    CLI_CONFIG_RECORD_PART,
    CLI_CONFIG_EMPTY,
    CLI_CONFIG_NOT_YET
};
struct cli_config_key {
    const char *path;
    enum cli_config_kind kind;
    const char *choices, *standard, *example, *meaning;
};
const struct cli_config_key *cli_config_keys(size_t *count);
const char *cli_config_kind_name(enum cli_config_kind kind); /* "a duration" */

/* ---- what it says ---- */

struct cli_secret { /* at most one is set; neither: there is none */
    const char *from_file, *from_env;
};
struct cli_setting {
    const char *name, *value; /* value NULL: secret */
    struct cli_secret secret;
};

enum cli_transport { CLI_STDIN, CLI_STDOUT, CLI_FILE, CLI_KAFKA };

enum cli_kafka_start { CLI_START_COMMITTED, CLI_START_EARLIEST, CLI_START_LATEST, CLI_START_TIME };

struct cli_kafka {
    const char *const *brokers;
    size_t broker_count;
    bool has_sasl, has_tls;
    const char *mechanism, *user;
    struct cli_secret password;
    const char *ca, *certificate, *key;
    struct cli_secret key_password;
    const struct cli_setting *settings;
    size_t setting_count;
    /* of a source */
    const char *const *topics;
    size_t topic_count;
    const char *group;
    enum cli_kafka_start start;
    rt_time start_time;
    bool until_now, new_partitions;
    /* of a sink */
    const char *topic; /* may hold placeholders */
    bool exactly_once;
};

enum cli_record_part { CLI_PART_KEY, CLI_PART_TIMESTAMP, CLI_PART_HEADER };
struct cli_record_field {
    const char *name;
    enum cli_record_part part;
    const char *header; /* CLI_PART_HEADER */
};

enum cli_on_reject { CLI_REJECT_SKIP, CLI_REJECT_KEEP, CLI_REJECT_STOP };

struct cli_source_config {
    const char *name;
    struct rt_span span;
    enum cli_transport transport; /* stdin, file or kafka */
    const char *const *paths;
    size_t path_count;
    bool glob, follow;
    struct cli_kafka kafka;
    const struct cli_record_field *fields;
    size_t field_count;
    const char *time_field;
    bool time_of_record, time_of_clock;
    struct rt_time_reader time_reader;
    rt_duration out_of_orderness, idle_timeout, future_limit;
    struct rt_text watermark_when; /* data NULL: periodic */
    const struct yaml_node *watermark_node;
    bool arrival_time; /* an event without time gets one */
    bool live;         /* it has no end by itself: the clock counts */
    enum cli_on_reject on_reject;
};

enum cli_format { CLI_FORMAT_JSON, CLI_FORMAT_TEXT, CLI_FORMAT_CLOUDEVENTS };

struct cli_sink_config {
    const char *name; /* `dead_letter` of that one */
    struct rt_span span;
    enum cli_transport transport; /* stdout, file or kafka */
    const char *path;
    bool append;
    uint64_t rotate_bytes; /* 0: never */
    uint32_t rotate_keep;
    struct cli_kafka kafka;
    enum cli_format format;
    const struct yaml_node *when; /* NULL: always */
    bool is_default;
};

struct cli_config {
    struct rt_arena arena;
    const struct yaml_node *root; /* merged; NULL: nothing was configured */
    const char *const *rules;
    size_t rule_count;
    struct cli_source_config *sources;
    size_t source_count;
    struct cli_sink_config *sinks;
    size_t sink_count;
    bool has_default_sinks;
    bool
        one_way; /* a run without configuration: every rule reads the one source, every record goes to the one sink */
    struct cli_sink_config *dead_letter; /* NULL: none */
    const char *state_dir;               /* NULL: memory */
    bool in_memory;                      /* state.backend: memory */
    rt_duration checkpoint_every;
    uint32_t workers;
    uint32_t checkpoint_keep;
    struct rt_restart_strategy restart;
    struct cep_options limits;
    struct cli_log log;
    rt_duration stats_every;               /* 0: never */
    const struct rule_override *overrides; /* params */
    size_t override_count;
};

/* ---- reading ---- */

struct cli_config_layer {
    const char
        *name; /* as messages call it: a file's path, `EGRET_LOG__LEVEL`, `--set log.level` */
    const char *path; /* NULL: the text is a whole file; else the text is the value at this path */
    struct rt_text text;
};

/*
 * Merges the layers, lowest first, and decodes them.  Layers may be freed afterwards.  RT_ERR_DIAG: `diags` say what is wrong; the
 * tree is there all the same.  Call cli_config_done in any case.
 */
enum rt_status cli_config_read(struct cli_config *config, const struct cli_config_layer *layers,
                               size_t count, struct rt_diags *diags);
void cli_config_done(struct cli_config *config);

/* ---- showing ---- */

struct cli_config_leaf {
    const char *path;
    struct rt_text
        value; /* as one line of YAML; secrets as where they are, values that look like one as `***` */
    const char *origin; /* `egret.yaml:12`, a variable, an option, or `default` */
};
typedef void cli_config_leaf_fn(void *context, const struct cli_config_leaf *leaf);
/* Every leaf with its value, in the order of the table.  RT_ERR_NOMEM. */
enum rt_status cli_config_each(const struct cli_config *config, struct rt_diags *diags,
                               cli_config_leaf_fn *each, void *context);

/* ---- private to config_*.c ---- */

struct cli_config_reader {
    struct cli_config *config;
    struct rt_diags *diags;
    enum rt_status status; /* sticky; memory only */
    size_t errors_before;
};
/* Merges into config->root. */
void cli_config_merge(struct cli_config_reader *reader, const struct cli_config_layer *layers,
                      size_t count);
/* Holds the tree against the table. */
void cli_config_check(struct cli_config_reader *reader);
/* From the tree to the struct; silent about what the check has reported. */
void cli_config_decode(struct cli_config_reader *reader);

enum { CLI_CONFIG_PATTERN_MAX = 128 };
/* What stands below a section of the table, which is named by a pattern such as `sources.*.file`; "" is the whole. */
enum cli_config_place { CLI_CONFIG_UNKNOWN, CLI_CONFIG_SECTION, CLI_CONFIG_LEAF };
enum cli_config_place cli_config_step(const char *pattern, struct rt_text key,
                                      char out[CLI_CONFIG_PATTERN_MAX]);
/* The key with that pattern; NULL: none. */
const struct cli_config_key *cli_config_find(const char *pattern);
/* The value below a mapping by a path such as `kafka.brokers`; NULL: none. */
const struct yaml_node *cli_config_at(const struct yaml_node *node, const char *path);

#endif
