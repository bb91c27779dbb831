#include "calendar.h"
#include "unit.h"

#include <inttypes.h>

static bool is_leap(int64_t year)
{
    return year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
}

/* Counts day by day, so that every rule of the calendar is met, in years before 1 as well. */
static void each_day_has_the_date_that_counting_gives(void **state)
{
    (void)state;
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct date date = {-800, 1, 1};
    unsigned weekday = 6; /* two times 400 years, which are whole weeks, and a leap year before a Monday */
    for (int64_t day = -719162 - 2 * 146097 - 366; date.year < 2801; day++, weekday = (weekday + 1) % 7) {
        unsigned length = lengths[date.month - 1] + (date.month == 2 && is_leap(date.year));
        struct date found = calendar_date(day);
        CHECK(found.year == date.year && found.month == date.month && found.day == date.day,
              "day %" PRId64 " is %" PRId64 "-%u-%u", day, found.year, found.month, found.day);
        assert_int_equal(calendar_days(date.year, date.month, date.day), day);
        assert_int_equal(calendar_weekday(day), weekday);
        assert_int_equal(calendar_month_length(date.year, date.month), length);
        if (++date.day > length) {
            date.day = 1;
            date.month = date.month % 12 + 1;
            date.year += date.month == 1;
        }
    }
}

static void dates_that_are_known(void **state)
{
    (void)state;
    static const struct {
        int64_t year;
        unsigned month, day;
        int64_t days;
        unsigned weekday;
    } cases[] = {
        {1970, 1, 1, 0, 4},         {1969, 12, 31, -1, 3},      {2000, 2, 29, 11016, 2}, {2026, 11, 21, 20778, 6},
        {1582, 10, 15, -141427, 5}, {9999, 12, 31, 2932896, 5}, {0, 2, 29, -719469, 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(calendar_days(cases[i].year, cases[i].month, cases[i].day), cases[i].days);
        assert_int_equal(calendar_weekday(cases[i].days), cases[i].weekday);
        assert_int_equal(calendar_date(cases[i].days).day, cases[i].day);
    }
}

static void a_day_begins_at_midnight_before_1970_too(void **state)
{
    (void)state;
    static const int64_t cases[][2] = {
        {0, 0}, {DAY_MS - 1, 0}, {DAY_MS, 1}, {-1, -1}, {-DAY_MS, -1}, {-DAY_MS - 1, -2}, {1700000000000, 19675},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(calendar_day_of(cases[i][0]), cases[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_day_has_the_date_that_counting_gives),
        cmocka_unit_test(dates_that_are_known),
        cmocka_unit_test(a_day_begins_at_midnight_before_1970_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
