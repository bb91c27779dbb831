/* companion: a service that runs while mail is fetched (NET START and NET STOP around it). It is started and waited
 * for, kept up for some time after its last user has gone, and stopped only if it was us who started it. */
#ifndef ETRN_COMPANION_H
#define ETRN_COMPANION_H

#include "../core/must_check.h"
#include "loop.h"

struct companion;

/* In the loop's thread, once, unless released before: 0 when the service runs, else a Win32 error. */
typedef void companion_ready(void *owner, DWORD error);

/* Has the service run; to be released in any case. Several may use the same one. NULL when there is no memory. */
MUST_CHECK struct companion *companion_use(struct loop *loop, const char *service, companion_ready *ready, void *owner);

/* No longer needed by this user; it stays up `hold_ms` longer, or as long as one before has asked for. */
void companion_release(struct companion *companion, int64_t hold_ms);

/* We stop: what we have started is stopped as well. What is still starting takes no stop yet: it is waited for and then
 * stopped, up to `until_ms` on loop_now_ms()'s clock. A service that takes longer to start is left to run: there is no
 * way to have it not. Blocks, and may be called only once the loop has ended. */
void companion_stop_all(int64_t until_ms);

#endif
