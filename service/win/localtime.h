/* localtime: this computer's time zone, as it is set now, with the rules of each year. */
#ifndef ETRN_LOCALTIME_H
#define ETRN_LOCALTIME_H

#include "../core/cron_next.h"

/* Of one thread alone: it remembers the rules that it has looked up. */
extern const struct cron_zone local_zone;

/* Looks whether the zone was set to another since the last look; what is remembered of the old one is then forgotten.
 * No news of the system's tells that for sure: SERVICE_CONTROL_TIMECHANGE is of the time. */
bool local_zone_follow(void);

/* Appends an instant in local time, to the minute: 2026-11-21 18:20. */
void text_add_local_time(struct text *t, int64_t utc_ms);

#endif
