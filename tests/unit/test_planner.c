#include "planner_world.h"

/* ---- when ---- */

static void hosts_are_asked_at_the_start_and_then_every_interval(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}, {"b", "z", .interval = 60}}};
    set_up(&w);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    configure(&w, TRIGGER_START);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now); /* the first reason stands */
    assert_string_equal(next_time(&w, "a"), "start in 0");
    assert_int_equal(seconds_to_wakeup(&w), 0);
    dequeue(&w, "a: x y", "a", "x=250 y=251");
    dequeue(&w, "b: z", "b", "z=253");
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    assert_string_equal(next_time(&w, "b"), "interval in 3600");
    assert_int_equal(seconds_to_wakeup(&w), 900);
    pass(&w, 15 * MINUTE - 1);
    assert_string_equal(next_session(&w), "");
    pass(&w, 1);
    dequeue(&w, "a: x y", "a", "x=250 y=251");
    assert_string_equal(next_session(&w), "");
    assert_int_equal(find(&w, "a")->dequeues, 2);
    tear_down(&w);
}

static void without_run_at_start_the_first_interval_is_waited_for(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .not_at_start = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    w.hosts[1] = (struct host_plan){.name = "b", .nodes = "y"};
    configure(&w, TRIGGER_ENABLE); /* only the start is left out */
    dequeue(&w, "b: y", "b", "y=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void what_is_off_is_not_asked(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y", .disabled = true}, {"c", ""}}, .off = true};
    set_up(&w);
    configure(&w, TRIGGER_START);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "never");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    w.off = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "enable in 0");
    assert_string_equal(next_time(&w, "b"), "never");
    assert_string_equal(next_time(&w, "c"), "never");
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    w.hosts[1].disabled = false;
    w.hosts[2].nodes = "z";
    configure(&w, TRIGGER_ENABLE);
    dequeue(&w, "b: y", "b", "y=250");
    dequeue(&w, "c: z", "c", "z=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void an_unchanged_configuration_starts_nothing(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=250 y=459");
    pass(&w, MINUTE);
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 840");
    w.hosts[0].nodes = "x Y"; /* another case: the same nodes, to be sent as written */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(find(&w, "a")->nodes[1].name, "Y");
    w.hosts[0].nodes = "Y X"; /* and another order */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(find(&w, "a")->nodes[0].result.code, 459);
    assert_string_equal(find(&w, "a")->nodes[0].name, "Y");
    tear_down(&w);
}

static void a_request_is_met_at_once_but_for_the_gap(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    dequeue(&w, "b: y", "b", "y=250");
    pass(&w, 10 * SECOND);
    planner_trigger(&w.planner, find(&w, "a"), TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "request in 20");
    assert_string_equal(next_time(&w, "b"), "interval in 890");
    assert_int_equal(seconds_to_wakeup(&w), 20);
    pass(&w, 20 * SECOND - 1);
    assert_string_equal(next_session(&w), "");
    pass(&w, 1);
    dequeue(&w, "a: x", "a", "x=250");
    pass(&w, MINUTE);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    dequeue(&w, "b: y", "b", "y=250"); /* hosts take turns, and the last was a */
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900"); /* everything was asked: the interval begins anew */
    tear_down(&w);
}

static void a_request_while_busy_comes_after(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    pass(&w, MINUTE);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    assert_true(answer(&w, "a", "x=250"));
    assert_int_equal(find(&w, "a")->requests, 2);
    assert_int_equal(find(&w, "a")->requests_answered, 0); /* what has ended began before them */
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "request in 30");
    pass(&w, 30 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    assert_int_equal(find(&w, "a")->requests_answered, 2);
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

/* Who waits for a request is not to take the results of an earlier dequeue for its answer. */
static void a_request_whose_dequeue_is_cut_short_is_answered_by_the_next(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "a: x");
    planner_pause(&w.planner, true, w.now); /* y waits for its session */
    assert_true(answer(&w, "a", "x=250"));
    assert_int_equal(find(&w, "a")->requests_answered, 0);
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=0"));
    assert_string_equal(next_session(&w), "a: y");
    assert_true(answer(&w, "a", "y=250"));
    assert_int_equal(find(&w, "a")->requests_answered, 0);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "a: y");
    w.off = true;
    configure(&w, TRIGGER_ENABLE);
    assert_true(answer(&w, "a", "y=0"));
    assert_int_equal(find(&w, "a")->requests_answered, 0);
    w.off = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=250"));
    dequeue(&w, "a: y", "a", "y=250");
    assert_int_equal(find(&w, "a")->requests_answered, 1);
    tear_down(&w);
}

static void switched_off_a_dequeue_answers_a_request_when_all_were_asked(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "a: x");
    w.off = true; /* y is never asked */
    configure(&w, TRIGGER_ENABLE);
    assert_true(answer(&w, "a", "x=250"));
    assert_int_equal(find(&w, "a")->requests_answered, 0);
    w.off = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "a: y");
    w.off = true; /* when both have been asked already */
    configure(&w, TRIGGER_ENABLE);
    assert_true(answer(&w, "a", "y=250"));
    assert_int_equal(find(&w, "a")->requests_answered, 1);
    tear_down(&w);
}

static void a_round_longer_than_its_interval_does_not_overlap(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .interval = 1}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    for (int i = 0; i < 10; i++) {
        pass(&w, MINUTE);
        assert_string_equal(next_session(&w), "");
    }
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_time(&w, "a"), "interval in 30");
    tear_down(&w);
}

static void a_changed_interval_counts_from_the_last_round(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    pass(&w, 5 * MINUTE);
    w.interval = 60;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 3300");
    w.hosts[0].interval = 10;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "interval in 300");
    w.hosts[0].interval = 1; /* so it should have been asked already */
    configure(&w, TRIGGER_ENABLE);
    assert_int_equal(seconds_to_wakeup(&w), 0);
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_time(&w, "a"), "interval in 60");
    tear_down(&w);
}

static void the_wall_clock_moves_nothing_and_a_suspend_is_one_round(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    const int64_t steps[] = {HOUR, -HOUR, 10 * YEAR, -10 * YEAR};
    for (size_t i = 0; i < COUNT(steps); i++) {
        w.now.utc_ms += steps[i];
        assert_string_equal(next_session(&w), "");
        assert_int_equal(seconds_to_wakeup(&w), 900);
    }
    pass(&w, 50 * DAY); /* beyond what 32 bits of milliseconds hold */
    dequeue(&w, "a: x", "a", "x=250");
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    assert_int_equal(find(&w, "a")->dequeue.ended.utc_ms, w.now.utc_ms);
    tear_down(&w);
}

static void paused_means_later(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    planner_pause(&w.planner, true, w.now);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    planner_pause(&w.planner, false, w.now);
    assert_int_equal(seconds_to_wakeup(&w), 0);
    assert_string_equal(next_session(&w), "a: x");
    planner_pause(&w.planner, true, w.now); /* in the midst of a dequeue: it ends with the session */
    assert_string_equal(ended(&w), "");
    assert_true(answer(&w, "a", "x=250"));
    pass(&w, 10 * MINUTE);
    assert_string_equal(next_session(&w), "");
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_session(&w), "a: x"); /* what it did not ask is due now, and with it all */
    assert_false(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "a: y");
    assert_false(answer(&w, "a", "y=250"));
    dequeue(&w, "a: z", "a", "z=250");
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

/* ---- held ---- */

static void while_held_no_dequeue_begins_and_active_ones_continue(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1, .fallback = "one"}, {"b", "z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    planner_hold(&w.planner, true);
    assert_int_equal(seconds_to_wakeup(&w), -1);
    assert_false(answer(&w, "a", "x=451"));
    assert_string_equal(next_session(&w), "a 1: x");
    assert_false(answer(&w, "a", "x=250"));
    dequeue(&w, "a: y", "a", "y=250");
    assert_string_equal(next_session(&w), "");
    pass(&w, DAY);
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "b"), "start in -86400");
    planner_hold(&w.planner, false);
    assert_int_equal(seconds_to_wakeup(&w), 0);
    dequeue(&w, "b: z", "b", "z=250");
    assert_string_equal(next_session(&w), "a: x");
    tear_down(&w);
}

static void the_network_and_resuming_start_rounds(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=250");
    planner_trigger(&w.planner, NULL, TRIGGER_RESUME, w.now);
    planner_trigger(&w.planner, NULL, TRIGGER_NETWORK, w.now);
    assert_string_equal(next_time(&w, "a"), "resume in 30"); /* the first reason stands, and the gap */
    pass(&w, 30 * SECOND);
    dequeue(&w, "a: x", "a", "x=250");
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "");
    planner_trigger(&w.planner, NULL, TRIGGER_NETWORK, w.now);
    assert_string_equal(next_time(&w, "a"), "network in 0");
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    planner_trigger(&w.planner, NULL, TRIGGER_NETWORK, w.now);
    assert_string_equal(next_time(&w, "a"), "never");
    tear_down(&w);
}

/* ---- sessions ---- */

static void nodes_are_spread_evenly_over_few_sessions(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: n1 n2 n3 n4 n5 n6");
    assert_string_equal(next_session(&w), "a: n7 n8 n9 n10 n11 n12");
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "n7=250 n8=250 n9=250 n10=250 n11=250 n12=250"));
    assert_true(answer(&w, "a", "n1=250 n2=250 n3=250 n4=250 n5=250 n6=250"));
    w.hosts[0].nodes = "n1 n2 n3 n4 n5 n6 n7 n8";
    w.hosts[0].etrns = 3;
    configure(&w, TRIGGER_ENABLE);
    pass(&w, 15 * MINUTE);
    assert_string_equal(next_session(&w), "a: n1 n2 n3");
    assert_string_equal(next_session(&w), "a: n4 n5 n6");
    assert_string_equal(next_session(&w), "a: n7 n8");
    tear_down(&w);
}

/* A program is given all nodes, however many: more than EtrnsPerConnection can be. */
static void a_session_has_a_hundred_nodes_at_most(void **state)
{
    (void)state;
    char nodes[101 * 3];
    struct assignment a;
    for (size_t i = 0; i < 101; i++) {
        nodes[3 * i] = (char)('a' + i / 26);
        nodes[3 * i + 1] = (char)('a' + i % 26);
        nodes[3 * i + 2] = i < 100 ? ' ' : '\0';
    }
    struct world w = {.hosts = {{"a", nodes, .etrns = 1000}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_int_equal(find(&w, "a")->node_count, 101);
    assert_true(planner_next(&w.planner, w.now, &a));
    assert_int_equal(a.node_count, 100);
    assert_true(planner_next(&w.planner, w.now, &a));
    assert_int_equal(a.node_count, 1);
    assert_false(planner_next(&w.planner, w.now, &a));
    tear_down(&w);
}

static void the_sessions_of_a_host_are_limited(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "n1 n2 n3", .etrns = 1, .connections = 2}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: n1");
    assert_string_equal(next_session(&w), "a: n2");
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "n1=250"));
    assert_string_equal(next_session(&w), "a: n3");
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "n3=250"));
    assert_true(answer(&w, "a", "n2=250"));
    tear_down(&w);
}

static void the_sessions_of_all_hosts_are_limited(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y"}, {"c", "z"}}, .maximum = 2};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), "b: y");
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1); /* the end of a session comes first */
    assert_true(answer(&w, "b", "y=250"));
    assert_int_equal(seconds_to_wakeup(&w), 0);
    assert_string_equal(next_session(&w), "c: z");
    tear_down(&w);
}

static void a_host_that_is_always_due_does_not_shut_out_the_others(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x", .interval = 1}, {"b", "y"}}, .maximum = 1};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    pass(&w, 2 * MINUTE); /* so it is due again at its end */
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "b: y");
    tear_down(&w);
}

static void hosts_that_failed_share_half_of_the_sessions(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "x y", .etrns = 1}, {"c", "z"}}, .maximum = 2, .retry = 60};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    assert_string_equal(next_session(&w), "b: x");
    assert_string_equal(next_session(&w), "c: z");
    assert_true(answer(&w, "c", "z=250"));
    assert_string_equal(next_session(&w), "b: y");
    assert_false(answer(&w, "b", "x=451"));
    assert_true(answer(&w, "b", "y=451"));
    pass(&w, 2 * MINUTE);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), ""); /* b waits, though there is room */
    assert_false(find(&w, "b")->dequeue.active);
    assert_int_equal(seconds_to_wakeup(&w), 13 * 60); /* c's interval: b comes after a, whenever that is */
    planner_trigger(&w.planner, find(&w, "c"), TRIGGER_REQUEST, w.now);
    dequeue(&w, "c: z", "c", "z=250");
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "b: x");
    assert_string_equal(next_session(&w), "");
    planner_trigger(&w.planner, find(&w, "a"), TRIGGER_REQUEST, w.now); /* it is well again: it needs no share */
    dequeue(&w, "a: x", "a", "x=250");
    assert_false(answer(&w, "b", "x=250"));
    dequeue(&w, "b: y", "b", "y=250");
    tear_down(&w);
}

static void the_only_session_is_a_failed_host_s_too(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .maximum = 1, .retry = 60};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=451");
    pass(&w, 2 * MINUTE);
    dequeue(&w, "a: x", "a", "x=250");
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_asked_at_the_start_and_then_every_interval),
        cmocka_unit_test(without_run_at_start_the_first_interval_is_waited_for),
        cmocka_unit_test(what_is_off_is_not_asked),
        cmocka_unit_test(an_unchanged_configuration_starts_nothing),
        cmocka_unit_test(a_request_is_met_at_once_but_for_the_gap),
        cmocka_unit_test(a_request_while_busy_comes_after),
        cmocka_unit_test(a_request_whose_dequeue_is_cut_short_is_answered_by_the_next),
        cmocka_unit_test(switched_off_a_dequeue_answers_a_request_when_all_were_asked),
        cmocka_unit_test(a_round_longer_than_its_interval_does_not_overlap),
        cmocka_unit_test(a_changed_interval_counts_from_the_last_round),
        cmocka_unit_test(the_wall_clock_moves_nothing_and_a_suspend_is_one_round),
        cmocka_unit_test(paused_means_later),
        cmocka_unit_test(while_held_no_dequeue_begins_and_active_ones_continue),
        cmocka_unit_test(the_network_and_resuming_start_rounds),
        cmocka_unit_test(nodes_are_spread_evenly_over_few_sessions),
        cmocka_unit_test(a_session_has_a_hundred_nodes_at_most),
        cmocka_unit_test(the_sessions_of_a_host_are_limited),
        cmocka_unit_test(the_sessions_of_all_hosts_are_limited),
        cmocka_unit_test(a_host_that_is_always_due_does_not_shut_out_the_others),
        cmocka_unit_test(hosts_that_failed_share_half_of_the_sessions),
        cmocka_unit_test(the_only_session_is_a_failed_host_s_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
