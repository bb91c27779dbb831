#include "grouping.h"

bool grouping_begins(const struct grouping *g, const void *item)
{
    for (const void *before = g->first; before != item; before = g->next(before))
        if (g->same(before, item))
            return false;
    return true;
}

void grouping_add_names(const struct grouping *g, const void *item, struct text *t)
{
    const char *between = "";
    for (const void *other = item; other != g->end && !t->cut; other = g->next(other))
        if (g->same(item, other)) {
            text_add(t, "%s%s", between, g->name(other));
            between = ", ";
        }
}
