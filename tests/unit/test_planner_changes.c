#include "planner_world.h"

/* ---- a configuration that changes in the midst ---- */

static void disabled_while_busy_the_sessions_end_and_nothing_follows(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z", .etrns = 1, .connections = 2}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), "a: y");
    w.off = true;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_false(answer(&w, "a", "x=451"));
    assert_true(answer(&w, "a", "y=0"));
    assert_string_equal(news(&w, "a"), "x fails");
    assert_string_equal(next_time(&w, "a"), "never");
    pass(&w, SECOND);
    w.off = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_time(&w, "a"), "enable in 29");
    tear_down(&w);
}

static void disabled_and_enabled_while_busy_it_is_asked_afterwards(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    w.hosts[0].disabled = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "enable in 30");
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "a: x");
    tear_down(&w);
}

/* Between two sessions of one dequeue none is open: what ends it there is still a dequeue of a moment ago. */
static void disabled_between_two_sessions_the_gap_is_kept(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=459"));
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "a");
    assert_string_equal(news(&w, "a"), "x fails");
    w.hosts[0].disabled = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "enable in 30");
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=459"));
    dequeue(&w, "a: y", "a", "y=250");
    assert_string_equal(news(&w, "a"), ""); /* it still fails */
    tear_down(&w);
}

static void nodes_taken_away_between_two_sessions_end_the_dequeue(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    w.hosts[0].nodes = "x";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "a");
    assert_string_equal(news(&w, "a"), "x fails");
    assert_string_equal(next_session(&w), "");
    assert_in_range(find(&w, "a")->timetable.retry_at - w.now.steady_ms, 60 * SECOND, 75 * SECOND);
    pass(&w, 75 * SECOND);
    dequeue(&w, "a: x", "a", "x=451");
    assert_string_equal(news(&w, "a"), "");
    tear_down(&w);
}

/* With MaxConnections 1 and a mute host that has the connection, a's dequeue is under way with no session open. */
static void under_way_without_a_session(struct world *w)
{
    *w = (struct world){.hosts = {{"a", "x y", .etrns = 1}, {"b", "z"}}, .maximum = 1};
    set_up(w);
    configure(w, TRIGGER_START);
    assert_string_equal(next_session(w), "a: x");
    assert_false(answer(w, "a", "x=250"));
    assert_string_equal(next_session(w), "b: z");
    assert_string_equal(next_session(w), "");
    assert_true(find(w, "a")->dequeue.active);
}

static void an_end_that_the_configuration_brings_is_handed_out_once(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct world w;
        under_way_without_a_session(&w);
        w.hosts[0].disabled = way == 0;
        w.hosts[0].nodes = way == 1 ? "x" : "x y";
        w.off = way == 2;
        w.hosts[0].name = way == 3 ? NULL : "a";
        configure(&w, TRIGGER_ENABLE);
        assert_string_equal(ended(&w), way == 3 ? "a gone" : "a");
        assert_string_equal(ended(&w), "");
        assert_int_equal(w.planner.roster.count, way == 3 ? 1 : 2);
        configure(&w, TRIGGER_ENABLE);
        assert_string_equal(ended(&w), "");
        assert_true(answer(&w, "b", "z=250"));
        tear_down(&w);
    }
}

static void an_end_that_a_pause_brings_is_handed_out_once(void **state)
{
    (void)state;
    struct world w;
    under_way_without_a_session(&w);
    planner_pause(&w.planner, true, w.now);
    assert_string_equal(ended(&w), "a");
    planner_pause(&w.planner, true, w.now);
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "");
    assert_true(answer(&w, "b", "z=0"));
    planner_pause(&w.planner, false, w.now);
    dequeue(&w, "b: z", "b", "z=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

/* Nobody looks for it at once. */
static void an_end_is_not_lost_whatever_follows(void **state)
{
    (void)state;
    struct world w;
    under_way_without_a_session(&w);
    w.hosts[0].disabled = true;
    configure(&w, TRIGGER_ENABLE);
    planner_session_done(&w.planner, find(&w, "b"), w.now);
    w.hosts[0].disabled = false;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), ""); /* no other dequeue before */
    w.hosts[0].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    w.hosts[0].name = "A"; /* and it comes back as another */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(ended(&w), "a gone, b");
    assert_string_equal(next_session(&w), "A: x");
    w.hosts[0].name = w.hosts[1].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    planner_session_done(&w.planner, find(&w, "A"), w.now);
    assert_int_equal(w.planner.roster.count, 0);
    tear_down(&w); /* frees what nobody looked for */
}

static void a_host_removed_while_busy_goes_with_its_last_session(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1}, {"b", "z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_string_equal(next_session(&w), "b: z");
    assert_string_equal(next_session(&w), "a: y");
    w.hosts[0].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_null(planner_find(&w.planner, "a"));
    assert_non_null(planner_find(&w.planner, "B"));
    planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "never");
    assert_false(answer(&w, "a", "x=250"));
    assert_int_equal(w.planner.roster.count, 2);
    assert_false(answer(&w, "a", "y=451"));
    assert_int_equal(w.planner.roster.count, 1);
    assert_int_equal(w.planner.sessions, 1);
    assert_true(answer(&w, "b", "z=250"));
    tear_down(&w);
}

/* What a session asks for stays readable when the planner follows another configuration: the sanitizer sees to it. */
static void what_was_handed_out_stays_while_its_configuration_is_held(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .fallback = "f"}}};
    struct assignment a;
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_true(planner_next(&w.planner, w.now, &a));
    const struct config *held = config_hold(a.host->config);
    const struct host_settings *settings = a.host->settings;
    const char *node = a.host->nodes[a.nodes[1]].name;
    assert_ptr_equal(held, w.config);
    w.hosts[0] = (struct host_plan){"a", "z"};
    configure(&w, TRIGGER_ENABLE);
    assert_ptr_equal(a.host->config, w.config);
    assert_int_equal(held->holders, 1);
    assert_string_equal(node, "y");
    assert_string_equal(settings->fallback.items[0], "f");
    config_release(held);
    tear_down(&w);
}

static void a_host_removed_while_idle_goes_at_once(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}, {"b", "y"}, {"c", "z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    w.hosts[1].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_int_equal(w.planner.roster.count, 2);
    dequeue(&w, "a: x", "a", "x=250");
    dequeue(&w, "c: z", "c", "z=250");
    assert_string_equal(next_session(&w), "");
    w.hosts[0].name = w.hosts[2].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_int_equal(seconds_to_wakeup(&w), -1);
    tear_down(&w);
}

static void a_host_removed_and_added_while_busy_is_still_one(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}, .gap = 30};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].name = NULL;
    configure(&w, TRIGGER_ENABLE);
    w.hosts[0] = (struct host_plan){.name = "A", .nodes = "x new"};
    configure(&w, TRIGGER_ENABLE);
    assert_int_equal(w.planner.roster.count, 1);
    assert_string_equal(next_session(&w), "");
    assert_true(answer(&w, "a", "x=250"));
    assert_string_equal(next_session(&w), "");
    pass(&w, 30 * SECOND);
    assert_string_equal(next_session(&w), "a: x new");
    tear_down(&w);
}

static void nodes_added_while_busy_are_asked_afterwards(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].nodes = "new x";
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(next_session(&w), "");
    assert_true(answer(&w, "a", "x=250")); /* it has moved, and its result finds it */
    assert_int_equal(find(&w, "a")->nodes[1].result.code, 250);
    dequeue(&w, "a: new x", "a", "x=250 new=250");
    assert_string_equal(next_session(&w), "");
    tear_down(&w);
}

static void nodes_taken_away_while_busy_are_passed_over(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    w.hosts[0].nodes = "z";
    configure(&w, TRIGGER_ENABLE);
    assert_false(answer(&w, "a", "x=451"));
    dequeue(&w, "a: z", "a", "z=250");
    assert_string_equal(next_time(&w, "a"), "interval in 900");
    tear_down(&w);
}

/* The pause has the retry begin later, for both nodes; then one is taken away, and the other needs none any more. */
static void a_retry_is_dropped_when_nobody_needs_it(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}, .retry = 60};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=451"));
    dequeue(&w, "a: y", "a", "y=451");
    pass(&w, 2 * MINUTE);
    assert_string_equal(next_session(&w), "a: x");
    planner_pause(&w.planner, true, w.now);
    w.hosts[0].nodes = "x";
    configure(&w, TRIGGER_ENABLE);
    assert_true(answer(&w, "a", "x=250"));
    planner_pause(&w.planner, false, w.now);
    assert_string_equal(next_session(&w), "");
    assert_string_equal(next_time(&w, "a"), "interval in 780");
    tear_down(&w);
}

static void a_result_for_a_node_that_is_not_out_is_passed_over(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y", .etrns = 1, .connections = 1}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    assert_string_equal(next_session(&w), "a: x");
    assert_false(answer(&w, "a", "x=250 y=459 nobody=459 x=459"));
    assert_int_equal(find(&w, "a")->nodes[0].result.code, 250);
    assert_int_equal(find(&w, "a")->nodes[1].result.outcome, OUTCOME_NONE);
    dequeue(&w, "a: y", "a", "y=250");
    assert_string_equal(news(&w, "a"), "");
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disabled_while_busy_the_sessions_end_and_nothing_follows),
        cmocka_unit_test(disabled_and_enabled_while_busy_it_is_asked_afterwards),
        cmocka_unit_test(disabled_between_two_sessions_the_gap_is_kept),
        cmocka_unit_test(nodes_taken_away_between_two_sessions_end_the_dequeue),
        cmocka_unit_test(an_end_that_the_configuration_brings_is_handed_out_once),
        cmocka_unit_test(an_end_that_a_pause_brings_is_handed_out_once),
        cmocka_unit_test(an_end_is_not_lost_whatever_follows),
        cmocka_unit_test(a_host_removed_while_busy_goes_with_its_last_session),
        cmocka_unit_test(what_was_handed_out_stays_while_its_configuration_is_held),
        cmocka_unit_test(a_host_removed_while_idle_goes_at_once),
        cmocka_unit_test(a_host_removed_and_added_while_busy_is_still_one),
        cmocka_unit_test(nodes_added_while_busy_are_asked_afterwards),
        cmocka_unit_test(nodes_taken_away_while_busy_are_passed_over),
        cmocka_unit_test(a_retry_is_dropped_when_nobody_needs_it),
        cmocka_unit_test(a_result_for_a_node_that_is_not_out_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
