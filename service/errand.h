/* errand: what is done around a dequeue, as the batch files did it: PING until the line is up, NET START before, NET
 * STOP after. */
#ifndef ETRN_ERRAND_H
#define ETRN_ERRAND_H

#include "core/outcome.h"
#include "core/config.h"
#include "win/loop.h"

struct errand;

/* In the loop's thread, once, unless the errand ends before: the host is ready to be asked, or `failure` says why not.
 */
typedef void errand_ready(void *owner, const struct result *failure);

/* Wakes the host's WakeHost, then starts its RunService. NULL when there is no memory. */
struct errand *errand_begin(struct loop *loop, const struct host_settings *host, errand_ready *ready, void *owner);

/* The dequeue has ended, or will not be: RunService is let go, HoldSeconds later stopped if it was us who started it.
 */
void errand_end(struct errand *errand);

#endif
