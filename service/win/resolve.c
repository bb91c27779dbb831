#include "resolve.h"

#include <stdio.h>
#include <stdlib.h>

/* In ws2tcpip.h since Windows 8, but missing in MinGW's. */
WINSOCK_API_LINKAGE INT WSAAPI GetAddrInfoExCancel(HANDLE *question);

struct resolve {
    OVERLAPPED overlapped; /* of the system's request */
    struct loop_op answered;
    struct loop *loop;
    resolve_done *done;
    void *owner;
    ADDRINFOEXW *addresses;
    HANDLE question;
    DWORD error;
    bool asking, cancelled;
};

static void release(struct resolve *r)
{
    if (r->addresses)
        FreeAddrInfoExW(r->addresses);
    free(r);
}

/* Called in the loop's thread. */
static void answered(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct resolve *r = CONTAINING_RECORD(op, struct resolve, answered);
    (void)error, (void)bytes;
    r->asking = false;
    if (r->cancelled)
        release(r);
    else
        r->done(r->owner, r->error, r->addresses);
}

/* Called in a thread of the system. */
static void CALLBACK system_answered(DWORD error, DWORD bytes, OVERLAPPED *overlapped)
{
    struct resolve *r = CONTAINING_RECORD(overlapped, struct resolve, overlapped);
    r->error = error;
    loop_post(r->loop, &r->answered, bytes);
}

static DWORD ask(struct resolve *r, const wchar_t *name, const wchar_t *port)
{
    ADDRINFOEXW hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    INT error = GetAddrInfoExW(name, port, NS_ALL, NULL, &hints, &r->addresses, NULL, NULL, NULL, NULL);
    if (error == 0) {
        r->done(r->owner, 0, r->addresses);
        return 0;
    }
    hints.ai_flags = 0;
    r->addresses = NULL;
    r->asking = true;
    error = GetAddrInfoExW(name, port, NS_ALL, NULL, &hints, &r->addresses, NULL, &r->overlapped, system_answered,
                           &r->question);
    if (error == WSA_IO_PENDING)
        return 0;
    r->error = (DWORD)error; /* completed at once: the callback is not called */
    return loop_post(r->loop, &r->answered, 0);
}

DWORD resolve_begin(struct loop *loop, const char *name, uint16_t port, resolve_done *done, void *owner,
                    struct resolve **resolve)
{
    struct resolve *r = calloc(1, sizeof *r);
    wchar_t *wide_name = wide_copy(name);
    wchar_t wide_port[8];
    _snwprintf(wide_port, ARRAYSIZE(wide_port), L"%u", port);
    *resolve = NULL;
    if (!r || !wide_name) {
        free(r);
        free(wide_name);
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    r->answered.done = answered;
    r->loop = loop;
    r->done = done;
    r->owner = owner;
    *resolve = r;
    DWORD error = ask(r, wide_name, wide_port);
    free(wide_name);
    if (error) {
        *resolve = NULL;
        release(r);
    }
    return error;
}

void resolve_cancel(struct resolve *r)
{
    if (!r)
        return;
    r->cancelled = true;
    if (!r->asking)
        release(r);
    else if (r->question)
        GetAddrInfoExCancel(&r->question);
}

/* MinGW's header declares ai_next with a misspelled structure tag. */
const ADDRINFOEXW *resolve_next(const ADDRINFOEXW *address)
{
    return (const ADDRINFOEXW *)(const void *)address->ai_next;
}
