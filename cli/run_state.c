/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_state.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/time/timestamp.h"

enum { TEXT_BYTES_MAX = 16 << 20 };

enum cli_exit cli_state_exit(enum rt_status status)
{
    switch (status) {
    case RT_ERR_DIAG:
    case RT_ERR_NOT_FOUND:
    case RT_ERR_UNSUPPORTED:
        return CLI_CONFIG;
    default:
        return cli_exit_of(status);
    }
}

/* ---- what can be read and written again ---- */

static bool is_pipe(const char *path)
{
    struct stat about;

    if (strcmp(path, "-") == 0)
        return true;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode);
}

enum cli_exit cli_state_check_ends(const struct cli_call *call, const struct cli_state_facts *facts)
{
    for (size_t i = 0; i < facts->input_count; i++) {
        if (is_pipe(facts->inputs[i]))
            return cli_wrong_call(call,
                                  "--state: %s cannot be read again after a stop; name a file with "
                                  "--input",
                                  strcmp(facts->inputs[i], "-") == 0 ? "stdin" : facts->inputs[i]);
    }
    if (is_pipe(facts->output))
        return cli_wrong_call(call,
                              "--state: what is written to %s cannot be taken back after a stop; "
                              "name a file with --output",
                              strcmp(facts->output, "-") == 0 ? "stdout" : facts->output);
    if (facts->dead_letter != NULL && is_pipe(facts->dead_letter))
        return cli_wrong_call(call,
                              "--state: what is written to %s cannot be taken back after a stop; "
                              "name a file with --dead-letter",
                              facts->dead_letter);
    return CLI_OK;
}

/* ---- the directory ---- */

/* What makes the job this job: the words for what it reads and writes. */
static void identity_of(const struct cli_state_facts *facts, struct rt_buffer *out)
{
    for (size_t i = 0; i < facts->input_count; i++)
        rt_buffer_printf(out, "  reads %s\n", facts->inputs[i]);
    rt_buffer_printf(out, "  writes %s\n", facts->output);
    if (facts->dead_letter != NULL)
        rt_buffer_printf(out, "  dead letters to %s\n", facts->dead_letter);
}

uint64_t cli_state_rules_hash(const struct rule_plan *plan)
{
    struct rt_buffer text;
    uint64_t hash;

    rt_buffer_init(&text, TEXT_BYTES_MAX);
    for (uint32_t i = 0; i < plan->rule_count; i++)
        rt_buffer_printf(&text, "%s %s\n", plan->rules[i]->id, plan->rules[i]->revision);
    hash = rt_hash64(text.data, text.length);
    rt_buffer_done(&text);
    return hash;
}

static enum cli_exit open_directory(struct cli_state *state, const struct rule_plan *plan,
                                    const struct cli_state_facts *facts, struct rt_text identity)
{
    struct rt_checkpoints_options options = {.directory = facts->directory,
                                             .identity = identity,
                                             .program = RT_TEXT(EGRET_VERSION),
                                             .groups = CLI_STATE_GROUPS,
                                             .rules = cli_state_rules_hash(plan)};
    struct rt_buffer why;
    enum rt_status status;

    rt_buffer_init(&why, TEXT_BYTES_MAX);
    status = rt_checkpoints_open(&options, &why, &state->checkpoints);
    if (status != RT_OK)
        cli_complain(state->call, "%s", why.length > 0 ? why.data : rt_status_text(status));
    rt_buffer_done(&why);
    return status == RT_OK ? CLI_OK : cli_state_exit(status);
}

enum cli_exit cli_state_open(struct cli_state *state, const struct cli_call *call,
                             const struct rule_plan *plan, const struct cli_state_facts *facts)
{
    struct rt_buffer identity;
    enum cli_exit code;

    *state = (struct cli_state){.call = call, .source_name = "input"};
    code = cli_state_check_ends(call, facts);
    if (code != CLI_OK)
        return code;
    rt_buffer_init(&identity, TEXT_BYTES_MAX);
    identity_of(facts, &identity);
    code = identity.failed ? CLI_IO : open_directory(state, plan, facts, rt_buffer_view(&identity));
    rt_buffer_done(&identity);
    state->options = (struct rt_durable_options){
        .checkpoints = state->checkpoints,
        .groups = CLI_STATE_GROUPS,
        .every = facts->every,
        .outputs = state->outputs,
        .source_names = &state->source_name,
        .names = {.fields = plan->fields, .slot_count = rt_fields_count(plan->fields)},
    };
    return code;
}

void cli_state_add_output(struct cli_state *state, struct rt_sink *sink, const char *name)
{
    RT_ASSERT(state->options.output_count < CLI_STATE_OUTPUTS_MAX);
    state->outputs[state->options.output_count++] = (struct rt_durable_output){sink, name};
}

void cli_state_tell(const struct cli_state *state, const struct rt_recovered *recovered)
{
    const char *directory = rt_checkpoints_directory(state->checkpoints);
    struct rt_buffer time;

    if (recovered->kind == RT_RECOVERY_FRESH || state->quiet)
        return;
    rt_buffer_init(&time, 64);
    rt_time_text((rt_time){recovered->made_ms}, &time);
    if (recovered->kind == RT_RECOVERY_RESUMED)
        cli_note(state->call, "goes on from checkpoint %" PRIu64 " in %s, made %s", recovered->id,
                 directory, time.data);
    else
        cli_note(state->call,
                 "this run was finished with checkpoint %" PRIu64 " in %s, made %s: nothing to do",
                 recovered->id, directory, time.data);
    rt_buffer_done(&time);
}

void cli_state_close(struct cli_state *state)
{
    rt_checkpoints_close(state->checkpoints);
    state->checkpoints = NULL;
}
