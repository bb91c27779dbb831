/* planned_host: a host and its nodes as the planner keeps them: what it knows of them, and the dequeue under way. */
#ifndef ETRN_PLANNED_HOST_H
#define ETRN_PLANNED_HOST_H

#include "config.h"
#include "outcome.h"
#include "timetable.h"

/* What is news of a node's health at the end of a dequeue (health.h). */
enum edge {
    EDGE_NONE,
    EDGE_FAILS,
    EDGE_RECOVERS,
    EDGE_STILL_FAILS /* no edge, but a day has passed since it was reported */
};

enum node_progress {
    NODE_IDLE,
    NODE_WAITING, /* belongs to the dequeue under way, no session yet */
    NODE_OUT      /* handed out in a session */
};

struct planned_node {
    const char *name; /* of the host's configuration */
    enum node_progress progress;
    struct result result;    /* the last one; OUTCOME_NONE before */
    char *output;            /* all that was said with it, in lines, escaped; NULL when that is all in the result */
    struct moment result_at; /* when it came */
    size_t result_server;    /* the server whose result this is */
    size_t server;           /* to ask now: 0 is the host, those after it its Fallback */
    struct moment since;     /* since when it has been failing, or working */
    int64_t reported_ms;     /* when its failure was reported last, on the steady clock */
    uint32_t unable_in_row;  /* 458s */
    bool failing, known;     /* health as last reported by an edge */
    bool retry;              /* to be asked again by the next retry */
    enum edge edge;          /* of the dequeue that ended last */
};

/* Whether WakeHost and RunService are seen to before any node is asked. */
enum preparation {
    PREPARED, /* or there is nothing to prepare */
    TO_PREPARE,
    PREPARING
};

/* All that is asked of one host at one time: the one under way, or the last. */
struct dequeue {
    bool active;                  /* under way */
    bool any_result;              /* some node has got an outcome in it */
    bool cut_short;               /* some node has no final result: its wait was dropped, or it was cancelled */
    bool end_pending;             /* it has ended, and roster_take_ended() has not handed that out yet */
    enum preparation preparation; /* while it is under way */
    enum trigger trigger;
    size_t batch;                 /* nodes for one session */
    size_t waiting;               /* nodes that are NODE_WAITING */
    size_t sessions;              /* open; one while it is PREPARING */
    struct moment started, ended; /* steady_ms 0 before the first */
};

struct planned_host {
    char *name;
    const struct config *config;          /* held: the one that `settings` and the nodes' names are of */
    const struct host_settings *settings; /* NULL: removed from the configuration */
    struct planned_node *nodes;
    size_t node_count;
    bool usable; /* to be asked at all, by the configuration */
    struct timetable timetable;
    struct dequeue dequeue;
    uint32_t failures;               /* dequeues with passing trouble in a row */
    uint64_t dequeues;               /* ended so far */
    uint64_t requests;               /* by planner_trigger() with TRIGGER_REQUEST, so far */
    uint64_t requests_met;           /* of these, by a dequeue that began after them */
    uint64_t requests_answered;      /* by one that has ended, and was not cut short */
    struct planned_host *next_ended; /* roster.h */
};

/* NULL when there is no memory. `zone` and `seed` as for timetable_init(). */
struct planned_host *planned_host_new(const char *name, const struct cron_zone *zone, uint64_t seed);
void planned_host_free(struct planned_host *h);

struct planned_node *planned_host_node(struct planned_host *h, const char *name);

/* Whether a node is to be asked again by the next retry. */
bool planned_host_has_retry(const struct planned_host *h);

/* Takes up the settings of a configuration, which is held from now on, in place of those before: its nodes, each with
 * what was known of it. `*grown`: one is new. False when there is no memory: all is then as it was. */
MUST_CHECK bool planned_host_adopt(struct planned_host *h, const struct config *config,
                                   const struct host_settings *host, bool *grown);

#endif
