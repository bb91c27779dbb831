/* etrnctl status: shows the state of the service and its hosts on one screen. */
#include "../service/core/grouping.h"
#include "../service/core/outcome.h"
#include "arguments.h"
#include "failure.h"
#include "machine.h"
#include "output.h"
#include "report.h"
#include "store.h"

#include <stdlib.h>

enum { OUTPUT_LINES = 3 }; /* last lines of output shown of a failed program */

/* The data of the screen: the service's state, the present configuration, and the service's last status. */
struct view {
    DWORD state;
    struct config config;
    struct json_value *report; /* NULL if there is no status.json, or if it is on another computer */
    DWORD read_error;          /* error of reading a status.json that exists */
    int64_t now_utc_ms;
};

static void view_free(struct view *v)
{
    json_value_free(v->report);
    config_free(&v->config);
    *v = (struct view){0};
}

/* The service's status is only valid while it runs. */
static bool status_is_current(const struct view *v)
{
    return v->report && (v->state == SERVICE_RUNNING || v->state == SERVICE_PAUSED);
}

static enum exit_code view_take(struct view *v)
{
    v->now_utc_ms = utc_now_ms();
    DWORD error = report_service_state(&v->state);
    if (error)
        return fail(error, "cannot query the service");
    v->report = machine_name() ? NULL : report_read();
    error = v->report || machine_name() ? 0 : GetLastError();
    bool none = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
    v->read_error = none ? 0 : error;
    return store_read(&v->config, status_is_current(v)); /* a running service reports the values that it does not use */
}

static const char *switch_origin(const struct view *v)
{
    return store_origin(&v->config, NULL, setting_find(SCOPE_SERVICE, MASTER_SWITCH));
}

static void add_age(struct text *t, const struct view *v, const struct json_value *instant, const char *otherwise)
{
    int64_t utc_ms = json_instant(instant);
    if (utc_ms)
        report_age(t, utc_ms, v->now_utc_ms);
    else
        text_add(t, "%s", otherwise);
}

/* What is overdue is waiting for something that the screen names as well, such as the local mail server. */
static void add_due(struct text *t, const struct view *v, const struct json_value *instant)
{
    int64_t utc_ms = json_instant(instant);
    if (utc_ms && utc_ms <= v->now_utc_ms)
        text_add(t, "now");
    else
        add_age(t, v, instant, "not planned");
}

/* ---- hosts ---- */

static bool node_fails(const struct json_value *node)
{
    return report_bool(node, "failing");
}

/* Returns the next host in the status that is still configured. */
static const struct json_value *next_host(const struct view *v, const struct json_value *host)
{
    while (host && !config_find_host(&v->config, report_string(host, "name")))
        host = host->next;
    return host;
}

static const struct json_value *first_host(const struct view *v)
{
    return status_is_current(v) ? next_host(v, json_member(v->report, "hosts")->first) : NULL;
}

static bool host_fails(const struct json_value *host)
{
    for (const struct json_value *node = json_member(host, "nodes")->first; node; node = node->next)
        if (node_fails(node))
            return true;
    return false;
}

static int64_t minute_of(const struct json_value *node, const char *key)
{
    return json_instant(json_member(node, key)) / 60000;
}

static bool same_code(const struct json_value *a, const struct json_value *b)
{
    const struct json_value *code_a = json_member(a, "code");
    const struct json_value *code_b = json_member(b, "code");
    return code_a->kind == code_b->kind && code_a->number == code_b->number;
}

/* Nodes with the same message, except for the wording of their replies. */
static bool same_news(const void *a, const void *b)
{
    return node_fails(a) == node_fails(b) && text_same(report_string(a, "outcome"), report_string(b, "outcome")) &&
           text_same(report_string(a, "channel"), report_string(b, "channel")) && same_code(a, b) &&
           minute_of(a, "at") == minute_of(b, "at") && minute_of(a, "since") == minute_of(b, "since");
}

static bool same_reply(const struct json_value *a, const struct json_value *b)
{
    const char *output_a = report_string(a, "output");
    const char *output_b = report_string(b, "output");
    bool told_once = text_same(report_string(a, "outcome"), outcome_name(OUTCOME_PROGRAM_FAILED)) && !*output_b;
    return strcmp(report_string(a, "text"), report_string(b, "text")) == 0 &&
           (told_once || strcmp(output_a, output_b) == 0);
}

static bool same_news_and_reply(const void *a, const void *b)
{
    return same_news(a, b) && same_reply(a, b);
}

static const void *node_next(const void *node)
{
    return ((const struct json_value *)node)->next;
}

static const char *node_name(const void *node)
{
    return report_string(node, "node");
}

/* Prints the reply to a group of nodes that begins with `first`; replies of different wording are printed with their
 * nodes. */
static void print_replies(const struct json_value *first)
{
    const struct grouping replies = {.first = first, .next = node_next, .same = same_news_and_reply, .name = node_name};
    bool several = false;
    for (const struct json_value *node = first; node; node = node->next)
        several = several || (same_news(first, node) && !same_reply(first, node));
    for (const struct json_value *node = first; node; node = node->next) {
        TEXT_SCRATCH(names, 1000);
        if (!same_news(first, node) || !grouping_begins(&replies, node))
            continue;
        grouping_add_names(&replies, node, &names);
        text_add(&names, ":");
        if (several)
            out_wrapped(6, names.data);
        report_reply(node, several ? 8 : 6, OUTPUT_LINES);
    }
}

static void print_news(const struct view *v, const struct json_value *node, const char *names)
{
    char words[3000];
    struct text t;
    const char *channel = report_string(node, "channel_meaning");
    text_begin(&t, words, sizeof words);
    text_add(&t, "%s: %s", names, report_string(node, "meaning"));
    if (json_instant(json_member(node, "at"))) {
        text_add(&t, " (");
        add_age(&t, v, json_member(node, "at"), "");
        text_add(&t, "%s%s)", *channel ? ", " : "", channel);
    }
    out_wrapped(2, words);
    if (!node_fails(node))
        return;
    print_replies(node);
    text_begin(&t, words, sizeof words);
    text_add(&t, "First failed ");
    add_age(&t, v, json_member(node, "since"), "at an unknown time");
    text_add(&t, ". %s", report_string(node, "advice"));
    out_wrapped(6, words);
}

/* Prints each message once for all nodes of the host that share it. */
static void print_nodes(const struct view *v, const struct json_value *host, bool failing)
{
    const struct json_value *nodes = json_member(host, "nodes")->first;
    const struct grouping news = {.first = nodes, .next = node_next, .same = same_news, .name = node_name};
    for (const struct json_value *node = nodes; node; node = node->next) {
        TEXT_SCRATCH(names, 2000);
        if (node_fails(node) != failing || !grouping_begins(&news, node))
            continue;
        grouping_add_names(&news, node, &names);
        print_news(v, node, names.data);
    }
}

static void print_host(const struct view *v, const struct json_value *host)
{
    TEXT_SCRATCH(when, 120);
    bool fails = host_fails(host);
    const char *why = report_string(host, "next_trigger");
    if (!report_bool(host, "enabled")) {
        text_add(&when, "not asked: its Enabled is 0");
    } else if (!json_member(host, "nodes")->first) {
        text_add(&when, "not asked: it has no Domains");
    } else if (report_bool(host, "asking")) {
        text_add(&when, "being asked now");
    } else {
        text_add(&when, "next ");
        add_due(&when, v, json_member(host, "next"));
        text_add(&when, "%s%s%s", *why ? " (" : "", why, *why ? ")" : "");
    }
    out("\n%s%s: %s%s%s\n", shade(fails ? SHADE_BAD : SHADE_GOOD), report_string(host, "name"),
        fails ? "FAILING, " : "", when.data, shade(SHADE_PLAIN));
    print_nodes(v, host, true);
    print_nodes(v, host, false);
}

/* ---- the screen ---- */

static void print_rounds(const struct view *v)
{
    TEXT_SCRATCH(words, 120);
    int64_t last = 0;
    for (const struct json_value *host = first_host(v); host; host = next_host(v, host->next)) {
        int64_t started = json_instant(json_member(host, "started"));
        last = started > last ? started : last;
    }
    text_add(&words, last ? "last " : "none yet");
    if (last)
        report_age(&words, last, v->now_utc_ms);
    text_add(&words, ", next ");
    add_due(&words, v, json_member(v->report, "next"));
    out("Rounds:    %s\n", words.data);
    if (json_member(v->report, "awaited_port")->kind == JSON_NUMBER)
        out("Waiting:   no program listens on port %lld of this computer (LocalPort)\n",
            (long long)json_member(v->report, "awaited_port")->number);
}

static void print_summary(const struct view *v)
{
    size_t failing = 0;
    bool on = v->config.service.always_use_etrn;
    for (const struct json_value *host = first_host(v); host; host = next_host(v, host->next))
        failing += host_fails(host);
    out("Service:   %s\n", report_state_name(v->state));
    out("ETRN:      %s (AlwaysUseETRN is %u, from %s)\n", on ? "enabled" : "disabled", on, switch_origin(v));
    if (status_is_current(v))
        print_rounds(v);
    if (failing)
        out("Hosts:     %zu, %s%zu failing%s\n", v->config.host_count, shade(SHADE_BAD), failing, shade(SHADE_PLAIN));
    else
        out("Hosts:     %zu\n", v->config.host_count);
}

static void print_problems(const struct view *v)
{
    const struct json_value *problems = status_is_current(v) ? json_member(v->report, "problems")->first : NULL;
    for (const struct json_value *p = problems; p; p = p->next) {
        TEXT_SCRATCH(words, 1200);
        text_add(&words, "%s\\%s: %s", report_string(p, "key"), report_string(p, "name"), report_string(p, "problem"));
        out("\nNot used:\n");
        out_wrapped(2, words.data);
    }
}

static void print_advice(const struct view *v)
{
    if (v->state == 0)
        out("\nTo install the service: etrnctl service install\n");
    else if (v->state == SERVICE_STOPPED)
        out("\nTo start the service: etrnctl service start\n");
    else if (v->state == SERVICE_PAUSED)
        out("\nTo continue the service: sc continue " SERVICE_NAME "\n");
    if (status_is_current(v) && json_member(v->report, "awaited_port")->kind == JSON_NUMBER) {
        out("\n");
        out_wrapped(0, "Start the mail server. If it runs on another computer: etrnctl config set LocalPort 0");
    }
    if (v->config.host_count == 0)
        out("\nTo add a host: etrnctl add mail.isp.example yourdomain.example\n");
    if (!v->config.service.always_use_etrn)
        out(text_same(switch_origin(v), origin_name(ORIGIN_POLICY))
                ? "\nETRN is disabled by Group Policy (HKLM\\SOFTWARE\\Policies\\EtrnSvc).\n"
                : "\nTo enable ETRN: etrnctl enable\n");
    if (machine_name() && v->state == SERVICE_RUNNING)
        out("\nTo see the results, run etrnctl status on that computer.\n");
}

static void print_screen(const struct view *v)
{
    print_summary(v);
    for (int failing = 1; failing >= 0; failing--)
        for (const struct json_value *host = first_host(v); host; host = next_host(v, host->next))
            if (host_fails(host) == (failing == 1))
                print_host(v, host);
    print_problems(v);
    print_advice(v);
}

/* ---- JSON ---- */

static enum exit_code print_json(const struct view *v)
{
    static const struct json_value nothing = {.kind = JSON_NULL};
    struct json j;
    json_begin(&j);
    json_open_object(&j, NULL);
    json_number(&j, "schema", 1);
    json_string(&j, "state", report_state_name(v->state));
    json_bool(&j, "enabled", v->config.service.always_use_etrn);
    json_string(&j, "enabled_by", switch_origin(v));
    json_copy(&j, "service", v->report ? v->report : &nothing);
    json_close(&j, '}');
    return out_json(&j) ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code show(bool json)
{
    struct view v = {0};
    enum exit_code code = view_take(&v);
    if (code == EXIT_DONE && json)
        code = print_json(&v);
    else if (code == EXIT_DONE)
        print_screen(&v);
    if (code == EXIT_DONE && v.read_error)
        code = fail(v.read_error, "cannot read the status.json of the service");
    view_free(&v);
    return code;
}

static HANDLE interrupted;

static BOOL WINAPI interrupt(DWORD event)
{
    (void)event;
    SetEvent(interrupted);
    return TRUE;
}

/* On a console the screen is updated each second, because ages change; otherwise only on a change. */
static enum exit_code watch(bool json)
{
    struct report_watch news;
    enum exit_code code = EXIT_DONE;
    interrupted = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!interrupted)
        return fail(GetLastError(), "cannot watch the status");
    SetConsoleCtrlHandler(interrupt, TRUE);
    report_watch_open(&news);
    while (code == EXIT_DONE && WaitForSingleObject(interrupted, 0) == WAIT_TIMEOUT) {
        if (output_is_console())
            clear_screen();
        code = show(json);
        if (!output_is_console())
            out("\n");
        report_watch_wait(&news, interrupted, output_is_console() ? 1000 : INFINITE);
    }
    report_watch_close(&news);
    return code;
}

enum exit_code run_status(const struct arguments *a)
{
    bool json = option_value(a, "--json") != NULL;
    return option_value(a, "--watch") ? watch(json) : show(json);
}
