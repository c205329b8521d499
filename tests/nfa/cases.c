/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.c - patterns over letters, as text files: tests/cases/nfa/ *.txt.
 *
 *     # a sentence
 *     pattern: begin a; followedBy b
 *     events: a x b
 *     3: a:1 b:3 @3                  what comes out, in order; nothing: nothing comes out
 *     refused: DUPLICATE_NAME        instead of events
 *     print:                         instead of events: the lines behind it are the automaton
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/nfa_table.h"

enum { LINE_BYTES = 4096, WANTED_BYTES = 1 << 16 };

struct text_case {
    char title[LINE_BYTES];
    char pattern[LINE_BYTES];
    char events[LINE_BYTES];
    char refused[LINE_BYTES];
    bool print;
    struct rt_buffer wanted;
    unsigned line;
};

struct tally {
    const char *path;
    unsigned run, failed;
};

static const char *refusal_name(enum nfa_refusal_kind kind)
{
    switch (kind) {
#define REFUSAL(name, text)                                                                        \
    case NFA_REFUSE_##name:                                                                        \
        return #name;
#include "nfa/refusals.def"
#undef REFUSAL
    case NFA_REFUSE_COUNT:
        break;
    }
    return "?";
}

static void run_table(const struct text_case *text, const struct nfa_table *table,
                      struct rt_buffer *got)
{
    struct nfa_limits limits = {0};
    struct nfa_refusal refusal = {NFA_REFUSE_NONE, NULL};
    struct nfa_rig rig;
    enum rt_status status = nfa_rig_init(&rig, table, &limits, &refusal);

    if (status != RT_OK) {
        rt_buffer_printf(got, "refused: %s\n", refusal_name(refusal.kind));
        return;
    }
    if (text->print) {
        nfa_program_print(rig.program, got);
    } else {
        (void)nfa_rig_feed_all(&rig);
        rt_buffer_add(got, rig.out.data == NULL ? "" : rig.out.data, rig.out.length);
    }
    nfa_rig_done(&rig);
}

static void run_case(struct text_case *text, struct tally *tally)
{
    struct nfa_table table;
    struct rt_buffer got;

    if (text->pattern[0] == '\0')
        return;
    tally->run++;
    rt_buffer_init(&got, 1 << 20);
    nfa_table_init(&table);
    if (!nfa_table_pattern(&table, text->pattern) || !nfa_table_events(&table, text->events))
        rt_buffer_string(&got, "cannot be read\n");
    else
        run_table(text, &table, &got);
    if (text->refused[0] != '\0')
        rt_buffer_printf(&text->wanted, "refused: %s\n", text->refused);
    if (!rt_text_equal(rt_buffer_view(&got), rt_buffer_view(&text->wanted))) {
        tally->failed++;
        printf("%s:%u:%s\n  wanted\n%s  got\n%s\n", tally->path, text->line, text->title,
               text->wanted.length > 0 ? text->wanted.data : "", got.length > 0 ? got.data : "");
    }
    nfa_table_done(&table);
    rt_buffer_done(&got);
}

static bool take_field(const char *line, const char *name, char *out)
{
    size_t length = strlen(name);

    if (strncmp(line, name, length) != 0)
        return false;
    line += length + strspn(line + length, " ");
    memcpy(out, line, strlen(line) + 1);
    return true;
}

static void run_file(const char *path, struct tally *tally)
{
    static struct text_case text;
    static char line[LINE_BYTES];
    FILE *file = fopen(path, "r");
    unsigned number = 0;

    tally->path = path;
    if (file == NULL) {
        tally->failed++;
        printf("%s: cannot be opened\n", path);
        return;
    }
    rt_buffer_init(&text.wanted, WANTED_BYTES);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        number++;
        if (line[0] == '#') {
            run_case(&text, tally);
            rt_buffer_done(&text.wanted);
            text = (struct text_case){.line = number};
            rt_buffer_init(&text.wanted, WANTED_BYTES);
            memcpy(text.title, line + 1, strlen(line + 1) + 1);
        } else if (strcmp(line, "print:") == 0) {
            text.print = true;
        } else if (line[0] != '\0' && !take_field(line, "pattern:", text.pattern) &&
                   !take_field(line, "events:", text.events) &&
                   !take_field(line, "refused:", text.refused)) {
            rt_buffer_printf(&text.wanted, "%s\n", line);
        }
    }
    run_case(&text, tally);
    rt_buffer_done(&text.wanted);
    text = (struct text_case){0};
    (void)fclose(file);
}

int main(int count, char **paths)
{
    struct tally tally = {0};

    for (int i = 1; i < count; i++)
        run_file(paths[i], &tally);
    printf("%u cases, %u failed\n", tally.run, tally.failed);
    return tally.failed == 0 && tally.run > 0 ? 0 : 1;
}
