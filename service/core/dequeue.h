/* dequeue: one host's dequeue from its first session to its last: which nodes wait, which are handed out, and what
 * their results mean for it. The planner decides when it begins, and when a session may be opened. */
#ifndef ETRN_DEQUEUE_H
#define ETRN_DEQUEUE_H

#include "planned_host.h"

/* One session to open; or, with no nodes, a host to be made ready first: its WakeHost, its RunService. */
struct assignment {
    struct planned_host *host; /* stays until planner_session_done() */
    size_t server;             /* which of the host's servers: host_server() */
    size_t nodes[100];         /* indices into host->nodes, valid until the next planner_configure() */
    size_t node_count;
};

/* For that reason, of a usable host with none under way. */
void dequeue_begin(struct planned_host *h, enum trigger why, struct moment now);

/* Whether it has something to hand out: a host to prepare, or nodes for one more session. */
bool dequeue_has_work(const struct planned_host *h);

/* Hands that out: the session counts as open from here on. Nodes that are to be asked of the same server share one. */
void dequeue_hand_out(struct planned_host *h, struct assignment *a);

/* A node of an open session has its result. After passing trouble it waits for the next of the host's servers, unless
 * the planner is `paused`: then it is due again. Nodes that are not handed out are passed over. */
void dequeue_node_done(struct planned_host *h, const char *name, const struct result *result, bool paused,
                       struct moment now);

/* Keeps a copy of what was said with the result that a node has just got. */
void dequeue_node_said(struct planned_host *h, const char *name, const char *output);

/* All nodes that wait get this result instead of being asked. */
void dequeue_fail(struct planned_host *h, const struct result *failure, bool paused, struct moment now);

/* What waits for a session is dropped; sessions that are open end by themselves. */
void dequeue_drop_waiting(struct planned_host *h);

/* What was cut short is due again, if the host is to be asked at all. */
void dequeue_again(struct planned_host *h, struct moment now);

/* Whether nothing is left of the one under way: it is to be ended. */
bool dequeue_is_over(const struct planned_host *h);

/* Ends it; `retry_ms` is RetrySeconds. */
void dequeue_end(struct planned_host *h, int64_t retry_ms, struct moment now);

#endif
