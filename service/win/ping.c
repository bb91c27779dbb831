#include "ping.h"

#include <iphlpapi.h>
#include <icmpapi.h>
#include <stdlib.h>

enum { ECHO_WAIT_MS = 1000, PAUSE_MS = 1000, STACK_SIZE = 64 << 10 };

/* An echo request blocks its thread, and so may name resolution: each ping has its own thread, which owns nothing but
 * this structure. */
struct ping {
    struct loop *loop;
    struct loop_op ended;
    ping_done *done;
    void *owner;
    wchar_t *host;
    int64_t due_ms;
    HANDLE cancel;
    DWORD error;
    bool cancelled;
};

static void ping_free(struct ping *ping)
{
    if (ping->cancel)
        CloseHandle(ping->cancel);
    free(ping->host);
    free(ping);
}

static DWORD resolve_v4(const wchar_t *host, IPAddr *address)
{
    ADDRINFOW hints = {.ai_family = AF_INET};
    ADDRINFOW *found;
    DWORD error = (DWORD)GetAddrInfoW(host, NULL, &hints, &found);
    if (error)
        return error;
    *address = ((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_addr.S_un.S_addr;
    FreeAddrInfoW(found);
    return 0;
}

/* Converts the ICMP statuses of interest to Win32 errors, because their own numbers mean something else in Winsock. */
static DWORD error_of_status(DWORD status)
{
    switch (status) {
    case IP_SUCCESS:
        return 0;
    case IP_REQ_TIMED_OUT:
        return WSAETIMEDOUT;
    case IP_DEST_NET_UNREACHABLE:
        return ERROR_NETWORK_UNREACHABLE;
    default:
        return status >= IP_STATUS_BASE && status <= MAX_IP_STATUS ? ERROR_HOST_UNREACHABLE : status;
    }
}

static DWORD echo(HANDLE icmp, IPAddr address)
{
    static char data[] = "EtrnSvc wakes you";
    union {
        ICMP_ECHO_REPLY reply;
        char room[sizeof(ICMP_ECHO_REPLY) + sizeof data + 64];
    } answer;
    if (IcmpSendEcho(icmp, address, data, sizeof data, NULL, &answer, sizeof answer, ECHO_WAIT_MS) == 0)
        return error_of_status(GetLastError());
    return error_of_status(answer.reply.Status);
}

/* Pings until the host answers twice, one second apart: a single answer may come over a connection that is just
 * closing. The second answer is awaited even if the time is up. */
static DWORD wake(const struct ping *ping, HANDLE icmp)
{
    IPAddr address;
    unsigned answers = 0;
    DWORD error;
    do {
        error = resolve_v4(ping->host, &address); /* the name server may be at the other end of the same connection */
        if (!error)
            error = echo(icmp, address);
        answers = error ? 0 : answers + 1;
        if (answers == 2)
            return 0;
        if (WaitForSingleObject(ping->cancel, PAUSE_MS) == WAIT_OBJECT_0)
            return ERROR_CANCELLED;
    } while (answers > 0 || loop_now_ms() < ping->due_ms);
    return error;
}

static DWORD WINAPI run(void *context)
{
    struct ping *ping = context;
    HANDLE icmp = IcmpCreateFile();
    ping->error = icmp == INVALID_HANDLE_VALUE ? GetLastError() : wake(ping, icmp);
    if (icmp != INVALID_HANDLE_VALUE)
        IcmpCloseHandle(icmp);
    loop_post(ping->loop, &ping->ended, 0);
    return 0;
}

static void ended(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct ping *ping = CONTAINING_RECORD(op, struct ping, ended);
    (void)error, (void)bytes;
    if (!ping->cancelled)
        ping->done(ping->owner, ping->error);
    ping_free(ping);
}

struct ping *ping_begin(struct loop *loop, const char *host, int64_t limit_ms, ping_done *done, void *owner)
{
    struct ping *ping = calloc(1, sizeof *ping);
    if (!ping)
        return NULL;
    ping->loop = loop;
    ping->ended.done = ended;
    ping->done = done;
    ping->owner = owner;
    ping->due_ms = loop_now_ms() + limit_ms;
    ping->host = wide_copy(host);
    ping->cancel = CreateEventW(NULL, TRUE, FALSE, NULL);
    HANDLE thread = NULL;
    if (ping->host && ping->cancel)
        thread = CreateThread(NULL, STACK_SIZE, run, ping, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread) {
        ping_free(ping);
        return NULL;
    }
    CloseHandle(thread);
    return ping;
}

void ping_cancel(struct ping *ping)
{
    if (!ping)
        return;
    ping->cancelled = true;
    SetEvent(ping->cancel);
}
