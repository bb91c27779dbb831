/* ping: asks a host for an echo until it answers, as PING in a batch file did to bring a dial-on-demand line up. */
#ifndef ETRN_PING_H
#define ETRN_PING_H

#include "../core/must_check.h"
#include "loop.h"

struct ping;

/* In the loop's thread, once, unless cancelled: 0 when the host answered, and once more a second later; else the last
 * error, WSAETIMEDOUT for silence. The ping is gone then. */
typedef void ping_done(void *owner, DWORD error);

/* `host` is a name or an IPv4 address. NULL when there is no memory or no thread. */
MUST_CHECK struct ping *ping_begin(struct loop *loop, const char *host, int64_t limit_ms, ping_done *done, void *owner);
void ping_cancel(struct ping *ping);

#endif
