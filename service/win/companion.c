#include "companion.h"

#include <stdlib.h>

enum {
    LOOK_MS = 250, /* between two looks, only while it starts */
    START_LIMIT_MS = 60000
};

/* One service, shared by its users. */
struct shared {
    struct shared *next;
    struct loop *loop;
    wchar_t *name;
    unsigned users;
    bool ours, tried; /* started by us; in this wait, with whatever success */
    int64_t give_up_ms, keep_until_ms;
    struct loop_timer look, hold;
    struct companion *waiting;
};

struct companion {
    struct shared *service;
    companion_ready *ready;
    void *owner;
    struct companion *next;
};

static struct shared *services; /* of the loop's thread alone */

static DWORD with_service(const wchar_t *name, DWORD access, SC_HANDLE *manager, SC_HANDLE *service)
{
    *service = NULL;
    *manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    if (*manager)
        *service = OpenServiceW(*manager, name, access);
    return *service ? 0 : GetLastError();
}

static void close_both(SC_HANDLE manager, SC_HANDLE service)
{
    if (service)
        CloseServiceHandle(service);
    if (manager)
        CloseServiceHandle(manager);
}

static DWORD query(const wchar_t *name, DWORD *state)
{
    SC_HANDLE manager;
    SC_HANDLE service;
    SERVICE_STATUS status = {0};
    DWORD error = with_service(name, SERVICE_QUERY_STATUS, &manager, &service);
    if (!error && !QueryServiceStatus(service, &status))
        error = GetLastError();
    close_both(manager, service);
    *state = status.dwCurrentState;
    return error;
}

/* Starts it; `*ours` tells whether that was us. */
static DWORD start(const wchar_t *name, bool *ours)
{
    SC_HANDLE manager;
    SC_HANDLE service;
    DWORD error = with_service(name, SERVICE_START, &manager, &service);
    if (!error && !StartServiceW(service, 0, NULL))
        error = GetLastError();
    close_both(manager, service);
    *ours = *ours || error == 0;
    return error == ERROR_SERVICE_ALREADY_RUNNING ? 0 : error;
}

static void stop(const wchar_t *name)
{
    SC_HANDLE manager;
    SC_HANDLE service;
    SERVICE_STATUS status;
    if (with_service(name, SERVICE_STOP, &manager, &service) == 0)
        ControlService(service, SERVICE_CONTROL_STOP, &status);
    close_both(manager, service);
}

static void forget(struct shared *s)
{
    struct shared **place = &services;
    while (*place && *place != s)
        place = &(*place)->next;
    if (*place)
        *place = s->next;
    loop_set_timer(s->loop, &s->look, INT64_MAX);
    loop_set_timer(s->loop, &s->hold, INT64_MAX);
    free(s->name);
    free(s);
}

/* Nobody has needed it for a while. */
static void held_long_enough(struct loop_timer *timer)
{
    struct shared *s = CONTAINING_RECORD(timer, struct shared, hold);
    if (s->ours)
        stop(s->name);
    forget(s);
}

static void tell_all(struct shared *s, DWORD error)
{
    struct companion *waiting = s->waiting;
    s->waiting = NULL;
    while (waiting) {
        struct companion *next = waiting->next;
        companion_ready *ready = waiting->ready;
        waiting->ready = NULL;
        ready(waiting->owner, error);
        waiting = next;
    }
}

/* Once in a wait: a service that gives up while it starts is not started over and over. One that runs need not be
 * startable by us. */
static DWORD start_if_stopped(struct shared *s, DWORD *state)
{
    DWORD error = query(s->name, state);
    if (error || *state != SERVICE_STOPPED || s->tried)
        return error;
    s->tried = true;
    error = start(s->name, &s->ours);
    return error ? error : query(s->name, state);
}

static void look(struct loop_timer *timer)
{
    struct shared *s = CONTAINING_RECORD(timer, struct shared, look);
    DWORD state = 0;
    DWORD error = start_if_stopped(s, &state);
    if (!error && state != SERVICE_RUNNING) {
        bool starts = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
        error = starts && loop_now_ms() < s->give_up_ms ? 0 : ERROR_SERVICE_REQUEST_TIMEOUT;
        if (!error) {
            loop_set_timer(s->loop, &s->look, loop_now_ms() + LOOK_MS);
            return;
        }
    }
    s->users++; /* the last user may go in here */
    tell_all(s, error);
    if (--s->users == 0 && !s->hold.set)
        loop_set_timer(s->loop, &s->hold, loop_now_ms());
}

static struct shared *find(struct loop *loop, const wchar_t *name)
{
    for (struct shared *s = services; s; s = s->next)
        if (_wcsicmp(s->name, name) == 0)
            return s;
    struct shared *s = calloc(1, sizeof *s);
    wchar_t *copy = _wcsdup(name);
    if (!s || !copy) {
        free(s);
        free(copy);
        return NULL;
    }
    *s = (struct shared){.next = services, .loop = loop, .name = copy};
    s->look.fire = look;
    s->hold.fire = held_long_enough;
    services = s;
    return s;
}

struct companion *companion_use(struct loop *loop, const char *service, companion_ready *ready, void *owner)
{
    wchar_t *name = wide_copy(service);
    struct companion *c = calloc(1, sizeof *c);
    struct shared *s = name && c ? find(loop, name) : NULL;
    free(name);
    if (!s) {
        free(c);
        return NULL;
    }
    *c = (struct companion){.service = s, .ready = ready, .owner = owner, .next = s->waiting};
    s->waiting = c;
    s->users++;
    s->tried = false; /* somebody else may have stopped it since */
    s->give_up_ms = loop_now_ms() + START_LIMIT_MS;
    loop_set_timer(loop, &s->hold, INT64_MAX);
    loop_set_timer(loop, &s->look, loop_now_ms());
    return c;
}

void companion_release(struct companion *c, int64_t hold_ms)
{
    if (!c)
        return;
    struct shared *s = c->service;
    for (struct companion **place = &s->waiting; *place; place = &(*place)->next)
        if (*place == c) {
            *place = c->next;
            break;
        }
    free(c);
    if (s->keep_until_ms < loop_now_ms() + hold_ms)
        s->keep_until_ms = loop_now_ms() + hold_ms;
    if (--s->users == 0)
        loop_set_timer(s->loop, &s->hold, s->keep_until_ms);
}

void companion_stop_all(void)
{
    while (services) {
        struct shared *s = services;
        if (s->ours)
            stop(s->name);
        forget(s);
    }
}
