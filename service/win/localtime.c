#include "localtime.h"

#include "../core/calendar.h"
#include "../core/zone.h"
#include "win.h"

#include <wchar.h>

enum { YEARS = 64 }; /* the search for the next time of a schedule looks up to 40 years ahead */

/* A cache: asking the system takes a hundred times as long, and planning ten thousand hosts needs a hundred thousand
 * conversions. */
static struct {
    DYNAMIC_TIME_ZONE_INFORMATION zone;
    bool known;                    /* the zone has been read */
    int64_t since_ms;              /* when it was read; Windows updates change rules too */
    struct zone_year years[YEARS]; /* index: year modulo YEARS; to_utc_ms is 0 if unused */
} memory;

static struct zone_date date_of(const SYSTEMTIME *t)
{
    return (struct zone_date){t->wYear, t->wMonth,  t->wDayOfWeek, t->wDay,
                              t->wHour, t->wMinute, t->wSecond,    t->wMilliseconds};
}

/* Uses UTC if there are no rules. */
static void look_up(struct zone_year *y, int64_t year)
{
    TIME_ZONE_INFORMATION zone;
    struct zone_rules rules = {0};
    if (GetTimeZoneInformationForYear((USHORT)year, NULL, &zone))
        rules = (struct zone_rules){.bias = (int32_t)zone.Bias,
                                    .standard_bias = (int32_t)zone.StandardBias,
                                    .daylight_bias = (int32_t)zone.DaylightBias,
                                    .standard = date_of(&zone.StandardDate),
                                    .daylight = date_of(&zone.DaylightDate)};
    zone_year_make(y, year, &rules);
}

static int64_t local_offset_ms(void *context, int64_t utc_ms)
{
    (void)context;
    int64_t year = calendar_date(calendar_day_of(utc_ms)).year;
    struct zone_year *y = &memory.years[(uint64_t)year % YEARS];
    if (y->to_utc_ms == 0 || utc_ms < y->from_utc_ms || utc_ms >= y->to_utc_ms)
        look_up(y, year);
    return zone_year_offset(y, utc_ms);
}

const struct cron_zone local_zone = {.offset_ms = local_offset_ms};

static bool same_zone(const DYNAMIC_TIME_ZONE_INFORMATION *a, const DYNAMIC_TIME_ZONE_INFORMATION *b)
{
    return a->Bias == b->Bias && a->StandardBias == b->StandardBias && a->DaylightBias == b->DaylightBias &&
           memcmp(&a->StandardDate, &b->StandardDate, sizeof a->StandardDate) == 0 &&
           memcmp(&a->DaylightDate, &b->DaylightDate, sizeof a->DaylightDate) == 0 &&
           a->DynamicDaylightTimeDisabled == b->DynamicDaylightTimeDisabled &&
           wcsncmp(a->TimeZoneKeyName, b->TimeZoneKeyName, ARRAYSIZE(a->TimeZoneKeyName)) == 0;
}

bool local_zone_follow(void)
{
    DYNAMIC_TIME_ZONE_INFORMATION zone = {0};
    int64_t now_ms = (int64_t)GetTickCount64();
    if (GetDynamicTimeZoneInformation(&zone) == TIME_ZONE_ID_INVALID)
        return false;
    bool changed = memory.known && !same_zone(&zone, &memory.zone);
    if (changed || now_ms - memory.since_ms >= DAY_MS) {
        memset(memory.years, 0, sizeof memory.years);
        memory.since_ms = now_ms;
    }
    memory.zone = zone;
    memory.known = true;
    return changed;
}

void text_add_local_time(struct text *t, int64_t utc_ms)
{
    int64_t local_ms = utc_ms + local_offset_ms(NULL, utc_ms);
    int64_t day = calendar_day_of(local_ms);
    struct date date = calendar_date(day);
    unsigned minute = (unsigned)((local_ms - day * DAY_MS) / MINUTE_MS);
    text_add(t, "%04d-%02u-%02u %02u:%02u", (int)date.year, date.month, date.day, minute / 60, minute % 60);
}
