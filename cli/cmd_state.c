/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_state.c - `egret state ls|show|top|export|drop`: what a stopped job remembers.
 *
 *     newest checkpoint --restore--> an engine that nobody feeds --> one row a rule, a key, a partial match
 *                                                           drop --> the next checkpoint
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cep/inspect.h"
#include "cli/run_state.h"
#include "cli/state_dir.h"
#include "runtime/base/alloc.h"
#include "runtime/time/clock.h"
#include "runtime/time/timestamp.h"

enum { PAGE_BYTES_MAX = 1 << 30, TOP_ROWS = 20, WORD_BYTES_MAX = 65536 };

struct look {
    const struct cli_call *call;
    struct cli_still still;
    struct rt_checkpoints *checkpoints;
    const struct rt_manifest *manifest;
    const char *rule_id; /* NULL: all */
    uint32_t rule;
    struct rt_buffer page;
    uint64_t rows;
};

/* ---- which slots ---- */

/* The key has this part: `label=value` stands in it as a string, or as it is. */
static bool has_part(struct rt_text key, const char *word)
{
    size_t label = strcspn(word, "=");
    struct rt_buffer wanted;
    bool found = false;

    rt_buffer_init(&wanted, WORD_BYTES_MAX);
    for (int quoted = 0; quoted < 2 && !found; quoted++) {
        static const char ends[] = ",}";

        for (const char *end = ends; *end != '\0' && !found; end++) {
            rt_buffer_reset(&wanted);
            rt_buffer_json_string(&wanted, (struct rt_text){word, label});
            rt_buffer_char(&wanted, ':');
            if (quoted == 1)
                rt_buffer_json_string(&wanted, rt_text_of(word + label + 1));
            else
                rt_buffer_string(&wanted, word + label + 1);
            rt_buffer_char(&wanted, *end);
            for (size_t at = 1; at + wanted.length <= key.length && !found; at++)
                found = (key.data[at - 1] == '{' || key.data[at - 1] == ',') &&
                        memcmp(key.data + at, wanted.data, wanted.length) == 0;
        }
    }
    rt_buffer_done(&wanted);
    return found;
}

static bool is_meant(const struct look *look, const struct cep_slot_view *view)
{
    const char *word;

    if (look->rule_id != NULL && view->rule != look->rule)
        return false;
    for (size_t i = 0; (word = cli_value_at(look->call, CLI_OPTION_KEY, i)) != NULL; i++) {
        if (!has_part(view->key, word))
            return false;
    }
    return true;
}

static const char *id_of(const struct look *look, uint32_t rule)
{
    return look->still.set.plan->rules[rule]->id;
}

static void add_time(struct rt_buffer *out, rt_time time)
{
    if (time.ms == INT64_MAX)
        rt_buffer_char(out, '-');
    else
        rt_time_text(time, out);
}

static void add_steps(struct rt_buffer *out, const struct cep_step_count *steps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rt_buffer_printf(out, "%s%s %" PRIu64, i == 0 ? "" : ", ", steps[i].step,
                         steps[i].partials);
}

/* ---- ls ---- */

struct sum {
    uint64_t keys, partials, bytes;
    rt_time oldest;
    struct cep_step_count steps[CEP_SLOT_STEPS_MAX];
    size_t step_count;
};

struct sums {
    struct look *look;
    struct sum *by_rule;
};

static void add_to_step(struct sum *sum, const struct cep_step_count *step)
{
    size_t at = 0;

    while (at < sum->step_count && strcmp(sum->steps[at].step, step->step) != 0)
        at++;
    if (at == CEP_SLOT_STEPS_MAX)
        at--;
    if (at == sum->step_count)
        sum->steps[sum->step_count++] = (struct cep_step_count){step->step, 0};
    sum->steps[at].partials += step->partials;
}

static enum rt_status add_to_sum(void *context, const struct cep_slot_view *view)
{
    const struct sums *sums = context;
    struct sum *sum = &sums->by_rule[view->rule];

    if (!is_meant(sums->look, view))
        return RT_OK;
    sum->keys++;
    sum->partials += view->partials;
    sum->bytes += view->bytes;
    if (rt_time_before(view->oldest, sum->oldest))
        sum->oldest = view->oldest;
    for (size_t i = 0; i < view->step_count; i++)
        add_to_step(sum, &view->steps[i]);
    return RT_OK;
}

/* Blanks up to so many bytes behind `begin`. */
static void fill_up(struct rt_buffer *page, size_t begin, size_t width)
{
    while (page->length < begin + width && !page->failed)
        rt_buffer_char(page, ' ');
}

static void add_row(struct look *look, uint32_t rule, const struct sum *sum)
{
    struct rt_buffer *page = &look->page;
    struct rt_buffer bytes;
    size_t begin;

    rt_buffer_init(&bytes, WORD_BYTES_MAX);
    cli_add_bytes(&bytes, sum->bytes);
    rt_buffer_printf(page, "%-24s %10" PRIu64 " %10" PRIu64 " %9s  ", id_of(look, rule), sum->keys,
                     sum->partials, bytes.data == NULL ? "" : bytes.data);
    rt_buffer_done(&bytes);
    begin = page->length;
    add_time(page, sum->oldest);
    fill_up(page, begin, 27);
    add_steps(page, sum->steps, sum->step_count);
    rt_buffer_char(page, '\n');
}

static enum rt_status ls(struct look *look)
{
    uint32_t count = look->still.set.plan->rule_count;
    struct sums sums = {look, rt_alloc_zeroed(count + 1, sizeof(*sums.by_rule))};
    enum rt_status status;

    if (sums.by_rule == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        sums.by_rule[i].oldest = RT_TIME_MAX;
    status = cep_engine_each_slot(look->still.engine, add_to_sum, &sums);
    rt_buffer_printf(&look->page, "%-24s %10s %10s %9s  %-26s %s\n", "rule", "keys", "partials",
                     "saved", "oldest", "by step");
    for (uint32_t i = 0; i < count && status == RT_OK; i++) {
        if (look->rule_id == NULL || i == look->rule)
            add_row(look, i, &sums.by_rule[i]);
    }
    rt_free(sums.by_rule);
    return status;
}

/* ---- show, export ---- */

static enum rt_status show_one(void *context, const struct cep_slot_view *view)
{
    struct look *look = context;
    struct rt_buffer *page = &look->page;

    if (!is_meant(look, view))
        return RT_OK;
    look->rows++;
    rt_buffer_printf(page, "%s %.*s: %" PRIu64 " partial match%s (", id_of(look, view->rule),
                     (int)view->key.length, view->key.data, view->partials,
                     view->partials == 1 ? "" : "es");
    add_steps(page, view->steps, view->step_count);
    rt_buffer_string(page, "), the oldest from ");
    add_time(page, view->oldest);
    if (view->deadline.ms != INT64_MAX) {
        rt_buffer_string(page, ", ends at ");
        add_time(page, view->deadline);
    }
    rt_buffer_char(page, '\n');
    return page->failed ? RT_ERR_LIMIT : RT_OK;
}

static enum rt_status show(struct look *look)
{
    enum rt_status status = cep_engine_each_slot(look->still.engine, show_one, look);

    if (status == RT_OK && look->rows == 0)
        rt_buffer_string(&look->page, "nothing\n");
    return status;
}

static void add_json_time(struct rt_buffer *out, const char *name, rt_time time)
{
    rt_buffer_printf(out, ",\"%s\":", name);
    if (time.ms == INT64_MAX) {
        rt_buffer_string(out, "null");
        return;
    }
    rt_buffer_char(out, '"');
    rt_time_text(time, out);
    rt_buffer_char(out, '"');
}

static enum rt_status export_one(void *context, const struct cep_slot_view *view)
{
    struct look *look = context;
    struct rt_buffer *page = &look->page;

    if (!is_meant(look, view))
        return RT_OK;
    rt_buffer_string(page, "{\"rule\":");
    rt_buffer_json_string(page, rt_text_of(id_of(look, view->rule)));
    rt_buffer_printf(page, ",\"key\":%.*s,\"partials\":%" PRIu64, (int)view->key.length,
                     view->key.data, view->partials);
    rt_buffer_printf(page, ",\"bytes\":%" PRIu64, view->bytes);
    add_json_time(page, "oldest", view->oldest);
    add_json_time(page, "deadline", view->deadline);
    rt_buffer_string(page, ",\"steps\":{");
    for (size_t i = 0; i < view->step_count; i++) {
        if (i > 0)
            rt_buffer_char(page, ',');
        rt_buffer_json_string(page, rt_text_of(view->steps[i].step));
        rt_buffer_printf(page, ":%" PRIu64, view->steps[i].partials);
    }
    rt_buffer_string(page, "}}\n");
    if (page->failed)
        return RT_ERR_NOMEM;
    fwrite(page->data, 1, page->length, stdout); /* it may be much */
    rt_buffer_reset(page);
    return RT_OK;
}

static enum rt_status export(struct look *look) {
    return cep_engine_each_slot(look->still.engine, export_one, look);
}

/* ---- top ---- */

struct row {
    uint64_t partials;
    uint32_t rule;
    char *key; /* owned */
    size_t key_length;
};

struct rows {
    struct look *look;
    struct row least_last[TOP_ROWS]; /* most partial matches first */
    size_t count;
};

static enum rt_status rank(void *context, const struct cep_slot_view *view)
{
    struct rows *rows = context;
    size_t at = rows->count;
    char *key;

    if (!is_meant(rows->look, view))
        return RT_OK;
    while (at > 0 && rows->least_last[at - 1].partials < view->partials)
        at--;
    if (at == TOP_ROWS)
        return RT_OK;
    key = rt_alloc_text(view->key.data, view->key.length);
    if (key == NULL)
        return RT_ERR_NOMEM;
    if (rows->count == TOP_ROWS)
        rt_free(rows->least_last[--rows->count].key);
    memmove(&rows->least_last[at + 1], &rows->least_last[at],
            (rows->count - at) * sizeof(struct row));
    rows->least_last[at] = (struct row){view->partials, view->rule, key, view->key.length};
    rows->count++;
    return RT_OK;
}

static enum rt_status top(struct look *look)
{
    struct rows rows = {.look = look};
    enum rt_status status = cep_engine_each_slot(look->still.engine, rank, &rows);

    rt_buffer_printf(&look->page, "%10s  %-24s %s\n", "partials", "rule", "key");
    for (size_t i = 0; i < rows.count; i++) {
        rt_buffer_printf(&look->page, "%10" PRIu64 "  %-24s %.*s\n", rows.least_last[i].partials,
                         id_of(look, rows.least_last[i].rule), (int)rows.least_last[i].key_length,
                         rows.least_last[i].key);
        rt_free(rows.least_last[i].key);
    }
    return status;
}

/* ---- drop ---- */

struct found_key {
    struct look *look;
    struct rt_buffer key;
};

static enum rt_status find_key(void *context, const struct cep_slot_view *view)
{
    struct found_key *found = context;

    if (!is_meant(found->look, view))
        return RT_OK;
    rt_buffer_text(&found->key, view->key);
    return RT_END;
}

/* The engine as it is now becomes the next checkpoint; everything else of it stays as it was. */
static enum rt_status save_all(struct look *look, uint64_t *id)
{
    struct rt_memory *memory = cep_engine_operator(look->still.engine)->memory;
    struct rt_checkpoints *checkpoints = look->checkpoints;
    struct rt_checkpoint_facts facts = {.made_ms = rt_clock_wall().ms,
                                        .facts = look->manifest->facts};
    struct rt_checkpoint_made made;
    struct rt_buffer header, stream;
    enum rt_status status;

    rt_buffer_init(&header, SIZE_MAX);
    rt_buffer_init(&stream, SIZE_MAX);
    status = rt_checkpoints_blob(checkpoints, RT_TEXT(RT_BLOB_STREAM), &stream);
    if (status == RT_OK)
        status = rt_checkpoints_begin(checkpoints, true, id);
    if (status == RT_OK)
        status = memory->freeze(memory, true, &header);
    if (status == RT_OK)
        status =
            rt_checkpoints_add_blob(checkpoints, RT_TEXT(RT_BLOB_ENGINE), rt_buffer_view(&header));
    if (status == RT_OK)
        status =
            rt_checkpoints_add_blob(checkpoints, RT_TEXT(RT_BLOB_STREAM), rt_buffer_view(&stream));
    do {
        if (status == RT_OK || status == RT_AGAIN)
            status = memory->save_some(memory, SIZE_MAX, rt_checkpoints_add, checkpoints);
    } while (status == RT_AGAIN);
    if (status == RT_OK)
        status = rt_checkpoints_prepare(checkpoints, &facts, &made);
    if (status == RT_OK) {
        rt_checkpoints_committed(checkpoints);
        status = rt_checkpoints_clean(checkpoints);
    }
    rt_buffer_done(&header);
    rt_buffer_done(&stream);
    return status;
}

static enum rt_status drop(struct look *look)
{
    struct found_key found = {.look = look};
    bool one_key = cli_given(look->call, CLI_OPTION_KEY);
    uint64_t dropped = 0, id = 0;
    enum rt_status status = RT_OK;

    rt_buffer_init(&found.key, PAGE_BYTES_MAX);
    if (one_key)
        status = cep_engine_each_slot(look->still.engine, find_key, &found);
    if (one_key && status == RT_OK)
        status = RT_ERR_NOT_FOUND;
    else if (status == RT_OK || status == RT_END)
        status =
            cep_engine_drop(look->still.engine, look->rule, rt_buffer_view(&found.key), &dropped);
    rt_buffer_done(&found.key);
    if (status == RT_ERR_NOT_FOUND) {
        rt_buffer_string(&look->page, "nothing\n");
        return RT_OK;
    }
    if (status == RT_OK)
        status = save_all(look, &id);
    if (status == RT_OK)
        rt_buffer_printf(&look->page,
                         "%" PRIu64 " partial match%s of %s dropped; checkpoint %" PRIu64
                         " is the state without\n",
                         dropped, dropped == 1 ? "" : "es", look->rule_id, id);
    return status;
}

/* ---- the command ---- */

static const struct {
    const char *word;
    bool wants_rule, writes;
    enum rt_status (*run)(struct look *look);
} actions[] = {
    {"ls", false, false, ls},         {"show", true, false, show}, {"top", false, false, top},
    {"export", false, false, export}, {"drop", true, true, drop},
};

/* The directory again, to write: as the job that it belongs to. */
static enum cli_exit reopen(struct look *look, const char *directory)
{
    struct rt_checkpoints_options options = {.directory = directory,
                                             .program = RT_TEXT(EGRET_VERSION),
                                             .groups = look->manifest->groups,
                                             .rules = look->manifest->rules};
    struct rt_checkpoints *writable = NULL;
    struct rt_buffer why, identity;
    enum rt_status status;

    rt_buffer_init(&why, RT_DISK_MESSAGE_BYTES_MAX);
    rt_buffer_init(&identity, RT_DISK_MESSAGE_BYTES_MAX);
    rt_buffer_text(&identity, look->manifest->identity);
    options.identity = rt_buffer_view(&identity);
    /* The lock for reading is in the way of the one for writing. */
    rt_checkpoints_close(look->checkpoints);
    look->checkpoints = NULL;
    status = rt_checkpoints_open(&options, &why, &writable);
    if (status != RT_OK)
        cli_complain(look->call, "%s", why.length > 0 ? why.data : rt_status_text(status));
    rt_buffer_done(&why);
    rt_buffer_done(&identity);
    look->checkpoints = writable;
    if (status != RT_OK)
        return cli_state_exit(status);
    status = rt_checkpoints_choose(writable, 0, NULL, &look->manifest);
    return status == RT_OK ? CLI_OK : cli_state_failed(look->call, status, writable);
}

static enum cli_exit find_rule(struct look *look)
{
    const struct rule_plan *plan = look->still.set.plan;

    for (uint32_t i = 0; look->rule_id != NULL && i < plan->rule_count; i++) {
        if (strcmp(plan->rules[i]->id, look->rule_id) == 0) {
            look->rule = i;
            return CLI_OK;
        }
    }
    if (look->rule_id == NULL)
        return CLI_OK;
    cli_unknown_rule(&look->still.set, look->call, look->rule_id);
    return CLI_USAGE;
}

static enum cli_exit open_all(struct look *look, const char *directory, bool writes)
{
    enum cli_exit code =
        cli_state_open_newest(look->call, directory, &look->checkpoints, &look->manifest);
    enum rt_status status;

    if (code == CLI_OK && writes)
        code = reopen(look, directory);
    if (code != CLI_OK)
        return code;
    status = rt_checkpoints_verify(look->checkpoints, false);
    if (status != RT_OK)
        return cli_state_failed(look->call, status, look->checkpoints);
    code = cli_still_open(&look->still, look->call, look->checkpoints, look->manifest);
    if (code == CLI_OK)
        code = find_rule(look);
    if (code == CLI_OK)
        code = cli_still_restore(&look->still, look->call, look->checkpoints,
                                 (uint16_t)look->manifest->groups);
    return code;
}

static enum cli_exit act(const struct cli_call *call, size_t action)
{
    const char *directory = cli_state_directory(call);
    struct look look = {.call = call,
                        .rule_id = call->argument_count > 1 ? call->arguments[1] : NULL};
    enum rt_status status;
    enum cli_exit code;

    if (directory == NULL)
        return CLI_USAGE;
    rt_buffer_init(&look.page, PAGE_BYTES_MAX);
    code = open_all(&look, directory, actions[action].writes);
    if (code == CLI_OK) {
        status = actions[action].run(&look);
        if (look.page.length > 0)
            fwrite(look.page.data, 1, look.page.length, stdout);
        if (status != RT_OK)
            code = cli_state_failed(call, status, look.checkpoints);
    }
    rt_buffer_done(&look.page);
    cli_still_done(&look.still);
    rt_checkpoints_close(look.checkpoints);
    return code;
}

static bool keys_are_well_formed(const struct cli_call *call)
{
    const char *word;

    for (size_t i = 0; (word = cli_value_at(call, CLI_OPTION_KEY, i)) != NULL; i++) {
        if (word[0] == '=' || strchr(word, '=') == NULL) {
            cli_wrong_call(call, "--key %s: NAME=VALUE is expected, such as user=bob", word);
            return false;
        }
    }
    return true;
}

static enum cli_exit state(const struct cli_call *call)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(call->arguments[0], actions[i].word) != 0)
            continue;
        if (actions[i].wants_rule && call->argument_count != 2)
            return cli_wrong_call(call, "state %s: the id of one rule is expected",
                                  actions[i].word);
        return keys_are_well_formed(call) ? act(call, i) : CLI_USAGE;
    }
    return cli_wrong_call(call, "state %s: ls, show, top, export or drop is expected",
                          call->arguments[0]);
}

const struct cli_command cli_command_state = {
    .name = "state",
    .arguments = "ls|show|top|export|drop [RULE] --dir DIR [options]",
    .summary = "what a stopped job remembers",
    .details =
        "Reads the newest checkpoint in DIR, in which no process may be working.  ls: a row a "
        "rule;\n"
        "`saved` is what its state takes in a checkpoint.  show: partial matches of a rule, of "
        "one\n"
        "key with --key user=bob.  top: the keys with the most.  export: all, a JSON object a "
        "line.\n"
        "drop: takes out what a rule remembers, of one key or of all; what is left is a new\n"
        "checkpoint.",
    .arguments_min = 1,
    .arguments_max = 2,
    .options = {CLI_OPTION_DIR, CLI_OPTION_RULES, CLI_OPTION_KEY},
    .option_count = 3,
    .exec = state,
};
