/* late_post: a thread posts to a loop that has ended; it is held just before the system's call, until another loop was
 * opened. It prints how many messages that one got which are not its own: there may be none. */
#include "../../service/win/win.h"

static HANDLE about_to_post, go_on;
static volatile LONG holding;

static BOOL post(HANDLE port, DWORD bytes, ULONG_PTR key, OVERLAPPED *overlapped)
{
    if (InterlockedExchange(&holding, 0)) {
        SetEvent(about_to_post);
        WaitForSingleObject(go_on, INFINITE);
    }
    return PostQueuedCompletionStatus(port, bytes, key, overlapped);
}
#define PostQueuedCompletionStatus post
#include "../../service/win/loop.c"

#include <stdio.h>

static unsigned strays;

static void stray(struct loop_op *op, DWORD error, DWORD bytes)
{
    strays++;
}

static struct loop *running;

static void end(struct loop_op *op, DWORD error, DWORD bytes)
{
    loop_end(running);
}

static void run(struct loop *loop)
{
    static struct loop_op last;
    last = (struct loop_op){.done = end};
    running = loop;
    loop_post(loop, &last, 0);
    printf("a loop ended: %lu\n", loop_run(loop));
}

static DWORD WINAPI post_late(void *loop)
{
    static struct loop_op op = {.done = stray};
    return loop_post(loop, &op, 0);
}

int wmain(void)
{
    DWORD error = 1;
    about_to_post = CreateEventW(NULL, FALSE, FALSE, NULL);
    go_on = CreateEventW(NULL, FALSE, FALSE, NULL);
    struct loop *first = loop_open();
    run(first);
    holding = 1;
    HANDLE thread = CreateThread(NULL, 0, post_late, first, 0, NULL);
    WaitForSingleObject(about_to_post, INFINITE);
    struct loop *second = loop_open();
    SetEvent(go_on);
    WaitForSingleObject(thread, INFINITE);
    GetExitCodeThread(thread, &error);
    run(second);
    printf("the late post: %lu, strays: %u\n", error, strays);
    return 0;
}
