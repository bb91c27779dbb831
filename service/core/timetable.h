/* timetable: when a host is to be asked next, and why: its interval or the lines of its schedule, the next retry, and
 * what was requested. Pure: the caller brings the time. Schedules are by the wall clock, and follow it when it is set;
 * all else is on the steady clock. */
#ifndef ETRN_TIMETABLE_H
#define ETRN_TIMETABLE_H

#include "cron_next.h"
#include "moment.h"
#include "must_check.h"
#include "settings.h"

/* Why a host is asked. */
enum trigger {
    TRIGGER_NONE,
    TRIGGER_START,
    TRIGGER_ENABLE,
    TRIGGER_INTERVAL,
    TRIGGER_SCHEDULE,
    TRIGGER_RETRY, /* only the nodes that are to be asked again; all others ask for all nodes */
    TRIGGER_REQUEST,
    TRIGGER_NETWORK, /* an address came up */
    TRIGGER_RESUME   /* the machine woke */
};

const char *trigger_name(enum trigger trigger);

/* Times are steady_ms or NEVER_MS, but where the name has utc. */
struct timetable {
    const struct cron_zone *zone;
    uint64_t random;
    int64_t interval_ms;
    struct cron_line *lines; /* with none, the interval counts */
    size_t line_count;
    int64_t every_from_utc_ms; /* when the lines came into effect */
    int64_t scheduled;         /* by the lines or the interval */
    int64_t scheduled_utc_ms;  /* the same by the lines, or CRON_NEVER */
    int64_t met_utc_ms;        /* the last of these at which the host was asked */
    int64_t retry_at, requested_at;
    enum trigger requested; /* why */
};

/* Nothing is due. `zone`, which must stay, is what lines are read in; `seed` varies the jitter of retries. */
void timetable_init(struct timetable *t, const struct cron_zone *zone, uint64_t seed);
void timetable_free(struct timetable *t);

/* Whether a Schedule has a line that is ever due; comments and lines that are not allowed make none. */
bool timetable_has_lines(const struct strings *schedule);

/* Takes up an interval, and a schedule that replaces it if it has lines. A changed interval counts from the last round;
 * with a changed schedule the next time is looked for. What is due already stays due. False when there is no memory. */
MUST_CHECK bool timetable_adopt(struct timetable *t, uint32_t interval_minutes, const struct strings *schedule,
                                struct moment now);

/* Plans the next time, unless there is one; and the other way: nothing is due. */
void timetable_start(struct timetable *t, struct moment now);
void timetable_stop(struct timetable *t);

/* Asks for a round now. The first reason stands. */
void timetable_request(struct timetable *t, enum trigger trigger, struct moment now);

/* Plans the retry after the `failures`th dequeue in a row with passing trouble: `first_ms` * 2^(failures - 1) later and
 * up to a quarter more, never later than the interval. */
void timetable_retry(struct timetable *t, uint32_t failures, int64_t first_ms, struct moment now);
void timetable_drop_retry(struct timetable *t);

/* The earliest time, and why; NEVER_MS and TRIGGER_NONE when there is none. */
int64_t timetable_due(const struct timetable *t, enum trigger *why);

/* A dequeue begins for that reason. Returns why it is called: a retry that is due together with something that asks for
 * all nodes is one dequeue of all. Unless it is a retry, the next round is planned from now. */
enum trigger timetable_begin(struct timetable *t, enum trigger why, struct moment now);

/* A dequeue that began for that reason was cut short: it is due again. */
void timetable_again(struct timetable *t, enum trigger trigger, struct moment now);

/* How far the wall clock was set since the last call; 0 for what two clocks drift apart by themselves. `*apart_ms`,
 * wall clock minus steady clock, is kept between the calls. */
int64_t timetable_clock_step(int64_t *apart_ms, struct moment now);

/* The wall clock was set. What was due in time that was skipped is due once; after a step back the next time is looked
 * for again, and what was due before stays due. */
void timetable_follow_step(struct timetable *t, int64_t step_ms, struct moment now);

/* The zone has other rules: the next time is looked for again, what is due already stays due. */
void timetable_follow_zone(struct timetable *t, struct moment now);

#endif
