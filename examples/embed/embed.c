/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed.c - Egret inside a program of your own, in a page.
 *
 *     cc embed.c $(pkg-config --cflags --libs egret) -o embed && ./embed
 *
 * It loads one rule from a text, feeds it events that it builds field by field and one that comes as JSON, and prints the
 * alerts.  It uses nothing but egret.h.
 */
#include <egret/egret.h>

#include <stdio.h>
#include <string.h>

static const char rules_text[] = "version: 1\n"
                                 "rules:\n"
                                 "  - id: guessed-password\n"
                                 "    severity: high\n"
                                 "    key_by: user\n"
                                 "    pattern:\n"
                                 "      - begin: fail\n"
                                 "        where: outcome == \"failure\"\n"
                                 "        times: 3+\n"
                                 "      - followedBy: ok\n"
                                 "        where: outcome == \"success\"\n"
                                 "    within: 10m\n"
                                 "    alert:\n"
                                 "      message: \"{{ key.user }}: {{ size(fail) }} failures\"\n";

static void print_text(void *context, const char *text, size_t length)
{
    fwrite(text, 1, length, context);
}

static void print_alert(void *context, const struct egret_alert *alert)
{
    size_t length;
    const char *message = egret_alert_message(alert, &length);

    fprintf(context, "%s %s: %.*s\n", egret_alert_severity(alert), egret_alert_rule(alert),
            (int)length, message);
}

static int fail(const char *what, enum egret_status status)
{
    fprintf(stderr, "%s: %s\n", what, egret_status_text(status));
    return 1;
}

/* Fields are looked up once; events are built without text. */
static enum egret_status push_failures(struct egret_engine *engine, struct egret_ruleset *rules,
                                       int count)
{
    uint32_t user = egret_ruleset_field(rules, "user");
    uint32_t outcome = egret_ruleset_field(rules, "outcome");
    struct egret_batch *batch;
    enum egret_status status = egret_batch_new(rules, 64, &batch);

    for (int i = 0; status == EGRET_OK && i < count; i++) {
        struct egret_event *event = egret_event_new(batch, 1767225600000 + i * 1000);

        egret_event_set_text(event, user, "bob", strlen("bob"));
        egret_event_set_text(event, outcome, "failure", strlen("failure"));
        status = egret_engine_push(engine, event);
    }
    egret_batch_free(batch);
    return status;
}

int main(void)
{
    static const char success[] =
        "{\"ts\":\"2026-01-01T00:00:30Z\",\"user\":\"bob\",\"outcome\":\"success\"}";
    struct egret_diags *diags;
    struct egret_ruleset *rules;
    struct egret_engine *engine;
    enum egret_status status = egret_diags_new(&diags);

    if (status != EGRET_OK)
        return fail("diagnostics", status);
    status = egret_ruleset_load_text("guessed-password", rules_text, NULL, diags, &rules);
    egret_diags_render(diags, print_text, stderr);
    egret_diags_free(diags);
    if (status != EGRET_OK)
        return fail("rules", status);
    status = egret_engine_new(rules, NULL, print_alert, stdout, &engine);
    if (status != EGRET_OK)
        return fail("engine", status);
    status = push_failures(engine, rules, 4);
    if (status == EGRET_OK)
        status = egret_engine_push_json(engine, success, strlen(success));
    if (status == EGRET_OK)
        status = egret_engine_finish(engine);
    printf("%s: %llu events, %llu matches\n", egret_version(),
           (unsigned long long)egret_engine_stat(engine, EGRET_STAT_EVENTS),
           (unsigned long long)egret_engine_stat(engine, EGRET_STAT_MATCHED));
    egret_engine_free(engine);
    egret_ruleset_unref(rules);
    return status == EGRET_OK ? 0 : fail("stream", status);
}
