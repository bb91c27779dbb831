/* cron: lines of a Schedule, as in crontab(5), and when one is due next. Pure: the caller brings the time, and the zone
 * as a function, so that tests can play zones and clocks. What crontab(5) leaves open is as in Vixie cron 4.
 *
 *     minute hour day-of-month month day-of-week        0-59  0-23  1-31  1-12 or jan-dec  0-7 or sun-sat (7 is Sunday)
 *     @hourly @daily @midnight @weekly @monthly @yearly @annually
 *     @every 10m, 1h30m, 2d                             from 1m to 365d
 *     # a comment, on a line of its own; empty lines too
 *
 * A field is a list of *, a and a-b; a step, /n, may follow * and a-b. Behind a single number it is refused (Vixie cron
 * 3 passed it over). There is no L, W, # or ?, and no range that runs backwards, fri-sun included: that is 5-7.
 *
 * Days: when neither day field begins with *, a day that matches one of them will do; else it must match both. A * with
 * a step is a field that begins with *, and 1-31 is none.
 *
 * Zone changes (daylight saving): a line whose minute or hour begins with *, as @hourly does, follows the clock: what a
 * change skips is left out, what it repeats is repeated. Any other line is due once, with the change, for all that a
 * change forward of up to three hours skips, and is not due again in what a change back of up to three hours repeats.
 * A greater change is a correction: what it skips is lost, what it repeats is repeated. @every knows no zone. */
#ifndef ETRN_CRON_H
#define ETRN_CRON_H

#include "must_check.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRON_NEVER INT64_MAX

enum cron_kind {
    CRON_NOTHING, /* a comment, or empty: never due. A Schedule of nothing else is an empty one */
    CRON_TIMES,
    CRON_EVERY
};

struct cron_line {
    enum cron_kind kind;
    uint64_t minutes;                       /* of CRON_TIMES: bit n stands for n, as in the next ones */
    uint32_t hours, days, months, weekdays; /* Sunday is bit 0 */
    bool either_day;                        /* one of the two day fields is enough */
    bool follows_clock;                     /* through zone changes */
    int64_t every_ms;                       /* of CRON_EVERY */
};

/* Local time minus UTC at an instant: 3600000 in Berlin's winter. It is asked for instants from three hours before a
 * search begins up to where it ends. Two changes less than six hours apart may be missed. */
struct cron_zone {
    int64_t (*offset_ms)(void *context, int64_t utc_ms);
    void *context;
};

/* Reads one line. False when it is not allowed: `problem` then says what was found and what is allowed,
 * `hour "24" is out of range, 0 to 23`, and `line` is CRON_NOTHING. */
MUST_CHECK bool cron_parse(const char *text, struct cron_line *line, struct text *problem);

/* What is wrong with one line, to stand behind it: `has an hour that is out of range, 0 to 23`; NULL when it is fine.
 * A constant, as the table of settings takes it. */
MUST_CHECK const char *cron_fault(const char *text);

/* The first instant after `after_utc_ms` at which one of the lines is due; CRON_NEVER when there is none (31 February)
 * in a hundred years, or the year 9999 is past. It begins a minute of local time, but for what a zone change skips:
 * that is due with the change. @every is due at `every_from_utc_ms` and its multiples from there: hand in when the
 * schedule was taken up, or when the line last was due, which comes to the same. They reach back too, so that a clock
 * set back silences none. */
int64_t cron_next(const struct cron_line *lines, size_t count, const struct cron_zone *zone, int64_t every_from_utc_ms,
                  int64_t after_utc_ms);

#endif
