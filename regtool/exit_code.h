/* exit_code: what etrnctl returns. Scripts rely on these numbers. */
#ifndef ETRN_EXIT_CODE_H
#define ETRN_EXIT_CODE_H

#include "../service/win/win.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,   /* the remote host refused */
    EXIT_USAGE = 2,     /* the command line is not understood */
    EXIT_NOT_FOUND = 3, /* no such service, host or value; or the service is not running */
    EXIT_NETWORK = 4,   /* network or TLS failure */
    EXIT_DENIED = 5,    /* access denied: not an administrator */
    EXIT_CANCELLED = 6, /* by the person */
    EXIT_INVALID = 7,   /* invalid value or configuration */
    EXIT_FAILED = 8     /* this computer failed: its disk, its memory, a call of the system */
};

/* The one that fits a Win32 error. */
enum exit_code exit_code_of(DWORD error);

/* The worse of two: for a command that does several things. */
enum exit_code worse(enum exit_code a, enum exit_code b);

#endif
