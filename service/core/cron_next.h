/* cron_next: when a line of a Schedule is due next. Pure: the caller brings the time, and the zone as a function, so
 * that tests can play zones and clocks.
 *
 * Zone changes (daylight saving): a line whose minute or hour begins with *, as @hourly does, follows the clock: what a
 * change skips is left out, what it repeats is repeated. Any other line is due once, with the change, for all that a
 * change forward of up to three hours skips, and is not due again in what a change back of up to three hours repeats.
 * A greater change is a correction: what it skips is lost, what it repeats is repeated. @every knows no zone. */
#ifndef ETRN_CRON_NEXT_H
#define ETRN_CRON_NEXT_H

#include "cron.h"

#define CRON_NEVER INT64_MAX

/* Local time minus UTC at an instant: 3600000 in Berlin's winter. It is asked for instants from three hours before a
 * search begins up to where it ends. Two changes less than six hours apart may be missed. */
struct cron_zone {
    int64_t (*offset_ms)(void *context, int64_t utc_ms);
    void *context;
};

/* The first instant after `after_utc_ms` at which one of the lines is due; CRON_NEVER when there is none (31 February)
 * in a hundred years, or the year 9999 is past. It begins a minute of local time, but for what a zone change skips:
 * that is due with the change. @every is due at `every_from_utc_ms` and its multiples from there: hand in when the
 * schedule was taken up, or when the line last was due, which comes to the same. They reach back too, so that a clock
 * set back silences none. */
int64_t cron_next(const struct cron_line *lines, size_t count, const struct cron_zone *zone, int64_t every_from_utc_ms,
                  int64_t after_utc_ms);

#endif
