#include "scm.h"

#include "engine.h"
#include "win/control.h"
#include "win/eventlog.h"

#include <stdlib.h>

enum {
    START_HINT_MS = 10000, /* reading the configuration of ten thousand hosts, with a margin */
    STOP_HINT_MS = 4000    /* sessions end within 2 s */
};

static SERVICE_STATUS_HANDLE handle;
static volatile LONG state = SERVICE_STOPPED; /* as last reported */
static volatile LONG checkpoint;

/* Called from the handler's thread and from the service's own. That is safe: SetServiceStatus serializes calls, and
 * each state is reported only by the thread that causes it. */
static void report(DWORD new_state, DWORD error, DWORD hint_ms)
{
    bool pending = new_state == SERVICE_START_PENDING || new_state == SERVICE_STOP_PENDING ||
                   new_state == SERVICE_PAUSE_PENDING || new_state == SERVICE_CONTINUE_PENDING;
    DWORD accepted = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PAUSE_CONTINUE |
                     SERVICE_ACCEPT_PARAMCHANGE | SERVICE_ACCEPT_POWEREVENT | SERVICE_ACCEPT_TIMECHANGE;
    SERVICE_STATUS status = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = new_state,
        .dwControlsAccepted = new_state == SERVICE_RUNNING || new_state == SERVICE_PAUSED ? accepted : 0,
        .dwWin32ExitCode = error,
        .dwCheckPoint = pending ? (DWORD)InterlockedIncrement(&checkpoint) : 0,
        .dwWaitHint = pending ? hint_ms : 0,
    };
    InterlockedExchange(&state, (LONG)new_state);
    SetServiceStatus(handle, &status);
}

struct control {
    DWORD code;
    enum engine_request request;
    DWORD pending_state; /* reported at once; 0 if the control does not change the state */
};

static const struct control controls[] = {
    {SERVICE_CONTROL_STOP, ENGINE_STOP, SERVICE_STOP_PENDING},
    {SERVICE_CONTROL_SHUTDOWN, ENGINE_STOP, SERVICE_STOP_PENDING},
    {SERVICE_CONTROL_PAUSE, ENGINE_PAUSE, SERVICE_PAUSE_PENDING},
    {SERVICE_CONTROL_CONTINUE, ENGINE_CONTINUE, SERVICE_CONTINUE_PENDING},
    {SERVICE_CONTROL_PARAMCHANGE, ENGINE_READ_CONFIG, 0},
    {CONTROL_RUN_ALL, ENGINE_RUN_ALL, 0},
    {CONTROL_RUN_REQUESTED, ENGINE_RUN_REQUESTED, 0},
    {SERVICE_CONTROL_TIMECHANGE, ENGINE_CLOCK_SET, 0},
    {CONTROL_NETWORK_GREW, ENGINE_NETWORK_GREW, 0},
    {CONTROL_RESUMED, ENGINE_RESUMED, 0},
    {CONTROL_CLOCK_SET, ENGINE_CLOCK_SET, 0},
};

/* Called in the dispatcher's thread, which must not block: posts the request and returns. */
static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *context)
{
    (void)data, (void)context;
    if (code == SERVICE_CONTROL_INTERROGATE)
        return NO_ERROR;
    if (code == SERVICE_CONTROL_POWEREVENT) {
        if (type == PBT_APMRESUMEAUTOMATIC) /* sent on every resume, with or without a user present */
            engine_ask(ENGINE_RESUMED);
        return NO_ERROR;
    }
    for (size_t i = 0; i < ARRAYSIZE(controls); i++) {
        if (controls[i].code != code)
            continue;
        if (controls[i].pending_state)
            report(controls[i].pending_state, NO_ERROR, STOP_HINT_MS);
        engine_ask(controls[i].request);
        return NO_ERROR;
    }
    return ERROR_CALL_NOT_IMPLEMENTED;
}

static void running(void *owner)
{
    (void)owner;
    report(SERVICE_RUNNING, NO_ERROR, 0);
    EVENT(EVENT_STARTED, SERVICE_DISPLAY_NAME, VERSION);
}

static void answered(void *owner, enum engine_request request)
{
    (void)owner;
    if (request == ENGINE_STOP)
        report(SERVICE_STOP_PENDING, NO_ERROR, STOP_HINT_MS); /* a new checkpoint: sessions are ending */
    else if (request == ENGINE_PAUSE && state == SERVICE_PAUSE_PENDING)
        report(SERVICE_PAUSED, NO_ERROR, 0);
    else if (request == ENGINE_CONTINUE && state == SERVICE_CONTINUE_PENDING)
        report(SERVICE_RUNNING, NO_ERROR, 0);
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    struct engine_callbacks callbacks = {.running = running, .answered = answered};
    (void)argc, (void)argv;
    handle = RegisterServiceCtrlHandlerExW(TEXT(SERVICE_NAME), control, NULL);
    DWORD error = handle ? 0 : GetLastError();
    eventlog_open(false);
    if (!handle) {
        event_write_cannot_run("cannot register with the service control manager", error);
        eventlog_close();
        return;
    }
    report(SERVICE_START_PENDING, NO_ERROR, START_HINT_MS);
    error = engine_run(&callbacks);
    if (!error)
        EVENT(EVENT_STOPPED, SERVICE_DISPLAY_NAME);
    eventlog_close();
    report(SERVICE_STOPPED, error, 0);
}

DWORD scm_run(void)
{
    wchar_t name[] = TEXT(SERVICE_NAME);
    SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};
    DWORD error = StartServiceCtrlDispatcherW(table) ? 0 : GetLastError();
    if (error && error != ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) { /* that error means: started by hand */
        eventlog_open(false);
        event_write_cannot_run("cannot connect to the service control manager", error);
        eventlog_close();
    }
    return error;
}
