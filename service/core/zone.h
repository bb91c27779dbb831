/* zone: local time from the rules of a time zone as Windows has them (TIME_ZONE_INFORMATION), a year at a time. */
#ifndef ETRN_ZONE_H
#define ETRN_ZONE_H

#include <stdint.h>

/* As SYSTEMTIME in these rules. With year 0 it comes every year, on the day-th (5: the last) such weekday of the month,
 * Sunday being 0; else once. Month 0: never. */
struct zone_date {
    unsigned year, month, weekday, day, hour, minute, second, ms;
};

struct zone_rules {
    int32_t bias, standard_bias, daylight_bias; /* minutes: UTC is local time, the first, and one of the others */
    struct zone_date standard, daylight;        /* when each begins, by the clock as it was before */
};

/* One year of a zone. */
struct zone_year {
    int64_t from_utc_ms, to_utc_ms; /* the year, by UTC */
    int64_t change_utc_ms[2];       /* INT64_MAX: none */
    int64_t offset_ms[3];           /* local time minus UTC before, between and after */
};

void zone_year_make(struct zone_year *y, int64_t year, const struct zone_rules *rules);

/* Local time minus UTC at an instant of that year. */
int64_t zone_year_offset(const struct zone_year *y, int64_t utc_ms);

#endif
