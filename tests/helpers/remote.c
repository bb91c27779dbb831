/* remote: what Wine's sc lacks: control codes, pause, and changes of a service's entry.
 *
 * remote: prints "ready", then reads lines of a control code (0 starts the service) and a state to wait for (0: none)
 *     unless the code is refused, and answers each with the error, the state, and how many handles the service has
 * open.
 *
 * remote hold PATH: holds a file open, as one who reads it, until standard input ends.
 *
 * remote entry START PATH USER: changes the service's entry. */

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>
#include <winternl.h>

enum {
    PATIENCE_MS = 60000 /* for a state: a busy computer reads ten thousand hosts for longer than 10 s */
};

static int hold(const wchar_t *path)
{
    DWORD all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    HANDLE file = CreateFileW(path, GENERIC_READ, all, NULL, OPEN_EXISTING, 0, NULL);
    puts(file == INVALID_HANDLE_VALUE ? "failed" : "held");
    fflush(stdout);
    return getchar();
}

static DWORD handles_of(SC_HANDLE service) /* from the list of all processes: Wine's GetProcessHandleCount says 0 */
{
    static BYTE list[1 << 16];
    SERVICE_STATUS_PROCESS status = {0};
    DWORD size;
    SYSTEM_PROCESS_INFORMATION *each = (SYSTEM_PROCESS_INFORMATION *)list;
    QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)&status, sizeof status, &size);
    if (NtQuerySystemInformation(SystemProcessInformation, list, sizeof list, NULL) != 0)
        return 0;
    while ((DWORD)(ULONG_PTR)each->UniqueProcessId != status.dwProcessId && each->NextEntryOffset)
        each = (SYSTEM_PROCESS_INFORMATION *)((BYTE *)each + each->NextEntryOffset);
    return (DWORD)(ULONG_PTR)each->UniqueProcessId == status.dwProcessId ? each->HandleCount : 0;
}

static void control(SC_HANDLE manager, DWORD code, DWORD wanted)
{
    SERVICE_STATUS status = {0};
    DWORD error = 0;
    SC_HANDLE service = OpenServiceW(manager, L"EtrnSvc", SERVICE_ALL_ACCESS);
    if (!service || (code ? !ControlService(service, code, &status) : !StartServiceW(service, 0, NULL)))
        error = GetLastError();
    ULONGLONG last = GetTickCount64() + PATIENCE_MS;
    while (service && wanted && QueryServiceStatus(service, &status) && status.dwCurrentState != wanted && !error &&
           GetTickCount64() < last)
        Sleep(5);
    printf("%lu %lu %lu\n", error, status.dwCurrentState, handles_of(service));
    fflush(stdout);
    CloseServiceHandle(service);
}

int wmain(int count, wchar_t **words)
{
    unsigned long code, wanted;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    if (count > 1 && wcscmp(words[1], L"hold") == 0)
        return hold(words[2]);
    if (count > 1)
        return !ChangeServiceConfigW(OpenServiceW(manager, L"EtrnSvc", SERVICE_ALL_ACCESS), SERVICE_NO_CHANGE,
                                     (DWORD)_wtoi(words[2]), SERVICE_NO_CHANGE, words[3], NULL, NULL, NULL, words[4],
                                     NULL, NULL);
    puts("ready");
    fflush(stdout);
    while (scanf("%lu %lu", &code, &wanted) == 2)
        control(manager, code, wanted);
    return 0;
}
