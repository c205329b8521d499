/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void rt_assert_failed(const char *file, int line, const char *expression)
{
    fprintf(stderr, "egret: bug at %s:%d: %s\n", file, line, expression);
    fputs("egret: please report this line together with the rule file and the version\n", stderr);
    abort();
}
