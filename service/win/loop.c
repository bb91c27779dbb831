#include "loop.h"

DWORD loop_open(struct loop *loop)
{
    *loop = (struct loop){.port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1)};
    return loop->port ? 0 : GetLastError();
}

void loop_close(struct loop *loop)
{
    if (loop->port)
        CloseHandle(loop->port);
    loop->port = NULL;
}

DWORD loop_attach(struct loop *loop, HANDLE handle)
{
    return CreateIoCompletionPort(handle, loop->port, 0, 0) ? 0 : GetLastError();
}

DWORD loop_post(struct loop *loop, struct loop_op *op, DWORD bytes)
{
    return PostQueuedCompletionStatus(loop->port, bytes, 0, &op->overlapped) ? 0 : GetLastError();
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

/* Deadlines are mostly set in the order in which they come due: the place is found soon from the end. */
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

/* Fires what is due and returns how long the wait may last. */
static DWORD fire_timers(struct loop *loop)
{
    while (loop->first && !loop->ending) {
        int64_t left_ms = loop->first->due_ms - loop_now_ms();
        if (left_ms > 0)
            return left_ms < INFINITE - 1 ? (DWORD)left_ms : INFINITE - 1;
        struct loop_timer *due = loop->first;
        unlink_timer(loop, due);
        due->fire(due);
    }
    return INFINITE;
}

DWORD loop_run(struct loop *loop)
{
    while (!loop->ending) {
        DWORD wait_ms = fire_timers(loop);
        DWORD bytes = 0;
        ULONG_PTR key;
        OVERLAPPED *overlapped = NULL;
        if (loop->ending)
            break;
        BOOL fine = GetQueuedCompletionStatus(loop->port, &bytes, &key, &overlapped, wait_ms);
        DWORD error = fine ? 0 : GetLastError();
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
