/* planner_world: what the tests of the planner share: a configuration written down, the planner that follows it, and
 * the time. */
#ifndef ETRN_PLANNER_WORLD_H
#define ETRN_PLANNER_WORLD_H

#include "planner.h"
#include "unit.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

enum { HOSTS = 6 };

struct host_plan {
    const char *name;  /* NULL: none */
    const char *nodes; /* separated by spaces */
    bool disabled;
    uint32_t etrns, connections, interval; /* 0: the default */
    const char *fallback, *schedule;       /* separated by '|'; NULL: none */
};

struct world {
    struct host_plan hosts[HOSTS];
    bool off, not_at_start;
    uint32_t gap, retry, maximum, interval; /* 0: as the case needs it; see configure() */
    const char *schedule;
    int64_t offset, summer_from, summer_to; /* the zone: an hour more from one instant to the other ... */
    bool every_year;                        /* ... of each 365 days */
    char problem[300];                      /* of the configuration */
    struct config *config;
    struct cron_zone zone;
    struct planner planner;
    struct moment now;
};

uint32_t or_default(uint32_t number, uint32_t otherwise);

/* Gives the planner a new configuration, and releases the one before. */
void configure(struct world *w, enum trigger trigger);

/* Tuesday, 14 November 2023, 22:13:20 UTC: 2,800 s before the hour. */
struct moment first_moment(void);

void set_up(struct world *w);

void tear_down(struct world *w);

void pass(struct world *w, int64_t ms);

/* The next session, as "host: node node", or "host 1: node node" at its first Fallback; "" when there is none. */
const char *next_session(struct world *w);

struct planned_host *find(struct world *w, const char *host);

/* The hosts whose dequeues have ended: "a, b gone"; "" when there are none. */
const char *ended(struct world *w);

/* Ends a session of `host` with `replies`: "a=250 b=458"; 0 stands for a node that was not asked after all. True when
 * its dequeue ended with it, and the host is still there. */
bool answer(struct world *w, const char *host, const char *replies);

/* What is news of a host's nodes: "a fails, b recovers". */
const char *news(struct world *w, const char *host);

/* When and why a host is asked next: "interval in 900"; "never". */
const char *next_time(struct world *w, const char *host);

int64_t seconds_to_wakeup(struct world *w);

/* One dequeue of one session, from due to done. */
void dequeue(struct world *w, const char *session, const char *host, const char *replies);

#endif
