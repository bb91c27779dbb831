/* grouping: finds the items of a list that are to be reported together, because the same is to be said of them. */
#ifndef ETRN_GROUPING_H
#define ETRN_GROUPING_H

#include "text.h"

struct grouping {
    const void *first, *end; /* where the row begins, and what follows its last item */
    const void *(*next)(const void *item);
    bool (*same)(const void *a, const void *b); /* whether b, the later one, is reported with a */
    const char *(*name)(const void *item);
};

/* Whether no item before it is reported with it. */
bool grouping_begins(const struct grouping *g, const void *item);

/* Appends the names of the item and of all after it that are reported with it: "a, b, c". */
void grouping_add_names(const struct grouping *g, const void *item, struct text *t);

#endif
