#include "roster.h"

#include "buffer.h"

#include <stdlib.h>
#include <string.h>

void roster_free(struct roster *r)
{
    while (roster_take_ended(r))
        ; /* frees the hosts that are removed */
    for (size_t i = 0; i < r->count; i++)
        planned_host_free(r->hosts[i]);
    free(r->hosts);
}

/* Returns the place of the host with this name, or where to insert it. */
static size_t place_of(const struct roster *r, const char *name)
{
    size_t low = 0;
    size_t high = r->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(r->hosts[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct planned_host *roster_find(const struct roster *r, const char *name)
{
    size_t place = place_of(r, name);
    return place < r->count && text_same(r->hosts[place]->name, name) ? r->hosts[place] : NULL;
}

struct planned_host *roster_add(struct roster *r, const char *name, const struct cron_zone *zone, uint64_t seed)
{
    struct planned_host **hosts = array_grow(r->hosts, r->count, &r->room, sizeof(struct planned_host *));
    if (!hosts)
        return NULL;
    r->hosts = hosts;
    struct planned_host *h = planned_host_new(name, zone, seed);
    if (!h)
        return NULL;
    size_t place = place_of(r, name);
    memmove(r->hosts + place + 1, r->hosts + place, (r->count - place) * sizeof *r->hosts);
    r->hosts[place] = h;
    r->count++;
    return h;
}

void roster_remove(struct roster *r, struct planned_host *h)
{
    size_t place = place_of(r, h->name);
    r->count--;
    memmove(r->hosts + place, r->hosts + place + 1, (r->count - place) * sizeof *r->hosts);
    if (!h->dequeue.end_pending)
        planned_host_free(h);
}

void roster_note_ended(struct roster *r, struct planned_host *h)
{
    h->dequeue.end_pending = true;
    h->next_ended = NULL;
    if (r->first_ended)
        r->last_ended->next_ended = h;
    else
        r->first_ended = h;
    r->last_ended = h;
}

struct planned_host *roster_take_ended(struct roster *r)
{
    struct planned_host *h = r->first_ended;
    planned_host_free(r->gone);
    r->gone = NULL;
    if (!h)
        return NULL;
    r->first_ended = h->next_ended;
    h->dequeue.end_pending = false;
    if (!h->settings)
        r->gone = h;
    return h;
}
