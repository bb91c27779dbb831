#include "console.h"

#include "engine.h"
#include "win/eventlog.h"

static HANDLE ended;

/* Called in a thread of the system. Waits until the engine has stopped: when the console window was closed, the process
 * ends as soon as this returns. */
static BOOL WINAPI interrupted(DWORD event)
{
    (void)event;
    engine_ask(ENGINE_STOP);
    WaitForSingleObject(ended, 5000);
    return TRUE;
}

static void running(void *owner)
{
    (void)owner;
    SetConsoleCtrlHandler(interrupted, TRUE);
    trace("Running on this console. Press Ctrl+C to stop.");
}

static void answered(void *owner, enum engine_request request)
{
    (void)owner;
    if (request == ENGINE_STOP)
        trace("Stopping.");
}

int console_run(void)
{
    struct engine_callbacks callbacks = {.running = running, .answered = answered};
    ended = CreateEventW(NULL, TRUE, FALSE, NULL);
    DWORD error = ended ? 0 : GetLastError();
    eventlog_open(true);
    if (error) {
        event_write_cannot_run("cannot create an event", error);
        return 1;
    }
    EVENT(EVENT_STARTED, SERVICE_DISPLAY_NAME, VERSION);
    error = engine_run(&callbacks);
    EVENT(EVENT_STOPPED, SERVICE_DISPLAY_NAME);
    eventlog_close();
    SetEvent(ended);
    return error ? 1 : 0;
}
