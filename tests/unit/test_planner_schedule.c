#include "planner_world.h"

#include <inttypes.h>

/* ---- schedules ---- */

static void a_schedule_replaces_the_interval(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "# office hours|0 * * * *|30 23 * * *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 2800");
    assert_int_equal(seconds_to_wakeup(&w), 2800);
    pass(&w, 2800 * SECOND - 1);
    assert_string_equal(next_session(&w), "");
    pass(&w, 1);
    dequeue(&w, "a: x", "a", "x=250");
    assert_int_equal(find(&w, "a")->dequeue.trigger, TRIGGER_SCHEDULE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "schedule in 1800"); /* whichever line is first */
    pass(&w, 40 * DAY);                                          /* asleep: once for all that was missed */
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void without_run_at_start_the_schedule_is_waited_for(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *", .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "schedule in 2800");
    tear_down(&w);
}

static void a_schedule_is_in_local_time(void **state)
{
    (void)state;
    int64_t begin = first_moment().utc_ms;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 9 * * *", .offset = HOUR};
    w.summer_from = begin + 2 * HOUR;
    w.summer_to = begin + 3 * DAY;
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    static const int64_t hours[] = {24, 24, 25, 24}; /* the clock goes back before the third */
    assert_string_equal(next_time(&w, "a"), "schedule in 31600");
    pass(&w, 31600 * SECOND);
    for (size_t i = 0; i < COUNT(hours); i++) {
        dequeue(&w, "a: x", "a", "x=250");
        assert_int_equal(seconds_to_wakeup(&w), hours[i] * 3600);
        pass(&w, hours[i] * HOUR);
    }
    tear_down(&w);
}

static void a_host_has_its_own_schedule_or_interval(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"all", "x"},
                                {"interval", "x", .interval = 5},
                                {"own", "x", .schedule = "30 * * * *"},
                                {"both", "x", .interval = 5, .schedule = "40 * * * *"}},
                      .schedule = "0 * * * *",
                      .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_time(&w, "all"), "schedule in 2800");
    assert_string_equal(next_time(&w, "interval"), "interval in 300");
    assert_string_equal(next_time(&w, "own"), "schedule in 1000");
    assert_string_equal(next_time(&w, "both"), "schedule in 1600");
    w.schedule = NULL;
    w.hosts[2].schedule = w.hosts[3].schedule = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "all"), "interval in 900");
    assert_string_equal(next_time(&w, "interval"), "interval in 300");
    assert_string_equal(next_time(&w, "own"), "interval in 900");
    assert_string_equal(next_time(&w, "both"), "interval in 300");
    tear_down(&w);
}

static void an_invalid_line_costs_the_others_nothing(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 24 * * *|0 23 * * *|", .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_time(&w, "a"), "schedule in 2800");
    assert_non_null(strstr(w.problem, "\"0 24 * * *\" has an hour that is out of range, 0 to 23; allowed: crontab"));
    w.schedule = "0 24 * * *"; /* nothing is left: the interval counts */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

static void every_counts_from_when_the_schedule_was_adopted(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "@every 1h30m"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 5400");
    pass(&w, 20 * MINUTE);
    configure(&w, TRIGGER_ENABLE); /* nothing has changed */
    assert_string_equal(next_time(&w, "a"), "schedule in 4200");
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 4200");
    pass(&w, 70 * MINUTE);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 5400");
    w.schedule = "@every 1h";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "schedule in 3600");
    tear_down(&w);
}

static void neither_requests_nor_retries_move_a_schedule(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *", .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    pass(&w, 75 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    assert_int_equal(find(&w, "a")->dequeue.trigger, TRIGGER_RETRY);
    assert_string_equal(next_time(&w, "a"), "schedule in 2725");
    pass(&w, 2715 * SECOND);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 30"); /* in 10, were it not for the gap */
    pass(&w, 30 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 3580");
    tear_down(&w);
}

static void a_retry_that_meets_the_schedule_is_one_round_of_all(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}, .schedule = "0 * * * *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=451 y=250");
    pass(&w, HOUR); /* asleep */
    dequeue(&w, "a: x y", "a", "x=250 y=250");
    assert_int_equal(find(&w, "a")->dequeue.trigger, TRIGGER_SCHEDULE);
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void a_retry_that_meets_a_request_is_one_round_of_all(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=451 y=250");
    planner_hold(&w.planner, true);
    pass(&w, 80 * SECOND);
    assert_string_equal(next_session(&w), "");
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    pass(&w, 20 * SECOND);
    planner_hold(&w.planner, false);
    dequeue(&w, "a: x y", "a", "x=250 y=250");
    assert_int_equal(find(&w, "a")->dequeue.trigger, TRIGGER_REQUEST);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

static void a_schedule_of_comments_is_none(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .schedule = "# nothing|"}}, .schedule = "0 * * * *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 2800"); /* the service's */
    w.hosts[0].interval = 20;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 1200");
    w.hosts[0].interval = 0;
    w.schedule = "# nothing either";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

static void a_schedule_follows_a_zone_that_changes(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y", .interval = 60}}, .schedule = "30 2 * * *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    dequeue(&w, "b: y", "b", "y=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 15400"); /* 02:30 in UTC, 22:13:20 now */
    w.offset = 2 * HOUR;
    planner_follow_zone(&w.planner, w.now);
    assert_string_equal(next_time(&w, "a"), "schedule in 8200");
    assert_string_equal(next_time(&w, "b"), "interval in 3600");
    pass(&w, 8200 * SECOND);
    w.offset = 5 * HOUR; /* what is due already stays due */
    planner_follow_zone(&w.planner, w.now);
    assert_string_equal(next_time(&w, "a"), "schedule in 0");
    tear_down(&w);
}

static void a_schedule_that_never_comes_leaves_requests_and_retries(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 0 31 2 *"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    pass(&w, 75 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "never");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    w.now.utc_ms += 10 * YEAR;
    planner_follow_clock(&w.planner, w.now);
    assert_string_equal(next_time(&w, "a"), "never");
    planner_trigger(&w.planner, NULL, TRIGGER_NETWORK, w.now);
    dequeue(&w, "a: x", "a", "x=250");
    w.schedule = "0 * * * *";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "schedule in 2725");
    tear_down(&w);
}

static void a_changed_schedule_is_followed_and_what_was_due_stays_due(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *", .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    w.schedule = "30 22 * * *";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "schedule in 1000");
    w.schedule = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    w.schedule = "0 * * * *";
    configure(&w, TRIGGER_ENABLE);
    planner_hold(&w.planner, true);
    pass(&w, HOUR);
    const char *const schedules[] = {"0 0 1 1 *", "0 0 31 2 *", NULL, "@daily"};
    for (size_t i = 0; i < COUNT(schedules); i++) {
        assert_string_equal(next_session(&w), "");
        w.schedule = schedules[i];
        configure(&w, TRIGGER_ENABLE);
        w.now.utc_ms += 10 * SECOND;
        planner_follow_clock(&w.planner, w.now);
    }
    planner_hold(&w.planner, false);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void a_schedule_continues_after_disable_and_enable(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *|@every 2h"};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    w.off = true;
    configure(&w, TRIGGER_ENABLE);
    pass(&w, 3 * HOUR + MINUTE);
    assert_string_equal(next_time(&w, "a"), "never");
    w.off = false;
    configure(&w, TRIGGER_ENABLE);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "schedule in 2740");
    tear_down(&w);
}

/* ---- the clock is set ---- */

static const int64_t clock_steps[] = {HOUR, 10 * YEAR, -HOUR, -10 * YEAR, 3 * SECOND, -3 * SECOND};

static void a_schedule_follows_a_clock_that_is_set(void **state)
{
    (void)state;
    static const char *const schedules[] = {"0 * * * *", "@every 1h"};
    for (size_t i = 0; i < COUNT(clock_steps) * COUNT(schedules) * 2; i++) {
        int64_t step = clock_steps[i / 2 % COUNT(clock_steps)];
        bool news = i % 2;
        struct world w = {.hosts = {{"a", "x"}}, .schedule = schedules[i / 2 / COUNT(clock_steps)]};
        set_up(&w);
        w.now.utc_ms += 2800 * SECOND; /* on the hour: both schedules are due at the same times */
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=250");
        pass(&w, 20 * MINUTE);
        w.now.utc_ms += step;
        if (news)
            planner_follow_clock(&w.planner, w.now);
        bool skipped = step >= 40 * MINUTE;
        CHECK_TEXT(schedules[i / 2 / COUNT(clock_steps)], next_session(&w), skipped ? "a: x" : "");
        if (skipped)
            assert_true(answer(&w, "a", "x=250"));
        assert_string_equal(next_session(&w), ""); /* once for all that was skipped */
        int64_t past_hour = (w.now.utc_ms - first_moment().utc_ms - 2800 * SECOND) % HOUR;
        int64_t wait = (past_hour < 0 ? 0 : HOUR) - past_hour;
        assert_int_equal(planner_wakeup(&w.planner, w.now) - w.now.steady_ms, wait); /* nor silent for long */
        pass(&w, wait);
        dequeue(&w, "a: x", "a", "x=250");
        assert_int_equal(seconds_to_wakeup(&w), 3600);
        tear_down(&w);
    }
}

static void a_clock_step_loses_nothing_that_was_due(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(clock_steps); i++) {
        struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *", .not_at_start = true};
        set_up(&w);
        configure(&w, TRIGGER_START);
        planner_hold(&w.planner, true);
        pass(&w, 2801 * SECOND);
        assert_string_equal(next_session(&w), "");
        for (size_t back = 0; back < 2; back++) { /* and back again */
            w.now.utc_ms += back ? -clock_steps[i] : clock_steps[i];
            planner_follow_clock(&w.planner, w.now);
        }
        planner_hold(&w.planner, false);
        assert_int_equal(seconds_to_wakeup(&w), 0);
        dequeue(&w, "a: x", "a", "x=250");
        assert_string_equal(next_session(&w), "");
        assert_string_equal(next_time(&w, "a"), "schedule in 3599");
        tear_down(&w);
    }
}

/* What is waited for by the steady clock comes a little before or after its time by the wall clock. */
static void a_drift_that_is_no_step_moves_no_schedule(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *", .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    w.now.utc_ms += SECOND;
    planner_follow_clock(&w.planner, w.now);
    assert_string_equal(next_time(&w, "a"), "schedule in 2800"); /* by the steady clock */
    tear_down(&w);
}

static void clocks_that_drift_apart_neither_double_a_time_nor_lose_one(void **state)
{
    (void)state;
    static const int64_t drifts[] = {-1999, -1000, -1, 0, 1, 1000, 1999};
    for (size_t i = 0; i < COUNT(drifts); i++) {
        struct world w = {.hosts = {{"a", "x"}}, .schedule = "0 * * * *"};
        set_up(&w);
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=250");
        for (int round = 0; round < 20; round++) {
            int64_t wait = planner_wakeup(&w.planner, w.now) - w.now.steady_ms;
            CHECK(round == 0 || (wait > HOUR - 5 * SECOND && wait < HOUR + 5 * SECOND), "%" PRId64 " after %" PRId64,
                  wait, drifts[i]);
            pass(&w, wait - 1);
            w.now.utc_ms += drifts[i];
            pass(&w, 1);
            for (int again = 0; again < 3 && *next_session(&w) == '\0'; again++) /* it was noticed, and is waited for */
                pass(&w, planner_wakeup(&w.planner, w.now) - w.now.steady_ms);
            assert_true(answer(&w, "a", "x=250"));
            w.now.utc_ms += drifts[i] < 0 ? -1 : 0; /* noticed just behind it, perhaps */
            assert_string_equal(next_session(&w), "");
        }
        assert_int_equal(find(&w, "a")->dequeues, 21);
        tear_down(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schedule_replaces_the_interval),
        cmocka_unit_test(without_run_at_start_the_schedule_is_waited_for),
        cmocka_unit_test(a_schedule_is_in_local_time),
        cmocka_unit_test(a_host_has_its_own_schedule_or_interval),
        cmocka_unit_test(an_invalid_line_costs_the_others_nothing),
        cmocka_unit_test(every_counts_from_when_the_schedule_was_adopted),
        cmocka_unit_test(neither_requests_nor_retries_move_a_schedule),
        cmocka_unit_test(a_retry_that_meets_the_schedule_is_one_round_of_all),
        cmocka_unit_test(a_retry_that_meets_a_request_is_one_round_of_all),
        cmocka_unit_test(a_schedule_of_comments_is_none),
        cmocka_unit_test(a_schedule_follows_a_zone_that_changes),
        cmocka_unit_test(a_schedule_that_never_comes_leaves_requests_and_retries),
        cmocka_unit_test(a_changed_schedule_is_followed_and_what_was_due_stays_due),
        cmocka_unit_test(a_schedule_continues_after_disable_and_enable),
        cmocka_unit_test(a_schedule_follows_a_clock_that_is_set),
        cmocka_unit_test(a_clock_step_loses_nothing_that_was_due),
        cmocka_unit_test(a_drift_that_is_no_step_moves_no_schedule),
        cmocka_unit_test(clocks_that_drift_apart_neither_double_a_time_nor_lose_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
