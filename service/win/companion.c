#include "companion.h"

#include "eventlog.h"
#include "manager.h"

#include <stdlib.h>

enum {
    CHECK_MS = 250,      /* between two checks while the service starts or stops ... */
    LAST_CHECK_MS = 100, /* ... and if it must be stopped as soon as it runs */
    START_LIMIT_MS = 60000,
    STACK_SIZE = 64 << 10
};

/* The service control manager may block its caller for 30 s while a service starts or stops, so each task has a thread,
 * which owns nothing but this structure. */
struct task {
    struct loop *loop;
    struct loop_op ended;
    struct shared *owner;
    DWORD (*act)(struct task *task);
    wchar_t *name;
    HANDLE thread, undo; /* `undo` is an event: the service is no longer needed */
    int64_t give_up_ms;
    DWORD error;
    bool started; /* by this task, and not stopped since */
};

/* A service, shared by its users. */
struct shared {
    struct shared *next;
    struct loop *loop;
    wchar_t *name;
    unsigned users;
    bool ours;         /* started by EtrnSvc */
    struct task *task; /* the task that is running, or NULL */
    int64_t keep_until_ms;
    struct loop_timer hold;
    struct companion *waiting;
};

struct companion {
    struct shared *service;
    companion_ready *ready;
    void *owner;
    struct companion *next;
};

static struct shared *services; /* used only in the loop's thread */

/* ---- in a task's thread ---- */

static DWORD query(const wchar_t *name, DWORD *state)
{
    struct manager m;
    SERVICE_STATUS status = {0};
    DWORD error = manager_open(&m, NULL, name, SERVICE_QUERY_STATUS);
    if (!error && !QueryServiceStatus(m.service, &status))
        error = GetLastError();
    manager_close(&m);
    *state = status.dwCurrentState;
    return error;
}

static DWORD start(const wchar_t *name, bool *started)
{
    struct manager m;
    DWORD error = manager_open(&m, NULL, name, SERVICE_START);
    if (!error && !StartServiceW(m.service, 0, NULL))
        error = GetLastError();
    manager_close(&m);
    *started = error == 0;
    return error == ERROR_SERVICE_ALREADY_RUNNING ? 0 : error;
}

static DWORD stop(const wchar_t *name)
{
    struct manager m;
    SERVICE_STATUS status;
    DWORD error = manager_open(&m, NULL, name, SERVICE_STOP);
    if (!error && !ControlService(m.service, SERVICE_CONTROL_STOP, &status))
        error = GetLastError();
    manager_close(&m);
    return error;
}

static bool wait_for_undo(const struct task *task, DWORD wait_ms)
{
    return WaitForSingleObject(task->undo, wait_ms) == WAIT_OBJECT_0;
}

/* Waits until the next check. A service that we started is still checked when it is no longer needed, because it
 * accepts no stop before it runs. */
static void pause_between_checks(const struct task *task)
{
    if (wait_for_undo(task, CHECK_MS) && task->started)
        Sleep(LAST_CHECK_MS);
}

/* Waits until the service runs, and starts it once: a service that fails to start is not started repeatedly. If it
 * already runs, we need no right to start it. */
static DWORD wait_until_it_runs(struct task *task)
{
    for (bool tried = false;; pause_between_checks(task)) {
        DWORD state;
        DWORD error = query(task->name, &state);
        if (!task->started && wait_for_undo(task, 0))
            return ERROR_CANCELLED;
        if (!error && state == SERVICE_STOPPED && !tried) {
            tried = true;
            error = start(task->name, &task->started);
            if (!error)
                error = query(task->name, &state);
        }
        if (error || state == SERVICE_RUNNING)
            return error;
        bool pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
        if (!pending || loop_now_ms() >= task->give_up_ms)
            return ERROR_SERVICE_REQUEST_TIMEOUT;
    }
}

static DWORD bring_up(struct task *task)
{
    DWORD error = wait_until_it_runs(task);
    if (task->started && wait_for_undo(task, 0)) {
        task->started = stop(task->name) != 0; /* one that refuses is stopped once more, as one that is up */
        return ERROR_CANCELLED;
    }
    return error;
}

static DWORD bring_down(struct task *task)
{
    return stop(task->name);
}

static DWORD WINAPI run(void *context)
{
    struct task *task = context;
    task->error = task->act(task);
    loop_post(task->loop, &task->ended, 0);
    return 0;
}

/* ---- tasks, in the loop's thread ---- */

static void task_free(struct task *task)
{
    if (task->thread)
        CloseHandle(task->thread);
    if (task->undo)
        CloseHandle(task->undo);
    free(task->name);
    free(task);
}

static void task_ended(struct loop_op *op, DWORD error, DWORD bytes);

/* Returns false if memory or a thread could not be allocated. */
static bool begin_task(struct shared *s, DWORD (*act)(struct task *task))
{
    struct task *task = calloc(1, sizeof *task);
    if (!task)
        return false;
    *task = (struct task){.loop = s->loop, .owner = s, .act = act, .give_up_ms = loop_now_ms() + START_LIMIT_MS};
    task->ended.done = task_ended;
    task->name = _wcsdup(s->name);
    task->undo = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (task->name && task->undo)
        task->thread = CreateThread(NULL, STACK_SIZE, run, task, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!task->thread) {
        task_free(task);
        return false;
    }
    s->task = task;
    return true;
}

static void forget(struct shared *s)
{
    struct shared **place = &services;
    while (*place && *place != s)
        place = &(*place)->next;
    if (*place)
        *place = s->next;
    loop_set_timer(s->loop, &s->hold, INT64_MAX);
    free(s->name);
    free(s);
}

static void report_all(struct shared *s, DWORD error)
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

/* Begins the next step if no task is running: starts the service if a user waits for it, otherwise releases it when it
 * is no longer needed. */
static void proceed(struct shared *s)
{
    if (s->task)
        return;
    if (s->waiting) {
        if (begin_task(s, bring_up))
            return;
        s->users++; /* keeps `s` while the last user may leave in this call */
        report_all(s, ERROR_NOT_ENOUGH_MEMORY);
        s->users--;
    }
    if (s->users > 0 || s->hold.set)
        return;
    if (loop_now_ms() < s->keep_until_ms)
        loop_set_timer(s->loop, &s->hold, s->keep_until_ms);
    else if (!s->ours || !begin_task(s, bring_down))
        forget(s);
}

static void trace_left_running(const struct task *task)
{
    TEXT_SCRATCH(words, 300);
    text_add_wide(&words, task->name);
    text_add(&words, " could not be stopped: ");
    text_add_error(&words, task->error);
    trace("%s", words.data);
}

/* The result of a cancelled task is not reported: users that wait now came after it was cancelled. */
static void take_result(struct shared *s)
{
    struct task *task = s->task;
    bool up = task->act == bring_up;
    DWORD error = task->error;
    s->ours = up ? s->ours || task->started : false;
    s->task = NULL;
    if (!up && error)
        trace_left_running(task);
    task_free(task);
    if (!up || error == ERROR_CANCELLED)
        return;
    s->users++; /* keeps `s` while the last user may leave in this call */
    report_all(s, error);
    s->users--;
}

static void task_ended(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct shared *s = CONTAINING_RECORD(op, struct task, ended)->owner;
    (void)error, (void)bytes;
    take_result(s);
    proceed(s);
}

/* The service has not been needed for its hold time. */
static void hold_expired(struct loop_timer *timer)
{
    struct shared *s = CONTAINING_RECORD(timer, struct shared, hold);
    if (s->task)
        SetEvent(s->task->undo);
    else
        proceed(s);
}

/* ---- users ---- */

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
    s->hold.fire = hold_expired;
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
    loop_set_timer(loop, &s->hold, INT64_MAX);
    if (!s->task && !begin_task(s, bring_up)) {
        companion_release(c, 0);
        return NULL;
    }
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

/* ---- end ---- */

static bool task_ends(const struct task *task, int64_t until_ms)
{
    int64_t left_ms = until_ms - loop_now_ms();
    return WaitForSingleObject(task->thread, left_ms > 0 ? (DWORD)left_ms : 0) == WAIT_OBJECT_0;
}

void companion_stop_all(int64_t until_ms)
{
    for (struct shared *s = services; s; s = s->next) {
        if (s->task)
            SetEvent(s->task->undo);
        else if (s->ours)
            begin_task(s, bring_down);
    }
    for (struct shared *s = services; s; s = s->next) {
        if (!s->task || !task_ends(s->task, until_ms))
            continue; /* its thread ends with the process */
        take_result(s);
        if (s->ours && begin_task(s, bring_down)) /* the task finished starting it just before it was cancelled */
            task_ends(s->task, until_ms);
    }
}
