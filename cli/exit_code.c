/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/exit_code.h"

enum cli_exit cli_exit_of(enum rt_status status)
{
    switch (status) {
    case RT_OK:
    case RT_END:
        return CLI_OK;
    case RT_ERR_DIAG:
        return CLI_CONFIG;
    case RT_ERR_DATA:
        return CLI_DATA;
    case RT_ERR_NOT_FOUND:
    case RT_ERR_UNSUPPORTED:
        return CLI_USAGE;
    case RT_ERR_NOMEM:
    case RT_ERR_LIMIT:
    case RT_ERR_IO:
    case RT_ERR_CORRUPT:
        return CLI_IO;
    case RT_AGAIN:
        return CLI_TEMPORARY;
    case RT_ERR_ORDER:
        break;
    }
    return CLI_SOFTWARE;
}
