/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_client.c - what reader and writer share: settings, starting, looking a topic up.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/io/kafka_library.h"

enum { SLICE_MS_FIRST = 500 };

static const struct rt_kafka_setting defaults_of_both[] = {
    {"client.id", "egret"},
};

/* ---- refusals ---- */

static bool is_refusal(const char *text)
{
    static const char *const signs[] = {"SASL authentication error", "SSL handshake failed",
                                        "SASL handshake failed", "SASL mechanism"};

    for (size_t i = 0; i < RT_KAFKA_LENGTH(signs); i++)
        if (strstr(text, signs[i]) != NULL)
            return true;
    return false;
}

/* Any thread of the library: "[thrd:NAME]: ADDRESS: SASL authentication error: ..." */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    struct rt_kafka_refusal *refusal = rd_kafka_opaque(client);
    const char *thread_end = strstr(text, "]: ");
    int none = 0;

    (void)level;
    if (refusal == NULL || strcmp(facility, "FAIL") != 0 || !is_refusal(text) ||
        !atomic_compare_exchange_strong(&refusal->state, &none, 1))
        return;
    snprintf(refusal->text, sizeof(refusal->text), "%s",
             thread_end == NULL ? text : thread_end + strlen("]: "));
    for (char *at = refusal->text; *at != '\0'; at++)
        if (*at == '\n')
            *at = ' ';
    atomic_store(&refusal->state, 2);
}

/* Waits for the metadata, unless it is refused them, which the library tries again for ever. */
static rd_kafka_resp_err_t ask(rd_kafka_t *client, rd_kafka_topic_t *handle, int timeout_ms,
                               const struct rd_kafka_metadata **found)
{
    struct rt_kafka_refusal *refusal = rd_kafka_opaque(client);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    int there = 2;

    atomic_compare_exchange_strong(&refusal->state, &there, 0);
    for (int left = timeout_ms, slice = SLICE_MS_FIRST; left > 0; left -= slice, slice *= 2) {
        code = rd_kafka_metadata(client, 0, handle, found, slice < left ? slice : left);
        if ((code != RD_KAFKA_RESP_ERR__TIMED_OUT && code != RD_KAFKA_RESP_ERR__TRANSPORT) ||
            atomic_load(&refusal->state) == 2)
            return code;
    }
    return code;
}

/* ---- settings ---- */

static bool apply(rd_kafka_conf_t *conf, const struct rt_kafka_setting *items, size_t count,
                  struct rt_buffer *message)
{
    char text[RT_KAFKA_ERROR_BYTES];

    for (size_t i = 0; i < count; i++)
        if (rd_kafka_conf_set(conf, items[i].name, items[i].value, text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            rt_buffer_printf(message, "option `%s`: %s", items[i].name, text);
            return false;
        }
    return true;
}

bool rt_kafka_has_setting(const struct rt_kafka_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->items[i].name, name) == 0)
            return true;
    return false;
}

rd_kafka_conf_t *rt_kafka_configure(const struct rt_kafka_setting *defaults, size_t default_count,
                                    const struct rt_kafka_settings *settings,
                                    struct rt_buffer *message)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(conf, on_log);
    if (apply(conf, defaults_of_both, RT_KAFKA_LENGTH(defaults_of_both), message) &&
        apply(conf, defaults, default_count, message) &&
        apply(conf, settings->items, settings->count, message))
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

/* Takes `conf` over. */
rd_kafka_t *rt_kafka_start_client(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                  struct rt_buffer *message)
{
    char text[RT_KAFKA_ERROR_BYTES];
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof(text));

    if (client == NULL) {
        rt_buffer_printf(message, "%s", text);
        rd_kafka_conf_destroy(conf);
    }
    return client;
}

void rt_kafka_say(char *error, const char *what, const char *why)
{
    snprintf(error, RT_KAFKA_ERROR_BYTES, "%s: %s", what, why);
}

/* What the metadata say of one topic. */
enum rt_status rt_kafka_count_partitions(rd_kafka_t *client, rd_kafka_topic_t *handle,
                                         int timeout_ms, uint32_t *out, char *error)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_resp_err_t code = ask(client, handle, timeout_ms, &found);
    const struct rt_kafka_refusal *refusal = rd_kafka_opaque(client);
    enum rt_status status = RT_OK;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bool is_refused = atomic_load(&refusal->state) == 2;

        rt_kafka_say(error, rd_kafka_topic_name(handle),
                     is_refused ? refusal->text : rd_kafka_err2str(code));
        return is_refused ? RT_ERR_DIAG : RT_ERR_IO;
    }
    code = found->topic_cnt == 1 ? found->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && found->topics[0].partition_cnt > 0)
        *out = (uint32_t)found->topics[0].partition_cnt;
    else
        status = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? RT_ERR_NOT_FOUND : RT_ERR_IO;
    if (status != RT_OK)
        rt_kafka_say(error, rd_kafka_topic_name(handle), rd_kafka_err2str(code));
    rd_kafka_metadata_destroy(found);
    return status;
}
