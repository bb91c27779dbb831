/* planner: which nodes of which host are asked when, in how many sessions, and why. Pure: the caller brings the time
 * and the configuration, opens the sessions that planner_next() hands out, and reports what became of them.
 *
 * A dequeue is all that is asked of one host at one time; a host never has two under way (Exim refuses the second:
 * "458 Already processing"). Time that passes is counted on the steady clock, so that a step of the wall clock moves
 * nothing; the wall clock is only noted. */
#ifndef ETRN_PLANNER_H
#define ETRN_PLANNER_H

#include "cron_next.h"
#include "outcome.h"
#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLANNER_NEVER INT64_MAX

struct moment {
    int64_t steady_ms; /* since the system started, time asleep included; never goes back */
    int64_t utc_ms;    /* since 1970; may step */
};

/* Why a dequeue starts. */
enum trigger {
    TRIGGER_NONE,
    TRIGGER_START,
    TRIGGER_ENABLE,
    TRIGGER_INTERVAL,
    TRIGGER_SCHEDULE,
    TRIGGER_RETRY,
    TRIGGER_REQUEST,
    TRIGGER_NETWORK, /* an address came up */
    TRIGGER_RESUME   /* the machine woke */
};

/* What is news of a node's health at the end of a dequeue (health.h). */
enum edge {
    EDGE_NONE,
    EDGE_FAILS,
    EDGE_RECOVERS,
    EDGE_STILL_FAILS /* no edge, but a day has passed since it was told */
};

enum node_progress {
    NODE_IDLE,
    NODE_WAITING, /* belongs to the dequeue under way, no session yet */
    NODE_OUT      /* handed out in a session */
};

struct planned_node {
    char *name;
    enum node_progress progress;
    struct result result;   /* the last one; OUTCOME_NONE before */
    char *output;           /* all that was said with it, in lines, escaped; NULL when that is all in the result */
    size_t server;          /* to ask now: 0 is the host, those behind it its Fallback */
    size_t answered;        /* the one whose result this is */
    struct moment asked;    /* when it came */
    struct moment since;    /* since when it has been failing, or working */
    int64_t told_ms;        /* when its failure was told last, on the steady clock */
    uint32_t unable_in_row; /* 458s */
    bool failing, known;    /* health as last told by an edge */
    bool retry;             /* to be asked again by the next retry */
    enum edge edge;         /* of the dequeue that ended last */
};

struct planned_host {
    char *name;
    const struct host_settings *settings; /* NULL: removed while its sessions end */
    struct planned_node *nodes;
    size_t node_count;
    bool usable; /* to be asked at all, by the configuration */
    bool active; /* a dequeue is under way */
    bool asked;  /* some node got an outcome in it */
    bool over;   /* it has ended, and planner_take_ended() is to hand that out */
    struct planned_host *next_over;
    enum { PREPARED, TO_PREPARE, PREPARING } stage; /* of the dequeue under way */
    enum trigger trigger;
    size_t batch; /* nodes for one session of this dequeue */
    size_t waiting, sessions;
    struct moment started, ended; /* the last dequeue's; steady_ms 0 before the first */
    int64_t interval_ms;          /* as planned with */
    struct cron_line *lines;      /* of its schedule; with none, the interval counts */
    size_t line_count;
    int64_t every_from_utc_ms;              /* when the schedule was taken up */
    int64_t scheduled_utc_ms;               /* by the schedule, of which `scheduled` is the steady time */
    int64_t met_utc_ms;                     /* the one of these that was asked last */
    int64_t scheduled, retry_at, wanted_at; /* on the steady clock, or PLANNER_NEVER */
    enum trigger wanted;
    uint32_t failures;                        /* passing ones in a row */
    uint64_t dequeues;                        /* ended so far */
    uint64_t requests;                        /* by planner_trigger() with TRIGGER_REQUEST, so far */
    uint64_t requests_met, requests_answered; /* of these, by a dequeue that began after them; by one that has ended */
    uint64_t random;
};

struct planner {
    struct planned_host **hosts; /* sorted by name; each stays where it is while it exists */
    size_t host_count, host_room;
    const struct config *config;
    bool enabled, paused, held;
    const struct cron_zone *zone;
    int64_t clocks_apart_ms; /* wall clock minus steady clock, as last seen */
    size_t sessions;         /* open, of all hosts */
    size_t doubtful;         /* of these, with hosts whose last dequeue met passing trouble */
    size_t scan;             /* where planner_next() goes on looking */
    struct planned_host *first_over, *last_over;
    struct planned_host *gone; /* removed, and handed out by planner_take_ended() last */
    uint64_t seed;
};

/* One session to open; or, with no nodes, a host to be made ready first: its WakeHost, its RunService. */
struct assignment {
    struct planned_host *host; /* stays until planner_session_done() */
    size_t server;             /* which of the host's servers: host_server() */
    size_t nodes[100];         /* indices into host->nodes, valid until the next planner_configure() */
    size_t node_count;
};

/* `seed` varies the jitter from machine to machine. `zone`, which must stay, is what schedules are read in. */
void planner_init(struct planner *p, uint64_t seed, const struct cron_zone *zone);
void planner_free(struct planner *p);

/* Follows a new configuration, which must stay until the next call; what is known of hosts and nodes of the same name
 * is kept. Hosts that are new to be asked (AlwaysUseETRN or Enabled went on, a host or a node was added) are asked at
 * once, with `trigger` as the reason; with TRIGGER_START only when RunAtStart is set.
 * False when there is no memory: the planner then goes on with what it has, and the call is to be repeated. */
bool planner_configure(struct planner *p, const struct config *config, enum trigger trigger, struct moment now);

/* Paused: nothing new is handed out, and dequeues end with the sessions that are open; what they have not asked, and
 * what comes due during the pause, is due when it ends. */
void planner_pause(struct planner *p, bool paused, struct moment now);

/* Held: no dequeue begins, those under way go on; what comes due meanwhile comes after. */
void planner_hold(struct planner *p, bool held);

/* Asks one host, or all when NULL, as soon as MinimumGapSeconds allows. */
void planner_trigger(struct planner *p, struct planned_host *host, enum trigger trigger, struct moment now);

/* Schedules follow the wall clock when it is set: what was due in time that was skipped is due once; after a step back
 * the next time is looked for anew, and what was due before stays due. To be called at news of a step; small ones are
 * seen to by themselves. */
void planner_follow_clock(struct planner *p, struct moment now);

struct planned_host *planner_find(const struct planner *p, const char *name);

/* Takes the next session to open now, or host to prepare; false when there is none. Every session must end in
 * planner_session_done(), every preparation in planner_prepared(). Hosts that met passing trouble the last time share
 * half of MaxConnections, so that those which let a connection wait shut out no others. */
bool planner_next(struct planner *p, struct moment now, struct assignment *a);

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
struct planned_host *planner_take_ended(struct planner *p);

/* The zone that was handed to planner_init() has other rules now: schedules are looked at anew, what is due already
 * stays due. */
void planner_follow_zone(struct planner *p, struct moment now);

/* When to call planner_next() again if nothing happens before: steady_ms, never less than now, or PLANNER_NEVER. */
int64_t planner_wakeup(const struct planner *p, struct moment now);

/* When this host will be asked next on the steady clock, and why; PLANNER_NEVER when it will not be. */
int64_t planner_due(const struct planner *p, const struct planned_host *host, enum trigger *why);

const char *trigger_name(enum trigger trigger);

#endif
