#include "node.h"
#include "planner_world.h"

#include <inttypes.h>

/* ---- fallback ---- */

static void after_passing_trouble_the_next_server_is_asked(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .fallback = "one|two"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x y");
    assert_false(answer(&w, "a", "x=451 y=421"));
    assert_string_equal(next_session(&w), "a 1: x y"); /* within the dequeue: no gap */
    assert_false(answer(&w, "a", "x=421 y=450"));
    assert_string_equal(next_session(&w), "a 2: x y");
    assert_true(answer(&w, "a", "x=250 y=251"));
    assert_string_equal(news(&w, "a"), "");
    assert_int_equal(find(&w, "a")->nodes[0].result_server, 2);
    assert_int_equal(find(&w, "a")->dequeues, 1);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900"); /* no retry */
    pass(&w, 15 * MINUTE);
    dequeue(&w, "a: x y", "a", "x=250 y=250"); /* the first is first again */
    assert_int_equal(find(&w, "a")->nodes[0].result_server, 0);
    tear_down(&w);
}

static void each_node_falls_back_separately(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "v w x y z", .fallback = "one|two"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: v w x y z");
    assert_false(answer(&w, "a", "v=250 w=451 x=459 y=458 z=421")); /* 458 is the host's own business, and 459 */
    assert_string_equal(next_session(&w), "a 1: w z");
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "w=451 z=550"));
    dequeue(&w, "a 2: w", "a", "w=458");
    assert_string_equal(news(&w, "a"), "x fails, z fails");
    static const size_t answered[] = {0, 2, 0, 0, 1};
    for (size_t i = 0; i < COUNT(answered); i++)
        assert_int_equal(find(&w, "a")->nodes[i].result_server, answered[i]);
    pass(&w, 75 * SECOND);
    dequeue(&w, "a: w y", "a", "w=250 y=250");
    tear_down(&w);
}

static void nodes_of_different_servers_do_not_share_a_session(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "v w x y", .etrns = 2, .connections = 2, .fallback = "one"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: v w");
    assert_false(answer(&w, "a", "v=451 w=250"));
    assert_string_equal(next_session(&w), "a 1: v");
    assert_string_equal(next_session(&w), "a: x y");
    assert_string_equal(next_session(&w), ""); /* ConnectionsPerHost counts them all */
    assert_false(answer(&w, "a", "x=421 y=421"));
    assert_string_equal(next_session(&w), "a 1: x y");
    assert_false(answer(&w, "a", "v=250"));
    assert_true(answer(&w, "a", "x=250 y=250"));
    tear_down(&w);
}

static void when_all_servers_are_dead_it_is_one_failure(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one|two"}}, .interval = 1440};
    set_up(&w);
    configure(&w, TRIGGER_START);
    for (uint32_t round = 0; round < 3; round++) {
        assert_string_equal(next_session(&w), "a: x");
        assert_false(answer(&w, "a", "x=451"));
        assert_string_equal(next_session(&w), "a 1: x");
        assert_false(answer(&w, "a", "x=451"));
        assert_string_equal(next_session(&w), "a 2: x");
        assert_true(answer(&w, "a", "x=421"));
        assert_string_equal(news(&w, "a"), round == 0 ? "x fails" : "");
        assert_int_equal(find(&w, "a")->nodes[0].result.code, 421); /* the last one's word */
        assert_int_equal(find(&w, "a")->failures, round + 1);
        int64_t least = 60 * SECOND << round;
        assert_in_range(find(&w, "a")->timetable.retry_at - w.now.steady_ms, least, least / 4 * 5);
        pass(&w, find(&w, "a")->timetable.retry_at - w.now.steady_ms);
    }
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    assert_string_equal(next_session(&w), "a 1: x");
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(news(&w, "a"), "x recovers");
    assert_int_equal(find(&w, "a")->failures, 0);
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void a_node_that_fails_permanently_elsewhere_is_not_asked_further(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one|two"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=550");
    assert_string_equal(news(&w, "a"), "x fails");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    pass(&w, 15 * MINUTE);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=421"));
    dequeue(&w, "a 1: x", "a", "x=459");
    assert_string_equal(news(&w, "a"), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900"); /* permanent: the retry of before is off */
    tear_down(&w);
}

static void servers_taken_away_in_the_midst_leave_the_host_itself(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one|two"}}};
    char address[NODE_LIMIT + 1];
    uint16_t port;
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    assert_string_equal(next_session(&w), "a 1: x");
    assert_false(answer(&w, "a", "x=451"));
    w.hosts[0].fallback = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "a 2: x");
    host_server(find(&w, "a")->settings, 2, address, sizeof address, &port);
    assert_string_equal(address, "a");
    assert_true(answer(&w, "a", "x=451")); /* and that was the last */
    assert_string_equal(news(&w, "a"), "x fails");
    pass(&w, 75 * SECOND);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].fallback = "one"; /* added while the host is asked: it counts at once */
    configure(&w, TRIGGER_ENABLE);
    assert_false(answer(&w, "a", "x=451"));
    dequeue(&w, "a 1: x", "a", "x=250");
    assert_string_equal(news(&w, "a"), "x recovers");
    tear_down(&w);
}

static void disabled_or_removed_in_the_midst_no_other_server_is_asked(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one"}, {"b", "y", .fallback = "one"}, {"c", "z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), "b: y");
    dequeue(&w, "c: z", "c", "z=250");
    w.hosts[0].disabled = true;
    w.hosts[1].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_true(answer(&w, "a", "x=451"));
    assert_string_equal(news(&w, "a"), "x fails");
    assert_false(answer(&w, "b", "y=451"));
    assert_int_equal(w.planner.roster.count, 2);
    assert_string_equal(next_session(&w), "");
    w.hosts[0].disabled = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    w.hosts[0].disabled = true; /* between two servers */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "a");
    assert_string_equal(next_session(&w), "");
    assert_false(find(&w, "a")->dequeue.active);
    tear_down(&w);
}

static void paused_no_other_server_is_asked_and_nothing_is_news(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .fallback = "one"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    planner_pause(&w.planner, true, w.now); /* between two servers */
    assert_string_equal(ended(&w), "a");
    assert_string_equal(news(&w, "a"), "");
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_session(&w), "a: x");
    planner_pause(&w.planner, true, w.now); /* before the first has answered */
    assert_true(answer(&w, "a", "x=451"));
    assert_string_equal(news(&w, "a"), "");
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    assert_string_equal(next_session(&w), "a 1: x");
    planner_pause(&w.planner, true, w.now);
    assert_true(answer(&w, "a", "x=0")); /* that session was cancelled */
    assert_string_equal(news(&w, "a"), "");
    planner_pause(&w.planner, false, w.now);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(news(&w, "a"), "");
    tear_down(&w);
}

static void a_retry_that_was_paused_is_still_a_retry(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "a: y");
    assert_false(answer(&w, "a", "y=451"));
    dequeue(&w, "a: z", "a", "z=451");
    pass(&w, 75 * SECOND);
    assert_string_equal(next_session(&w), "a: y");
    planner_pause(&w.planner, true, w.now);
    assert_true(answer(&w, "a", "y=0"));
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_time(&w, "a"), "retry in 0");
    assert_string_equal(next_session(&w), "a: y");
    assert_false(answer(&w, "a", "y=250"));
    dequeue(&w, "a: z", "a", "z=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

/* ---- retries ---- */

static void only_what_may_succeed_is_asked_again(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "good none busy denied passing"}}, .interval = 1440};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: good none busy denied passing", "a", "good=250 none=251 busy=458 denied=459 passing=451");
    pass(&w, 59 * SECOND);
    assert_string_equal(next_session(&w), "");
    pass(&w, 16 * SECOND);
    dequeue(&w, "a: busy passing", "a", "busy=250 passing=451");
    pass(&w, 150 * SECOND);
    dequeue(&w, "a: passing", "a", "passing=550"); /* permanent: not again */
    pass(&w, 10 * MINUTE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(news(&w, "a"), "");
    pass(&w, DAY);
    assert_string_equal(next_session(&w), "a: good none busy denied passing");
    tear_down(&w);
}

static void retries_double_up_to_the_interval(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .interval = 10, .retry = 60};
    set_up(&w);
    for (uint64_t seed = 0; seed < 50; seed++) {
        planner_free(&w.planner);
        planner_init(&w.planner, seed, &w.zone);
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=451");
        static const int64_t least[] = {60, 120, 240, 480, 600, 600};
        for (size_t i = 0; i < COUNT(least); i++) {
            struct planned_host *h = find(&w, "a");
            int64_t delay = h->timetable.retry_at - w.now.steady_ms;
            int64_t most = least[i] * 1250 < 600 * SECOND ? least[i] * 1250 : 600 * SECOND;
            CHECK(delay >= least[i] * SECOND && delay <= most, "retry %zu after %" PRId64 " ms", i + 1, delay);
            pass(&w, delay);
            assert_string_equal(next_session(&w), "a: x");
            assert_true(answer(&w, "a", "x=451"));
        }
        pass(&w, 10 * MINUTE);
        dequeue(&w, "a: x", "a", "x=250");
        assert_int_equal(find(&w, "a")->timetable.retry_at, NEVER_MS);
        pass(&w, 10 * MINUTE);
        dequeue(&w, "a: x", "a", "x=451"); /* and begin anew after a success */
        assert_in_range(find(&w, "a")->timetable.retry_at - w.now.steady_ms, 60 * SECOND, 75 * SECOND);
    }
    tear_down(&w);
}

static void the_jitter_differs_from_machine_to_machine(void **state)
{
    (void)state;
    int64_t at[2];
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct world w = {.hosts = {{"a", "x"}}, .interval = 1440, .retry = 3600};
        set_up(&w);
        planner_init(&w.planner, seed, &w.zone);
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=451");
        at[seed] = find(&w, "a")->timetable.retry_at;
        tear_down(&w);
    }
    assert_int_not_equal(at[0], at[1]);
}

static void a_retry_longer_than_the_interval_is_not_needed(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .interval = 1, .retry = 86400};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    assert_string_equal(next_time(&w, "a"), "interval in 60");
    tear_down(&w);
}

static void a_node_taken_away_takes_its_retry_along(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=250 y=451");
    w.hosts[0].nodes = "x";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    pass(&w, HOUR); /* asleep: what was due is asked in one go */
    dequeue(&w, "a: x", "a", "x=250");
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_passing_trouble_the_next_server_is_asked),
        cmocka_unit_test(each_node_falls_back_separately),
        cmocka_unit_test(nodes_of_different_servers_do_not_share_a_session),
        cmocka_unit_test(when_all_servers_are_dead_it_is_one_failure),
        cmocka_unit_test(a_node_that_fails_permanently_elsewhere_is_not_asked_further),
        cmocka_unit_test(servers_taken_away_in_the_midst_leave_the_host_itself),
        cmocka_unit_test(disabled_or_removed_in_the_midst_no_other_server_is_asked),
        cmocka_unit_test(paused_no_other_server_is_asked_and_nothing_is_news),
        cmocka_unit_test(a_retry_that_was_paused_is_still_a_retry),
        cmocka_unit_test(only_what_may_succeed_is_asked_again),
        cmocka_unit_test(retries_double_up_to_the_interval),
        cmocka_unit_test(the_jitter_differs_from_machine_to_machine),
        cmocka_unit_test(a_retry_longer_than_the_interval_is_not_needed),
        cmocka_unit_test(a_node_taken_away_takes_its_retry_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
