#include "unit.h"
#include "zone.h"

#include <inttypes.h>

#define HOUR INT64_C(3600000)

/* ---- zones, as Windows has their rules; what is expected is from the IANA database ---- */

#define EVERY(month_, weekday_, day_, hour_)                                                                           \
    {                                                                                                                  \
        .month = month_, .weekday = weekday_, .day = day_, .hour = hour_                                               \
    }
#define BERLIN                                                                                                         \
    {                                                                                                                  \
        -60, 0, -60, EVERY(10, 0, 5, 3), EVERY(3, 0, 5, 2)                                                             \
    }

static const struct {
    const char *name;
    struct zone_rules rules;
    int64_t year;
    int64_t change_utc_ms[2];
    int minutes[3]; /* local time minus UTC before, between and after */
} zones[] = {
    {"Berlin", BERLIN, 2023, {1679792400000, 1698541200000}, {60, 120, 60}},
    {"Berlin", BERLIN, 2026, {1774746000000, 1792890000000}, {60, 120, 60}},
    {"New York",
     {300, 0, -60, EVERY(11, 0, 1, 2), EVERY(3, 0, 2, 2)},
     2024,
     {1710054000000, 1730613600000},
     {-300, -240, -300}},
    {"Lord Howe, half an hour",
     {-630, 0, -30, EVERY(4, 0, 1, 2), EVERY(10, 0, 1, 2)},
     2025,
     {1743865200000, 1759591800000},
     {660, 630, 660}},
    {"Auckland",
     {-720, 0, -60, EVERY(4, 0, 1, 3), EVERY(9, 0, 5, 2)},
     2024,
     {1712412000000, 1727532000000},
     {780, 720, 780}},
    {"Santiago, a millisecond before midnight",
     {240,
      0,
      -60,
      {.month = 4, .weekday = 6, .day = 1, .hour = 23, .minute = 59, .second = 59, .ms = 999},
      {.month = 9, .weekday = 6, .day = 1, .hour = 23, .minute = 59, .second = 59, .ms = 999}},
     2026,
     {1775357999999, 1788667199999},
     {-180, -240, -180}},
    {"Fiji, from January to December",
     {-720, 0, -60, EVERY(1, 0, 2, 3), EVERY(12, 0, 3, 2)},
     2020,
     {1578751200000, 1608386400000},
     {780, 720, 780}},
    {"once, in that year",
     {0, 0, -60, {.year = 2024, .month = 6, .day = 30, .hour = 1}, {.year = 2024, .month = 2, .day = 29}},
     2024,
     {1709164800000, 1719705600000},
     {0, 60, 0}},
};

static void each_year_has_the_real_changes_of_its_zone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(zones); i++) {
        struct zone_year y;
        zone_year_make(&y, zones[i].year, &zones[i].rules);
        for (int k = 0; k < 2; k++) {
            int64_t change = zones[i].change_utc_ms[k];
            CHECK(y.change_utc_ms[k] == change, "%s: change %d at %" PRId64 ", expected %" PRId64, zones[i].name, k,
                  y.change_utc_ms[k], change);
            assert_int_equal(zone_year_offset(&y, change - 1), zones[i].minutes[k] * 60000);
            assert_int_equal(zone_year_offset(&y, change), zones[i].minutes[k + 1] * 60000);
        }
        assert_int_equal(zone_year_offset(&y, y.from_utc_ms), zones[i].minutes[0] * 60000);
        assert_int_equal(zone_year_offset(&y, y.to_utc_ms - 1), zones[i].minutes[2] * 60000);
    }
}

static void without_changes_the_bias_alone_counts(void **state)
{
    (void)state;
    const struct zone_rules rules[] = {
        {.bias = -345, .standard_bias = 7, .daylight_bias = -60},
        {.bias = -345,
         .daylight_bias = -60,
         .standard = {.year = 2023, .month = 10, .day = 1},
         .daylight = EVERY(3, 0, 5, 2)},
        {.bias = -345, .daylight_bias = -60, .standard = EVERY(13, 0, 5, 2), .daylight = EVERY(3, 0, 5, 2)},
        {.bias = -345, .daylight_bias = -60, .standard = EVERY(0, 0, 1, 2), .daylight = EVERY(3, 0, 5, 2)},
        {.bias = -345, .daylight_bias = -60, .standard = EVERY(10, 0, 0, 2), .daylight = EVERY(3, 0, 5, 2)},
    };
    for (size_t i = 0; i < COUNT(rules); i++) {
        struct zone_year y;
        zone_year_make(&y, 2024, &rules[i]);
        for (int64_t at = y.from_utc_ms; at < y.to_utc_ms; at += 100 * HOUR)
            assert_int_equal(zone_year_offset(&y, at), 345 * 60000);
    }
}

static void a_year_is_one_by_utc(void **state)
{
    (void)state;
    const struct zone_rules utc = {0};
    struct zone_year y;
    zone_year_make(&y, 2024, &utc);
    assert_int_equal(y.from_utc_ms, 1704067200000);
    assert_int_equal(y.to_utc_ms, 1735689600000);
    zone_year_make(&y, 1969, &utc);
    assert_int_equal(y.from_utc_ms, -365 * 24 * HOUR);
    assert_int_equal(y.to_utc_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_year_has_the_real_changes_of_its_zone),
        cmocka_unit_test(without_changes_the_bias_alone_counts),
        cmocka_unit_test(a_year_is_one_by_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
