/* grouping: of a row of items those that are to be told together, because the same is to be said of them. */
#ifndef ETRN_GROUPING_H
#define ETRN_GROUPING_H

#include "text.h"

struct grouping {
    const void *first, *end; /* where the row begins, and what follows its last item */
    const void *(*next)(const void *item);
    bool (*same)(const void *a, const void *b); /* whether b, the later one, is told with a */
    const char *(*name)(const void *item);
};

/* Whether no item before it is told with it. */
bool grouping_begins(const struct grouping *g, const void *item);

/* Appends the names of the item and of all after it that are told with it: "a, b, c". */
void grouping_add_names(const struct grouping *g, const void *item, struct text *t);

#endif
