/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

#include "runtime/io/source.h"

/* Sources beyond these are looked at again after RT_SOURCE_LOOK_MS. */
enum { WATCHED_MAX = 64 };

void rt_sources_wait(struct rt_source *const *sources, size_t count, int at_most_ms)
{
    struct pollfd wanted[WATCHED_MAX];
    nfds_t watched = 0;
    int timeout_ms = at_most_ms;

    for (size_t i = 0; i < count; i++) {
        const struct rt_source *source = sources[i];
        int descriptor;

        if (source == NULL)
            continue;
        descriptor = source->descriptor == NULL ? -1 : source->descriptor(source);
        if (descriptor >= 0 && watched < WATCHED_MAX)
            wanted[watched++] = (struct pollfd){.fd = descriptor, .events = POLLIN};
        else if (timeout_ms > RT_SOURCE_LOOK_MS)
            timeout_ms = RT_SOURCE_LOOK_MS;
    }
    /* An error or a signal: the caller looks at its sources and at what it was asked in any case. */
    (void)poll(wanted, watched, timeout_ms);
}

void rt_source_free(struct rt_source *source)
{
    if (source != NULL)
        source->free(source);
}
