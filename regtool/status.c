/* etrnctl status: the screen that answers at a glance. */
#include "command.h"
#include "report.h"
#include "store.h"

#include <stdlib.h>

/* What the screen is made of: the service's state, what is configured now, and what the service last told. */
struct view {
    DWORD state;
    struct config config;
    struct json_value *told; /* NULL when there is no status.json */
    int64_t now_utc_ms;
};

static const char *switch_origin(const struct view *v)
{
    static const char *const names[] = {"default", "Parameters", "policy"};
    const struct setting *master = setting_find(SCOPE_SERVICE, "AlwaysUseETRN");
    return names[v->config.service.origin[setting_index(master)]];
}

static bool alive(const struct view *v)
{
    return v->told && (v->state == SERVICE_RUNNING || v->state == SERVICE_PAUSED);
}

static void age(const struct view *v, const struct json_value *instant, const char *otherwise, char *out_text,
                size_t size)
{
    struct text t;
    int64_t utc_ms = json_instant(instant);
    text_begin(&t, out_text, size);
    if (utc_ms)
        report_age(&t, utc_ms, v->now_utc_ms);
    else
        text_add(&t, "%s", otherwise);
}

static void print_node(const struct view *v, const struct json_value *node)
{
    char at[40];
    char since[40];
    const char *advice = json_member(node, "advice")->string;
    const char *text = json_member(node, "text")->string;
    bool failing = json_member(node, "failing")->boolean;
    age(v, json_member(node, "at"), "", at, sizeof at);
    age(v, json_member(node, "since"), "", since, sizeof since);
    out("  %s %s: %s %s\n", failing ? "!" : " ", json_member(node, "node")->string,
        json_member(node, "meaning")->string, *at ? at : "");
    if (!failing)
        return;
    out("      failing since %s%s%s\n", since, text && *text ? ": " : "", text ? text : "");
    if (advice && *advice)
        out("      %s\n", advice);
}

static bool any_failing(const struct json_value *host)
{
    for (const struct json_value *node = json_member(host, "nodes")->first; node; node = node->next)
        if (json_member(node, "failing")->boolean)
            return true;
    return false;
}

static void print_host(const struct view *v, const struct json_value *host)
{
    char next[40];
    const char *name = json_member(host, "name")->string;
    age(v, json_member(host, "next"), "not planned", next, sizeof next);
    if (!json_member(host, "enabled")->boolean)
        out("%s: left out (its Enabled is 0)\n", name);
    else if (json_member(host, "asking")->boolean)
        out("%s: being asked now\n", name);
    else
        out("%s: next %s\n", name, next);
    for (int failing = 1; failing >= 0; failing--)
        for (const struct json_value *node = json_member(host, "nodes")->first; node; node = node->next)
            if (json_member(node, "failing")->boolean == (failing == 1))
                print_node(v, node);
}

static void print_summary(const struct view *v)
{
    out("Service:        %s\n", report_state_name(v->state));
    out("AlwaysUseETRN:  %u, %s (%s)\n", v->config.service.always_use_etrn,
        v->config.service.always_use_etrn ? "enabled" : "disabled", switch_origin(v));
    if (alive(v)) {
        char next[40];
        age(v, json_member(v->told, "next"), "none planned", next, sizeof next);
        out("Next round:     %s\n", next);
    }
    out("Hosts:          %zu\n", v->config.host_count);
}

static void print_advice(const struct view *v)
{
    if (v->state == 0)
        out("\nTo install the service: etrnctl service install\n");
    else if (v->state == SERVICE_STOPPED)
        out("\nTo start the service: etrnctl service start\n");
    if (v->config.host_count == 0)
        out("\nTo add a host: etrnctl add mail.isp.example yourdomain.example\n");
    if (!v->config.service.always_use_etrn)
        out("\nTo enable ETRN: etrnctl enable\n");
}

static void print_screen(const struct view *v)
{
    print_summary(v);
    if (alive(v))
        for (int failing = 1; failing >= 0; failing--)
            for (const struct json_value *host = json_member(v->told, "hosts")->first; host; host = host->next)
                if (any_failing(host) == (failing == 1)) {
                    out("\n");
                    print_host(v, host);
                }
    for (const struct json_value *p = v->told ? json_member(v->told, "problems")->first : NULL; p; p = p->next)
        out("\nNot used: %s\\%s: %s\n", json_member(p, "key")->string, json_member(p, "name")->string,
            json_member(p, "problem")->string);
    print_advice(v);
}

/* Copies a value that was read. */
static void copy(struct json *j, const struct json_value *value)
{
    const char *key = value->key;
    switch (value->kind) {
    case JSON_NULL:
        json_null(j, key);
        break;
    case JSON_BOOL:
        json_bool(j, key, value->boolean);
        break;
    case JSON_NUMBER:
        json_number(j, key, value->number);
        break;
    case JSON_STRING:
        json_string(j, key, value->string);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        if (value->kind == JSON_ARRAY)
            json_open_array(j, key);
        else
            json_open_object(j, key);
        for (const struct json_value *child = value->first; child; child = child->next)
            copy(j, child);
        json_close(j, value->kind == JSON_ARRAY ? ']' : '}');
        break;
    }
}

static enum exit_code print_json(const struct view *v)
{
    struct json j;
    json_begin(&j);
    json_open_object(&j, NULL);
    json_number(&j, "schema", 1);
    json_string(&j, "state", report_state_name(v->state));
    json_bool(&j, "enabled", v->config.service.always_use_etrn);
    json_string(&j, "enabled_by", switch_origin(v));
    if (v->told) {
        struct json_value *told = v->told;
        told->key = NULL;
        json_open_object(&j, "service");
        for (const struct json_value *child = told->first; child; child = child->next)
            copy(&j, child);
        json_close(&j, '}');
    } else {
        json_null(&j, "service");
    }
    json_close(&j, '}');
    if (j.failed)
        return fail(ERROR_NOT_ENOUGH_MEMORY, "status");
    out("%s", j.data);
    json_free(&j);
    return EXIT_DONE;
}

enum exit_code run_status(const struct command *self, int count, char **arguments)
{
    bool json = false;
    struct view v = {.now_utc_ms = utc_now_ms()};
    const struct option options[] = {{"--json", NULL, &json}};
    if (!take_options(self, options, ARRAYSIZE(options), &count, arguments))
        return EXIT_USAGE;
    if (count > 0)
        return usage_error(self, "%s: unexpected", arguments[0]);
    DWORD error = report_service_state(&v.state);
    if (error)
        return fail(error, "asking for the service");
    error = store_read(&v.config);
    if (error)
        return fail(error, "reading the configuration");
    v.told = report_read();
    enum exit_code code = EXIT_DONE;
    if (json)
        code = print_json(&v);
    else
        print_screen(&v);
    json_value_free(v.told);
    config_free(&v.config);
    return code;
}
