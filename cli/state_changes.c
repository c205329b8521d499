/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state_changes.h"

#include <inttypes.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 16 << 20, WORD_COLUMNS = 9, RULE_COLUMNS = 22 };

static bool is_allowed(const struct cli_call *call, const char *rule_id)
{
    const char *allowed;

    for (size_t i = 0; (allowed = cli_value_at(call, CLI_OPTION_ALLOW_RESTART, i)) != NULL; i++) {
        if (strcmp(allowed, rule_id) == 0)
            return true;
    }
    return false;
}

static void add_loss(struct rt_buffer *out, const char *why, uint64_t partials)
{
    rt_buffer_string(out, why);
    if (partials > 0)
        rt_buffer_printf(out, ": %" PRIu64 " partial match%s dropped", partials,
                         partials == 1 ? " is" : "es are");
}

static void add_change(void *context, const struct cep_rule_change *change)
{
    struct cli_state_changes *changes = context;
    struct rt_buffer *out = &changes->text;

    rt_buffer_printf(out, "%-*s%-*s  ", WORD_COLUMNS, cep_change_name(change->change), RULE_COLUMNS,
                     change->rule_id);
    changes->changed += change->change != CEP_CHANGE_KEEP;
    switch (change->change) {
    case CEP_CHANGE_KEEP:
        rt_buffer_string(out, "same rule");
        break;
    case CEP_CHANGE_EDIT:
        rt_buffer_string(out, "same pattern, other words or values");
        break;
    case CEP_CHANGE_RESTART:
        add_loss(out, change->why, change->partials);
        if (!is_allowed(changes->call, change->rule_id)) {
            changes->not_allowed++;
            rt_buffer_printf(&changes->advice, " --allow-restart %s", change->rule_id);
        }
        break;
    case CEP_CHANGE_DROP:
        add_loss(out, "not in the rules", change->partials);
        break;
    case CEP_CHANGE_NEW:
        break;
    }
    while (out->length > 0 && out->data[out->length - 1] == ' ')
        out->data[--out->length] = '\0';
    rt_buffer_char(out, '\n');
}

enum rt_status cli_state_changes_read(struct cli_state_changes *changes,
                                      const struct cli_call *call, struct cep_engine *engine,
                                      struct rt_text header)
{
    *changes = (struct cli_state_changes){.call = call};
    rt_buffer_init(&changes->text, TEXT_BYTES_MAX);
    rt_buffer_init(&changes->advice, TEXT_BYTES_MAX);
    return cep_engine_compare(engine, header, add_change, changes);
}

void cli_state_changes_done(struct cli_state_changes *changes)
{
    rt_buffer_done(&changes->text);
    rt_buffer_done(&changes->advice);
}
