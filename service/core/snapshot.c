#include "snapshot.h"

#include "node.h"
#include "result_json.h"

#include <string.h>

/* Converts steady time to wall-clock time, by the present setting of the clock. */
static int64_t utc_of(struct moment now, int64_t steady_ms)
{
    return steady_ms == NEVER_MS ? 0 : now.utc_ms + (steady_ms - now.steady_ms);
}

/* A scheduled host is due at a wall-clock time; the steady time is only used to wait for it. */
static int64_t due_utc(const struct planned_host *host, struct moment now, int64_t due)
{
    return host->timetable.line_count > 0 && due == host->timetable.scheduled ? host->timetable.scheduled_utc_ms
                                                                              : utc_of(now, due);
}

/* Writes the server that gave a node's result, with its port if that is not the host's. */
static void write_server(struct json *j, const struct planned_host *host, const struct planned_node *node)
{
    char address[NODE_LIMIT + 1];
    TEXT_SCRATCH(server, NODE_LIMIT + 16);
    uint16_t port;
    host_server(host->settings, node->result_server, address, sizeof address, &port);
    if (port == host_port(host->settings))
        text_add(&server, "%s", address);
    else
        text_add(&server, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, port);
    json_string(j, "server", server.data);
}

static void write_node(struct json *j, const struct planned_host *host, const struct planned_node *node)
{
    json_open_object(j, NULL);
    json_string(j, "node", node->name);
    result_write(j, &node->result);
    json_number(j, "messages", node->result.messages);
    json_string(j, "output", node->output);
    write_server(j, host, node);
    json_time(j, "at", node->result_at.utc_ms);
    json_bool(j, "failing", node->failing);
    json_time(j, "since", node->since.utc_ms);
    json_close(j, '}');
}

static void write_host(struct json *j, const struct planner *p, const struct planned_host *host, struct moment now)
{
    enum trigger why;
    int64_t due = planner_due(p, host, &why);
    json_open_object(j, NULL);
    json_string(j, "name", host->name);
    json_string(j, "host", host_address(host->settings));
    json_number(j, "port", host_port(host->settings));
    json_bool(j, "enabled", host->settings->enabled);
    json_bool(j, "asking", host->dequeue.active);
    json_number(j, "dequeues", (int64_t)host->dequeues);
    json_number(j, "requests", (int64_t)host->requests);
    json_number(j, "requests_answered", (int64_t)host->requests_answered);
    json_string(j, "trigger", host->dequeue.trigger == TRIGGER_NONE ? NULL : trigger_name(host->dequeue.trigger));
    json_time(j, "started", host->dequeue.started.utc_ms);
    json_time(j, "ended", host->dequeue.active ? 0 : host->dequeue.ended.utc_ms);
    json_time(j, "next", host->dequeue.active ? 0 : due_utc(host, now, due));
    json_string(j, "next_trigger", host->dequeue.active || why == TRIGGER_NONE ? NULL : trigger_name(why));
    json_open_array(j, "nodes");
    for (size_t i = 0; i < host->node_count; i++)
        write_node(j, host, &host->nodes[i]);
    json_close(j, ']');
    json_close(j, '}');
}

static void write_problems(struct json *j, const struct snapshot_facts *facts)
{
    json_open_array(j, "problems");
    for (size_t i = 0; i < facts->problem_count; i++) {
        json_open_object(j, NULL);
        json_string(j, "key", facts->problems[i].key);
        json_string(j, "name", facts->problems[i].name);
        json_string(j, "problem", facts->problems[i].text);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* Returns when the first host is due; 0 if none will be. */
static int64_t next_utc(const struct planner *p, struct moment now)
{
    int64_t first = NEVER_MS;
    int64_t utc_ms = 0;
    for (size_t i = 0; i < p->roster.count; i++) {
        enum trigger why;
        int64_t due = p->roster.hosts[i]->dequeue.active ? NEVER_MS : planner_due(p, p->roster.hosts[i], &why);
        if (due >= first)
            continue;
        first = due;
        utc_ms = due_utc(p->roster.hosts[i], now, due);
    }
    return utc_ms;
}

void snapshot_write(struct json *j, const struct snapshot_facts *facts, const struct planner *p)
{
    const struct setting *master = setting_find(SCOPE_SERVICE, "AlwaysUseETRN");
    json_begin(j);
    json_open_object(j, NULL);
    json_number(j, "schema", 1);
    json_string(j, "version", facts->version);
    json_number(j, "process", facts->process);
    json_time(j, "started", facts->started_utc_ms);
    json_time(j, "written", facts->now.utc_ms);
    json_bool(j, "enabled", p->enabled);
    json_string(j, "enabled_by", origin_name(p->config->service.origin[setting_index(master)]));
    json_bool(j, "paused", p->paused);
    if (facts->awaited_port)
        json_number(j, "awaited_port", facts->awaited_port);
    else
        json_null(j, "awaited_port");
    json_number(j, "sessions", (int64_t)p->sessions);
    json_time(j, "next", p->paused ? 0 : next_utc(p, facts->now));
    write_problems(j, facts);
    json_open_array(j, "hosts");
    for (size_t i = 0; i < p->roster.count; i++)
        if (p->roster.hosts[i]->settings)
            write_host(j, p, p->roster.hosts[i], facts->now);
    json_close(j, ']');
    json_close(j, '}');
}
