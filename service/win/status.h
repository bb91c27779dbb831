/* status: the files by which the service and etrnctl tell each other things: status.json, in which the service says how
 * it is, and the requests by which etrnctl asks it for single hosts. */
#ifndef ETRN_STATUS_H
#define ETRN_STATUS_H

#include "win.h"

/* User-defined service controls. 128 asks all hosts; 129 those that request files name. The others stand in for news of
 * the system: an address came up, the machine woke, the clock was set. */
enum {
    CONTROL_RUN_ALL = 128,
    CONTROL_RUN_REQUESTED = 129,
    CONTROL_NETWORK_GREW = 130,
    CONTROL_RESUMED = 131,
    CONTROL_CLOCK_SET = 132
};

/* Replaces a file as a whole: it is written aside, flushed, and renamed, so that a reader, a crash or a full disk never
 * leaves half of it. Returns 0 or a Win32 error. */
DWORD file_replace(const wchar_t *path, const void *data, size_t size);

/* The whole of a file of at most 64 MB and a NUL behind it; the caller frees it. NULL and GetLastError() else. */
char *file_read(const wchar_t *path, size_t *size);

/* Leaves a request for these hosts, for CONTROL_RUN_REQUESTED to be sent next. Returns 0 or a Win32 error. */
DWORD request_leave(const char *const *hosts, size_t count);

/* Calls `take` for each host that a request names, and deletes the requests. */
void request_take(void (*take)(void *owner, const char *host), void *owner);

#endif
