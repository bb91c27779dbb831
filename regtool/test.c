/* etrnctl test: the conversation that one would type into telnet, with each reply explained. It uses the service's own
 * link and session, without the service. */
#include "../service/core/node.h"
#include "../service/win/digest.h"
#include "../service/win/link.h"
#include "arguments.h"
#include "failure.h"
#include "names.h"
#include "output.h"
#include "password.h"
#include "security.h"
#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct capability {
    const char *keyword;
    const char *offered, *lacking; /* in words */
};

static const struct capability capabilities[] = {
    {"ETRN", "ETRN is offered", "ETRN is not offered"},
    {"STARTTLS", "TLS is offered (STARTTLS)", "no TLS"},
    {"AUTH", "authentication is offered (AUTH)", "no authentication"},
};
enum { CAPABILITY_COUNT = sizeof capabilities / sizeof capabilities[0], CAPABILITY_STARTTLS = 1 };

struct test {
    struct loop loop;
    struct link_params params;
    struct config config; /* for what is configured of the host */
    struct auth_credentials credentials;
    char password[SECRET_SIZE];
    struct result *results; /* one a node */
    bool offered[CAPABILITY_COUNT];
    bool introduced; /* EHLO was answered with success */
    bool explained;  /* what EHLO's reply offers */
    bool secured;    /* by TLS, as `security` says */
    struct link_security security;
    char unverified[200]; /* of it */
    struct result ending;
    LARGE_INTEGER sent;
    int64_t round_trip_us; /* the shortest; 0 before the first */
    int64_t connected_ms;  /* -1 before */
    bool as_json;
    struct json json;
};

/* ---- what is shown, for a person or into the JSON's "conversation" ---- */

static void say(const struct test *test, const char *format, ...) TEXT_FORMAT(2, 3);

static void say(const struct test *test, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!test->as_json)
        out_list(format, arguments);
    va_end(arguments);
}

static void say_line(struct test *test, const char *arrow, const char *from, const char *line)
{
    say(test, "%s %s\n", arrow, line);
    if (!test->as_json)
        return;
    json_open_object(&test->json, NULL);
    json_string(&test->json, "from", from);
    json_string(&test->json, "line", line);
    json_close(&test->json, '}');
}

static void explain(const struct test *test, const struct result *result)
{
    if (test->as_json)
        return;
    out_wrapped(5, outcome_meaning(result));
    if (*outcome_advice(result))
        out_wrapped(5, outcome_advice(result));
}

static void explain_offer(struct test *test)
{
    char words[200];
    struct text t;
    if (test->explained || !test->introduced || test->as_json)
        return;
    test->explained = true;
    text_begin(&t, words, sizeof words);
    for (size_t i = 0; i < CAPABILITY_COUNT; i++)
        if (i != CAPABILITY_STARTTLS || !test->secured)
            text_add(&t, "%s%s", i ? "; " : "", test->offered[i] ? capabilities[i].offered : capabilities[i].lacking);
    text_add(&t, ".");
    out_wrapped(5, words);
}

/* What cut the conversation short; told when it happens, and once. */
static void explain_ending(struct test *test, const struct result *ending)
{
    if (ending->outcome == OUTCOME_NONE || test->ending.outcome != OUTCOME_NONE)
        return;
    bool shown = ending->code || ending->outcome == OUTCOME_NO_CONNECTION ||
                 (ending->outcome == OUTCOME_NO_TLS && test->secured); /* with the certificate */
    test->ending = *ending;
    if (*ending->text && !shown)
        say(test, "-- %s\n", ending->text);
    explain(test, ending);
}

/* ---- what happens ---- */

static void note_capability(struct test *test, const char *line)
{
    char keyword[16];
    struct text t;
    test->introduced = true;
    if (strlen(line) < 5)
        return;
    text_begin(&t, keyword, sizeof keyword);
    text_add(&t, "%.*s", (int)strcspn(line + 4, " "), line + 4);
    for (size_t i = 0; i < CAPABILITY_COUNT; i++)
        test->offered[i] = test->offered[i] || text_same(keyword, capabilities[i].keyword);
}

static void measure(struct test *test)
{
    LARGE_INTEGER now;
    LARGE_INTEGER frequency;
    if (!test->sent.QuadPart)
        return;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    int64_t took_us = (now.QuadPart - test->sent.QuadPart) * 1000000 / frequency.QuadPart;
    if (!test->round_trip_us || took_us < test->round_trip_us)
        test->round_trip_us = took_us > 0 ? took_us : 1;
    test->sent.QuadPart = 0;
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
        explain_offer(test);
        explain_ending(test, event->result);
        say_line(test, "->", "client", line);
        QueryPerformanceCounter(&test->sent);
        break;
    case SESSION_RECEIVED:
        measure(test);
        text_add_escaped(&t, event->line, event->length);
        say_line(test, "<-", "server", line);
        if (event->state == SESSION_EHLO && event->code == 250)
            note_capability(test, event->line);
        break;
    case SESSION_NODE:
        test->results[event->node] = *event->result;
        if (event->state == SESSION_ETRN && event->result->code && event->result->code != 421)
            explain(test, event->result);
        break;
    case SESSION_ENDED:
        explain_offer(test);
        explain_ending(test, event->result);
        break;
    }
}

/* What EHLO offered in clear, or in a connection before, counts no more. */
static void introduce_again(struct test *test)
{
    bool starttls = test->offered[CAPABILITY_STARTTLS];
    memset(test->offered, 0, sizeof test->offered);
    test->offered[CAPABILITY_STARTTLS] = starttls;
    test->introduced = test->explained = false;
}

static void note_security(struct test *test, const struct link_security *security)
{
    char lines[SECURITY_LINES][SECURITY_LINE_SIZE];
    struct text t;
    test->secured = true;
    test->security = *security;
    if (security->unverified) {
        text_begin(&t, test->unverified, sizeof test->unverified);
        text_add(&t, "%s", security->unverified);
        test->security.unverified = test->unverified;
    }
    security_explain(security, lines);
    for (size_t i = 0; i < SECURITY_LINES; i++)
        if (*lines[i])
            say_line(test, "--", "tool", lines[i]);
    introduce_again(test);
}

static void on_note(void *owner, const struct link_note *note)
{
    struct test *test = owner;
    char line[300];
    struct text t;
    text_begin(&t, line, sizeof line);
    switch (note->step) {
    case LINK_ADDRESS:
        text_add(&t, "address %s", note->address);
        break;
    case LINK_TRYING:
        text_add(&t, "connecting to %s", note->address);
        break;
    case LINK_CONNECTED:
        test->connected_ms = note->elapsed_ms;
        text_add(&t, "connected in %lld ms", (long long)note->elapsed_ms);
        break;
    case LINK_FAILED:
        text_add(&t, "%s: ", note->address);
        text_add_error(&t, note->error);
        break;
    case LINK_SECURED:
        note_security(test, note->security);
        return;
    case LINK_TLS_FAILED:
        text_add(&t, "%s; once more without TLS", note->words);
        introduce_again(test);
        break;
    }
    say_line(test, "--", "tool", line);
}

static void on_closed(void *owner)
{
    struct test *test = owner;
    loop_end(&test->loop);
}

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

static size_t count_accepted(const struct test *test)
{
    size_t accepted = 0;
    for (size_t i = 0; i < test->params.session.node_count; i++)
        accepted += outcome_consequence(test->results[i].outcome) == FOLLOWS_SUCCESS;
    return accepted;
}

/* One line for one who reads no other. */
static enum exit_code verdict(const struct test *test, struct text *words)
{
    size_t nodes = test->params.session.node_count;
    size_t accepted = count_accepted(test);
    enum exit_code code = code_of(&test->ending);
    for (size_t i = 0; i < nodes; i++)
        code = worse(code, code_of(&test->results[i]));
    if (test->ending.outcome != OUTCOME_NONE && accepted == 0)
        text_add(words, "%s", outcome_meaning(&test->ending));
    else if (nodes == 0)
        text_add(words, "The host offers %sETRN.", test->offered[0] ? "" : "no ");
    else
        text_add(words, "ETRN was accepted for %zu of %zu.", accepted, nodes);
    if (nodes == 0 && code == EXIT_DONE && !test->offered[0])
        code = EXIT_REFUSED;
    if (test->round_trip_us)
        text_add(words, " A reply took %lld.%lld ms at best.", (long long)(test->round_trip_us / 1000),
                 (long long)(test->round_trip_us / 100 % 10));
    return code;
}

static void write_results(struct test *test, const char *words)
{
    struct json *j = &test->json;
    json_close(j, ']');
    json_open_array(j, "offered");
    for (size_t i = 0; i < CAPABILITY_COUNT; i++)
        if (test->offered[i])
            json_string(j, NULL, capabilities[i].keyword);
    json_close(j, ']');
    if (test->secured)
        security_write(j, &test->security);
    else
        json_null(j, "tls");
    json_open_array(j, "outcomes");
    for (size_t i = 0; i < test->params.session.node_count; i++) {
        const struct result *result = &test->results[i];
        json_open_object(j, NULL);
        json_string(j, "node", test->params.session.nodes[i]);
        json_string(j, "outcome", outcome_name(result->outcome));
        if (result->code)
            json_number(j, "code", result->code);
        else
            json_null(j, "code");
        json_string(j, "text", result->text);
        json_string(j, "meaning", outcome_meaning(result));
        json_string(j, "advice", outcome_advice(result));
        json_string(j, "channel", channel_name(result->channel));
        json_string(j, "channel_meaning", channel_meaning(result->channel));
        json_close(j, '}');
    }
    json_close(j, ']');
    if (test->connected_ms >= 0)
        json_number(j, "connected_ms", test->connected_ms);
    else
        json_null(j, "connected_ms");
    if (test->round_trip_us)
        json_number(j, "round_trip_us", test->round_trip_us);
    else
        json_null(j, "round_trip_us");
    json_string(j, "verdict", words);
    json_close(j, '}');
    out_json(j);
}

static DWORD converse(struct test *test)
{
    static const struct link_sink sink = {.session = on_session, .note = on_note, .closed = on_closed};
    DWORD error = loop_open(&test->loop);
    if (!error)
        error = link_startup();
    if (!error && !link_open(&test->loop, &test->params, &sink, test))
        error = ERROR_NOT_ENOUGH_MEMORY;
    if (!error)
        error = loop_run(&test->loop);
    loop_close(&test->loop);
    return error;
}

static enum exit_code run_conversation(struct test *test)
{
    char words[400];
    struct text t;
    json_begin(&test->json);
    json_open_object(&test->json, NULL);
    json_number(&test->json, "schema", 1);
    json_string(&test->json, "host", test->params.address);
    json_number(&test->json, "port", test->params.port);
    json_open_array(&test->json, "conversation");
    DWORD error = converse(test);
    if (error) {
        json_free(&test->json);
        return fail(error, "connecting");
    }
    text_begin(&t, words, sizeof words);
    enum exit_code code = verdict(test, &t);
    if (test->as_json) {
        write_results(test, words);
    } else {
        json_free(&test->json);
        out("\n%s", shade(code == EXIT_DONE ? SHADE_GOOD : SHADE_BAD));
        out_wrapped(0, words);
        out("%s", shade(SHADE_PLAIN));
    }
    return code;
}

/* ---- the command line ---- */

/* The value of an option that a setting of a host stands for, checked as that setting is; `*word` NULL when it was not
 * given. */
static bool setting_option(const struct arguments *a, const char *name, const char *setting, const char **word)
{
    char problem[300];
    struct text t;
    struct value value = {0};
    *word = option_value(a, name);
    text_begin(&t, problem, sizeof problem);
    bool fine = !*word || setting_encode(setting_find(SCOPE_HOST, setting), word, 1, &value, &t);
    if (!fine)
        talk("etrnctl: %s: %s\n", name, problem);
    free(value.data);
    return fine;
}

static bool take_tls(struct test *test, const struct arguments *a)
{
    const struct setting *tls = setting_find(SCOPE_HOST, "Tls");
    const char *mode;
    if (!setting_option(a, "--tls", "Tls", &mode) ||
        !setting_option(a, "--tls-fingerprint", "TlsFingerprint", &test->params.tls_fingerprint))
        return false;
    test->params.session.tls = TLS_MAY;
    for (uint32_t i = 0; mode && i <= tls->maximum; i++)
        if (text_same(mode, tls->words[i]))
            test->params.session.tls = (enum tls_mode)i;
    return true;
}

static bool check_node(const char *word, const char *ascii)
{
    enum node_fault fault = node_fault(ascii);
    if (fault == NODE_FINE)
        return true;
    talk("etrnctl: \"%s\" %s; expected a domain, @domain or #queue\n", word, node_fault_text(fault));
    return false;
}

/* The nodes as they are sent, and room for their results. */
static bool take_nodes(struct test *test, const struct arguments *a, char **nodes)
{
    size_t count = (size_t)a->count - 1;
    for (size_t i = 0; i < count; i++) {
        nodes[i] = name_to_ascii(a->words[i + 1]);
        if (!nodes[i] || !check_node(a->words[i + 1], nodes[i]))
            return false;
    }
    test->params.session.nodes = (const char *const *)nodes;
    test->params.session.node_count = count;
    return true;
}

/* The host of the configuration that has this address and a user. */
static const struct host_settings *find_user(const struct config *config, const char *address)
{
    for (size_t i = 0; i < config->host_count; i++) {
        const struct host_settings *host = &config->hosts[i];
        if (text_same(host_address(host), address) && host->user && *host->user)
            return host;
    }
    return NULL;
}

/* The user who is given, whose password is asked for; else the one of the configuration, with the password that is
 * stored, where this account may read it. */
static enum exit_code take_credentials(struct test *test, const struct arguments *a, const char *address)
{
    char words[400];
    struct text t;
    const char *given = option_value(a, "--user");
    enum exit_code code = store_read(&test->config, true);
    const struct host_settings *host = find_user(&test->config, address);
    if (code != EXIT_DONE || (!given && !host) || (given && !*given))
        return code;
    text_begin(&t, words, sizeof words);
    DWORD error = given ? 0 : secret_read(host->name, test->password);
    if (given)
        code = password_read(given, address, test->password);
    if (error) {
        secret_trouble(error, host->name, &t);
        talk("Note: no AUTH is tried: %s.\n", words);
    }
    if (error || code != EXIT_DONE)
        return code;
    bool in_clear = option_value(a, "--auth-in-clear") || (host && host->auth_in_clear);
    test->credentials =
        (struct auth_credentials){given ? given : host->user, test->password, in_clear, digest_hmac_md5};
    test->params.session.auth = &test->credentials;
    return EXIT_DONE;
}

static enum exit_code prepare_and_run(struct test *test, const struct arguments *a, char **nodes)
{
    char host[NODE_LIMIT + 1];
    unsigned given_port = 25;
    unsigned long timeout = 60;
    const char *transcript = option_value(a, "--transcript");
    if (!name_split_host(a->words[0], host, sizeof host, &given_port))
        return EXIT_INVALID;
    unsigned long port = given_port;
    if (!option_number(a, "--port", 65535, &port) || !option_number(a, "--timeout", 600, &timeout) ||
        !take_tls(test, a) || !take_nodes(test, a, nodes))
        return EXIT_INVALID;
    enum exit_code code = take_credentials(test, a, host);
    if (code != EXIT_DONE)
        return code;
    DWORD error = transcript ? out_copy(transcript) : 0;
    if (error)
        return fail(error, "writing %s", transcript);
    test->params.address = host;
    test->params.port = (uint16_t)port;
    test->params.session.helo = option_value(a, "--helo");
    test->params.session.force_etrn = option_value(a, "--force") != NULL;
    test->params.connect_timeout_ms = test->params.reply_timeout_ms = (int64_t)timeout * 1000;
    test->params.session_timeout_ms = 900000;
    return run_conversation(test);
}

enum exit_code run_test(const struct arguments *a)
{
    char **nodes = calloc((size_t)a->count, sizeof *nodes);
    struct test test = {.as_json = option_value(a, "--json") != NULL, .connected_ms = -1};
    test.results = calloc((size_t)a->count, sizeof *test.results);
    enum exit_code code =
        nodes && test.results ? prepare_and_run(&test, a, nodes) : fail(ERROR_NOT_ENOUGH_MEMORY, "starting");
    SecureZeroMemory(test.password, sizeof test.password);
    config_free(&test.config);
    for (int i = 0; nodes && i + 1 < a->count; i++)
        free(nodes[i]);
    free(nodes);
    free(test.results);
    return code;
}
