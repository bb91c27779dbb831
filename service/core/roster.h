/* roster: the planner's hosts, sorted by name, each of which stays where it is while it exists; and those whose
 * dequeue has ended, until the service has asked for them. */
#ifndef ETRN_ROSTER_H
#define ETRN_ROSTER_H

#include "planned_host.h"

struct roster {
    struct planned_host **hosts;
    size_t count, room;
    struct planned_host *first_ended, *last_ended;
    struct planned_host *gone; /* removed, and handed out by roster_take_ended() last */
};

/* An empty one is zeroed. Once freed it is not to be used again. */
void roster_free(struct roster *r);

/* The host of that name, also one that is removed from the configuration while its sessions end; NULL when there is
 * none. */
struct planned_host *roster_find(const struct roster *r, const char *name);

/* Adds a host that is not there yet; NULL when there is no memory. `zone` and `seed` as for timetable_init(). */
struct planned_host *roster_add(struct roster *r, const char *name, const struct cron_zone *zone, uint64_t seed);

/* Takes a host with `settings` NULL out, and frees it: at once, or once its end has been handed out. */
void roster_remove(struct roster *r, struct planned_host *h);

/* Its dequeue has ended. */
void roster_note_ended(struct roster *r, struct planned_host *h);

/* A host whose dequeue has ended, each end once; NULL when there is none. With `settings` NULL it is freed by the next
 * call. */
struct planned_host *roster_take_ended(struct roster *r);

#endif
