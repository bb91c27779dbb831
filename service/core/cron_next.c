#include "cron_next.h"

#include "calendar.h"
#include "moment.h"

/* ---- the calendar: local times, as if there were no zones ---- */

struct month {
    int64_t year;
    unsigned number; /* 1 to 12 */
    int64_t first_day;
    unsigned length;
};

static struct month month_of(int64_t day)
{
    struct date date = calendar_date(day);
    return (struct month){date.year, date.month, day - date.day + 1, calendar_month_length(date.year, date.month)};
}

static void to_next_month(struct month *month)
{
    month->first_day += month->length;
    month->number = month->number % 12 + 1;
    month->year += month->number == 1;
    month->length = calendar_month_length(month->year, month->number);
}

/* Returns the lowest set bit at or above `from`, or -1. */
static int first_bit(uint64_t bits, unsigned from)
{
    for (unsigned bit = from; bit < 64; bit++)
        if (bits >> bit & 1)
            return (int)bit;
    return -1;
}

/* Returns the days of a month on which a line is due: bit n is day n. */
static uint64_t due_days(const struct cron_line *line, const struct month *month)
{
    uint64_t of_week = 0;
    unsigned weekday = calendar_weekday(month->first_day);
    for (unsigned day = 1; day <= month->length; day++, weekday = (weekday + 1) % 7)
        of_week |= (uint64_t)(line->weekdays >> weekday & 1) << day;
    uint64_t all = (UINT64_C(2) << month->length) - 2;
    return (line->either_day ? line->days | of_week : line->days & of_week) & all;
}

/* Returns the first due day at or after `day`, or CRON_NEVER. Every satisfiable line is due within 40 years: the
 * longest wait is for a 29 February on a Sunday, across a year like 2100. */
static int64_t next_day(const struct cron_line *line, int64_t day)
{
    enum { MONTHS = 41 * 12 };
    struct month month = month_of(day);
    unsigned from = (unsigned)(day - month.first_day) + 1;
    for (unsigned i = 0; i < MONTHS; i++, from = 1, to_next_month(&month)) {
        int found = line->months >> month.number & 1 ? first_bit(due_days(line, &month), from) : -1;
        if (found >= 0)
            return month.first_day + found - 1;
    }
    return CRON_NEVER;
}

/* Returns the first due minute of a day at or after `minute`, or -1. */
static int next_minute_of_day(const struct cron_line *line, unsigned minute)
{
    unsigned hour = minute / 60;
    int found = line->hours >> hour & 1 ? first_bit(line->minutes, minute % 60) : -1;
    if (found >= 0)
        return (int)hour * 60 + found;
    int later_hour = first_bit(line->hours, hour + 1);
    return later_hour < 0 ? -1 : later_hour * 60 + first_bit(line->minutes, 0);
}

/* Returns the first due local time at or after `local_ms` (milliseconds since 1970 by the local clock), or CRON_NEVER.
 */
static int64_t next_local(const struct cron_line *line, int64_t local_ms)
{
    int64_t minute_end_ms = local_ms + MINUTE_MS - 1; /* a minute that has already begun is too late */
    int64_t today = calendar_day_of(minute_end_ms);
    int64_t day = next_day(line, today);
    unsigned minute = (unsigned)((minute_end_ms - today * DAY_MS) / MINUTE_MS);
    int of_day = next_minute_of_day(line, day == today ? minute : 0);
    if (of_day < 0) {
        day = next_day(line, today + 1);
        of_day = next_minute_of_day(line, 0);
    }
    return day == CRON_NEVER ? CRON_NEVER : day * DAY_MS + of_day * MINUTE_MS;
}

/* ---- the time zone ---- */

#define CORRECTION_MS (3 * HOUR_MS) /* a larger change is a correction, not daylight saving */
#define CHANGES_APART_MS (6 * HOUR_MS)
#define SEARCH_MS (DAY_MS * 366 * 100) /* limits the search if the zone skips a time that is due every 40 years */
#define WINDOW_MS (2 * DAY_MS)         /* more than the difference between any two zone offsets in the world */

static int64_t offset_at(const struct cron_zone *zone, int64_t utc_ms)
{
    return zone->offset_ms(zone->context, utc_ms);
}

/* Returns the first instant after `from`, up to `to`, that has another offset than `offset`, which is the one at
 * `from`; or CRON_NEVER. */
static int64_t next_change(const struct cron_zone *zone, int64_t from, int64_t to, int64_t offset)
{
    while (from < to) {
        int64_t step_end = earlier_ms(from + CHANGES_APART_MS, to);
        if (offset_at(zone, step_end) == offset) {
            from = step_end;
            continue;
        }
        int64_t changed = step_end;
        while (changed - from > 1) {
            int64_t middle = from + (changed - from) / 2;
            if (offset_at(zone, middle) == offset)
                from = middle;
            else
                changed = middle;
        }
        return changed;
    }
    return CRON_NEVER;
}

/* Whether the clock has shown the local time of `utc_ms` before, because a change not larger than daylight saving set
 * it back in between. */
static bool is_repeated(const struct cron_zone *zone, int64_t utc_ms, int64_t offset)
{
    int64_t back = offset_at(zone, utc_ms - CORRECTION_MS) - offset;
    return back > 0 && back <= CORRECTION_MS && offset_at(zone, utc_ms - back) == offset + back;
}

/* Goes from one zone change to the next. Between two changes local time runs evenly, so that the calendar finds the
 * next match. */
static int64_t next_time(const struct cron_line *line, const struct cron_zone *zone, int64_t after)
{
    int64_t at = after;
    int64_t offset = offset_at(zone, at);
    int64_t local = at + offset + 1; /* no match can be earlier */
    while (at - after < SEARCH_MS) {
        int64_t match = next_local(line, local);
        if (match == CRON_NEVER)
            break;
        int64_t due = match - offset;
        int64_t end = earlier_ms(due, at + WINDOW_MS);
        int64_t change = next_change(zone, at, end, offset);
        if (change != CRON_NEVER) {
            int64_t forward = offset_at(zone, change) - offset;
            bool skipped = match < change + offset + forward;
            if (skipped && !line->follows_clock && forward <= CORRECTION_MS)
                return change;
            at = change;
            offset += forward;
            local = at + offset;
        } else if (end < due) { /* far away: no zone change can make it due before the start of the window */
            at = later_ms(end, due - WINDOW_MS);
            offset = offset_at(zone, at);
            local = at + offset;
        } else if (line->follows_clock || !is_repeated(zone, due, offset)) {
            return due;
        } else {
            at = due;
            local = match + 1;
        }
    }
    return CRON_NEVER;
}

/* ---- the earliest of all lines ---- */

#define YEAR_1_MS INT64_C(-62135596800000)
#define YEAR_10000_MS INT64_C(253402300800000)

static int64_t next_multiple(int64_t every, int64_t from, int64_t after)
{
    int64_t passed = (after - from) % every;
    return after - passed + (passed < 0 ? 0 : every);
}

int64_t cron_next(const struct cron_line *lines, size_t count, const struct cron_zone *zone, int64_t every_from_utc_ms,
                  int64_t after_utc_ms)
{
    int64_t next = CRON_NEVER;
    int64_t after = later_ms(after_utc_ms, YEAR_1_MS);
    int64_t every_from = earlier_ms(later_ms(every_from_utc_ms, YEAR_1_MS), YEAR_10000_MS);
    if (after >= YEAR_10000_MS)
        return CRON_NEVER;
    for (size_t i = 0; i < count; i++) {
        if (lines[i].kind == CRON_TIMES)
            next = earlier_ms(next, next_time(&lines[i], zone, after));
        else if (lines[i].kind == CRON_EVERY)
            next = earlier_ms(next, next_multiple(lines[i].every_ms, every_from, after));
    }
    return next;
}
