#include "eventlog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SOURCE_KEY L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\EtrnSvc"

enum { STRINGS_LIMIT = 9 };

static HANDLE source;
static bool on_console;

void eventlog_open(bool console)
{
    on_console = console;
    if (console)
        setvbuf(stdout, NULL, _IOFBF, 8192); /* writes whole lines instead of characters: print_line() flushes */
    else
        source = RegisterEventSourceW(NULL, TEXT(SERVICE_NAME));
}

void eventlog_close(void)
{
    if (source)
        DeregisterEventSource(source);
    source = NULL;
}

static WORD event_type(DWORD id)
{
    static const WORD types[] = {EVENTLOG_SUCCESS, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE,
                                 EVENTLOG_ERROR_TYPE};
    return types[id >> 30];
}

static void print_line(const char *kind, const char *line)
{
    SYSTEMTIME now;
    GetLocalTime(&now);
    printf("%02u:%02u:%02u.%03u %-7s %s\n", now.wHour, now.wMinute, now.wSecond, now.wMilliseconds, kind, line);
    fflush(stdout);
}

static void print_event(DWORD id, const wchar_t *const *strings)
{
    static const char *const kinds[] = {"", "info", "warning", "error"};
    wchar_t line[2048];
    DWORD flags = FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY | FORMAT_MESSAGE_MAX_WIDTH_MASK;
    DWORD length = FormatMessageW(flags, NULL, id, 0, line, ARRAYSIZE(line), (va_list *)(void *)strings);
    if (length == 0)
        _snwprintf(line, ARRAYSIZE(line), L"event %lu (without its text: error %lu)", id & 0xFFFF, GetLastError());
    while (length > 0 && line[length - 1] == L' ')
        line[--length] = L'\0';
    char *utf8 = narrow_copy(line);
    if (utf8)
        print_line(kinds[id >> 30], utf8);
    free(utf8);
}

void event_write(DWORD id, const char *const *strings, WORD count)
{
    wchar_t *wide[STRINGS_LIMIT] = {0};
    const wchar_t *shown[STRINGS_LIMIT];
    for (size_t i = 0; i < STRINGS_LIMIT; i++) {
        wide[i] = i < count ? wide_copy(strings[i]) : NULL;
        shown[i] = wide[i] ? wide[i] : L"";
    }
    if (on_console)
        print_event(id, shown);
    else if (source)
        ReportEventW(source, event_type(id), 0, id, NULL, count, 0, (LPCWSTR *)(void *)shown, NULL);
    for (WORD i = 0; i < count; i++)
        free(wide[i]);
}

void event_write_error(DWORD id, const char *what, DWORD error)
{
    TEXT_SCRATCH(words, 200);
    text_add_error(&words, error);
    EVENT(id, what, words.data);
}

void event_write_cannot_run(const char *step, DWORD error)
{
    TEXT_SCRATCH(words, 200);
    text_add_error(&words, error);
    EVENT(EVENT_CANNOT_RUN, SERVICE_DISPLAY_NAME, step, words.data);
}

void trace(const char *format, ...)
{
    char line[1200];
    if (!on_console)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    print_line("", line);
}

DWORD eventlog_register(const wchar_t *exe)
{
    HKEY key;
    DWORD types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    DWORD error = (DWORD)RegCreateKeyExW(HKEY_LOCAL_MACHINE, SOURCE_KEY, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL);
    if (error)
        return error;
    error = (DWORD)RegSetValueExW(key, L"EventMessageFile", 0, REG_EXPAND_SZ, (const BYTE *)exe,
                                  (DWORD)((wcslen(exe) + 1) * sizeof *exe));
    if (!error)
        error = (DWORD)RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types, sizeof types);
    RegCloseKey(key);
    return error;
}

DWORD eventlog_unregister(void)
{
    DWORD error = (DWORD)RegDeleteKeyW(HKEY_LOCAL_MACHINE, SOURCE_KEY);
    return error == ERROR_FILE_NOT_FOUND ? 0 : error;
}

bool eventlog_registered(HKEY machine)
{
    HKEY key;
    if (RegOpenKeyExW(machine, SOURCE_KEY, 0, KEY_QUERY_VALUE, &key) != 0)
        return false;
    bool there = RegQueryValueExW(key, L"EventMessageFile", NULL, NULL, NULL, NULL) == 0;
    RegCloseKey(key);
    return there;
}
