/* failure: says on standard error what went wrong, and gives the exit code for it. */
#ifndef ETRN_FAILURE_H
#define ETRN_FAILURE_H

#include "command.h"

/* Prints "etrnctl: what: error in words" and returns the exit code that fits the error. */
enum exit_code fail(DWORD error, const char *format, ...) TEXT_FORMAT(2, 3);

/* The same for a service whose key or entry cannot be opened; of ours, when it is not installed, says how to install
 * it. */
enum exit_code fail_service(DWORD error, const char *service);

/* Prints what is wrong with the command line, and how `command` is used (NULL: where help is); returns EXIT_USAGE. */
enum exit_code usage_error(const struct command *command, const char *format, ...) TEXT_FORMAT(2, 3);

#endif
