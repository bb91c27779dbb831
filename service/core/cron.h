/* cron: lines of a Schedule, as in crontab(5). What crontab(5) leaves open is as in Vixie cron 4.
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
 * a step is a field that begins with *, and 1-31 is none. */
#ifndef ETRN_CRON_H
#define ETRN_CRON_H

#include "must_check.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Reads one line. False when it is not allowed: `problem` then says what was found and what is allowed,
 * `hour "24" is out of range, 0 to 23`, and `line` is CRON_NOTHING. */
MUST_CHECK bool cron_parse(const char *text, struct cron_line *line, struct text *problem);

/* What is wrong with one line, to follow it in a sentence: `has an hour that is out of range, 0 to 23`; NULL when it is
 * fine. A constant, as the table of settings takes it. */
MUST_CHECK const char *cron_fault(const char *text);

#endif
