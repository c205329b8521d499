/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_set.h - rules as every command needs them: the paths of the command line read, compiled, and what is wrong with
 * them at hand.
 */
#ifndef EGRET_CLI_RULE_SET_H
#define EGRET_CLI_RULE_SET_H

#include "cli/command.h"
#include "cli/rule_files.h"
#include "rules/plan.h"
#include "rules/rule_test.h"
#include "runtime/base/diag.h"

struct cli_rule_set {
    struct cli_rule_files files;
    struct rt_diags *diags;
    struct rule_plan *plan; /* NULL: the rules are not valid */
    struct rule_test_suite
        *suite; /* of the test files; NULL without any, or when they are not valid */
};

/* Where rules are when a call names none. */
extern const char *const cli_usual_rules[1];

/*
 * Reads and compiles.  RT_OK: plan (and suite) are there, warnings may be in diags.  RT_ERR_DIAG: diags say what is wrong.
 * Any other status has been complained about on stderr.  Call cli_rule_set_done in any case.
 */
enum rt_status cli_rule_set_load(struct cli_rule_set *set, const struct cli_call *call,
                                 const char *const *paths, size_t count,
                                 const struct rule_load_options *options);
void cli_rule_set_done(struct cli_rule_set *set);

/* The diagnostics as text on stderr, if there are any; with `quiet` only when one is an error. */
void cli_rule_set_print_diags(const struct cli_rule_set *set, const struct cli_call *call,
                              bool quiet);

/* The exit code of an interactive command for what cli_rule_set_load answered. */
enum cli_exit cli_rule_set_exit(enum rt_status status);

/* The rule of that id, NULL if there is none. */
const struct rule *cli_rule_find(const struct rule_plan *plan, const char *id);
/* The nearest id for a message, NULL if none is near. */
const char *cli_rule_nearest(const struct rule_plan *plan, const char *id, struct rt_arena *arena);

/* Complains that there is no such rule, and names the nearest. */
void cli_unknown_rule(struct cli_rule_set *set, const struct cli_call *call, const char *id);

#endif
