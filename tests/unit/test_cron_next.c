#include "cron_next.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* ---- instants as text: the local time, and its offset from UTC ---- */

static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static int days_in(int year, int month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month_days[month - 1] + (month == 2 && leap);
}

/* "2026-03-29 03:00+0200", perhaps with ":30.500" behind the minute. */
static int64_t instant(const char *text)
{
    int year, month, day, hour, minute, offset;
    int read = 0;
    double seconds = 0;
    assert_int_equal(sscanf(text, "%d-%d-%d %d:%d%n", &year, &month, &day, &hour, &minute, &read), 5);
    if (text[read] == ':') {
        seconds = strtod(text + read + 1, NULL);
        read += 7;
    }
    assert_int_equal(sscanf(text + read, "%5d", &offset), 1);
    int64_t days = day - 1;
    for (int y = 1970; y < year; y++)
        days += 337 + days_in(y, 2);
    for (int y = year; y < 1970; y++)
        days -= 337 + days_in(y, 2);
    for (int m = 1; m < month; m++)
        days += days_in(year, m);
    return days * DAY + hour * HOUR + minute * MINUTE + (int64_t)(seconds * 1000 + 0.5) -
           (offset / 100 * HOUR + offset % 100 * MINUTE);
}

/* The other way; seconds are shown when there are some. */
static void add_instant(struct text *out, int64_t utc_ms, int64_t offset_ms)
{
    if (utc_ms == CRON_NEVER) {
        text_add(out, "never");
        return;
    }
    int64_t local = utc_ms + offset_ms;
    int64_t days = local / DAY - (local % DAY < 0);
    int64_t rest = local - days * DAY;
    int year = 1970;
    int month = 1;
    for (; days < 0; year--)
        days += 337 + days_in(year - 1, 2);
    for (; days >= 337 + days_in(year, 2); year++)
        days -= 337 + days_in(year, 2);
    for (; days >= days_in(year, month); month++)
        days -= days_in(year, month);
    text_add(out, "%d-%02d-%02d %02d:%02d", year, month, (int)days + 1, (int)(rest / HOUR), (int)(rest / MINUTE % 60));
    if (rest % MINUTE)
        text_add(out, ":%06.3f", (double)(rest % MINUTE) / 1000);
    int64_t minutes = (offset_ms < 0 ? -offset_ms : offset_ms) / MINUTE;
    text_add(out, "%c%02d%02d", offset_ms < 0 ? '-' : '+', (int)(minutes / 60), (int)(minutes % 60));
}

/* ---- zones ---- */

struct zone_plan {
    int64_t offset_ms; /* before the first change */
    struct {
        const char *at; /* NULL: no more */
        int64_t offset_ms;
    } changes[4];
};

static const struct zone_plan utc = {0};
static const struct zone_plan berlin = {
    HOUR, {{"2026-03-29 03:00+0200", 2 * HOUR}, {"2026-10-25 02:00+0100", HOUR}, {"2027-03-28 03:00+0200", 2 * HOUR}}};
static const struct zone_plan lord_howe = {
    11 * HOUR, {{"2026-04-05 01:30+1030", 21 * HOUR / 2}, {"2026-10-04 02:30+1100", 11 * HOUR}}};
static const struct zone_plan santiago = {-3 * HOUR,
                                          {{"2026-04-04 23:00-0400", -4 * HOUR}, {"2026-09-06 01:00-0300", -3 * HOUR}}};
static const struct zone_plan samoa = {-10 * HOUR, {{"2011-12-31 00:00+1400", 14 * HOUR}}};
static const struct zone_plan samoa_of_old = {DAY / 2, {{"1892-07-04 00:00-1200", -DAY / 2}}}; /* rounded */
static const struct zone_plan three_on = {0, {{"2026-06-01 04:00+0300", 3 * HOUR}}};
static const struct zone_plan more_on = {0, {{"2026-06-01 04:01+0301", 3 * HOUR + MINUTE}}};
static const struct zone_plan three_back = {0, {{"2026-05-31 22:00-0300", -3 * HOUR}}};
static const struct zone_plan more_back = {0, {{"2026-05-31 21:59-0301", -3 * HOUR - MINUTE}}};
static const struct zone_plan ends_early = {0, {{"2026-06-01 00:59:59.999+0100", HOUR}}}; /* as some of Windows' do */
static const struct zone_plan odd = {.offset_ms = 53 * MINUTE + 28000};                   /* local mean time */

struct played {
    const struct zone_plan *plan;
    unsigned asked;
};

static int64_t offset_of(const struct zone_plan *plan, int64_t utc_ms)
{
    int64_t offset = plan->offset_ms;
    for (size_t i = 0; i < COUNT(plan->changes) && plan->changes[i].at; i++)
        if (utc_ms >= instant(plan->changes[i].at))
            offset = plan->changes[i].offset_ms;
    return offset;
}

static int64_t played_offset(void *context, int64_t utc_ms)
{
    struct played *played = context;
    played->asked++;
    return offset_of(played->plan, utc_ms);
}

/* ---- schedules as text: lines separated by ; ---- */

enum { LINES = 8 };

static size_t parse(const char *schedule, struct cron_line *lines)
{
    char copy[200];
    char buffer[200];
    struct text problem;
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", schedule);
    for (char *text = strtok(copy, ";"); text; text = strtok(NULL, ";")) {
        text_begin(&problem, buffer, sizeof buffer);
        CHECK(count < LINES && cron_parse(text, &lines[count], &problem), "%s: %s", text, buffer);
        count++;
    }
    return count;
}

/* The next `times` due instants, separated by ", ". */
static const char *dues(const char *schedule, const struct zone_plan *plan, int64_t every_from, int64_t after,
                        unsigned times)
{
    static char line[1000];
    struct cron_line lines[LINES];
    struct text out;
    struct played played = {.plan = plan};
    struct cron_zone zone = {played_offset, &played};
    size_t count = parse(schedule, lines);
    text_begin(&out, line, sizeof line);
    for (unsigned i = 0; i < times; i++) {
        after = cron_next(lines, count, &zone, every_from, after);
        text_add(&out, "%s", i ? ", " : "");
        add_instant(&out, after, after == CRON_NEVER ? 0 : offset_of(plan, after));
    }
    return line;
}

struct due_row {
    const char *schedule;
    const struct zone_plan *plan;
    const char *after;
    const char *expected; /* as many as it names */
};

static void check_dues(const struct due_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[200];
        unsigned times = 1;
        for (const char *c = rows[i].expected; *c; c++)
            times += *c == ',';
        snprintf(name, sizeof name, "%s after %s", rows[i].schedule, rows[i].after);
        int64_t after = instant(rows[i].after);
        CHECK_TEXT(name, dues(rows[i].schedule, rows[i].plan, after, after, times), rows[i].expected);
    }
}

/* ---- the calendar ---- */

static void the_calendar_is_followed(void **state)
{
    (void)state;
    static const struct due_row rows[] = {
        {"* * * * *", &utc, "2026-01-01 00:00+0000", "2026-01-01 00:01+0000, 2026-01-01 00:02+0000"},
        {"* * * * *", &utc, "2025-12-31 23:59+0000", "2026-01-01 00:00+0000"},
        {"30 12 * * *", &utc, "2026-01-01 12:29+0000", "2026-01-01 12:30+0000, 2026-01-02 12:30+0000"},
        {"30 12 * * *", &utc, "2026-01-01 12:30+0000", "2026-01-02 12:30+0000"},
        {"30 12 * * *", &utc, "2026-01-01 12:29:59.999+0000", "2026-01-01 12:30+0000"},
        {"30 12 * * *", &utc, "2026-01-01 12:30:00.001+0000", "2026-01-02 12:30+0000"},
        {"10,50 1,3 * * *", &utc, "2026-01-01 00:00+0000",
         "2026-01-01 01:10+0000, 2026-01-01 01:50+0000, 2026-01-01 03:10+0000, 2026-01-01 03:50+0000, "
         "2026-01-02 01:10+0000"},
        {"59 23 * * *", &utc, "2026-01-01 23:59+0000", "2026-01-02 23:59+0000"},
        /* month ends and leap years */
        {"0 0 31 * *", &utc, "2026-01-01 00:00+0000",
         "2026-01-31 00:00+0000, 2026-03-31 00:00+0000, 2026-05-31 00:00+0000, 2026-07-31 00:00+0000, "
         "2026-08-31 00:00+0000, 2026-10-31 00:00+0000, 2026-12-31 00:00+0000, 2027-01-31 00:00+0000"},
        {"0 0 30 * *", &utc, "2026-01-30 00:00+0000", "2026-03-30 00:00+0000, 2026-04-30 00:00+0000"},
        {"0 0 29 2 *", &utc, "2026-01-01 00:00+0000", "2028-02-29 00:00+0000, 2032-02-29 00:00+0000"},
        {"0 0 29 2 *", &utc, "2096-02-29 00:00+0000", "2104-02-29 00:00+0000"},
        {"0 0 29 2 *", &utc, "1996-02-29 00:00+0000", "2000-02-29 00:00+0000, 2004-02-29 00:00+0000"},
        {"0 0 29 2 *", &utc, "1896-02-29 00:00+0000", "1904-02-29 00:00+0000"},
        {"0 0 28-31 2 *", &utc, "2027-01-01 00:00+0000",
         "2027-02-28 00:00+0000, 2028-02-28 00:00+0000, 2028-02-29 00:00+0000, 2029-02-28 00:00+0000"},
        {"59 23 31 12 *", &utc, "2026-12-31 23:59+0000", "2027-12-31 23:59+0000"},
        {"0 0 31 4,6,9,11,dec *", &utc, "2026-01-01 00:00+0000", "2026-12-31 00:00+0000"},
        {"0 0 31 4 mon", &utc, "2026-04-27 00:00+0000", "2027-04-05 00:00+0000"},
        {"0 0 * * *", &utc, "2096-12-30 00:00+0000", "2096-12-31 00:00+0000, 2097-01-01 00:00+0000"},
        /* far between: a 29 February that is a Sunday */
        {"0 0 29 2 */7", &utc, "2004-02-29 00:00+0000", "2032-02-29 00:00+0000"},
        {"0 0 29 2 */7", &utc, "2088-02-29 00:00+0000", "2128-02-29 00:00+0000"},
        {"0 0 29 2 */7", &utc, "2026-01-01 00:00+0000", "2032-02-29 00:00+0000"},
        {"0 0 31 2 *", &utc, "2026-01-01 00:00+0000", "never"},
        {"0 0 30,31 feb *", &utc, "2026-01-01 00:00+0000", "never"},
        {"0 0 31 2,4,6,9,11 *", &berlin, "2026-01-01 00:00+0100", "never"},
        /* weekdays */
        {"0 9 * * mon-fri", &utc, "2026-10-02 09:00+0000", "2026-10-05 09:00+0000, 2026-10-06 09:00+0000"},
        {"0 9 * * 0", &utc, "2026-10-01 00:00+0000", "2026-10-04 09:00+0000, 2026-10-11 09:00+0000"},
        {"0 9 * * 7", &utc, "2026-10-01 00:00+0000", "2026-10-04 09:00+0000, 2026-10-11 09:00+0000"},
        {"0 9 * * 4", &utc, "1969-12-20 00:00+0000", "1969-12-25 09:00+0000, 1970-01-01 09:00+0000"},
        /* the day rule: either, unless a field begins with a star */
        {"30 4 1,15 * 5", &utc, "2026-10-01 00:00+0000",
         "2026-10-01 04:30+0000, 2026-10-02 04:30+0000, 2026-10-09 04:30+0000, 2026-10-15 04:30+0000, "
         "2026-10-16 04:30+0000"},
        {"0 0 */15 * 5", &utc, "2026-10-01 00:00+0000", "2026-10-16 00:00+0000, 2027-01-01 00:00+0000"},
        {"0 0 13 * */5", &utc, "2026-10-01 00:00+0000", "2026-11-13 00:00+0000, 2026-12-13 00:00+0000"},
        {"0 0 1-31 * 5", &utc, "2026-10-01 00:00+0000", "2026-10-02 00:00+0000, 2026-10-03 00:00+0000"},
        {"0 0 31 2 mon", &utc, "2026-01-01 00:00+0000", "2026-02-02 00:00+0000, 2026-02-09 00:00+0000"},
        {"0 0 * * *", &utc, "2026-10-01 00:00+0000", "2026-10-02 00:00+0000"},
        /* nicknames */
        {"@hourly", &utc, "2026-10-01 00:00+0000", "2026-10-01 01:00+0000"},
        {"@daily", &utc, "2026-10-01 00:00+0000", "2026-10-02 00:00+0000"},
        {"@weekly", &utc, "2026-10-01 00:00+0000", "2026-10-04 00:00+0000"},
        {"@monthly", &utc, "2026-10-01 00:00+0000", "2026-11-01 00:00+0000"},
        {"@yearly", &utc, "2026-10-01 00:00+0000", "2027-01-01 00:00+0000"},
        /* several lines, and those that are nothing */
        {"0 9 * * *;0 5 * * *;30 7 1 * *", &utc, "2026-10-31 00:00+0000",
         "2026-10-31 05:00+0000, 2026-10-31 09:00+0000, 2026-11-01 05:00+0000, 2026-11-01 07:30+0000"},
        {"0 9 * * *;0 9 * * *", &utc, "2026-10-01 00:00+0000", "2026-10-01 09:00+0000, 2026-10-02 09:00+0000"},
        {"0 0 31 2 *;# 0 5 * * *;0 9 * * *", &utc, "2026-10-01 00:00+0000", "2026-10-01 09:00+0000"},
        {"# nothing", &utc, "2026-10-01 00:00+0000", "never"},
        {"", &utc, "2026-10-01 00:00+0000", "never"},
    };
    check_dues(rows, COUNT(rows));
}

/* ---- zones ---- */

static void local_time_counts(void **state)
{
    (void)state;
    static const struct due_row rows[] = {
        {"0 9 * * *", &berlin, "2026-02-01 00:00+0000", "2026-02-01 09:00+0100"},
        {"0 9 * * *", &berlin, "2026-07-01 00:00+0000", "2026-07-01 09:00+0200"},
        {"0 9 * * *", &berlin, "2026-03-28 09:00+0100", "2026-03-29 09:00+0200, 2026-03-30 09:00+0200"},
        {"0 9 * * *", &berlin, "2026-10-24 09:00+0200", "2026-10-25 09:00+0100, 2026-10-26 09:00+0100"},
        {"0 0 1 * *", &berlin, "2026-03-01 00:00+0100", "2026-04-01 00:00+0200"},
        {"0 0 1 1 *", &berlin, "2026-07-01 00:00+0200", "2027-01-01 00:00+0100"},
        {"0 0 1 7 *", &berlin, "2026-01-01 00:00+0100", "2026-07-01 00:00+0200, 2027-07-01 00:00+0200"},
        {"0 20 * * *", &santiago, "2026-07-01 00:00-0400", "2026-07-01 20:00-0400"},
        {"0 0 * * *", &odd, "2026-07-01 00:00+0000", "2026-07-02 00:00+0053"},
        {"* * * * *", &odd, "2026-07-01 00:00+0000", "2026-07-01 00:54+0053, 2026-07-01 00:55+0053"},
    };
    check_dues(rows, COUNT(rows));
}

static void a_line_of_fixed_times_is_due_once_through_a_change(void **state)
{
    (void)state;
    static const struct due_row rows[] = {
        /* skipped: with the change */
        {"30 2 * * *", &berlin, "2026-03-28 12:00+0100", "2026-03-29 03:00+0200, 2026-03-30 02:30+0200"},
        {"0 2 * * *", &berlin, "2026-03-28 12:00+0100", "2026-03-29 03:00+0200, 2026-03-30 02:00+0200"},
        {"59 1 * * *", &berlin, "2026-03-28 12:00+0100", "2026-03-29 01:59+0100, 2026-03-30 01:59+0200"},
        {"0 3 * * *", &berlin, "2026-03-28 12:00+0100", "2026-03-29 03:00+0200, 2026-03-30 03:00+0200"},
        {"0,20,40 2 * * *", &berlin, "2026-03-28 12:00+0100", "2026-03-29 03:00+0200, 2026-03-30 02:00+0200"},
        {"15 1,2,3 * * *", &berlin, "2026-03-28 12:00+0100",
         "2026-03-29 01:15+0100, 2026-03-29 03:00+0200, 2026-03-29 03:15+0200, 2026-03-30 01:15+0200"},
        {"0 2,3 * * *", &berlin, "2026-03-28 12:00+0100", "2026-03-29 03:00+0200, 2026-03-30 02:00+0200"},
        {"30 2 * * *", &berlin, "2026-03-29 01:59:59.999+0100", "2026-03-29 03:00+0200"},
        {"30 2 * * *", &berlin, "2026-03-29 03:00+0200", "2026-03-30 02:30+0200"},
        {"30 2 * * *", &berlin, "2026-03-29 03:10+0200", "2026-03-30 02:30+0200"},
        {"30 2 29 3 *", &berlin, "2025-12-01 12:00+0100", "2026-03-29 03:00+0200, 2027-03-29 02:30+0200"},
        {"30 2 30 3 *", &berlin, "2025-12-01 12:00+0100", "2026-03-30 02:30+0200"},
        {"0-59 0-23 * * *", &berlin, "2026-03-29 01:58+0100",
         "2026-03-29 01:59+0100, 2026-03-29 03:00+0200, 2026-03-29 03:01+0200"},
        {"15 2 * * *", &lord_howe, "2026-10-03 12:00+1030", "2026-10-04 02:30+1100, 2026-10-05 02:15+1100"},
        {"45 2 * * *", &lord_howe, "2026-10-03 12:00+1030", "2026-10-04 02:45+1100, 2026-10-05 02:45+1100"},
        {"30 0 * * *", &santiago, "2026-09-05 12:00-0400", "2026-09-06 01:00-0300, 2026-09-07 00:30-0300"},
        {"@daily", &santiago, "2026-09-05 12:00-0400", "2026-09-06 01:00-0300, 2026-09-07 00:00-0300"},
        /* repeated: the first time */
        {"30 2 * * *", &berlin, "2026-10-24 12:00+0200", "2026-10-25 02:30+0200, 2026-10-26 02:30+0100"},
        {"30 2 * * *", &berlin, "2026-10-25 02:30+0200", "2026-10-26 02:30+0100"},
        {"30 2 * * *", &berlin, "2026-10-25 02:00+0100", "2026-10-26 02:30+0100"},
        {"0 2 * * *", &berlin, "2026-10-24 12:00+0200", "2026-10-25 02:00+0200, 2026-10-26 02:00+0100"},
        {"59 2 * * *", &berlin, "2026-10-24 12:00+0200", "2026-10-25 02:59+0200, 2026-10-26 02:59+0100"},
        {"0 3 * * *", &berlin, "2026-10-24 12:00+0200", "2026-10-25 03:00+0100, 2026-10-26 03:00+0100"},
        {"0,50 2,3 * * *", &berlin, "2026-10-25 02:30+0100", "2026-10-25 03:00+0100, 2026-10-25 03:50+0100"},
        {"0-59 0-23 * * *", &berlin, "2026-10-25 02:58+0200", "2026-10-25 02:59+0200, 2026-10-25 03:00+0100"},
        {"45 1 * * *", &lord_howe, "2026-04-04 12:00+1100", "2026-04-05 01:45+1100, 2026-04-06 01:45+1030"},
        {"15 1 * * *", &lord_howe, "2026-04-04 12:00+1100", "2026-04-05 01:15+1100, 2026-04-06 01:15+1030"},
        {"30 23 * * *", &santiago, "2026-04-04 12:00-0300", "2026-04-04 23:30-0300, 2026-04-05 23:30-0400"},
        {"30 23 4 4 *", &santiago, "2026-04-04 23:10-0400", "2027-04-04 23:30-0300"},
        {"@daily", &santiago, "2026-04-04 12:00-0300", "2026-04-05 00:00-0400, 2026-04-06 00:00-0400"},
    };
    check_dues(rows, COUNT(rows));
}

static void a_line_with_a_star_follows_the_clock(void **state)
{
    (void)state;
    static const struct due_row rows[] = {
        {"*/20 * * * *", &berlin, "2026-03-29 01:30+0100", "2026-03-29 01:40+0100, 2026-03-29 03:00+0200"},
        {"*/30 2 * * *", &berlin, "2026-03-28 12:00+0100", "2026-03-30 02:00+0200, 2026-03-30 02:30+0200"},
        {"30 */2 * * *", &berlin, "2026-03-29 00:00+0100", "2026-03-29 00:30+0100, 2026-03-29 04:30+0200"},
        {"@hourly", &berlin, "2026-03-29 00:30+0100", "2026-03-29 01:00+0100, 2026-03-29 03:00+0200"},
        {"5,* 2 * * *", &berlin, "2026-03-28 12:00+0100", "2026-03-29 03:00+0200, 2026-03-30 02:00+0200"},
        {"*/10 * * * *", &lord_howe, "2026-10-04 01:45+1030", "2026-10-04 01:50+1030, 2026-10-04 02:30+1100"},
        {"*/20 * * * *", &berlin, "2026-10-25 02:30+0200",
         "2026-10-25 02:40+0200, 2026-10-25 02:00+0100, 2026-10-25 02:20+0100, 2026-10-25 02:40+0100, "
         "2026-10-25 03:00+0100"},
        {"*/30 2 * * *", &berlin, "2026-10-24 12:00+0200",
         "2026-10-25 02:00+0200, 2026-10-25 02:30+0200, 2026-10-25 02:00+0100, 2026-10-25 02:30+0100, "
         "2026-10-26 02:00+0100"},
        {"30 * * * *", &berlin, "2026-10-25 02:00+0200",
         "2026-10-25 02:30+0200, 2026-10-25 02:30+0100, 2026-10-25 03:30+0100"},
        {"@hourly", &berlin, "2026-10-25 01:30+0200",
         "2026-10-25 02:00+0200, 2026-10-25 02:00+0100, 2026-10-25 03:00+0100"},
        {"*/10 * * * *", &lord_howe, "2026-04-05 01:45+1100",
         "2026-04-05 01:50+1100, 2026-04-05 01:30+1030, 2026-04-05 01:40+1030"},
        {"30 */23 * * *", &santiago, "2026-04-04 12:00-0300",
         "2026-04-04 23:30-0300, 2026-04-04 23:30-0400, 2026-04-05 00:30-0400"},
        {"*/30 23 4 4 *", &santiago, "2026-01-01 12:00-0300",
         "2026-04-04 23:00-0300, 2026-04-04 23:30-0300, 2026-04-04 23:00-0400, 2026-04-04 23:30-0400"},
    };
    check_dues(rows, COUNT(rows));
}

static void a_change_of_more_than_three_hours_is_a_correction(void **state)
{
    (void)state;
    static const struct due_row rows[] = {
        /* Samoa had no 30 December 2011 */
        {"@daily", &samoa, "2011-12-28 12:00-1000", "2011-12-29 00:00-1000, 2011-12-31 00:00+1400"},
        {"0 12 * * *", &samoa, "2011-12-28 12:00-1000", "2011-12-29 12:00-1000, 2011-12-31 12:00+1400"},
        {"0 12 30 * *", &samoa, "2011-12-28 12:00-1000", "2012-01-30 12:00+1400"},
        {"0 */12 30 * *", &samoa, "2011-12-28 12:00-1000", "2012-01-30 00:00+1400"},
        {"0 0 31 12 *", &samoa, "2011-06-01 12:00-1000", "2011-12-31 00:00+1400, 2012-12-31 00:00+1400"},
        {"0 12 * * 5", &samoa, "2011-12-22 12:00-1000", "2011-12-23 12:00-1000, 2012-01-06 12:00+1400"},
        /* and a fourth of July twice */
        {"0 12 * * *", &samoa_of_old, "1892-07-03 18:00+1200",
         "1892-07-04 12:00+1200, 1892-07-04 12:00-1200, 1892-07-05 12:00-1200"},
        {"@daily", &samoa_of_old, "1892-07-03 18:00+1200",
         "1892-07-04 00:00+1200, 1892-07-04 00:00-1200, 1892-07-05 00:00-1200"},
        {"0 12 4 7 *", &samoa_of_old, "1892-01-01 12:00+1200",
         "1892-07-04 12:00+1200, 1892-07-04 12:00-1200, 1893-07-04 12:00-1200"},
        /* three hours, and a minute more */
        {"30 2 * * *", &three_on, "2026-05-31 12:00+0000", "2026-06-01 04:00+0300, 2026-06-02 02:30+0300"},
        {"30 2 * * *", &more_on, "2026-05-31 12:00+0000", "2026-06-02 02:30+0301"},
        {"30 22 * * *", &three_back, "2026-05-31 12:00+0000", "2026-05-31 22:30+0000, 2026-06-01 22:30-0300"},
        {"0 22 * * *", &three_back, "2026-05-31 12:00+0000", "2026-05-31 22:00+0000, 2026-06-01 22:00-0300"},
        {"59 0 * * *", &three_back, "2026-05-31 12:00+0000", "2026-06-01 00:59+0000, 2026-06-02 00:59-0300"},
        {"0 1 * * *", &three_back, "2026-05-31 12:00+0000", "2026-06-01 01:00-0300, 2026-06-02 01:00-0300"},
        {"30 22 * * *", &more_back, "2026-05-31 12:00+0000",
         "2026-05-31 22:30+0000, 2026-05-31 22:30-0301, 2026-06-01 22:30-0301"},
        {"30 * * * *", &three_on, "2026-06-01 00:00+0000", "2026-06-01 00:30+0000, 2026-06-01 04:30+0300"},
    };
    check_dues(rows, COUNT(rows));
}

static void a_change_may_lie_within_a_minute(void **state)
{
    (void)state;
    static const struct due_row rows[] = {
        {"@daily", &ends_early, "2026-05-31 12:00+0000", "2026-06-01 00:59:59.999+0100, 2026-06-02 00:00+0100"},
        {"59 23 * * *", &ends_early, "2026-05-31 12:00+0000", "2026-05-31 23:59+0000, 2026-06-01 23:59+0100"},
        {"0 1 * * *", &ends_early, "2026-05-31 12:00+0000", "2026-06-01 01:00+0100, 2026-06-02 01:00+0100"},
        {"@hourly", &ends_early, "2026-05-31 22:30+0000", "2026-05-31 23:00+0000, 2026-06-01 01:00+0100"},
    };
    check_dues(rows, COUNT(rows));
}

/* ---- @every ---- */

static void every_counts_from_its_start(void **state)
{
    (void)state;
    static const struct {
        const char *schedule;
        const struct zone_plan *plan;
        const char *from, *after, *expected;
    } rows[] = {
        {"@every 10m", &utc, "2026-10-01 00:03+0000", "2026-10-01 00:03+0000", "2026-10-01 00:13+0000"},
        {"@every 10m", &utc, "2026-10-01 00:03+0000", "2026-10-01 00:12:59.999+0000", "2026-10-01 00:13+0000"},
        {"@every 10m", &utc, "2026-10-01 00:03+0000", "2026-10-01 00:13+0000", "2026-10-01 00:23+0000"},
        {"@every 10m", &utc, "2026-10-01 00:03:07.250+0000", "2026-10-01 05:00+0000", "2026-10-01 05:03:07.250+0000"},
        {"@every 1d", &utc, "2026-09-01 12:00+0000", "2026-10-01 11:00+0000", "2026-10-01 12:00+0000"},
        {"@every 1h30m", &utc, "2026-10-01 12:00+0000", "2026-10-01 12:00+0000", "2026-10-01 13:30+0000"},
        /* through zone changes by the stopwatch */
        {"@every 1d", &berlin, "2026-03-28 12:00+0100", "2026-03-28 12:00+0100", "2026-03-29 13:00+0200"},
        {"@every 1h", &berlin, "2026-03-29 01:30+0100", "2026-03-29 01:30+0100", "2026-03-29 03:30+0200"},
        {"@every 1h", &berlin, "2026-10-25 02:30+0200", "2026-10-25 02:30+0200", "2026-10-25 02:30+0100"},
        /* a clock that is set back, or far on */
        {"@every 10m", &utc, "2026-10-01 00:03+0000", "2016-10-01 00:00+0000", "2016-10-01 00:03+0000"},
        {"@every 10m", &utc, "2026-10-01 00:03+0000", "2026-10-01 00:02+0000", "2026-10-01 00:03+0000"},
        {"@every 7d", &utc, "2026-10-01 00:03+0000", "2036-10-01 00:00+0000", "2036-10-02 00:03+0000"},
        /* beside others */
        {"@every 1h;30 5 * * *", &utc, "2026-10-01 00:10+0000", "2026-10-01 05:10+0000", "2026-10-01 05:30+0000"},
        {"30 5 * * *;@every 1h", &utc, "2026-10-01 00:10+0000", "2026-10-01 05:30+0000", "2026-10-01 06:10+0000"},
        {"30 5 * * *;@every 1h", &utc, "2026-10-01 00:10+0000", "2026-10-01 05:10+0000", "2026-10-01 05:30+0000"},
        {"@every 25m;@every 1h", &utc, "2026-10-01 00:00+0000", "2026-10-01 00:50+0000", "2026-10-01 01:00+0000"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[200];
        snprintf(name, sizeof name, "%s from %s after %s", rows[i].schedule, rows[i].from, rows[i].after);
        CHECK_TEXT(name, dues(rows[i].schedule, rows[i].plan, instant(rows[i].from), instant(rows[i].after), 1),
                   rows[i].expected);
    }
}

static void counted_from_the_last_time_is_the_same(void **state)
{
    (void)state;
    struct cron_line line;
    struct played played = {.plan = &berlin};
    struct cron_zone zone = {played_offset, &played};
    int64_t begun = instant("2026-03-28 20:07+0100");
    int64_t last = begun;
    assert_int_equal(parse("@every 45m", &line), 1);
    for (int i = 1; i < 100; i++) {
        int64_t next = cron_next(&line, 1, &zone, last, last);
        assert_int_equal(next, begun + i * 45 * MINUTE);
        assert_int_equal(cron_next(&line, 1, &zone, begun, last), next);
        last = next;
    }
}

/* ---- limits ---- */

static void any_clock_can_be_asked_about(void **state)
{
    (void)state;
    static const struct {
        const char *schedule;
        int64_t from, after;
        const char *expected;
    } rows[] = {
        {"0 5 * * *", 0, INT64_MIN, "1-01-01 05:00+0000"},
        {"0 5 * * *", 0, INT64_MAX, "never"},
        {"0 5 * * *", 0, INT64_MAX - 1, "never"},
        {"0 5 * * *", 0, INT64_C(253402300799999), "10000-01-01 05:00+0000"},
        {"0 5 * * *", 0, INT64_C(253402300800000), "never"},
        {"0 5 * * *", 0, 0, "1970-01-01 05:00+0000"},
        {"0 5 * * *", 0, -1, "1970-01-01 05:00+0000"},
        {"0 0 * * *", 0, -1, "1970-01-01 00:00+0000"},
        {"@every 365d", INT64_MIN, 0, "1970-09-11 00:00+0000"},
        {"@every 365d", INT64_MAX, 0, "1970-05-03 00:00+0000"},
        {"@every 1m", INT64_MAX, INT64_MIN, "1-01-01 00:01+0000"},
        {"@every 1m", INT64_MIN, INT64_MAX, "never"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_TEXT(rows[i].schedule, dues(rows[i].schedule, &utc, rows[i].from, rows[i].after, 1), rows[i].expected);
}

/* A search asks the zone about the days around a match, not about every minute, and not about the years before. */
static void a_search_is_short(void **state)
{
    (void)state;
    static const struct {
        const char *schedule;
        unsigned at_most;
    } rows[] = {
        {"* * * * *", 2},   {"*/15 * * * *", 2}, {"0 5 * * *", 12}, {"0 0 1 1 *", 70},
        {"0 0 29 2 *", 70}, {"0 0 31 2 *", 1},   {"@every 10m", 0}, {"# nothing", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cron_line line;
        struct played played = {.plan = &berlin};
        struct cron_zone zone = {played_offset, &played};
        parse(rows[i].schedule, &line);
        int64_t next = cron_next(&line, 1, &zone, 0, instant("2026-01-10 10:10+0100"));
        assert_true(next > instant("2026-01-10 10:10+0100"));
        CHECK(played.asked <= rows[i].at_most, "%s asks %u times", rows[i].schedule, played.asked);
    }
}

/* No zone does this, but a search must end in any: there is never a 1 January. */
static int64_t without_new_year(void *context, int64_t utc_ms)
{
    (*(unsigned *)context)++;
    int64_t day = utc_ms / DAY;
    int year = 1970;
    for (; day >= 337 + days_in(year, 2); year++)
        day -= 337 + days_in(year, 2);
    return day == 0 ? DAY : 0;
}

static void a_search_ends_in_any_zone(void **state)
{
    (void)state;
    struct cron_line lines[2];
    unsigned asked = 0;
    struct cron_zone zone = {without_new_year, &asked};
    parse("0 12 1 1 *;0 12 2 1 *", lines);
    assert_true(cron_next(&lines[0], 1, &zone, 0, instant("2026-01-10 00:00+0000")) == CRON_NEVER);
    CHECK(asked < 20000, "the zone was asked %u times", asked);
    assert_int_equal(cron_next(&lines[1], 1, &zone, 0, instant("2026-01-10 00:00+0000")),
                     instant("2027-01-01 12:00+0000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_calendar_is_followed),
        cmocka_unit_test(local_time_counts),
        cmocka_unit_test(a_line_of_fixed_times_is_due_once_through_a_change),
        cmocka_unit_test(a_line_with_a_star_follows_the_clock),
        cmocka_unit_test(a_change_of_more_than_three_hours_is_a_correction),
        cmocka_unit_test(a_change_may_lie_within_a_minute),
        cmocka_unit_test(every_counts_from_its_start),
        cmocka_unit_test(counted_from_the_last_time_is_the_same),
        cmocka_unit_test(any_clock_can_be_asked_about),
        cmocka_unit_test(a_search_is_short),
        cmocka_unit_test(a_search_ends_in_any_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
