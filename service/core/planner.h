/* planner: which nodes of which host are asked when, in how many sessions, and why. Pure: the caller brings the time
 * and the configuration, opens the sessions that planner_next() hands out, and reports what became of them.
 *
 * A dequeue is all that is asked of one host at one time; a host never has two under way (Exim refuses the second:
 * "458 Already processing"). Time that passes is counted on the steady clock, so that a step of the wall clock moves
 * nothing; the wall clock is only noted. */
#ifndef ETRN_PLANNER_H
#define ETRN_PLANNER_H

#include "dequeue.h"
#include "roster.h"

struct planner {
    struct roster roster;
    const struct config *config; /* held */
    bool enabled, paused, held;
    const struct cron_zone *zone;
    uint64_t seed;
    int64_t clocks_apart_ms;      /* wall clock minus steady clock, as last seen */
    size_t sessions;              /* open, of all hosts */
    size_t sessions_with_failing; /* of these, with hosts whose last dequeue met passing trouble */
    size_t next_turn;             /* the index of the host that planner_next() looks at first */
};

/* `seed` varies the jitter from machine to machine. `zone`, which must stay, is what schedules are read in. */
void planner_init(struct planner *p, uint64_t seed, const struct cron_zone *zone);
void planner_free(struct planner *p);

/* Follows a new configuration, which is held until the next call or longer; what is known of hosts and nodes of the
 * same name is kept. Hosts that are new to be asked (AlwaysUseETRN or Enabled went on, a host or a node was added) are
 * asked at once, with `trigger` as the reason; with TRIGGER_START only when RunAtStart is set. False when there is no
 * memory: the planner then continues with what it has, and the call is to be repeated. */
MUST_CHECK bool planner_configure(struct planner *p, const struct config *config, enum trigger trigger,
                                  struct moment now);

/* Paused: nothing new is handed out, and dequeues end with the sessions that are open; what they have not asked, and
 * what comes due during the pause, is due when it ends. */
void planner_pause(struct planner *p, bool paused, struct moment now);

/* Held: no dequeue begins, those under way continue; what comes due while it is held begins afterwards. */
void planner_hold(struct planner *p, bool held);

/* Asks one host, or all when NULL, as soon as MinimumGapSeconds allows. */
void planner_trigger(struct planner *p, struct planned_host *host, enum trigger trigger, struct moment now);

/* Schedules follow the wall clock when it is set: what was due in time that was skipped is due once; after a step back
 * the next time is looked for again, and what was due before stays due. To be called at news of a step; small ones are
 * seen to by themselves. */
void planner_follow_clock(struct planner *p, struct moment now);

struct planned_host *planner_find(const struct planner *p, const char *name);

/* Takes the next session to open now, or host to prepare; false when there is none. Every session must end in
 * planner_session_done(), every preparation in planner_prepared(). Hosts that met passing trouble the last time share
 * half of MaxConnections, so that those which let a connection wait shut out no others. */
MUST_CHECK bool planner_next(struct planner *p, struct moment now, struct assignment *a);

/* A node of an open session has its result. After passing trouble the next of its host's servers is asked within the
 * same dequeue. Unknown names (the configuration changed) are passed over. */
void planner_node_done(struct planner *p, struct planned_host *host, const char *name, const struct result *result,
                       struct moment now);

/* Keeps what was said with the result that a node has just got: a copy of `output`, which is lines, escaped for
 * display. For one node of several that a program ran for. Without memory it is not kept. */
void planner_node_said(struct planner *p, struct planned_host *host, const char *name, const char *output);

/* A session ended. */
void planner_session_done(struct planner *p, struct planned_host *host, struct moment now);

/* The host is ready, or `failure` is what its waiting nodes get instead of being asked. */
void planner_prepared(struct planner *p, struct planned_host *host, const struct result *failure, struct moment now);

/* The host of a dequeue that has ended, or NULL when all were handed out. Each end is handed out once, whatever brought
 * it: the last session, the configuration or a pause; no dequeue of the host begins before. Each node's `edge` says
 * what is news. With `settings` NULL the host was removed from the configuration: it is freed by the next call. To be
 * called until it returns NULL, after planner_session_done(), planner_prepared(), planner_configure() and
 * planner_pause(). */
MUST_CHECK struct planned_host *planner_take_ended(struct planner *p);

/* The zone that was handed to planner_init() has other rules now: the next times are looked for again, what is due
 * already stays due. */
void planner_follow_zone(struct planner *p, struct moment now);

/* When to call planner_next() again if nothing happens before: steady_ms, never less than now, or NEVER_MS. */
int64_t planner_wakeup(const struct planner *p, struct moment now);

/* When this host will be asked next on the steady clock, and why; NEVER_MS when it will not be. */
int64_t planner_due(const struct planner *p, const struct planned_host *host, enum trigger *why);

#endif
