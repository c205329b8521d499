/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: layers, what is said about what is wrong, what becomes of it. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "cli/config.h"
#include "runtime/base/alloc.h"

enum { TEXT_BYTES = 1 << 16 };

struct loaded {
    struct rt_diags *diags;
    struct cli_config config;
    enum rt_status status;
};

static struct loaded load(const struct cli_config_layer *layers, size_t count)
{
    struct loaded loaded;

    assert_int_equal(rt_diags_new(0, &loaded.diags), RT_OK);
    loaded.status = cli_config_read(&loaded.config, layers, count, loaded.diags);
    return loaded;
}

static void unload(struct loaded *loaded)
{
    cli_config_done(&loaded->config);
    rt_diags_free(loaded->diags);
}

static struct cli_config_layer file(const char *name, const char *text)
{
    return (struct cli_config_layer){.name = name, .text = rt_text_of(text)};
}

static struct cli_config_layer set(const char *path, const char *value)
{
    return (struct cli_config_layer){"--set", path, rt_text_of(value)};
}

static struct cli_config_layer variable(const char *path, const char *value)
{
    return (struct cli_config_layer){"EGRET_X", path, rt_text_of(value)};
}

/* ---- what is said ---- */

static void each_mistake_gets_its_message(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"version: 2", "`version` takes the number 1"},
        {"[]", "`a configuration` is a mapping"},
        {"lgo: {}", "unknown key `lgo` in the configuration"},
        {"lgo: {}", "did you mean `log`?"},
        {"log: { every: 1s }", "it is `state.checkpoint.every`; indented wrongly?"},
        {"log: { level: wran }", "did you mean `warn`?"},
        {"state: { checkpoint: { every: 5 } }", "takes a duration"},
        {"sinks: { s: { file: { path: x, rotate: { keep: 0 } } } }", "takes a whole number from 1"},
        {"state: { limits: { memory: 1XB } }", "takes a number of bytes"},
        {"state: { limits: { partials: 1 } }", "unknown key `partials` in `state.limits`"},
        {"sources: { a: {} }", "source `a` does not say where it leads"},
        {"sources: { a: { stdin: {}, file: { path: x } } }", "source `a` is two things"},
        {"sources: { a: { stdin: {} }, b: { stdin: {} } }", "two sources read standard input"},
        {"sources: { a: { stdin: { x: 1 } } }", "`stdin` takes an empty mapping"},
        {"sources: { a: { file: {} } }", "`file` needs `path`"},
        {"sources: { a: { file: { path: [] } } }", "`path` takes a text or a list"},
        {"sources: { \"a.b\": { stdin: {} } }", "is no name"},
        {"sources: { a: { stdin: {}, fields: { b: cookie } } }", "takes key, timestamp or header"},
        {"sources: { a: { stdin: {}, event_time: { from: record } } }", "only records of Kafka"},
        {"sources: { a: { stdin: {}, event_time: { format: foo } } }", "`format` takes rfc3339"},
        {"sinks: { p: { alertmanager: { url: x } } }", "`alertmanager` is not yet supported"},
        {"http: { listen: 1 }", "`http` is not yet supported"},
        {"sinks: { s: { stdout: {} } }\ndefault_sinks: [s, t]", "there is no sink `t`"},
        {"dead_letter: {}", "the output `dead_letter` does not say where it leads"},
        {"sinks: { s: { kafka: { brokers: [b], topic: t, sasl: { user: u, password: hunter2 } } } "
         "}",
         "egret.yaml:1: `password` takes a secret"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cli_config_layer layer = file("egret.yaml", cases[i].text);
        struct loaded loaded = load(&layer, 1);
        struct rt_buffer out;

        rt_buffer_init(&out, TEXT_BYTES);
        rt_diags_render_text(loaded.diags, false, &out);
        if (loaded.status != RT_ERR_DIAG || out.data == NULL ||
            strstr(out.data, cases[i].says) == NULL)
            fail_msg("%s\n%s", cases[i].text, out.data);
        assert_null(strstr(out.data, "hunter2"));
        rt_buffer_done(&out);
        unload(&loaded);
    }
}

/* ---- layers ---- */

struct sought {
    const char *path;
    char value[256], origin[64];
};

static void seek(void *context, const struct cli_config_leaf *leaf)
{
    struct sought *sought = context;

    if (strcmp(leaf->path, sought->path) != 0)
        return;
    snprintf(sought->value, sizeof(sought->value), "%.*s", (int)leaf->value.length,
             leaf->value.data);
    snprintf(sought->origin, sizeof(sought->origin), "%s", leaf->origin);
}

static void layers_are_merged_per_leaf_and_know_where_each_comes_from(void **state)
{
    const struct cli_config_layer layers[] = {
        file("/etc/egret.yaml",
             "log: { level: error }\nstate: { checkpoint: { every: 1m } }\n"
             "rules: [a, b]\n"
             "sinks: { fraud-desk: { file: { path: x } } }\n"
             "sources:\n  Auth:\n    kafka: { brokers: [b], topics: t, group: g,\n"
             "      start: { time: 2026-01-01T00:00:00Z },\n"
             "      options: { a.b: 1, c: 2, x.password: p } }\n"),
        file("egret.yaml", "\nlog:\n  level: warn\nrules: c\n"
                           "sources: { Auth: { kafka: { options: { c: 3 } } } }\n"),
        variable("sinks.fraud_desk.file.path", "y"),
        variable("sources.auth.kafka.options.a_b", "7"),
        set("sources.Auth.kafka.start", "latest"),
        set("sources.Auth.kafka.options.d.e", "{ from_env: SECRET }"),
        set("state.dir", "json"),
    };
    static const struct {
        const char *path, *value, *origin;
    } expected[] = {
        {"log.level", "warn", "egret.yaml:3"},
        {"state.checkpoint.every", "1m", "/etc/egret.yaml:2"},
        {"state.dir", "json", "--set"},
        {"rules", "c", "egret.yaml:4"},
        {"sinks.fraud-desk.file.path", "y", "EGRET_X"},
        {"sinks.fraud-desk.format", "json", "default"},
        {"sources.Auth.kafka.start", "latest", "--set"},
        {"sources.Auth.kafka.brokers", "[b]", "/etc/egret.yaml:7"},
        {"sources.Auth.kafka.options",
         "{ a.b: 7, c: 3, x.password: ***, d.e: { from_env: SECRET } }", "--set"},
        {"sources.Auth.event_time.field", "ts", "default"},
        {"state.limits.keys", "50000000", "default"},
        {"sinks.fraud-desk.file.rotate.size", "", ""},
    };
    struct loaded loaded = load(layers, COUNT_OF(layers));

    (void)state;
    assert_int_equal(loaded.status, RT_OK);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        struct sought sought = {.path = expected[i].path};

        assert_int_equal(cli_config_each(&loaded.config, loaded.diags, seek, &sought), RT_OK);
        assert_string_equal(sought.value, expected[i].value);
        assert_string_equal(sought.origin, expected[i].origin);
    }
    assert_int_equal(loaded.config.log.level, CLI_LOG_WARN);
    assert_int_equal(loaded.config.checkpoint_every.ms, 60000);
    unload(&loaded);
}

/* ---- what becomes of it ---- */

static void every_part_is_decoded(void **state)
{
    struct cli_config_layer layer = file(
        "egret.yaml",
        "version: 1\n"
        "sources:\n"
        "  k: { kafka: { brokers: [a, b], topics: [t, u], group: g, start: earliest,\n"
        "       sasl: { user: me, password: { from_env: P } }, tls: {}, options: { q: 1 } },\n"
        "       event_time: { from: record, idle_timeout: 5s },\n"
        "       fields: { trace: header trace-id, k: key, at: timestamp } }\n"
        "  f: { file: { path: [x, y], follow: true }, on_decode_error: stop,\n"
        "       event_time: { field: a.b, format: unix_s, max_out_of_orderness: 3s,\n"
        "                     missing: arrival_time, future_limit: 0s } }\n"
        "  s: { stdin: {}, event_time: { format: { strptime: \"%Y\" }, watermark_when: x == 1 } }\n"
        "sinks:\n"
        "  out: { stdout: {}, format: text, when: alert.severity == \"high\" }\n"
        "  arch: { file: { path: z, append: false, rotate: { size: 1KiB, keep: 3 } }, format: "
        "cloudevents }\n"
        "  soc: { kafka: { brokers: a, topic: \"x.{{ rule }}\", delivery: at_least_once } }\n"
        "default_sinks: out\n"
        "dead_letter: { file: { path: d } }\n"
        "state: { dir: /s, checkpoint: { every: 500ms }, limits: { keys: 5, on_limit: "
        "stop } }\n"
        "params: { n: 3 }\n");
    struct loaded loaded = load(&layer, 1);
    const struct cli_config *config = &loaded.config;
    const struct cli_source_config *kafka = &config->sources[0], *files = &config->sources[1];

    (void)state;
    assert_int_equal(loaded.status, RT_OK);
    assert_int_equal(config->source_count, 3);
    assert_int_equal(kafka->transport, CLI_KAFKA);
    assert_int_equal(kafka->kafka.broker_count, 2);
    assert_string_equal(kafka->kafka.topics[1], "u");
    assert_int_equal(kafka->kafka.start, CLI_START_EARLIEST);
    assert_true(kafka->kafka.has_tls && kafka->kafka.has_sasl && kafka->live);
    assert_string_equal(kafka->kafka.mechanism, "PLAIN");
    assert_string_equal(kafka->kafka.password.from_env, "P");
    assert_string_equal(kafka->kafka.settings[0].value, "1");
    assert_true(kafka->time_of_record);
    assert_int_equal(kafka->idle_timeout.ms, 5000);
    assert_int_equal(kafka->future_limit.ms, 600000);
    assert_int_equal(kafka->field_count, 3);
    assert_string_equal(kafka->fields[0].header, "trace-id");
    assert_int_equal(kafka->fields[1].part, CLI_PART_KEY);
    assert_int_equal(kafka->fields[2].part, CLI_PART_TIMESTAMP);
    assert_int_equal(files->path_count, 2);
    assert_true(files->follow && files->live && files->arrival_time);
    assert_int_equal(files->on_reject, CLI_REJECT_STOP);
    assert_string_equal(files->time_field, "a.b");
    assert_int_equal(files->time_reader.format, RT_TIME_UNIX_S);
    assert_int_equal(files->out_of_orderness.ms, 3000);
    assert_int_equal(files->future_limit.ms, 0);
    assert_int_equal(files->idle_timeout.ms, 60000);
    assert_string_equal(config->sources[2].time_reader.pattern, "%Y");
    assert_true(rt_text_is(config->sources[2].watermark_when, "x == 1"));
    assert_false(config->sources[2].live);
    assert_int_equal(config->sink_count, 3);
    assert_true(config->sinks[0].is_default && !config->sinks[1].is_default);
    assert_int_equal(config->sinks[0].format, CLI_FORMAT_TEXT);
    assert_non_null(config->sinks[0].when);
    assert_int_equal(config->sinks[1].rotate_bytes, 1024);
    assert_int_equal(config->sinks[1].rotate_keep, 3);
    assert_false(config->sinks[1].append);
    assert_false(config->sinks[2].kafka.exactly_once);
    assert_string_equal(config->sinks[2].kafka.topic, "x.{{ rule }}");
    assert_string_equal(config->dead_letter->path, "d");
    assert_string_equal(config->state_dir, "/s");
    assert_int_equal(config->checkpoint_every.ms, 500);
    assert_int_equal(config->limits.keys, 5);
    assert_int_equal(config->limits.on_limit, NFA_STOP);
    assert_int_equal(config->override_count, 1);
    assert_string_equal(config->overrides[0].path, "params.n");
    unload(&loaded);
}

/* Whose key it is in the layer below: a source or a sink of the kind that the key is about. */
static const char *name_for(const char *path)
{
    bool is_kafka = strstr(path, ".kafka.") != NULL;
    bool is_file = strstr(path, ".file.") != NULL;

    if (strncmp(path, "sources.", 8) != 0)
        return is_kafka ? "kk" : is_file ? "soc" : "out";
    if (is_kafka || strstr(path, ".from") != NULL)
        return "k";
    return is_file ? "f" : "s";
}

/* The key's path with names in the place of its stars. */
static void fill_in(const char *key, char *out, size_t bytes)
{
    const char *star = strchr(key, '*');

    if (star == NULL)
        snprintf(out, bytes, "%s", key);
    else
        snprintf(out, bytes, "%.*s%s%s", (int)(star - key), key, name_for(key), star + 1);
    if (strchr(out, '*') != NULL)
        *strchr(out, '*') = 'n';
}

static void check_example(const struct cli_config_key *key, const struct cli_config_layer *below)
{
    static const char letter_file[] = "dead_letter: { file: { path: d } }",
                      letter_kafka[] = "dead_letter: { kafka: { brokers: b, topic: t } }";
    bool is_kafka = strstr(key->path, ".kafka.") != NULL;
    char path[256], user[256];
    struct cli_config_layer layers[4] = {*below,
                                         file("letter", is_kafka ? letter_kafka : letter_file)};
    size_t used = 2;

    fill_in(key->path, path, sizeof(path));
    if (strstr(path, ".sasl.") != NULL) {
        snprintf(user, sizeof(user), "%.*s.user", (int)(strrchr(path, '.') - path), path);
        layers[used++] = set(user, "someone");
    }
    layers[used++] = set(path, key->example);

    struct loaded loaded = load(layers, used);

    if (loaded.status != RT_OK) {
        struct rt_buffer out;

        rt_buffer_init(&out, TEXT_BYTES);
        rt_diags_render_text(loaded.diags, false, &out);
        fail_msg("%s=%s\n%s", path, key->example, out.data);
    }
    unload(&loaded);
}

/* Every key of the table with its own example, beside what it needs. */
static void the_example_of_each_key_is_valid(void **state)
{
    size_t count;
    const struct cli_config_key *keys = cli_config_keys(&count);
    const struct cli_config_layer below =
        file("base",
             "sources: { s: { stdin: {} }, f: { file: { path: x } }, k: { kafka: { brokers: b, "
             "topics: t, group: g } } }\n"
             "sinks: { out: { stdout: {} }, console: { stdout: {} }, soc: { file: { path: z } }, "
             "kk: { kafka: { brokers: b, topic: t } } }\n");

    (void)state;
    for (size_t i = 0; i < count; i++)
        if (keys[i].kind != CLI_CONFIG_NOT_YET)
            check_example(&keys[i], &below);
}

static void every_allocation_may_fail(void **state)
{
    const struct cli_config_layer layers[] = {
        file("a", "sources: { s: { file: { path: [x] } } }\nlog: { level: info }\n"),
        file("b", "sinks: { q: { stdout: {} } }\nlog: { level: warn }\n"),
        set("sinks.q.when", "x"),
    };

    (void)state;
    for (size_t nth = 1;; nth++) {
        size_t before = rt_live_blocks();
        struct rt_diags *diags;
        struct cli_config config;
        enum rt_status status;
        bool delivered;

        assert_int_equal(rt_diags_new(0, &diags), RT_OK);
        rt_fault_arm(nth);
        status = cli_config_read(&config, layers, COUNT_OF(layers), diags);
        delivered = rt_fault_disarm();
        assert_int_equal(status, delivered ? RT_ERR_NOMEM : RT_OK);
        cli_config_done(&config);
        rt_diags_free(diags);
        assert_int_equal(rt_live_blocks(), before);
        if (!delivered)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_gets_its_message),
        cmocka_unit_test(layers_are_merged_per_leaf_and_know_where_each_comes_from),
        cmocka_unit_test(every_part_is_decoded),
        cmocka_unit_test(the_example_of_each_key_is_valid),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
