/* planner_shadow: a second, simpler planner, which knows what the real one must do: the tests of random years follow
 * both. */
#ifndef ETRN_PLANNER_SHADOW_H
#define ETRN_PLANNER_SHADOW_H

#include "planner_world.h"

#include <inttypes.h>

enum { NODES = 16, OPEN_LIMIT = 600 };

/* What the simulation itself knows of one host, and so what the planner must agree with. Sets of nodes are bit masks:
 * bit k is the node "nk". */
struct shadow {
    bool known, usable, busy, asked_any, retrying;
    bool over; /* its dequeue has ended, and the planner has not said so yet */
    uint32_t nodes, waiting, out, retry;
    uint32_t failing, told; /* health: as results have it; as edges told it */
    uint32_t remind;        /* nodes of which it is time to say again that they fail */
    int64_t told_at[NODES], result_at[NODES];
    uint32_t unable[NODES];
    size_t server[NODES];
    size_t open;
    uint32_t limit;               /* nodes of one session, of this dequeue */
    int64_t base;                 /* the last full round, or when it came to be asked at all; NEVER_MS: not to be */
    const char *lines;            /* of its schedule; "" when the interval counts */
    int64_t taken_up;             /* the schedule, by the wall clock */
    int64_t due_utc;              /* by the schedule; CRON_NEVER: never */
    int64_t met_utc;              /* the last of these that was asked */
    int64_t overdue;              /* since when it has been due by its schedule, whatever came since; or NEVER_MS */
    int64_t planned, planned_utc; /* what the planner had in mind: where the clocks' drift leaves both free */
    int64_t ended;                /* the last dequeue; 0: none */
    int64_t wanted;               /* since when a trigger waits; NEVER_MS: none */
    int64_t retry_from, retry_to; /* the window of the next retry; NEVER_MS: none */
    uint32_t failures;
    unsigned mood; /* how the host answers lately */
    uint64_t dequeues;
};

struct open_session {
    struct planned_host *host;
    size_t index;
    uint32_t nodes;
    int64_t ends;
};

struct simulation {
    struct world w;
    char node_names[HOSTS][120];
    struct shadow hosts[HOSTS];
    struct open_session open[OPEN_LIMIT];
    size_t open_count;
    bool paused, held;
    uint64_t seed, random, steps, sessions, reminders;
};

#define HOLDS(condition)                                                                                               \
    CHECK(condition, "PLANNER_SEED=%" PRIu64 ", step %" PRIu64 ", at %" PRId64 " ms: not so: %s", sim->seed,           \
          sim->steps, sim->w.now.steady_ms, #condition)

extern const char *const host_names[HOSTS];

uint32_t shadow_bits(uint32_t set);

int64_t shadow_interval(const struct simulation *sim, size_t i);

/* Before the clock or the configuration changes: what is due by a schedule stays due. */
void shadows_note_what_is_due(struct simulation *sim);

/* The clock was changed. */
void shadows_follow_clock(struct simulation *sim, int64_t step);

/* What the end of a dequeue means for the next. */
void shadow_ends(struct simulation *sim, struct shadow *s, int64_t interval);

void shadow_follows(struct simulation *sim, size_t i, enum trigger trigger);

/* The first time at which a host may be asked, and the last by which it must be. */
void shadow_due_between(struct simulation *sim, size_t i, int64_t *from, int64_t *to);

void shadow_begins(struct simulation *sim, size_t i, enum trigger why);

/* The nodes that wait for a session with that server. */
uint32_t shadow_waiting_for(const struct shadow *s, size_t server);

/* What a pause or a cancelled session left out is due again. */
void shadow_comes_after(struct simulation *sim, struct shadow *s);

void shadow_result(struct simulation *sim, size_t i, uint32_t k, int code);

#endif
