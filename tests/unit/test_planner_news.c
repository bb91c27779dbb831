#include "planner_world.h"
#include "health.h"

/* ---- news ---- */

static void only_edges_are_news(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    static const struct {
        const char *replies, *news;
    } rounds[] = {
        {"x=250", ""},        {"x=251", ""},        {"x=451", "x fails"},
        {"x=459", ""},        {"x=458", ""},        {"x=250", "x recovers"},
        {"x=253", ""},        {"x=459", "x fails"}, {"x=250", "x recovers"},
        {"x=458", ""},        {"x=458", ""},        {"x=250", ""},
        {"x=458", ""},        {"x=458", ""},        {"x=458", "x fails"},
        {"x=458", ""},        {"x=0", ""},          {"x=250", "x recovers"},
        {"x=458", ""},        {"x=458", ""},        {"x=0", ""},
        {"x=458", "x fails"},
    };
    set_up(&w);
    configure(&w, TRIGGER_START);
    for (size_t i = 0; i < COUNT(rounds); i++) {
        dequeue(&w, "a: x", "a", rounds[i].replies);
        CHECK(strcmp(news(&w, "a"), rounds[i].news) == 0, "round %zu: found \"%s\", expected \"%s\"", i, news(&w, "a"),
              rounds[i].news);
        pass(&w, SECOND);
        planner_trigger(&w.planner, NULL, TRIGGER_REQUEST, w.now);
    }
    tear_down(&w);
}

/* How often news of `text` came in `days` of rounds an interval of minutes apart, each with the same replies. */
static unsigned count_news(struct world *w, unsigned days, uint32_t minutes, const char *replies, const char *text)
{
    unsigned found = 0;
    int64_t end = w->now.steady_ms + days * DAY;
    while (w->now.steady_ms < end) {
        pass(w, (int64_t)minutes * MINUTE);
        planner_trigger(&w->planner, NULL, TRIGGER_REQUEST, w->now);
        next_session(w);
        assert_true(answer(w, "a", replies));
        found += strcmp(news(w, "a"), text) == 0;
    }
    return found;
}

static void a_continuing_failure_is_reported_once_a_day(void **state)
{
    (void)state;
    static const uint32_t intervals[] = {1, 15, 60, 6 * 60, 24 * 60};
    for (size_t i = 0; i < COUNT(intervals); i++) {
        struct world w = {.hosts = {{"a", "x"}}};
        set_up(&w);
        configure(&w, TRIGGER_START);
        dequeue(&w, "a: x", "a", "x=459");
        assert_string_equal(news(&w, "a"), "x fails");
        unsigned reminders = count_news(&w, 30, intervals[i], "x=459", "x still fails");
        CHECK(reminders >= 29 && reminders <= 30, "every %u minutes: %u reminders", intervals[i], reminders);
        assert_int_equal(count_news(&w, 2, intervals[i], "x=250", "x recovers"), 1);
        assert_int_equal(count_news(&w, 3, intervals[i], "x=250", ""), 3 * 24 * 60 / intervals[i]);
        tear_down(&w);
    }
}

static void a_reminder_minds_neither_seconds_nor_daylight_saving_nor_the_wall_clock(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=459");
    struct moment began = w.now;
    const int64_t rounds[] = {DAY - 10 * SECOND, 2 * DAY + 5 * SECOND, 3 * DAY - HOUR, 4 * DAY - HOUR, 5 * DAY};
    for (size_t i = 0; i < COUNT(rounds); i++) {
        pass(&w, rounds[i] - (w.now.steady_ms - began.steady_ms));
        w.now.utc_ms += YEAR; /* set while nobody looked */
        next_session(&w);
        answer(&w, "a", "x=459");
        CHECK(strcmp(news(&w, "a"), "x still fails") == 0, "round %zu", i);
    }
    assert_int_equal(find(&w, "a")->nodes[0].since.utc_ms, began.utc_ms);
    pass(&w, HOUR);
    next_session(&w);
    answer(&w, "a", "x=459");
    assert_string_equal(news(&w, "a"), ""); /* told an hour ago */
    tear_down(&w);
}

/* Ends a's dequeue with a result in words for each of its nodes. */
static void answer_in_words(struct world *w, const char *const *texts, const enum outcome *outcomes, const int *codes)
{
    struct planned_host *h = find(w, "a");
    for (size_t i = 0; i < h->node_count; i++) {
        struct result result;
        result_set(&result, outcomes[i], codes[i], texts[i]);
        planner_node_done(&w->planner, h, h->nodes[i].name, &result, w->now);
    }
    planner_session_done(&w->planner, h, w->now);
    assert_string_equal(ended(w), "a");
}

static void check_reported(struct world *w, size_t first, const char *names, const char *replies)
{
    char found[100], texts[100];
    struct text t;
    text_begin(&t, found, sizeof found);
    bool is_first = health_is_first(find(w, "a"), first);
    CHECK(is_first == (names != NULL), "node %zu: first %d", first, is_first);
    if (!names)
        return;
    health_add_names(&t, find(w, "a"), first);
    assert_string_equal(found, names);
    text_begin(&t, texts, sizeof texts);
    health_add_replies(&t, find(w, "a"), first);
    assert_string_equal(texts, replies);
}

static void nodes_of_the_same_outcome_and_code_share_news_whatever_the_text(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "v w x y z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    next_session(&w);
    answer_in_words(&w, (const char *const[]){"459 v no", "250 ok", "459 x no", "500 what", "459 v no"},
                    (const enum outcome[]){OUTCOME_NOT_ALLOWED, OUTCOME_STARTED, OUTCOME_NOT_ALLOWED, OUTCOME_REFUSED,
                                           OUTCOME_NOT_ALLOWED},
                    (const int[]){459, 250, 459, 500, 459});
    check_reported(&w, 0, "v, x, z", "459 v no | 459 x no");
    check_reported(&w, 2, NULL, NULL);
    check_reported(&w, 3, "y", "500 what");
    check_reported(&w, 4, NULL, NULL);
    pass(&w, DAY);
    next_session(&w);
    answer_in_words(
        &w, (const char *const[]){"502 no", "502 no", "502 no", "501 no", "250 ok"},
        (const enum outcome[]){OUTCOME_REFUSED, OUTCOME_REFUSED, OUTCOME_REFUSED, OUTCOME_REFUSED, OUTCOME_STARTED},
        (const int[]){502, 502, 502, 501, 250});
    assert_string_equal(news(&w, "a"), "v still fails, w fails, x still fails, y still fails, z recovers");
    check_reported(&w, 0, "v, x", "502 no"); /* since the same minute */
    check_reported(&w, 1, "w", "502 no");    /* an edge is no reminder */
    check_reported(&w, 3, "y", "501 no");    /* another code */
    tear_down(&w);
}

static void reminders_of_different_ages_are_separate(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y", "a", "x=459 y=250");
    pass(&w, 15 * MINUTE);
    dequeue(&w, "a: x y", "a", "x=459 y=459");
    pass(&w, DAY);
    dequeue(&w, "a: x y", "a", "x=459 y=459");
    assert_string_equal(news(&w, "a"), "x still fails, y still fails");
    check_reported(&w, 0, "x", "");
    check_reported(&w, 1, "y", "");
    tear_down(&w);
}

static void output_stays_with_its_result(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    next_session(&w);
    planner_node_said(&w.planner, find(&w, "a"), "x", "too early");
    planner_node_said(&w.planner, find(&w, "a"), "nobody", "no such node");
    assert_null(find(&w, "a")->nodes[0].output);
    answer(&w, "a", "x=459 y=250");
    planner_node_said(&w.planner, find(&w, "a"), "X", "one\ntwo\n");
    planner_node_said(&w.planner, find(&w, "a"), "x", "three\nfour\n");
    assert_string_equal(find(&w, "a")->nodes[0].output, "three\nfour\n");
    assert_null(find(&w, "a")->nodes[1].output);
    w.hosts[0].nodes = "z y x"; /* it goes along ... */
    configure(&w, TRIGGER_ENABLE);
    assert_string_equal(find(&w, "a")->nodes[2].output, "three\nfour\n");
    assert_null(find(&w, "a")->nodes[0].output);
    dequeue(&w, "a: z y x", "a", "x=250 y=250 z=250");
    assert_null(find(&w, "a")->nodes[2].output); /* ... and away with the next result */
    tear_down(&w);
}

static void each_node_has_its_own_news(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x y z"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x y z", "a", "x=459 y=250 z=550");
    assert_string_equal(news(&w, "a"), "x fails, z fails");
    int64_t since = w.now.steady_ms;
    pass(&w, 15 * MINUTE);
    dequeue(&w, "a: x y z", "a", "x=250 y=459 z=550");
    assert_string_equal(news(&w, "a"), "x recovers, y fails");
    assert_int_equal(find(&w, "a")->nodes[0].since.steady_ms, w.now.steady_ms);
    assert_int_equal(find(&w, "a")->nodes[2].since.steady_ms, since);
    assert_int_equal(find(&w, "a")->nodes[2].result_at.steady_ms, w.now.steady_ms);
    tear_down(&w);
}

static void a_dequeue_that_was_cancelled_taught_nothing_and_comes_after(void **state)
{
    (void)state;
    struct world w = {.hosts = {{"a", "x"}}};
    set_up(&w);
    configure(&w, TRIGGER_START);
    dequeue(&w, "a: x", "a", "x=0");
    assert_string_equal(news(&w, "a"), "");
    assert_int_equal(find(&w, "a")->nodes[0].result.outcome, OUTCOME_NONE);
    assert_string_equal(next_time(&w, "a"), "start in 0");
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_edges_are_news),
        cmocka_unit_test(a_continuing_failure_is_reported_once_a_day),
        cmocka_unit_test(a_reminder_minds_neither_seconds_nor_daylight_saving_nor_the_wall_clock),
        cmocka_unit_test(nodes_of_the_same_outcome_and_code_share_news_whatever_the_text),
        cmocka_unit_test(reminders_of_different_ages_are_separate),
        cmocka_unit_test(output_stays_with_its_result),
        cmocka_unit_test(each_node_has_its_own_news),
        cmocka_unit_test(a_dequeue_that_was_cancelled_taught_nothing_and_comes_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
