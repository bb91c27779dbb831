/* errand: what is done around a dequeue, as the batch files did it: PING until the line is up, NET START before, NET
 * STOP after. Each errand is its host's, and is kept here until the host's dequeue ends. */
#ifndef ETRN_ERRAND_H
#define ETRN_ERRAND_H

#include "core/planned_host.h"
#include "win/loop.h"

struct errand;

/* Those of dequeues under way; zeroed at first. */
struct errands {
    struct errand *first;
};

/* In the loop's thread, once: the host is ready to be asked, or `failure` says why not. */
typedef void errand_ready(void *owner, const struct result *failure);

/* Wakes the WakeHost of a host as this configuration has it, which is held up to the end, then starts its RunService.
 * To be ended by errands_release(), or by errand_cancel() before `ready` is called. NULL when there is no memory. */
struct errand *errand_begin(struct errands *errands, struct loop *loop, const struct config *config,
                            const struct planned_host *host, errand_ready *ready, void *owner);

/* Ends an errand that is not ready yet: `ready` will not be called. */
void errand_cancel(struct errand *errand);

/* The host's dequeue has ended: its errand, if there is one, ends as well. RunService is released: stopped HoldSeconds
 * later if it was us who started it. */
void errands_release(struct errands *errands, const struct planned_host *host);

#endif
