#include "zone.h"

#include "calendar.h"

static int64_t day_of(const struct zone_date *date, int64_t year)
{
    if (date->year != 0)
        return calendar_days(year, date->month, date->day);
    int64_t first = calendar_days(year, date->month, 1);
    unsigned to_weekday = (date->weekday + 7 - calendar_weekday(first)) % 7;
    int64_t day = first + to_weekday + (int64_t)(date->day - 1) * 7;
    while (day >= first + calendar_month_length(year, date->month)) /* "fifth" means the last */
        day -= 7;
    return day;
}

/* Returns the time by the local clock. */
static int64_t local_ms(const struct zone_date *date, int64_t year)
{
    int64_t seconds = ((int64_t)date->hour * 60 + date->minute) * 60 + date->second;
    return day_of(date, year) * DAY_MS + seconds * 1000 + date->ms;
}

static int falls_in(const struct zone_date *date, int64_t year)
{
    return date->month >= 1 && date->month <= 12 && date->day >= 1 && (date->year == 0 || date->year == year);
}

void zone_year_make(struct zone_year *y, int64_t year, const struct zone_rules *rules)
{
    *y = (struct zone_year){.from_utc_ms = calendar_days(year, 1, 1) * DAY_MS,
                            .to_utc_ms = calendar_days(year + 1, 1, 1) * DAY_MS,
                            .change_utc_ms = {INT64_MAX, INT64_MAX},
                            .offset_ms = {-rules->bias * MINUTE_MS}};
    if (!falls_in(&rules->standard, year) || !falls_in(&rules->daylight, year))
        return;
    int64_t standard_ms = -(int64_t)(rules->bias + rules->standard_bias) * MINUTE_MS;
    int64_t daylight_ms = -(int64_t)(rules->bias + rules->daylight_bias) * MINUTE_MS;
    int64_t to_standard = local_ms(&rules->standard, year) - daylight_ms;
    int64_t to_daylight = local_ms(&rules->daylight, year) - standard_ms;
    int south = to_standard < to_daylight;
    y->change_utc_ms[0] = south ? to_standard : to_daylight;
    y->change_utc_ms[1] = south ? to_daylight : to_standard;
    y->offset_ms[0] = y->offset_ms[2] = south ? daylight_ms : standard_ms;
    y->offset_ms[1] = south ? standard_ms : daylight_ms;
}

int64_t zone_year_offset(const struct zone_year *y, int64_t utc_ms)
{
    int changes = 0;
    while (changes < 2 && utc_ms >= y->change_utc_ms[changes])
        changes++;
    return y->offset_ms[changes];
}
