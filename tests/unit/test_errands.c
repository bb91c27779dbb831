#include "planner.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- a host that is made ready first ---- */

static struct config *config;
static struct planner planner;
static struct moment now;

static void set(struct host_settings *host, const char *name, const char *const *words, size_t count)
{
    const struct setting *s = setting_find(SCOPE_HOST, name);
    struct value value;
    char buffer[200];
    struct text problem;
    text_begin(&problem, buffer, sizeof buffer);
    CHECK(setting_encode(s, words, count, &value, &problem), "%s: %s", name, buffer);
    assert_true(config_apply(config, host, s, ORIGIN_PARAMETERS, value.type, value.data, value.size, &problem));
    free(value.data);
}

#define SET(host, name, ...)                                                                                           \
    set(host, name, (const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__})))

static struct host_settings *plan(const char *domains_a, const char *domains_b)
{
    config = config_new();
    config->service.always_use_etrn = 1;
    config->service.minimum_gap_seconds = 0;
    struct host_settings *host = config_add_host(config, "mx");
    SET(host, "Domains", domains_a, domains_b);
    SET(host, "RunService", "Mail");
    return host;
}

static int set_up(void **state)
{
    (void)state;
    planner_init(&planner, 1985, NULL);
    now = (struct moment){.steady_ms = 300000, .utc_ms = 1700000000000};
    plan("a.example", "b.example");
    assert_true(planner_configure(&planner, config, TRIGGER_START, now));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    planner_free(&planner);
    config_release(config);
    return 0;
}

/* A new configuration in place of the old one. */
static void reconfigure(void (*change)(struct host_settings *host))
{
    struct config *old = config;
    struct host_settings *host = plan("a.example", "b.example");
    if (change)
        change(host);
    else {
        config_release(config);
        config = config_new();
        config->service.always_use_etrn = 1;
    }
    assert_true(planner_configure(&planner, config, TRIGGER_ENABLE, now));
    config_release(old);
}

static struct planned_host *preparing(void)
{
    struct assignment a;
    assert_true(planner_next(&planner, now, &a));
    assert_int_equal(a.node_count, 0);
    assert_string_equal(a.host->name, "mx");
    assert_int_equal(planner.sessions, 1);
    assert_false(planner_next(&planner, now, &a)); /* nobody is asked before */
    return a.host;
}

/* True when its dequeue has ended, and the host is still there. */
static bool ended(const struct planned_host *host)
{
    const struct planned_host *over = planner_take_ended(&planner);
    bool there = over && over->settings;
    assert_true(!over || over == host);
    assert_null(planner_take_ended(&planner));
    return there;
}

static bool prepared(struct planned_host *host, enum outcome failure)
{
    struct result result;
    result_set(&result, failure, 0, "why");
    planner_prepared(&planner, host, failure ? &result : NULL, now);
    return ended(host);
}

static void check_idle(const struct planned_host *host, size_t dequeues)
{
    assert_int_equal(planner.sessions, 0);
    assert_int_equal(host->dequeue.sessions, 0);
    assert_int_equal(host->dequeue.waiting, 0);
    assert_false(host->dequeue.active);
    assert_int_equal(host->dequeues, dequeues);
}

static void what_is_ready_is_asked(void **state)
{
    (void)state;
    struct planned_host *host = preparing();
    assert_false(prepared(host, OUTCOME_NONE)); /* the dequeue goes on */
    assert_int_equal(planner.sessions, 0);
    struct assignment a;
    assert_true(planner_next(&planner, now, &a));
    assert_int_equal(a.node_count, 2);
    struct result result;
    result_set(&result, OUTCOME_STARTED, 250, "250 OK");
    planner_node_done(&planner, host, "a.example", &result, now);
    planner_node_done(&planner, host, "b.example", &result, now);
    planner_session_done(&planner, host, now);
    assert_true(ended(host));
    check_idle(host, 1);
    assert_false(planner_next(&planner, now, &a));
    planner_trigger(&planner, NULL, TRIGGER_REQUEST, now); /* each dequeue is prepared anew */
    preparing();
}

static void a_failure_is_the_result_of_each_node_and_is_retried(void **state)
{
    (void)state;
    struct planned_host *host = preparing();
    assert_true(prepared(host, OUTCOME_NO_WAKE));
    check_idle(host, 1);
    for (size_t i = 0; i < host->node_count; i++) {
        assert_int_equal(host->nodes[i].result.outcome, OUTCOME_NO_WAKE);
        assert_string_equal(host->nodes[i].result.text, "why");
        assert_int_equal(host->nodes[i].edge, EDGE_FAILS);
        assert_int_equal(host->nodes[i].progress, NODE_IDLE);
    }
    enum trigger why;
    assert_in_range(planner_due(&planner, host, &why), now.steady_ms + 60000, now.steady_ms + 75000);
    assert_int_equal(why, TRIGGER_RETRY);
    now.steady_ms += 75000;
    now.utc_ms += 75000;
    assert_ptr_equal(preparing(), host);
    assert_true(prepared(host, OUTCOME_NO_SERVICE));
    assert_int_equal(host->nodes[0].edge, EDGE_NONE); /* it goes on failing */
}

static void with_fallback(struct host_settings *host)
{
    SET(host, "Fallback", "other.example", "third.example:2525");
}

static void no_fallback_is_asked_if_the_preparation_failed(void **state)
{
    (void)state;
    reconfigure(with_fallback);
    struct planned_host *host = preparing();
    assert_true(prepared(host, OUTCOME_NO_SERVICE));
    check_idle(host, 1);
    assert_int_equal(host->nodes[0].result_server, 0); /* nor named as the one that answered */
}

static void cancelled_is_no_result_and_comes_after(void **state)
{
    (void)state;
    struct assignment a;
    struct planned_host *host = preparing();
    planner_pause(&planner, true, now);
    assert_true(prepared(host, OUTCOME_CANCELLED));
    check_idle(host, 1);
    assert_int_equal(host->nodes[0].result.outcome, OUTCOME_NONE);
    assert_int_equal(host->nodes[0].edge, EDGE_NONE);
    assert_false(planner_next(&planner, now, &a));
    planner_pause(&planner, false, now);
    assert_ptr_equal(preparing(), host);
}

static void disable(struct host_settings *host)
{
    host->enabled = 0;
}

static void leave(struct host_settings *host)
{
    (void)host;
}

static void disabled_while_it_is_made_ready(void **state)
{
    (void)state;
    struct assignment a;
    struct planned_host *host = preparing();
    reconfigure(disable);
    assert_int_equal(planner.sessions, 1); /* the preparation ends by itself */
    assert_true(prepared(host, OUTCOME_CANCELLED));
    check_idle(host, 1);
    assert_false(planner_next(&planner, now, &a));
    reconfigure(leave);
    assert_ptr_equal(preparing(), host);
}

static void disabled_and_enabled_during_a_dequeue(void **state)
{
    (void)state;
    struct planned_host *host = preparing();
    reconfigure(disable);
    reconfigure(leave);
    assert_true(prepared(host, OUTCOME_NONE)); /* of this dequeue nothing is left */
    check_idle(host, 1);
    assert_ptr_equal(preparing(), host);
}

static void removed_while_it_is_made_ready(void **state)
{
    (void)state;
    struct assignment a;
    struct planned_host *host = preparing();
    reconfigure(NULL);
    assert_null(planner_find(&planner, "mx"));
    assert_false(prepared(host, OUTCOME_NONE)); /* and the host is gone */
    assert_int_equal(planner.roster.count, 0);
    assert_int_equal(planner.sessions, 0);
    assert_false(planner_next(&planner, now, &a));
}

static void another_node(struct host_settings *host)
{
    SET(host, "Domains", "b.example", "c.example");
}

static void nodes_that_change_during_a_dequeue(void **state)
{
    (void)state;
    struct assignment a;
    struct planned_host *host = preparing();
    reconfigure(another_node);
    assert_false(prepared(host, OUTCOME_NONE));
    assert_true(planner_next(&planner, now, &a));
    assert_int_equal(a.node_count, 1);
    assert_string_equal(host->nodes[a.nodes[0]].name, "b.example");
    planner_session_done(&planner, host, now);
    assert_true(ended(host));
    preparing(); /* c.example's own dequeue */
}

static void a_preparation_counts_as_a_session(void **state)
{
    (void)state;
    struct assignment a;
    config->service.max_connections = 1;
    struct planned_host *host = preparing();
    assert_int_equal(planner_wakeup(&planner, now), NEVER_MS);
    assert_false(prepared(host, OUTCOME_NONE));
    assert_true(planner_next(&planner, now, &a));
    assert_int_equal(a.node_count, 2);
}

static void without_errands_nothing_is_prepared(void **state)
{
    (void)state;
    struct assignment a;
    free(config->hosts[0].run_service);
    config->hosts[0].run_service = calloc(1, 1); /* "" is none, as NULL is */
    assert_true(planner_next(&planner, now, &a));
    assert_int_equal(a.node_count, 2);
}

static void check_batches(enum method method, const char *program, size_t nodes)
{
    struct assignment a;
    struct host_settings *host = &config->hosts[0];
    free(host->run_service);
    host->run_service = NULL;
    host->method = method;
    if (program)
        SET(host, "Program", program);
    assert_true(planner_next(&planner, now, &a));
    assert_int_equal(a.node_count, nodes);
}

static void finger_asks_for_one_node_a_connection(void **state)
{
    (void)state;
    check_batches(METHOD_FINGER, NULL, 1);
}

static void a_program_runs_once_for_all_nodes(void **state)
{
    (void)state;
    check_batches(METHOD_PROGRAM, "\"C:\\fetch.exe\" {host}", 2);
}

static void a_program_with_the_node_as_an_argument_runs_for_each(void **state)
{
    (void)state;
    check_batches(METHOD_PROGRAM, "\"C:\\fetch.exe\" {node}", 1);
}

/* ---- settings ---- */

static void what_settings_of_errands_allow(void **state)
{
    (void)state;
    const struct {
        const char *name, *value;
        bool fine;
    } rows[] = {
        {"Method", "etrn", true},
        {"Method", "FINGER", true},
        {"Method", "program", true},
        {"Method", "atrn", false},
        {"Method", "1", false},
        {"Program", "\"C:\\Program Files\\x y.exe\" {node} -v", true},
        {"Program", "\"c:\\x.exe\"", true},
        {"Program", "\"\\\\server\\share\\x.exe\"", true},
        {"Program", "\"%SystemRoot%\\System32\\finger.exe\" {node}@{host}", true},
        {"Program", "C:\\x.exe", false},
        {"Program", "C:\\Program Files\\x.exe", false},
        {"Program", "\"C:\\x.exe", false},
        {"Program", "\"x.exe\"", false},
        {"Program", "\"..\\x.exe\"", false},
        {"Program", "\"\\x.exe\"", false},
        {"Program", "\"C:x.exe\"", false},
        {"Program", "\"C:/x.exe\"", false},
        {"Program", "\"\"", false},
        {"Program", " \"C:\\x.exe\"", false},
        {"RunService", "Mail Server", true},
        {"RunService", "a/b", false},
        {"RunService", "a\\b", false},
        {"WakeHost", "192.0.2.1", true},
        {"WakeHost", "gate.example", true},
        {"WakeHost", "two words", false},
        {"WakeSeconds", "1", true},
        {"WakeSeconds", "0", false},
        {"WakeSeconds", "601", false},
        {"WakeRequired", "2", false},
        {"HoldSeconds", "0", true},
        {"HoldSeconds", "86401", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct value value = {0};
        char buffer[400];
        struct text problem;
        text_begin(&problem, buffer, sizeof buffer);
        bool fine = setting_encode(setting_find(SCOPE_HOST, rows[i].name), &rows[i].value, 1, &value, &problem);
        CHECK(fine == rows[i].fine, "%s %s: %s", rows[i].name, rows[i].value, buffer);
        CHECK(fine || *buffer, "%s %s: refused without a word", rows[i].name, rows[i].value);
        if (fine)
            free(value.data);
    }
}

#define PLANNED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLANNED(what_is_ready_is_asked),
        PLANNED(a_failure_is_the_result_of_each_node_and_is_retried),
        PLANNED(no_fallback_is_asked_if_the_preparation_failed),
        PLANNED(cancelled_is_no_result_and_comes_after),
        PLANNED(disabled_while_it_is_made_ready),
        PLANNED(disabled_and_enabled_during_a_dequeue),
        PLANNED(removed_while_it_is_made_ready),
        PLANNED(nodes_that_change_during_a_dequeue),
        PLANNED(a_preparation_counts_as_a_session),
        PLANNED(without_errands_nothing_is_prepared),
        PLANNED(finger_asks_for_one_node_a_connection),
        PLANNED(a_program_runs_once_for_all_nodes),
        PLANNED(a_program_with_the_node_as_an_argument_runs_for_each),
        cmocka_unit_test(what_settings_of_errands_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
