/* commands: what the package's public properties mean, as the command lines of etrnctl that carry it out. The values
 * are checked here by the rules that etrnctl itself has (service/core), so that a bad one is refused before anything is
 * installed, and so that no value can be taken for an option or for several arguments. No MSI and no Windows. */
#ifndef ETRN_COMMANDS_H
#define ETRN_COMMANDS_H

#include "../service/core/text.h"

enum {
    COMMAND_LIMIT = 32767 - 300, /* Windows' limit of a command line, less room for the program's path */
    COMMANDS_SIZE = COMMAND_LIMIT + 300
};

/* The properties; "" where one was not given. */
struct properties {
    const char *enable;   /* ENABLE: 0 or 1 */
    const char *host;     /* ETRNHOST: host or host:port */
    const char *domains;  /* ETRNDOMAINS: nodes, separated by commas */
    const char *interval; /* INTERVAL: minutes */
};

/* Appends to `commands` (of COMMANDS_SIZE) the arguments of each etrnctl that is to be run, in order, one line each.
 * False when a property is not allowed; `problem` then names it and says what is wrong, as etrnctl would. */
bool commands_from_properties(const struct properties *properties, struct text *commands, struct text *problem);

/* Appends one argument, quoted so that the C runtime and CommandLineToArgvW give it back unchanged. */
void commands_add_argument(struct text *commands, const char *argument);

#endif
