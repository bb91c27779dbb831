#include "loop.h"

#include <stdlib.h>

enum { POST_TRIES = 20, POST_PAUSE_MS = 50 };

struct loop {
    HANDLE port;
    struct loop_timer *first, *last; /* set timers, sorted by due time */
    struct loop_op turn;             /* the timers' entry in the port's queue */
    bool turn_asked;
    int64_t turn_ms; /* when `turn` was queued: timers due by then fire */
    bool ending;
};

static void fire_due(struct loop_op *op, DWORD error, DWORD bytes);

struct loop *loop_open(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    HANDLE port = loop ? CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1) : NULL;
    DWORD error = loop ? GetLastError() : ERROR_NOT_ENOUGH_MEMORY;
    if (!port) {
        free(loop);
        SetLastError(error);
        return NULL;
    }
    loop->port = port;
    loop->turn.done = fire_due;
    return loop;
}

DWORD loop_attach(struct loop *loop, HANDLE handle)
{
    return CreateIoCompletionPort(handle, loop->port, 0, 0) ? 0 : GetLastError();
}

/* Posting fails if the system is short of memory, and most callers cannot report it: a stop request or the end of a
 * thread's work would be lost. */
DWORD loop_post(struct loop *loop, struct loop_op *op, DWORD bytes)
{
    DWORD error = 0;
    for (int tries = 0; tries < POST_TRIES; tries++) {
        if (PostQueuedCompletionStatus(loop->port, bytes, 0, &op->overlapped))
            return 0;
        error = GetLastError();
        Sleep(POST_PAUSE_MS);
    }
    return error;
}

int64_t loop_now_ms(void)
{
    return (int64_t)GetTickCount64();
}

static void unlink_timer(struct loop *loop, struct loop_timer *timer)
{
    if (!timer->set)
        return;
    *(timer->earlier ? &timer->earlier->later : &loop->first) = timer->later;
    *(timer->later ? &timer->later->earlier : &loop->last) = timer->earlier;
    timer->set = false;
}

/* Deadlines are mostly set in the order in which they come due, so the place is found quickly from the end. */
void loop_set_timer(struct loop *loop, struct loop_timer *timer, int64_t due_ms)
{
    unlink_timer(loop, timer);
    if (due_ms == INT64_MAX)
        return;
    struct loop_timer *before = loop->last;
    while (before && before->due_ms > due_ms)
        before = before->earlier;
    timer->due_ms = due_ms;
    timer->set = true;
    timer->earlier = before;
    timer->later = before ? before->later : loop->first;
    *(timer->earlier ? &timer->earlier->later : &loop->first) = timer;
    *(timer->later ? &timer->later->earlier : &loop->last) = timer;
}

/* The timers' queue entry has arrived: fires the timers that were due when it was posted. */
static void fire_due(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct loop *loop = CONTAINING_RECORD(op, struct loop, turn);
    (void)error, (void)bytes;
    loop->turn_asked = false;
    while (loop->first && !loop->ending && loop->first->due_ms <= loop->turn_ms) {
        struct loop_timer *due = loop->first;
        unlink_timer(loop, due);
        due->fire(due);
    }
}

/* Queues the timers' entry if one is due, and sets the longest time to wait. Timers fire after everything that has
 * already arrived, so that after a suspension or a burst of events a reply that came in time is not treated as late. */
static DWORD queue_due_timers(struct loop *loop, DWORD *wait_ms)
{
    *wait_ms = INFINITE;
    if (!loop->first || loop->turn_asked)
        return 0;
    int64_t now_ms = loop_now_ms();
    int64_t left_ms = loop->first->due_ms - now_ms;
    if (left_ms > 0) {
        *wait_ms = left_ms < INFINITE - 1 ? (DWORD)left_ms : INFINITE - 1;
        return 0;
    }
    loop->turn_ms = now_ms;
    loop->turn_asked = true;
    loop->turn.overlapped = (OVERLAPPED){0};
    return loop_post(loop, &loop->turn, 0);
}

DWORD loop_run(struct loop *loop)
{
    while (!loop->ending) {
        DWORD wait_ms;
        DWORD bytes = 0;
        ULONG_PTR key;
        OVERLAPPED *overlapped = NULL;
        DWORD error = queue_due_timers(loop, &wait_ms);
        if (error)
            return error;
        BOOL fine = GetQueuedCompletionStatus(loop->port, &bytes, &key, &overlapped, wait_ms);
        error = fine ? 0 : GetLastError();
        if (overlapped) {
            struct loop_op *op = CONTAINING_RECORD(overlapped, struct loop_op, overlapped);
            op->done(op, error, bytes);
        } else if (error != WAIT_TIMEOUT) {
            return error;
        }
    }
    return 0;
}

void loop_end(struct loop *loop)
{
    loop->ending = true;
}
