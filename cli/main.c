/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

int main(int argument_count, char **arguments)
{
    return cli_program(argument_count, (const char *const *)arguments);
}
