/* SPDX-License-Identifier: Apache-2.0 */
/* config_page.h - config_keys.def for people (docs/configuration.md has it) and for programs. */
#ifndef EGRET_CLI_CONFIG_PAGE_H
#define EGRET_CLI_CONFIG_PAGE_H

#include "runtime/base/text.h"

/* A section a heading, a key a paragraph. */
void cli_config_keys_markdown(struct rt_buffer *out);
/* [{"path":...,"kind":...,"choices":...,"default":...,"example":...,"meaning":...}] */
void cli_config_keys_json(struct rt_buffer *out);

#endif
