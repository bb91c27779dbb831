/* password: one that a person types, or a script hands over; never from the command line, where others can read it. */
#ifndef ETRN_PASSWORD_H
#define ETRN_PASSWORD_H

#include "../service/core/must_check.h"
#include "../service/win/secret.h"
#include "command.h"

/* Asks for the password of `user` at `host` on the console, without echo, or reads the first line of standard input
 * where that is none. Errors are reported. The caller wipes it by SecureZeroMemory(). */
MUST_CHECK enum exit_code password_read(const char *user, const char *host, char password[SECRET_SIZE]);

/* To be asked before password_read() for one that is to be kept: refuses computers other than this one, and reports it.
 */
MUST_CHECK enum exit_code password_can_be_kept(const struct command *command);

#endif
