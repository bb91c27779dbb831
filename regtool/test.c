/* etrnctl test: the conversation that one would type into telnet, with each reply explained. It uses the service's own
 * link and session, without the service. */
#include "../service/core/node.h"
#include "../service/win/link.h"
#include "command.h"

#include <stdlib.h>

struct test {
    struct loop loop;
    const struct link_params *params;
    enum exit_code worst;
    bool etrn_offered, tls_offered, auth_offered;
    bool reached_ehlo; /* its reply was success */
    bool explained;    /* what it offers */
    size_t succeeded, failed;
    struct result ending;
};

static void advise(const struct result *result)
{
    const char *advice = outcome_advice(result);
    out("   = %s\n", outcome_meaning(result));
    if (*advice)
        out("     %s\n", advice);
}

static bool line_is(const char *line, const char *keyword)
{
    size_t length = strlen(keyword);
    char word[16];
    struct text t;
    text_begin(&t, word, sizeof word);
    text_add(&t, "%.*s", (int)length, line);
    return text_same(word, keyword) && (line[length] == ' ' || line[length] == '\0');
}

static void note_capability(struct test *test, const struct session_event *event)
{
    const char *text = event->length > 4 ? event->line + 4 : "";
    test->reached_ehlo = true;
    test->etrn_offered = test->etrn_offered || line_is(text, "ETRN");
    test->tls_offered = test->tls_offered || line_is(text, "STARTTLS");
    test->auth_offered = test->auth_offered || line_is(text, "AUTH");
}

static void explain_capabilities(struct test *test)
{
    test->explained = true;
    out("   = ETRN is %soffered; STARTTLS is %soffered; AUTH is %soffered.\n", test->etrn_offered ? "" : "not ",
        test->tls_offered ? "" : "not ", test->auth_offered ? "" : "not ");
}

static enum exit_code code_of(const struct result *result)
{
    switch (outcome_consequence(result->outcome)) {
    case FOLLOWS_SUCCESS:
    case FOLLOWS_NOTHING:
        return EXIT_DONE;
    default:
        if (result->code || result->outcome == OUTCOME_NOT_OFFERED)
            return EXIT_REFUSED;
        return result->outcome == OUTCOME_BAD_NODE ? EXIT_INVALID : EXIT_NETWORK;
    }
}

static void node_done(struct test *test, const struct session_event *event)
{
    enum exit_code code = code_of(event->result);
    bool fine = code == EXIT_DONE;
    test->succeeded += fine;
    test->failed += !fine;
    test->worst = code > test->worst ? code : test->worst;
    if (event->state == SESSION_ETRN && event->result->code && event->result->code != 421) /* that ends all: verdict() */
        advise(event->result);
}

static void on_session(void *owner, const struct session_event *event)
{
    struct test *test = owner;
    char line[REPLY_LINE_LIMIT];
    struct text t;
    text_begin(&t, line, sizeof line);
    switch (event->kind) {
    case SESSION_SENT:
        text_add_escaped(&t, event->line, event->length);
        if (event->state != SESSION_EHLO && event->state != SESSION_HELO && test->reached_ehlo && !test->explained)
            explain_capabilities(test);
        out("-> %s\n", line);
        break;
    case SESSION_RECEIVED:
        text_add_escaped(&t, event->line, event->length);
        out("<- %s\n", line);
        if (event->state == SESSION_EHLO && event->code == 250)
            note_capability(test, event);
        break;
    case SESSION_NODE:
        node_done(test, event);
        break;
    case SESSION_ENDED:
        test->ending = *event->result;
        break;
    }
}

static void on_note(void *owner, const struct link_note *note)
{
    char words[200];
    struct text t;
    (void)owner;
    text_begin(&t, words, sizeof words);
    text_add_error(&t, note->error);
    switch (note->step) {
    case LINK_ADDRESS:
        out("-- address %s\n", note->address);
        break;
    case LINK_TRYING:
        out("-- connecting to %s\n", note->address);
        break;
    case LINK_CONNECTED:
        out("-- connected in %lld ms\n", (long long)note->elapsed_ms);
        break;
    case LINK_FAILED:
        out("-- %s: %s\n", note->address, words);
        break;
    }
}

static void on_closed(void *owner)
{
    struct test *test = owner;
    loop_end(&test->loop);
}

/* One line for one who reads no other. */
static void verdict(struct test *test)
{
    const struct result *ending = &test->ending;
    if (ending->outcome != OUTCOME_NONE) {
        enum exit_code code = code_of(ending);
        test->worst = code > test->worst ? code : test->worst;
        if (*ending->text && !ending->code && ending->outcome != OUTCOME_NO_CONNECTION) /* else shown already */
            out("-- %s\n", ending->text);
        advise(ending);
    }
    if (test->params->session.node_count == 0)
        out("Verdict: %s\n", test->worst == EXIT_DONE ? "the host offers ETRN." : outcome_meaning(ending));
    else
        out("Verdict: %zu of %zu accepted.\n", test->succeeded, test->params->session.node_count);
}

static enum exit_code talk_to_host(struct test *test)
{
    static const struct link_sink sink = {.session = on_session, .note = on_note, .closed = on_closed};
    DWORD error = loop_open(&test->loop);
    if (!error)
        error = link_startup();
    if (error)
        return fail(error, "starting");
    if (!link_open(&test->loop, test->params, &sink, test))
        return fail(ERROR_NOT_ENOUGH_MEMORY, "starting");
    error = loop_run(&test->loop);
    loop_close(&test->loop);
    if (error)
        return fail(error, "waiting");
    verdict(test);
    return test->worst;
}

static bool check_nodes(int count, char **nodes)
{
    for (int i = 0; i < count; i++) {
        enum node_fault fault = node_fault(nodes[i]);
        if (fault != NODE_FINE) {
            talk("etrnctl: \"%s\" %s; expected a domain, @domain or #queue\n", nodes[i], node_fault_text(fault));
            return false;
        }
    }
    return true;
}

/* A number option; its default when it was not given. */
static bool number_option(const char *name, const char *word, unsigned long least, unsigned long most,
                          unsigned long *value)
{
    if (!word || (text_number(word, most, value) && *value >= least))
        return true;
    talk("etrnctl: %s: \"%s\" is not a number from %lu to %lu\n", name, word, least, most);
    return false;
}

enum exit_code run_test(const struct command *self, int count, char **arguments)
{
    const char *port_word = NULL;
    const char *helo = NULL;
    const char *timeout_word = NULL;
    bool force = false;
    const struct option options[] = {{"--port", &port_word, NULL},
                                     {"--helo", &helo, NULL},
                                     {"--timeout", &timeout_word, NULL},
                                     {"--force", NULL, &force}};
    char host[NODE_LIMIT + 1];
    unsigned given_port = 25;
    unsigned long timeout = 60;
    if (!take_options(self, options, ARRAYSIZE(options), &count, arguments))
        return EXIT_USAGE;
    if (count < 1)
        return usage_error(self, "a host is needed");
    if (!host_split(arguments[0], host, sizeof host, &given_port)) {
        talk("etrnctl: \"%s\" is not a host; expected a domain name or an IP address, and :PORT from 1 to 65535\n",
             arguments[0]);
        return EXIT_INVALID;
    }
    unsigned long port = given_port;
    if (!number_option("--port", port_word, 1, 65535, &port) ||
        !number_option("--timeout", timeout_word, 1, 600, &timeout) || !check_nodes(count - 1, arguments + 1))
        return EXIT_INVALID;
    struct link_params params = {.address = host,
                                 .port = (uint16_t)port,
                                 .session = {.helo = helo,
                                             .nodes = (const char *const *)arguments + 1,
                                             .node_count = (size_t)count - 1,
                                             .force_etrn = force,
                                             .tls = TLS_MAY},
                                 .connect_timeout_ms = (int64_t)timeout * 1000,
                                 .reply_timeout_ms = (int64_t)timeout * 1000,
                                 .session_timeout_ms = 900000};
    struct test test = {.params = &params};
    return talk_to_host(&test);
}
