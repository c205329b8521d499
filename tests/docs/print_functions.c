/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the reference part of docs/expressions.md, made of the function table. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct row {
    const char *section; /* not NULL: a heading */
    const char *name, *shape, *types, *summary, *example;
};

static const struct row rows[] = {
#define SECTION(title) {.section = (title)},
#define FUNCTION(symbol, text, form, least, most, overloads, sentence, sample)                     \
    {NULL, (text), #form, (overloads), (sentence), (sample)},
#include "rules/functions.def"
};

/* "string,int->string": the receiver stands before the dot. */
static void print_call(const struct row *row, const char *types, size_t length)
{
    bool member = strcmp(row->shape, "MEMBER") == 0;
    const char *arrow = strstr(types, "->");
    size_t arguments = arrow == NULL ? 0 : (size_t)(arrow - types);
    size_t receiver = 0;

    if (member) {
        while (receiver < arguments && types[receiver] != ',')
            receiver++;
        printf("%.*s.", (int)receiver, types);
        receiver += receiver < arguments;
    }
    printf("%s(", row->name);
    for (size_t i = receiver; i < arguments; i++) {
        putchar(types[i]);
        if (types[i] == ',')
            putchar(' ');
    }
    printf(")%.*s", (int)(length - arguments), types + arguments);
}

static void print_overloads(const struct row *row)
{
    const char *at = row->types;

    while (*at != '\0') {
        size_t length = strcspn(at, "|");

        printf("    ");
        print_call(row, at, length);
        putchar('\n');
        at += length + (at[length] == '|');
    }
    if (row->types[0] == '\0')
        printf("    %s%s(...)\n", strcmp(row->shape, "MEMBER") == 0 ? "any." : "", row->name);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];

        if (row->section != NULL) {
            printf("%s### %s\n", i == 0 ? "" : "\n", row->section);
            continue;
        }
        printf("\n**`%s%s`** %s%s\n\n", strcmp(row->shape, "MEMBER") == 0 ? "." : "", row->name,
               row->summary, strcmp(row->shape, "BOTH") == 0 ? "  Also as a method." : "");
        print_overloads(row);
        printf("\n```cel\n%s\n```\n", row->example);
    }
    return 0;
}
