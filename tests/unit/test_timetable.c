#include "calendar.h"
#include "timetable.h"
#include "unit.h"

#include <stdio.h>

/* Tuesday, 14 November 2023, 22:13:20 UTC: 2,800 s before the hour. */
static const struct moment first = {.steady_ms = 300000, .utc_ms = 1700000000000};

enum { SECOND_MS = 1000 };

static int64_t zone_hours;

static int64_t offset_ms(void *context, int64_t utc_ms)
{
    (void)context, (void)utc_ms;
    return zone_hours * HOUR_MS;
}

static const struct cron_zone zone = {.offset_ms = offset_ms};

static struct moment later(int64_t seconds)
{
    return (struct moment){first.steady_ms + seconds * SECOND_MS, first.utc_ms + seconds * SECOND_MS};
}

/* `lines` are separated by '|'; none is NULL. */
static void adopt(struct timetable *t, uint32_t minutes, const char *lines, struct moment now)
{
    struct strings schedule = {0};
    char copy[200];
    snprintf(copy, sizeof copy, "%s", lines ? lines : "");
    for (char *line = strtok(copy, "|"); line; line = strtok(NULL, "|"))
        assert_true(strings_add(&schedule, line));
    assert_true(timetable_adopt(t, minutes, &schedule, now));
    strings_free(&schedule);
}

/* "interval in 900"; "never". */
static const char *next(const struct timetable *t, struct moment now)
{
    static char words[60];
    enum trigger why;
    int64_t due = timetable_due(t, &why);
    if (due == NEVER_MS) {
        assert_int_equal(why, TRIGGER_NONE);
        return "never";
    }
    snprintf(words, sizeof words, "%s in %lld", trigger_name(why), (long long)(due - now.steady_ms) / SECOND_MS);
    return words;
}

static struct timetable begin(uint32_t minutes, const char *lines)
{
    struct timetable t;
    zone_hours = 0;
    timetable_init(&t, &zone, 1985);
    adopt(&t, minutes, lines, first);
    assert_string_equal(next(&t, first), "never");
    timetable_start(&t, first);
    return t;
}

/* ---- interval and schedule ---- */

static void started_and_stopped(void **state)
{
    (void)state;
    struct timetable t = begin(15, NULL);
    assert_string_equal(next(&t, first), "interval in 900");
    timetable_start(&t, later(600)); /* there is a time already */
    assert_string_equal(next(&t, later(600)), "interval in 300");
    timetable_request(&t, TRIGGER_REQUEST, later(600));
    timetable_retry(&t, 1, 60000, later(600));
    timetable_stop(&t);
    assert_string_equal(next(&t, later(600)), "never");
    timetable_start(&t, later(600));
    assert_string_equal(next(&t, later(600)), "interval in 900");
    timetable_free(&t);
}

static void an_interval_that_changes_counts_from_the_last_round(void **state)
{
    (void)state;
    struct timetable t = begin(15, NULL);
    adopt(&t, 60, NULL, later(300));
    assert_string_equal(next(&t, later(300)), "interval in 3300");
    adopt(&t, 1, NULL, later(300)); /* should have been asked already */
    assert_string_equal(next(&t, later(300)), "interval in -240");
    timetable_free(&t);
}

static void lines_replace_the_interval(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *due;
    } cases[] = {
        {"0 * * * *", "schedule in 2800"},
        {"0 * * * *|30 22 * * *", "schedule in 1000"},
        {"@every 1h30m", "schedule in 5400"},
        {"# a comment", "interval in 900"},
        {"0 25 * * *", "interval in 900"},
        {"0 25 * * *|@hourly", "schedule in 2800"},
        {"0 0 31 2 *", "never"},
        {NULL, "interval in 900"},
        {"0 0 1 1 *", "schedule in 4067200"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct timetable t = begin(15, cases[i].lines);
        CHECK_TEXT(cases[i].lines ? cases[i].lines : "none", next(&t, first), cases[i].due);
        timetable_free(&t);
    }
}

static void a_changed_schedule_counts_from_now_and_an_unchanged_one_continues(void **state)
{
    (void)state;
    struct timetable t = begin(15, "@every 1h");
    adopt(&t, 15, "@every 1h", later(600));
    assert_string_equal(next(&t, later(600)), "schedule in 3000");
    adopt(&t, 15, "@every 2h", later(600));
    assert_string_equal(next(&t, later(600)), "schedule in 7200");
    adopt(&t, 15, "0 * * * *", later(600));
    assert_string_equal(next(&t, later(600)), "schedule in 2200");
    adopt(&t, 15, NULL, later(600));
    assert_string_equal(next(&t, later(600)), "interval in 900");
    timetable_free(&t);
}

static void what_is_due_already_stays_due_whatever_schedule_comes(void **state)
{
    (void)state;
    struct timetable t = begin(15, "0 * * * *");
    static const char *const schedules[] = {"0 0 1 1 *", "0 0 31 2 *", "@daily"};
    for (size_t i = 0; i < COUNT(schedules); i++) {
        adopt(&t, 15, schedules[i], later(2800));
        assert_string_equal(next(&t, later(2800)), "schedule in 0");
    }
    timetable_free(&t);
}

static void has_lines(void **state)
{
    (void)state;
    char line[] = "@hourly", comment[] = "# none", blank[] = "", wrong[] = "0 25 * * *";
    char *items[] = {comment, blank, wrong, line};
    assert_false(timetable_has_lines(&(struct strings){.items = items, .count = 0}));
    assert_false(timetable_has_lines(&(struct strings){.items = items, .count = 3}));
    assert_true(timetable_has_lines(&(struct strings){.items = items, .count = 4}));
}

/* ---- requests and retries ---- */

static void the_first_request_gives_the_reason(void **state)
{
    (void)state;
    struct timetable t = begin(15, NULL);
    timetable_request(&t, TRIGGER_RESUME, first);
    timetable_request(&t, TRIGGER_NETWORK, later(10));
    assert_string_equal(next(&t, first), "resume in 0");
    assert_int_equal(timetable_begin(&t, TRIGGER_RESUME, later(10)), TRIGGER_RESUME);
    assert_string_equal(next(&t, later(10)), "interval in 900"); /* all was asked: the interval begins again */
    timetable_again(&t, TRIGGER_RESUME, later(20));
    assert_string_equal(next(&t, later(20)), "resume in 0");
    timetable_free(&t);
}

static void retries_double_with_jitter_up_to_the_interval(void **state)
{
    (void)state;
    static const int64_t least[] = {60, 60, 120, 240, 480, 900, 900};
    struct timetable t = begin(15, NULL);
    for (uint32_t failures = 1; failures < COUNT(least); failures++)
        for (int i = 0; i < 50; i++) {
            timetable_retry(&t, failures, 60000, first);
            int64_t seconds = (t.retry_at - first.steady_ms) / SECOND_MS;
            int64_t most = least[failures] * 5 / 4;
            assert_in_range(seconds, least[failures], most < 900 ? most : 900);
        }
    timetable_retry(&t, UINT32_MAX, 60000, first); /* and no overflow */
    assert_int_equal(t.retry_at, first.steady_ms + 900 * SECOND_MS);
    timetable_drop_retry(&t);
    assert_int_equal(t.retry_at, NEVER_MS);
    timetable_free(&t);
}

static void a_retry_moves_no_round_and_joins_one_that_is_due(void **state)
{
    (void)state;
    struct timetable t = begin(15, "0 * * * *");
    timetable_retry(&t, 1, 60000, first);
    assert_int_equal(timetable_begin(&t, TRIGGER_RETRY, later(75)), TRIGGER_RETRY);
    assert_string_equal(next(&t, later(75)), "schedule in 2725");
    timetable_again(&t, TRIGGER_RETRY, later(80));
    assert_string_equal(next(&t, later(80)), "retry in 0");
    assert_int_equal(timetable_begin(&t, TRIGGER_RETRY, later(2800)), TRIGGER_SCHEDULE);
    assert_string_equal(next(&t, later(2800)), "schedule in 3600");
    timetable_again(&t, TRIGGER_RETRY, later(2810));
    timetable_request(&t, TRIGGER_REQUEST, later(2820));
    assert_int_equal(timetable_begin(&t, TRIGGER_RETRY, later(2820)), TRIGGER_REQUEST);
    assert_string_equal(next(&t, later(2820)), "schedule in 3580");
    timetable_free(&t);
}

/* ---- clocks ---- */

static void a_step_is_what_two_clocks_do_not_drift(void **state)
{
    (void)state;
    int64_t apart_ms = first.utc_ms - first.steady_ms;
    static const int64_t steps[] = {0, 1999, -1999, 2000, -2000, HOUR_MS, -HOUR_MS};
    for (size_t i = 0; i < COUNT(steps); i++) {
        int64_t apart = apart_ms;
        struct moment now = later(500);
        now.utc_ms += steps[i];
        bool drift = steps[i] > -2000 && steps[i] < 2000;
        assert_int_equal(timetable_clock_step(&apart, now), drift ? 0 : steps[i]);
        assert_int_equal(timetable_clock_step(&apart, now), 0);
    }
    int64_t apart = apart_ms;
    struct moment now = first;
    now.utc_ms += 1500; /* it adds up */
    assert_int_equal(timetable_clock_step(&apart, now), 0);
    now.utc_ms += 1500;
    assert_int_equal(timetable_clock_step(&apart, now), 3000);
}

static void a_schedule_follows_a_clock_that_is_set_and_an_interval_does_not(void **state)
{
    (void)state;
    static const struct {
        int64_t step; /* seconds, 1,000 s after the first moment: 1,800 s before the hour */
        const char *by_lines;
    } cases[] = {
        {600, "schedule in 1200"},  {1800, "schedule in 0"},     {7200, "schedule in -5400"},
        {-600, "schedule in 2400"}, {-3600, "schedule in 1800"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct timetable lines = begin(60, "0 * * * *"), interval = begin(60, NULL);
        struct moment now = later(1000);
        now.utc_ms += cases[i].step * SECOND_MS;
        timetable_follow_step(&lines, cases[i].step * SECOND_MS, now);
        timetable_follow_step(&interval, cases[i].step * SECOND_MS, now);
        CHECK_TEXT(cases[i].by_lines, next(&lines, now), cases[i].by_lines);
        assert_string_equal(next(&interval, now), "interval in 2600");
        timetable_free(&lines);
        timetable_free(&interval);
    }
}

static void a_time_is_not_due_twice_if_the_clock_is_slightly_late(void **state)
{
    (void)state;
    struct timetable t = begin(15, "0 * * * *");
    struct moment now = later(2800);
    now.utc_ms -= 1500;
    assert_int_equal(timetable_begin(&t, TRIGGER_SCHEDULE, now), TRIGGER_SCHEDULE);
    assert_string_equal(next(&t, now), "schedule in 3601");
    timetable_free(&t);
}

static void a_schedule_follows_a_zone_that_changes(void **state)
{
    (void)state;
    struct timetable t = begin(15, "30 2 * * *");
    assert_string_equal(next(&t, first), "schedule in 15400");
    zone_hours = 2;
    timetable_follow_zone(&t, first);
    assert_string_equal(next(&t, first), "schedule in 8200");
    zone_hours = 5;
    timetable_follow_zone(&t, later(8200)); /* what is due stays due */
    assert_string_equal(next(&t, later(8200)), "schedule in 0");
    timetable_free(&t);
}

static void triggers_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {"none",  "start",   "enable",  "interval", "schedule",
                                        "retry", "request", "network", "resume"};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_string_equal(trigger_name((enum trigger)i), names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(started_and_stopped),
        cmocka_unit_test(an_interval_that_changes_counts_from_the_last_round),
        cmocka_unit_test(lines_replace_the_interval),
        cmocka_unit_test(a_changed_schedule_counts_from_now_and_an_unchanged_one_continues),
        cmocka_unit_test(what_is_due_already_stays_due_whatever_schedule_comes),
        cmocka_unit_test(has_lines),
        cmocka_unit_test(the_first_request_gives_the_reason),
        cmocka_unit_test(retries_double_with_jitter_up_to_the_interval),
        cmocka_unit_test(a_retry_moves_no_round_and_joins_one_that_is_due),
        cmocka_unit_test(a_step_is_what_two_clocks_do_not_drift),
        cmocka_unit_test(a_schedule_follows_a_clock_that_is_set_and_an_interval_does_not),
        cmocka_unit_test(a_time_is_not_due_twice_if_the_clock_is_slightly_late),
        cmocka_unit_test(a_schedule_follows_a_zone_that_changes),
        cmocka_unit_test(triggers_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
