/* The conversation with a finger server. */
#include "session.h"
#include "unit.h"

struct talk {
    struct session session;
    struct session_params params;
    const char *node;
    struct result result;
    struct result ending;
    size_t results, ends;
};

static void watch(void *owner, const struct session_event *event)
{
    struct talk *t = owner;
    assert_int_equal(t->ends, 0);
    if (event->kind == SESSION_NODE) {
        assert_int_equal(event->node, 0);
        t->result = *event->result;
        t->results++;
    }
    if (event->kind == SESSION_ENDED) {
        t->ending = *event->result;
        t->ends++;
    }
}

static void begin(struct talk *t, const char *node)
{
    *t = (struct talk){.node = node};
    t->params =
        (struct session_params){.helo = "me.example", .nodes = &t->node, .node_count = 1, .method = METHOD_FINGER};
    session_begin(&t->session, &t->params, watch, t);
}

/* Begins, and hands the query over. */
static void ask(struct talk *t)
{
    size_t count;
    begin(t, "a.example");
    assert_non_null(session_output(&t->session, &count));
    session_sent(&t->session);
    assert_null(session_output(&t->session, &count));
}

static void check_over(const struct talk *t, enum outcome outcome, enum outcome ending)
{
    assert_int_equal(t->session.state, SESSION_OVER);
    assert_int_equal(t->results, 1);
    assert_int_equal(t->ends, 1);
    assert_int_equal(t->result.outcome, outcome);
    assert_int_equal(t->ending.outcome, ending);
}

static void the_query_is_the_node_on_a_line(void **state)
{
    (void)state;
    const char *const nodes[] = {"a.example", "@sub.example", "#queue/7"};
    const char *const queries[] = {"a.example\r\n", "@sub.example\r\n", "#queue/7\r\n"};
    for (size_t i = 0; i < COUNT(nodes); i++) {
        struct talk t;
        size_t count;
        begin(&t, nodes[i]);
        const char *query = session_output(&t.session, &count);
        assert_non_null(query);
        assert_int_equal(count, strlen(queries[i]));
        assert_memory_equal(query, queries[i], count);
    }
}

static void a_node_that_cannot_be_sent_makes_no_query(void **state)
{
    (void)state;
    const char *const nodes[] = {"#queue/7 with more", "", "@", "a.example\r\nroot",
                                 "b\xc3\xbc"
                                 "cher.example"};
    for (size_t i = 0; i < COUNT(nodes); i++) {
        struct talk t;
        size_t count;
        begin(&t, nodes[i]);
        assert_null(session_output(&t.session, &count));
        check_over(&t, OUTCOME_BAD_NODE, OUTCOME_BAD_NODE);
        session_input(&t.session, "unasked", 7); /* nothing more happens */
        session_closed(&t.session);
        session_fail(&t.session, OUTCOME_CANCELLED, NULL);
        check_over(&t, OUTCOME_BAD_NODE, OUTCOME_BAD_NODE);
    }
}

static void no_answer_at_all_is_no_success(void **state)
{
    (void)state;
    const char *const answers[] = {"", "\r\n", " \t\r\n\r\n"};
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct talk t;
        ask(&t);
        if (*answers[i])
            session_input(&t.session, answers[i], strlen(answers[i]));
        session_closed(&t.session);
        check_over(&t, OUTCOME_LOST, OUTCOME_LOST);
        assert_string_equal(t.result.text, "the host closed the connection without a reply");
    }
}

static void the_answer_is_what_came_before_the_end(void **state)
{
    (void)state;
    const struct {
        const char *answer, *text;
    } rows[] = {
        {"Queuing started\r\n", "Queuing started "},
        {"two\r\nlines\r\n", "two lines "},
        {"  \t blanks \r\n\r\n at \t\n edges", "blanks at edges"},
        {"\x1b[31mred\x07", "\\x1b[31mred\\x07"},
        {"a\\b", "a\\\\b"},
        {"\xc3\xa9\xff", "\xc3\xa9\\xff"},
        {"\xc2\x9b", "\\xc2\\x9b"},
        {"100%s%n", "100%s%n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int by_bytes = 0; by_bytes < 2; by_bytes++) {
            struct talk t;
            size_t length = strlen(rows[i].answer);
            ask(&t);
            if (by_bytes)
                for (size_t k = 0; k < length; k++)
                    session_input(&t.session, rows[i].answer + k, 1);
            else if (length)
                session_input(&t.session, rows[i].answer, length);
            assert_int_equal(t.results, 0); /* it may go on */
            session_closed(&t.session);
            check_over(&t, OUTCOME_STARTED, OUTCOME_NONE);
            CHECK_TEXT(rows[i].answer, t.result.text, rows[i].text);
        }
}

static void a_nul_octet_hides_nothing(void **state)
{
    (void)state;
    struct talk t;
    ask(&t);
    session_input(&t.session, "be\0hind", 7);
    session_closed(&t.session);
    assert_string_equal(t.result.text, "be hind");
}

static void of_an_endless_answer_the_beginning_is_kept(void **state)
{
    (void)state;
    struct talk t;
    char block[4096];
    memset(block, 'x', sizeof block);
    ask(&t);
    session_input(&t.session, "begins ", 7);
    for (int i = 0; i < 1000; i++)
        session_input(&t.session, block, sizeof block);
    assert_int_equal(t.results, 0);
    session_closed(&t.session);
    check_over(&t, OUTCOME_STARTED, OUTCOME_NONE);
    assert_memory_equal(t.result.text, "begins xxx", 10);
    size_t length = strlen(t.result.text);
    assert_string_equal(t.result.text + length - 3, "...");
    assert_in_range(length, 100, sizeof t.session.answer_text);
}

static void silence_is_the_hosts_failure_and_stopping_is_not(void **state)
{
    (void)state;
    struct talk t;
    ask(&t);
    session_input(&t.session, "half", 4);
    session_fail(&t.session, OUTCOME_TIMED_OUT, "no reply to finger in 5 s");
    check_over(&t, OUTCOME_TIMED_OUT, OUTCOME_TIMED_OUT);
    session_closed(&t.session); /* nothing more happens */
    check_over(&t, OUTCOME_TIMED_OUT, OUTCOME_TIMED_OUT);
    ask(&t);
    session_finish(&t.session); /* the answer is still waited for */
    assert_int_equal(t.ends, 0);
    session_input(&t.session, "queued", 6);
    session_closed(&t.session);
    check_over(&t, OUTCOME_STARTED, OUTCOME_NONE);
    ask(&t);
    session_fail(&t.session, OUTCOME_CANCELLED, NULL);
    check_over(&t, OUTCOME_CANCELLED, OUTCOME_CANCELLED);
}

static void a_connection_closed_before_the_query_was_sent_is_lost(void **state)
{
    (void)state;
    struct talk t;
    begin(&t, "a.example");
    session_closed(&t.session);
    check_over(&t, OUTCOME_LOST, OUTCOME_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_query_is_the_node_on_a_line),
        cmocka_unit_test(a_node_that_cannot_be_sent_makes_no_query),
        cmocka_unit_test(no_answer_at_all_is_no_success),
        cmocka_unit_test(the_answer_is_what_came_before_the_end),
        cmocka_unit_test(a_nul_octet_hides_nothing),
        cmocka_unit_test(of_an_endless_answer_the_beginning_is_kept),
        cmocka_unit_test(silence_is_the_hosts_failure_and_stopping_is_not),
        cmocka_unit_test(a_connection_closed_before_the_query_was_sent_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
