/* etrnctl test: shows the conversation with a host, with each reply explained. It uses the service's link and session,
 * without the service. */
#include "../service/core/result_json.h"
#include "arguments.h"
#include "failure.h"
#include "output.h"
#include "security.h"
#include "test_params.h"
#include "transcript.h"

#include <stdlib.h>

struct test {
    struct loop *loop;
    struct test_params params;
    struct transcript shown;
    struct json json;
};

/* ---- the verdict ---- */

static enum exit_code code_of(const struct result *result)
{
    switch (outcome_consequence(result->outcome)) {
    case FOLLOWS_SUCCESS:
    case FOLLOWS_NOTHING:
        return EXIT_DONE;
    default:
        return result->code || result->outcome == OUTCOME_NOT_OFFERED ? EXIT_REFUSED : EXIT_NETWORK;
    }
}

static enum exit_code worst_code(const struct test *test)
{
    const struct transcript *shown = &test->shown;
    enum exit_code code = code_of(&shown->ending);
    size_t nodes = test->params.link.session.node_count;
    for (size_t i = 0; i < nodes; i++)
        code = worse(code, code_of(&shown->results[i]));
    return nodes == 0 && code == EXIT_DONE && !shown->offered[CAPABILITY_ETRN] ? EXIT_REFUSED : code;
}

static size_t count_accepted(const struct test *test)
{
    size_t accepted = 0;
    for (size_t i = 0; i < test->params.link.session.node_count; i++)
        accepted += outcome_consequence(test->shown.results[i].outcome) == FOLLOWS_SUCCESS;
    return accepted;
}

/* Writes the result in one line. */
static void add_verdict(const struct test *test, struct text *words)
{
    const struct transcript *shown = &test->shown;
    size_t nodes = test->params.link.session.node_count;
    size_t accepted = count_accepted(test);
    if (shown->ending.outcome != OUTCOME_NONE && accepted == 0)
        text_add(words, "%s", outcome_meaning(&shown->ending));
    else if (nodes == 0)
        text_add(words, "The host %s ETRN.", shown->offered[CAPABILITY_ETRN] ? "offers" : "does not offer");
    else
        text_add(words, "ETRN was accepted for %zu of %zu domains.", accepted, nodes);
    if (shown->round_trip_us)
        text_add(words, " Fastest reply: %lld.%lld ms.", (long long)(shown->round_trip_us / 1000),
                 (long long)(shown->round_trip_us / 100 % 10));
}

/* ---- JSON ---- */

static void write_begin(struct test *test)
{
    struct json *j = &test->json;
    json_open_object(j, NULL);
    json_number(j, "schema", 1);
    json_string(j, "host", test->params.address);
    json_number(j, "port", test->params.link.port);
    json_open_array(j, "conversation");
}

static void write_offered(struct json *j, const struct transcript *shown)
{
    json_open_array(j, "offered");
    for (size_t i = 0; i < CAPABILITY_COUNT; i++)
        if (shown->offered[i])
            json_string(j, NULL, capability_name((enum capability)i));
    json_close(j, ']');
}

static void write_number(struct json *j, const char *key, int64_t number, bool known)
{
    if (known)
        json_number(j, key, number);
    else
        json_null(j, key);
}

static void write_outcome(struct json *j, const char *node, const struct result *result)
{
    json_open_object(j, NULL);
    json_string(j, "node", node);
    result_write(j, result);
    json_close(j, '}');
}

static void write_end(struct test *test, const char *words)
{
    struct json *j = &test->json;
    const struct transcript *shown = &test->shown;
    json_close(j, ']');
    write_offered(j, shown);
    if (shown->secured)
        security_write(j, &shown->security);
    else
        json_null(j, "tls");
    json_open_array(j, "outcomes");
    for (size_t i = 0; i < test->params.link.session.node_count; i++)
        write_outcome(j, test->params.link.session.nodes[i], &shown->results[i]);
    json_close(j, ']');
    write_number(j, "connected_ms", shown->connected_ms, shown->connected_ms >= 0);
    write_number(j, "round_trip_us", shown->round_trip_us, shown->round_trip_us != 0);
    json_string(j, "verdict", words);
    json_close(j, '}');
}

/* ---- the conversation ---- */

static void on_session(void *owner, const struct session_event *event)
{
    struct test *test = owner;
    transcript_session(&test->shown, event);
}

static void on_note(void *owner, const struct link_note *note)
{
    struct test *test = owner;
    transcript_note(&test->shown, note);
}

static void on_closed(void *owner)
{
    struct test *test = owner;
    loop_end(test->loop);
}

static DWORD converse(struct test *test)
{
    static const struct link_sink sink = {.session = on_session, .note = on_note, .closed = on_closed};
    test->loop = loop_open();
    DWORD error = test->loop ? 0 : GetLastError();
    if (!error)
        error = link_startup();
    if (!error && !link_open(test->loop, &test->params.link, &sink, test))
        error = ERROR_NOT_ENOUGH_MEMORY;
    if (!error)
        error = loop_run(test->loop);
    return error;
}

static enum exit_code print_verdict(struct test *test)
{
    TEXT_SCRATCH(words, 400);
    enum exit_code code = worst_code(test);
    add_verdict(test, &words);
    if (test->shown.as_json) {
        write_end(test, words.data);
        return out_json(&test->json) ? code : EXIT_FAILED;
    }
    out("\n%s", shade(code == EXIT_DONE ? SHADE_GOOD : SHADE_BAD));
    out_wrapped(0, words.data);
    out("%s", shade(SHADE_PLAIN));
    return code;
}

static enum exit_code ask_host(struct test *test, bool as_json)
{
    struct result *results = calloc(test->params.link.session.node_count + 1, sizeof *results);
    if (!results)
        return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot start");
    json_begin(&test->json);
    transcript_begin(&test->shown, results, as_json ? &test->json : NULL);
    if (as_json)
        write_begin(test);
    DWORD error = converse(test);
    enum exit_code code = error ? fail(error, "cannot connect") : print_verdict(test);
    json_free(&test->json);
    free(results);
    return code;
}

enum exit_code run_test(const struct arguments *a)
{
    struct test test = {0};
    const char *file = option_value(a, "--transcript");
    enum exit_code code = test_params_take(&test.params, a);
    DWORD error = file && code == EXIT_DONE ? out_copy(file) : 0;
    if (error)
        code = fail(error, "cannot write %s", file);
    if (code == EXIT_DONE)
        code = ask_host(&test, option_value(a, "--json") != NULL);
    if (code == EXIT_DONE && out_copy_error())
        code = fail(out_copy_error(), "cannot write %s", file);
    test_params_free(&test.params);
    return code;
}
