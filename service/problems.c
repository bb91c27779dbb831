#include "problems.h"

#include "core/buffer.h"
#include "win/eventlog.h"

#include <stdlib.h>

static void free_problem(struct problem *p)
{
    free(p->key);
    free(p->name);
    free(p->text);
}

static bool contains(const struct problems *problems, const struct problem *p)
{
    for (size_t i = 0; i < problems->count; i++)
        if (strcmp(problems->items[i].key, p->key) == 0 && strcmp(problems->items[i].name, p->name) == 0 &&
            strcmp(problems->items[i].text, p->text) == 0)
            return true;
    return false;
}

void problems_add(void *owner, const char *key, const char *name, const char *problem)
{
    struct problems *problems = owner;
    struct problem p = {text_copy(key), text_copy(name), text_copy(problem)};
    struct problem *items = array_grow(problems->items, problems->count, &problems->room, sizeof *items);
    if (items)
        problems->items = items;
    if (!items || !p.key || !p.name || !p.text) {
        EVENT(EVENT_BAD_VALUE, key, name, problem);
        free_problem(&p);
        return;
    }
    items[problems->count++] = p;
}

void problems_replace(struct problems *known, struct problems *fresh)
{
    for (size_t i = 0; i < fresh->count; i++)
        if (!contains(known, &fresh->items[i]))
            EVENT(EVENT_BAD_VALUE, fresh->items[i].key, fresh->items[i].name, fresh->items[i].text);
    problems_free(known);
    *known = *fresh;
    *fresh = (struct problems){0};
}

void problems_free(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free_problem(&problems->items[i]);
    free(problems->items);
    *problems = (struct problems){0};
}
