/* request: the files by which etrnctl asks the service for single hosts: request-PID.txt, a host's name a line. */
#ifndef ETRN_REQUEST_H
#define ETRN_REQUEST_H

#include "../core/must_check.h"
#include "win.h"

/* Leaves a request for these hosts, for CONTROL_RUN_REQUESTED to be sent next. Returns 0 or a Win32 error. */
MUST_CHECK DWORD request_leave(const char *const *hosts, size_t count);

/* Calls `take` for each host that a request names, and deletes the requests that could be read. Returns 0, or the error
 * of the last one that could not, which is there when requests are taken next. */
MUST_CHECK DWORD request_take(void (*take)(void *owner, const char *host), void *owner);

#endif
