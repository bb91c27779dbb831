/* eventlog: the service's events (messages.mc) to the Windows Event Log, or to standard output when it runs on a
 * console. */
#ifndef ETRN_EVENTLOG_H
#define ETRN_EVENTLOG_H

#include "../core/must_check.h"
#include "messages.h"
#include "win.h"

/* Events go to the Event Log from here on, or, with `console`, to standard output. */
void eventlog_open(bool console);
void eventlog_close(void);

/* Reports an event with its strings, as many as its message has. */
void event_write(DWORD id, const char *const *strings, WORD count);

/* The same, the strings one by one: EVENT(EVENT_STOPPED, name). */
#define EVENT(id, ...)                                                                                                 \
    event_write((id), (const char *const[]){__VA_ARGS__},                                                              \
                (WORD)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

/* EVENT_CANNOT_RUN: the step that failed ("cannot create the completion port"), and why. */
void event_write_cannot_run(const char *step, DWORD error);

/* The same of an event about `what`, whose second string is the error in words. */
void event_write_error(DWORD id, const char *what, DWORD error);

/* A line for one who watches on the console; nothing otherwise. */
void trace(const char *format, ...) TEXT_FORMAT(1, 2);

/* Where the Event Log looks for our messages: makes (HKLM\...\EventLog\Application\EtrnSvc) or deletes the source.
 * Returns 0 or a Win32 error. */
MUST_CHECK DWORD eventlog_register(const wchar_t *exe);
MUST_CHECK DWORD eventlog_unregister(void);

/* Whether the source is there, on the computer of which `machine` is HKEY_LOCAL_MACHINE. */
bool eventlog_registered(HKEY machine);

#endif
