/* etrnctl run: has the service ask now, and shows each outcome as it comes. */
#include "../service/win/status.h"
#include "command.h"
#include "report.h"
#include "store.h"

#include <stdlib.h>

enum { LOOK_AGAIN_MS = 200 };

/* One host that was asked for: done once the service has ended one more of its dequeues. */
struct awaited {
    char *name;
    int64_t dequeues; /* before */
    bool done, told_of_gap;
};

struct wait {
    struct awaited *hosts;
    size_t count, done;
    enum exit_code worst;
};

static const struct json_value *find_host(const struct json_value *told, const char *name)
{
    for (const struct json_value *host = json_member(told, "hosts")->first; host; host = host->next)
        if (text_same(json_member(host, "name")->string, name))
            return host;
    return NULL;
}

static enum exit_code code_of(const struct json_value *node)
{
    const struct json_value *code = json_member(node, "code");
    if (!json_member(node, "failing")->boolean && text_compare(json_member(node, "outcome")->string, "unable-to-queue"))
        return EXIT_DONE;
    bool refused = code->kind == JSON_NUMBER || text_same(json_member(node, "outcome")->string, "not-offered");
    return refused ? EXIT_REFUSED : EXIT_NETWORK;
}

static void print_outcomes(struct wait *w, const struct json_value *host)
{
    for (const struct json_value *node = json_member(host, "nodes")->first; node; node = node->next) {
        enum exit_code code = code_of(node);
        const char *text = json_member(node, "text")->string;
        out("%s: %s: %s%s%s\n", json_member(host, "name")->string, json_member(node, "node")->string,
            json_member(node, "meaning")->string, *text ? " Reply or error: " : "", text);
        if (code != EXIT_DONE && *json_member(node, "advice")->string)
            out("  %s\n", json_member(node, "advice")->string);
        w->worst = code > w->worst ? code : w->worst;
    }
}

static void tell_of_gap(struct awaited *a, const struct json_value *host)
{
    int64_t next = json_instant(json_member(host, "next"));
    int64_t now = utc_now_ms();
    if (a->told_of_gap || next <= now + 1000 || json_member(host, "asking")->boolean)
        return;
    a->told_of_gap = true;
    talk("%s was asked a moment ago: MinimumGapSeconds holds it back for %lld s.\n", a->name,
         (long long)(next - now + 999) / 1000);
}

static void look(struct wait *w, const struct json_value *told)
{
    for (size_t i = 0; i < w->count; i++) {
        struct awaited *a = &w->hosts[i];
        const struct json_value *host = a->done ? NULL : find_host(told, a->name);
        if (!host)
            continue;
        if (json_member(host, "dequeues")->number == a->dequeues) {
            tell_of_gap(a, host);
            continue;
        }
        a->done = true;
        w->done++;
        print_outcomes(w, host);
    }
}

/* Until all are done, or the service stops. */
static enum exit_code wait_for_outcomes(struct wait *w)
{
    while (w->done < w->count) {
        DWORD state;
        Sleep(LOOK_AGAIN_MS);
        struct json_value *told = report_read();
        if (told)
            look(w, told);
        json_value_free(told);
        if (w->done < w->count && (report_service_state(&state) != 0 || state != SERVICE_RUNNING)) {
            talk("etrnctl: the service is no longer running; to see more: etrnctl status\n");
            return EXIT_NOT_FOUND;
        }
    }
    return w->worst;
}

static bool await(struct wait *w, const struct json_value *host)
{
    struct awaited *hosts = realloc(w->hosts, (w->count + 1) * sizeof *hosts);
    if (!hosts)
        return false;
    w->hosts = hosts;
    hosts[w->count] = (struct awaited){.name = text_copy(json_member(host, "name")->string),
                                       .dequeues = json_member(host, "dequeues")->number};
    return hosts[w->count++].name != NULL;
}

static bool usable(const struct json_value *host)
{
    return json_member(host, "enabled")->boolean && json_member(host, "nodes")->first;
}

static enum exit_code choose_hosts(struct wait *w, const struct json_value *told, int count, char **names)
{
    for (int i = 0; i < count; i++) {
        const struct json_value *host = find_host(told, names[i]);
        if (!host || !usable(host)) {
            talk("etrnctl: %s: %s; etrnctl status shows the hosts\n", names[i],
                 host ? "is left out by its settings" : "no such host");
            return host ? EXIT_INVALID : EXIT_NOT_FOUND;
        }
        if (!await(w, host))
            return fail(ERROR_NOT_ENOUGH_MEMORY, "run");
    }
    for (const struct json_value *host = json_member(told, "hosts")->first; count == 0 && host; host = host->next)
        if (usable(host) && !await(w, host))
            return fail(ERROR_NOT_ENOUGH_MEMORY, "run");
    if (w->count == 0) {
        talk("etrnctl: there is no host to ask; to add one: etrnctl add mail.isp.example yourdomain.example\n");
        return EXIT_NOT_FOUND;
    }
    return EXIT_DONE;
}

static enum exit_code ask(struct wait *w, int count, char **names)
{
    DWORD error = count > 0 ? request_leave((const char *const *)names, (size_t)count) : 0;
    if (!error)
        error = report_control(count > 0 ? CONTROL_RUN_REQUESTED : CONTROL_RUN_ALL);
    return error ? fail(error, "asking the service") : wait_for_outcomes(w);
}

/* The service must be there, run and be enabled; each lack is told with its remedy. */
static enum exit_code check_service(const struct json_value *told)
{
    DWORD state;
    DWORD error = report_service_state(&state);
    if (error)
        return fail(error, "asking for the service");
    if (state != SERVICE_RUNNING) {
        talk("etrnctl: the service is %s; to %s it: %s\n", report_state_name(state), state ? "start" : "install",
             state == 0                ? "etrnctl service install"
             : state == SERVICE_PAUSED ? "sc continue " SERVICE_NAME
                                       : "etrnctl service start");
        return EXIT_NOT_FOUND;
    }
    if (!told) {
        talk("etrnctl: the service has not told its status yet; try again in a moment\n");
        return EXIT_NOT_FOUND;
    }
    if (!json_member(told, "enabled")->boolean) {
        talk("etrnctl: ETRN is disabled (AlwaysUseETRN is 0); to enable it: etrnctl enable\n");
        return EXIT_INVALID;
    }
    return EXIT_DONE;
}

enum exit_code run_run(const struct command *self, int count, char **arguments)
{
    struct wait w = {0};
    if (!take_options(self, NULL, 0, &count, arguments))
        return EXIT_USAGE;
    struct json_value *told = report_read();
    enum exit_code code = check_service(told);
    if (code == EXIT_DONE)
        code = choose_hosts(&w, told, count, arguments);
    json_value_free(told);
    if (code == EXIT_DONE)
        code = ask(&w, count, arguments);
    for (size_t i = 0; i < w.count; i++)
        free(w.hosts[i].name);
    free(w.hosts);
    return code;
}
