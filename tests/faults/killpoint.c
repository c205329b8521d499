/* SPDX-License-Identifier: Apache-2.0 */
/* killpoint.c - what the macros of runtime/base/killpoint.h do in a test build. */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/killpoint.h"
#include "runtime/base/text.h"

enum { NAMES_MAX = 256 };

static void log_once(const char *name)
{
    static _Atomic(const char *) logged[NAMES_MAX];
    const char *path = getenv("EGRET_KILLPOINT_LOG");

    if (path == NULL)
        return;
    for (size_t i = 0; i < NAMES_MAX; i++) {
        const char *free_place = NULL;

        if (atomic_compare_exchange_strong(&logged[i], &free_place, name))
            break;
        if (strcmp(free_place, name) == 0)
            return;
    }

    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

    if (file < 0)
        return;
    if (write(file, name, strlen(name)) < 0 || write(file, "\n", 1) < 0)
        kill(getpid(), SIGKILL);
    close(file);
}

/* NAME or NAME:number among the words of a variable, which commas separate. */
static bool is_wanted(const char *variable, const char *name, uint64_t *number)
{
    const char *word = getenv(variable);
    size_t length = strlen(name);

    while (word != NULL && *word != '\0') {
        size_t word_length = strcspn(word, ",");
        struct rt_text digits = {word + length + 1, word_length - length - 1};

        if (word_length >= length && strncmp(word, name, length) == 0 &&
            (word_length == length || (word[length] == ':' && rt_text_to_uint(digits, number))))
            return true;
        word += word_length;
        word += *word == ',';
    }
    return false;
}

void rt_killpoint(const char *name)
{
    static atomic_int hits;
    uint64_t nth = 1;

    log_once(name);
    if (is_wanted("EGRET_KILLPOINT", name, &nth) && (uint64_t)atomic_fetch_add(&hits, 1) + 1 == nth)
        kill(getpid(), SIGKILL);
}

bool rt_mutant(const char *name)
{
    uint64_t unused;

    return is_wanted("EGRET_MUTANT", name, &unused);
}

uint64_t rt_tuned(const char *name, uint64_t standard)
{
    uint64_t number = standard;

    return is_wanted("EGRET_TUNED", name, &number) ? number : standard;
}
