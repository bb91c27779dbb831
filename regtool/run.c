/* etrnctl run: makes the service ask now, and shows each outcome as it arrives. */
#include "../service/core/outcome.h"
#include "../service/core/planner.h"
#include "../service/core/result_json.h"
#include "../service/win/control.h"
#include "../service/win/request.h"
#include "arguments.h"
#include "failure.h"
#include "machine.h"
#include "names.h"
#include "output.h"
#include "prompt.h"
#include "report.h"
#include "store.h"

#include <stdlib.h>

enum {
    LOOK_AGAIN_MS = 1000,
    FOLLOW_LIMIT_MS = 2000,
    FOLLOW_STEP_MS = 50,
    OUTPUT_LINES = 20 /* last lines of output shown of a failed program */
};

/* A requested host: done when a dequeue that began after our request has ended. The service counts the requests of each
 * host and how many of them are answered, so no clocks need to be compared. */
struct awaited {
    char *name;
    int64_t requests; /* count before our request */
    bool done, gap_explained;
};

struct wait {
    struct awaited *hosts;
    size_t count, done;
    int64_t process; /* process id of the service that received the request */
    enum exit_code worst;
    bool as_json, port_explained;
    struct json json;
};

static enum exit_code code_of(const struct json_value *node)
{
    bool works = !report_bool(node, "failing") &&
                 !text_same(report_string(node, "outcome"), outcome_name(OUTCOME_UNABLE_TO_QUEUE));
    if (works)
        return EXIT_DONE;
    bool refused = json_member(node, "code")->kind == JSON_NUMBER ||
                   text_same(report_string(node, "outcome"), outcome_name(OUTCOME_NOT_OFFERED));
    return refused ? EXIT_REFUSED : EXIT_NETWORK;
}

static void print_outcome(const char *host, const struct json_value *node, enum exit_code code)
{
    TEXT_SCRATCH(words, 1500);
    text_add(&words, "%s: %s: %s", host, report_string(node, "node"), report_string(node, "meaning"));
    out_wrapped(0, words.data);
    report_reply(node, 4, code == EXIT_DONE ? 1 : OUTPUT_LINES);
    if (code != EXIT_DONE && *report_string(node, "advice"))
        out_wrapped(4, report_string(node, "advice"));
}

static void write_outcome(struct json *j, const char *host, const struct json_value *node)
{
    json_open_object(j, NULL);
    json_string(j, "host", host);
    json_string(j, "node", report_string(node, "node"));
    result_copy(j, node);
    json_string(j, "output", json_member(node, "output")->string);
    json_close(j, '}');
}

static void show_outcomes(struct wait *w, const struct json_value *host)
{
    for (const struct json_value *node = json_member(host, "nodes")->first; node; node = node->next) {
        enum exit_code code = code_of(node);
        if (w->as_json)
            write_outcome(&w->json, report_string(host, "name"), node);
        else
            print_outcome(report_string(host, "name"), node, code);
        w->worst = worse(w->worst, code);
    }
}

static void show_progress(const struct wait *w)
{
    if (on_console() && w->count > 1 && w->done < w->count)
        talk("%zu of %zu hosts\r", w->done, w->count);
}

static bool usable(const struct json_value *host)
{
    return report_bool(host, "enabled") && json_member(host, "nodes")->first;
}

static int64_t count(const struct json_value *object, const char *key)
{
    return json_member(object, key)->number;
}

/* Both times were taken from the service's clock, which may have been set since. */
static void explain_gap(struct awaited *a, const struct json_value *status, const struct json_value *host)
{
    int64_t left_ms = json_instant(json_member(host, "next")) - json_instant(json_member(status, "written"));
    bool held = text_same(report_string(host, "next_trigger"),
                          trigger_name(TRIGGER_REQUEST)); /* a request is pending, not only a scheduled time */
    if (a->gap_explained || !held || left_ms <= 1000)
        return;
    a->gap_explained = true;
    talk("%s was asked a moment ago. MinimumGapSeconds delays the next request by %lld s.\n", a->name,
         (long long)(left_ms + 999) / 1000);
}

/* Whether the service has accepted our request. */
static bool is_taken_up(const struct wait *w, const struct json_value *status)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct json_value *host = report_host(status, w->hosts[i].name);
        if (host && count(host, "requests") > w->hosts[i].requests)
            return true;
    }
    return false;
}

/* The service checks the port when it accepts a request: an earlier report is out of date. */
static void explain_port(struct wait *w, const struct json_value *status)
{
    const struct json_value *port = json_member(status, "awaited_port");
    if (w->port_explained || port->kind != JSON_NUMBER || !is_taken_up(w, status))
        return;
    w->port_explained = true;
    talk("Waiting for the mail server: no program listens on port %lld of this computer (LocalPort).\n"
         "ETRN is sent as soon as one does. Ctrl+C ends only this command.\n",
         (long long)port->number);
}

/* Fewer requests than before mean that the host was removed and added again. */
static bool is_same_host(const struct awaited *a, const struct json_value *host)
{
    return host && usable(host) && count(host, "requests") >= a->requests;
}

static void look(struct wait *w, const struct json_value *status)
{
    for (size_t i = 0; i < w->count; i++) {
        struct awaited *a = &w->hosts[i];
        const struct json_value *host = report_host(status, a->name);
        if (a->done)
            continue;
        bool there = is_same_host(a, host);
        if (there && count(host, "requests_answered") <= a->requests) {
            explain_gap(a, status, host);
            continue;
        }
        a->done = true;
        w->done++;
        if (there) {
            show_outcomes(w, host);
        } else {
            talk("etrnctl: %s was removed or excluded while waiting, and was not asked\n", a->name);
            w->worst = worse(w->worst, EXIT_NOT_FOUND);
        }
        show_progress(w);
    }
}

/* Returns why the service will not answer any more, or NULL while it may. */
static const char *end_of_service(const struct wait *w, const struct json_value *status)
{
    DWORD state;
    if (status && !report_bool(status, "enabled"))
        return "was disabled";
    if (report_service_state(&state) != 0 || state != SERVICE_RUNNING)
        return "stopped";
    return status && count(status, "process") != w->process ? "was restarted" : NULL;
}

/* Waits until all are done, or the service stops, is disabled or no longer has the host. */
static enum exit_code wait_for_outcomes(struct wait *w, struct report_watch *news)
{
    while (w->done < w->count) {
        struct json_value *status = report_read();
        if (status && count(status, "process") == w->process)
            look(w, status);
        if (status && w->done < w->count)
            explain_port(w, status);
        const char *end = w->done < w->count ? end_of_service(w, status) : NULL;
        json_value_free(status);
        if (w->done == w->count)
            break;
        if (end) {
            talk("etrnctl: the service %s before all results were known; for details: etrnctl status\n", end);
            return EXIT_CANCELLED;
        }
        report_watch_wait(news, NULL, LOOK_AGAIN_MS);
    }
    return w->worst;
}

static bool await(struct wait *w, const struct json_value *host)
{
    struct awaited *hosts = realloc(w->hosts, (w->count + 1) * sizeof *hosts);
    if (!hosts)
        return false;
    w->hosts = hosts;
    hosts[w->count] =
        (struct awaited){.name = text_copy(report_string(host, "name")), .requests = count(host, "requests")};
    return hosts[w->count++].name != NULL;
}

static enum exit_code unknown_host(const char *name)
{
    struct config config;
    enum exit_code code = store_read(&config, true);
    if (code == EXIT_DONE)
        code = name_unknown_host(&config, name);
    config_free(&config);
    return code;
}

static void say_left_out(const char *name, const struct json_value *host)
{
    if (report_bool(host, "enabled"))
        talk("etrnctl: %s is not asked, because it has no Domains; to add one: etrnctl add %s DOMAIN\n", name, name);
    else
        talk("etrnctl: %s is not asked, because its Enabled is 0; to ask it: etrnctl config set Enabled 1 --host %s\n",
             name, name);
}

static enum exit_code choose_hosts(struct wait *w, const struct json_value *status, const struct arguments *a)
{
    w->process = count(status, "process");
    for (int i = 0; i < a->count; i++) {
        const struct json_value *host = report_host(status, a->words[i]);
        if (!host)
            return unknown_host(a->words[i]);
        if (!usable(host)) {
            say_left_out(a->words[i], host);
            return EXIT_INVALID;
        }
        if (!await(w, host))
            return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot wait for the results");
    }
    for (const struct json_value *host = json_member(status, "hosts")->first; a->count == 0 && host; host = host->next)
        if (usable(host) && !await(w, host))
            return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot wait for the results");
    if (w->count > 0)
        return EXIT_DONE;
    talk("etrnctl: there is no host to ask; to add one: etrnctl add mail.isp.example yourdomain.example\n");
    return EXIT_NOT_FOUND;
}

static enum exit_code ask_service(struct wait *w, const struct arguments *a)
{
    struct report_watch news;
    report_watch_open(&news); /* before the request, so that no change is missed */
    DWORD error = a->count > 0 ? request_leave((const char *const *)a->words, (size_t)a->count) : 0;
    if (!error)
        error = control_send(machine_name(), a->count > 0 ? CONTROL_RUN_REQUESTED : CONTROL_RUN_ALL);
    enum exit_code code = error ? fail(error, "cannot send the request to the service") : wait_for_outcomes(w, &news);
    report_watch_close(&news);
    return code;
}

static enum exit_code not_running(DWORD state)
{
    static const struct remedy {
        const char *verb, *command;
    } install = {"install", "etrnctl service install"}, proceed = {"continue", "sc continue " SERVICE_NAME},
      start = {"start", "etrnctl service start"};
    const struct remedy *remedy = state == 0 ? &install : state == SERVICE_PAUSED ? &proceed : &start;
    talk("etrnctl: the service is %s; to %s it: %s\n", report_state_name(state), remedy->verb, remedy->command);
    return EXIT_NOT_FOUND;
}

/* Checks that the service is installed, running and enabled; reports what is missing, with its remedy. */
static enum exit_code check_service(const struct json_value *status)
{
    DWORD state;
    DWORD error = report_service_state(&state);
    if (error)
        return fail(error, "cannot query the service");
    if (state != SERVICE_RUNNING)
        return not_running(state);
    if (!status) {
        talk("etrnctl: the service has not written its status yet; try again in a moment\n");
        return EXIT_NOT_FOUND;
    }
    if (!report_bool(status, "enabled")) {
        talk("etrnctl: ETRN is disabled (AlwaysUseETRN is 0); to enable it: etrnctl enable\n");
        return EXIT_INVALID;
    }
    return EXIT_DONE;
}

/* Whether the status reflects the present configuration. */
static bool is_of(const struct json_value *status, const struct config *config)
{
    size_t hosts = 0;
    for (const struct json_value *host = json_member(status, "hosts")->first; host; host = host->next, hosts++)
        if (!config_find_host(config, report_string(host, "name")))
            return false;
    return hosts == config->host_count && report_bool(status, "enabled") == (config->service.always_use_etrn != 0);
}

/* A script may have just changed the configuration: the service follows within one second, and gets two. `*status` is
 * NULL if there is no report; the caller frees it in any case. */
static enum exit_code read_report(struct json_value **status)
{
    struct config config;
    *status = report_read();
    enum exit_code code = store_read(&config, true);
    for (int waited = 0; code == EXIT_DONE && *status && !is_of(*status, &config) && waited < FOLLOW_LIMIT_MS;
         waited += FOLLOW_STEP_MS) {
        json_value_free(*status);
        Sleep(FOLLOW_STEP_MS);
        *status = report_read();
    }
    config_free(&config);
    return code;
}

static enum exit_code choose_and_ask(struct wait *w, const struct json_value *status, const struct arguments *a)
{
    json_begin(&w->json);
    json_open_object(&w->json, NULL);
    json_number(&w->json, "schema", 1);
    json_open_array(&w->json, "outcomes");
    enum exit_code code = choose_hosts(w, status, a);
    if (code != EXIT_DONE)
        return code;
    code = ask_service(w, a);
    json_close(&w->json, ']');
    json_close(&w->json, '}');
    return !w->as_json || out_json(&w->json) ? code : EXIT_FAILED;
}

enum exit_code run_run(const struct arguments *a)
{
    struct wait w = {.as_json = option_value(a, "--json") != NULL};
    struct json_value *status;
    enum exit_code code = read_report(&status);
    if (code == EXIT_DONE)
        code = check_service(status);
    if (code == EXIT_DONE)
        code = choose_and_ask(&w, status, a);
    json_value_free(status);
    json_free(&w.json);
    for (size_t i = 0; i < w.count; i++)
        free(w.hosts[i].name);
    free(w.hosts);
    return code;
}
