/* registry: the Parameters key, with Group Policy above it, into a configuration; and the news that it changed. */
#ifndef ETRN_REGISTRY_H
#define ETRN_REGISTRY_H

#include "../core/config.h"
#include "../core/must_check.h"
#include "loop.h"

#define SERVICE_KEY L"SYSTEM\\CurrentControlSet\\Services\\EtrnSvc"
#define PARAMETERS_KEY SERVICE_KEY L"\\Parameters"
#define POLICY_KEY L"SOFTWARE\\Policies\\EtrnSvc"
#define HOSTS_KEY L"Hosts" /* below each of the two */

/* A value that is not allowed: its key as a full path, its name, and what was found and is allowed. */
typedef void registry_problem(void *owner, const char *key, const char *name, const char *problem);

/* Reads both keys below `machine` (HKEY_LOCAL_MACHINE, of this computer or another) into `config`, which is initialised
 * here and to be freed by the caller in any case. A key that is not there holds nothing. Returns 0 or a Win32 error,
 * with `config` then not to be relied on. */
MUST_CHECK DWORD registry_read(HKEY machine, struct config *config, registry_problem *problem, void *owner);

/* In the loop's thread, 50 ms after the first of some changes; what comes from now on is watched again already.
 * `error` is 0, or why it cannot be watched; that is tried again after a minute. */
typedef void registry_changed(void *owner, DWORD error);

enum { REGISTRY_WATCHES = 4 }; /* each of the two keys, and what stands above it */

/* The registry signals changes by events, which a completion port cannot wait for: so a thread does, blocked until
 * there is something to post. The handles are the loop's while that thread waits for `resume`, and the thread's
 * otherwise. */
struct registry_news {
    struct loop *loop;
    registry_changed *changed;
    void *owner;
    struct loop_op signalled;
    struct loop_timer debounce;
    HANDLE thread, resume, quit;
    DWORD count;
    HKEY keys[REGISTRY_WATCHES];
    HANDLE events[REGISTRY_WATCHES + 1]; /* `quit` after the last */
};

/* Begins to watch both keys. Returns 0 or a Win32 error. */
MUST_CHECK DWORD registry_watch_open(struct registry_news *news, struct loop *loop, registry_changed *changed,
                                     void *owner);
void registry_watch_close(struct registry_news *news);

#endif
