#include "planned_host.h"

#include <stdlib.h>
#include <string.h>

static void nodes_free(struct planned_node *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(nodes[i].output);
    free(nodes);
}

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001B3u;
    return hash;
}

struct planned_host *planned_host_new(const char *name, const struct cron_zone *zone, uint64_t seed)
{
    struct planned_host *h = calloc(1, sizeof *h);
    char *copy = text_copy(name);
    if (!h || !copy) {
        free(h);
        free(copy);
        return NULL;
    }
    h->name = copy;
    timetable_init(&h->timetable, zone, hash_name(name) ^ seed);
    return h;
}

void planned_host_free(struct planned_host *h)
{
    if (!h)
        return;
    nodes_free(h->nodes, h->node_count);
    timetable_free(&h->timetable);
    config_release(h->config);
    free(h->name);
    free(h);
}

struct planned_node *planned_host_node(struct planned_host *h, const char *name)
{
    for (size_t i = 0; i < h->node_count; i++)
        if (text_same(h->nodes[i].name, name))
            return &h->nodes[i];
    return NULL;
}

bool planned_host_has_retry(const struct planned_host *h)
{
    for (size_t i = 0; i < h->node_count; i++)
        if (h->nodes[i].retry)
            return true;
    return false;
}

static bool same_nodes(const struct planned_host *h, const struct strings *domains)
{
    if (h->node_count != domains->count)
        return false;
    for (size_t i = 0; i < h->node_count; i++)
        if (strcmp(h->nodes[i].name, domains->items[i]) != 0)
            return false;
    return true;
}

static void move_output(struct planned_node *from, struct planned_node *to)
{
    if (!from)
        return;
    to->output = from->output;
    from->output = NULL;
}

/* Replaces the nodes. Returns false if memory is short. */
static bool adopt_nodes(struct planned_host *h, const struct strings *domains, bool *grown)
{
    struct planned_node *nodes = calloc(domains->count ? domains->count : 1, sizeof *nodes);
    if (!nodes)
        return false;
    for (size_t i = 0; i < domains->count; i++) {
        struct planned_node *known = planned_host_node(h, domains->items[i]);
        if (known)
            nodes[i] = *known;
        else
            *grown = true;
        move_output(known, &nodes[i]);
    }
    nodes_free(h->nodes, h->node_count);
    h->nodes = nodes;
    h->node_count = domains->count;
    h->dequeue.waiting = 0;
    for (size_t i = 0; i < h->node_count; i++)
        h->dequeue.waiting += h->nodes[i].progress == NODE_WAITING;
    return true;
}

bool planned_host_adopt(struct planned_host *h, const struct config *config, const struct host_settings *host,
                        bool *grown)
{
    const struct strings *domains = &host->domains;
    *grown = false;
    if (!same_nodes(h, domains) && !adopt_nodes(h, domains, grown))
        return false;
    for (size_t i = 0; i < h->node_count; i++)
        h->nodes[i].name = domains->items[i];
    config_hold(config);
    config_release(h->config);
    h->config = config;
    h->settings = host;
    return true;
}
