/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_files.h - where a configuration comes from, lowest first:
 *
 *     /etc/egret/egret.yaml   /etc/egret/conf.d (*.yaml)   ~/.config/egret/egret.yaml   ./egret.yaml   EGRET_A__B   --set a.b=c
 *     \-------------------------- or --config FILE alone ---------------------------/
 */
#ifndef EGRET_CLI_CONFIG_FILES_H
#define EGRET_CLI_CONFIG_FILES_H

#include "cli/command.h"
#include "cli/config.h"

struct cli_config_search {
    const char *system_folder; /* "/etc/egret" */
    const char *user_folder;   /* "~/.config/egret"; NULL: none */
    const char *here;          /* "egret.yaml" */
    const char *only;          /* --config: nothing else is looked for; NULL: the search */
    bool no_files;             /* a run without configuration: variables and --set alone */
    const char *const *environment;
    const char *const *sets; /* "a.b=c" */
    size_t set_count;
};

struct cli_config_set {
    struct rt_arena arena; /* texts of the layers */
    struct cli_config_layer *layers;
    size_t count, capacity;
    const char *const *files; /* that were read, lowest first */
    size_t file_count;
    struct rt_diags *diags;
    struct cli_config config;
};

/* Where this call looks: --config, --set, the user's folders.  `arena` holds the texts. */
enum rt_status cli_config_search_of(const struct cli_call *call, struct rt_arena *arena,
                                    struct cli_config_search *out);

/*
 * Reads it all.  RT_ERR_DIAG: `diags` say what is wrong.  RT_ERR_IO: a file cannot be read; *message says which.
 * Call cli_config_set_done in any case.
 */
enum rt_status cli_config_set_read(struct cli_config_set *set,
                                   const struct cli_config_search *search,
                                   struct rt_buffer *message);
void cli_config_set_done(struct cli_config_set *set);

/*
 * The same for a command: complaints are on stderr, findings are in set->diags.  RT_OK, or *code.  The log follows it, if it is to.
 */
enum rt_status cli_config_seek(struct cli_config_set *set, const struct cli_call *call,
                               bool no_files, enum cli_exit *code);
/* And the findings are on stderr too, in the form that --format names. */
enum rt_status cli_config_load(struct cli_config_set *set, const struct cli_call *call,
                               bool no_files, enum cli_exit *code);

/* There is a configuration file where this call looks. */
bool cli_config_exists(const struct cli_call *call);

#endif
