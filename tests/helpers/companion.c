/* companion: a service that notes when it starts and stops, in the file .log beside it. With a file named .slow or
 * .slower beside it, it takes a while to start; with one named .fails, it ends while it starts. */

#include <stdio.h>
#include <windows.h>

static SERVICE_STATUS_HANDLE handle;
static SERVICE_STATUS status = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS, .dwControlsAccepted = SERVICE_ACCEPT_STOP};
static HANDLE stopped;
static wchar_t path[MAX_PATH];

static const wchar_t *beside(const wchar_t *extension)
{
    wcscpy(wcsrchr(path, L'.'), extension);
    return path;
}

static void note(const char *what)
{
    FILE *file = _wfopen(beside(L".log"), L"ab");
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    unsigned long long ticks = (unsigned long long)now.dwHighDateTime << 32 | now.dwLowDateTime;
    fprintf(file, "%s %.3f\n", what, (double)(ticks - 116444736000000000ULL) / 1e7);
    fclose(file);
}

static void tell(DWORD state)
{
    status.dwCurrentState = state;
    SetServiceStatus(handle, &status);
}

static DWORD WINAPI control(DWORD code, DWORD event, void *data, void *context)
{
    if (code == SERVICE_CONTROL_STOP)
        SetEvent(stopped);
    return NO_ERROR;
}

static BOOL exists(const wchar_t *extension)
{
    return GetFileAttributesW(beside(extension)) != INVALID_FILE_ATTRIBUTES;
}

static void WINAPI service(DWORD count, wchar_t **words)
{
    stopped = CreateEventW(NULL, TRUE, FALSE, NULL);
    handle = RegisterServiceCtrlHandlerExW(L"", control, NULL);
    tell(SERVICE_START_PENDING);
    note("starts");
    if (exists(L".slow"))
        Sleep(1000);
    if (exists(L".slower"))
        Sleep(5000);
    if (exists(L".fails")) {
        status.dwWin32ExitCode = 5;
        tell(SERVICE_STOPPED);
        return;
    }
    note("runs");
    tell(SERVICE_RUNNING);
    WaitForSingleObject(stopped, INFINITE);
    note("stops");
    tell(SERVICE_STOPPED);
}

int wmain(void)
{
    SERVICE_TABLE_ENTRYW table[] = {{L"", service}, {NULL, NULL}};
    GetModuleFileNameW(NULL, path, MAX_PATH);
    return !StartServiceCtrlDispatcherW(table);
}
