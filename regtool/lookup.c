#include "lookup.h"

#include "../service/win/link.h"

enum { AT_ONCE = 50 };

struct lookup_batch {
    struct loop *loop;
    struct lookup *lookups;
    size_t count, next, pending;
    bool beginning; /* begin_more() is running */
};

static void begin_more(struct lookup_batch *b);

static void end(struct lookup *lookup, DWORD error)
{
    lookup->error = error;
    resolve_cancel(lookup->resolve);
    lookup->resolve = NULL;
    lookup->batch->pending--;
}

static void resolved(void *owner, DWORD error, const ADDRINFOEXW *addresses)
{
    struct lookup *lookup = owner;
    (void)addresses;
    end(lookup, error);
    begin_more(lookup->batch);
}

static void begin(struct lookup_batch *b, struct lookup *lookup)
{
    lookup->error = 0;
    lookup->batch = b;
    lookup->resolve = NULL;
    if (!lookup->name)
        return;
    b->pending++;
    DWORD error = resolve_begin(b->loop, lookup->name, 0, resolved, lookup, &lookup->resolve);
    if (error)
        end(lookup, error);
}

/* An answer may arrive while its look-up is being started. It must not start further look-ups then, or the stack would
 * grow. */
static void begin_more(struct lookup_batch *b)
{
    if (b->beginning)
        return;
    b->beginning = true;
    while (b->next < b->count && b->pending < AT_ONCE)
        begin(b, &b->lookups[b->next++]);
    b->beginning = false;
    if (b->pending == 0)
        loop_end(b->loop);
}

DWORD lookup_all(struct lookup *lookups, size_t count)
{
    struct lookup_batch b = {.lookups = lookups, .count = count};
    b.loop = loop_open();
    DWORD error = b.loop ? 0 : GetLastError();
    if (!error)
        error = link_startup();
    if (!error)
        begin_more(&b);
    if (!error && b.pending > 0)
        error = loop_run(b.loop);
    return error;
}
