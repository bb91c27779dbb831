/* driver: does on a Windows machine, quickly and again and again, what the tests ask for a line at a time. It
 * answers each line with one line.
 *
 *   control CODE          sends the service a control; the error
 *   start | stop          ... and waits until it runs, or has stopped; the error, the state, the exit code
 *   process PID           whether it lives: its exit code (259 while it does), handles
 *   run FILE COMMAND...   runs a program to its end, its output into FILE; the exit code
 *   keep KEY COPY         copies a key below HKEY_LOCAL_MACHINE with all in it
 *   set KEY NAME NUMBER   writes a REG_DWORD; the error
 *   show KEY              all that is in it, a line a value, then an empty line
 *   quit
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

enum { LINE = 4000, STATE_TRIES = 6000, RUN_LIMIT_MS = 30000 };

static SC_HANDLE service;

static void wait_for_state(DWORD error, DWORD wanted)
{
    SERVICE_STATUS status = {0};
    QueryServiceStatus(service, &status);
    for (int i = 0; i < STATE_TRIES && !error && status.dwCurrentState != wanted &&
                    (i < 10 || status.dwCurrentState != SERVICE_STOPPED);
         i++) {
        Sleep(5);
        QueryServiceStatus(service, &status);
    }
    printf("%lu %lu %lu\n", error, status.dwCurrentState, status.dwWin32ExitCode);
}

static void start(void)
{
    wait_for_state(StartServiceW(service, 0, NULL) ? 0 : GetLastError(), SERVICE_RUNNING);
}

static void stop(void)
{
    SERVICE_STATUS status;
    wait_for_state(ControlService(service, SERVICE_CONTROL_STOP, &status) ? 0 : GetLastError(), SERVICE_STOPPED);
}

static void control(const char *code)
{
    SERVICE_STATUS status;
    printf("%lu\n", ControlService(service, strtoul(code, NULL, 10), &status) ? 0 : GetLastError());
}

static void process(const char *id)
{
    DWORD code = 0, handles = 0;
    HANDLE handle = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, strtoul(id, NULL, 10));
    if (handle) {
        GetExitCodeProcess(handle, &code);
        GetProcessHandleCount(handle, &handles);
        CloseHandle(handle);
    }
    printf("%lu %lu\n", code, handles);
}

static void run(char *words)
{
    char *command = strchr(words, ' ');
    SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
    PROCESS_INFORMATION child;
    DWORD code = 0;
    *command++ = '\0';
    HANDLE out = CreateFileA(words, GENERIC_WRITE, FILE_SHARE_READ, &inherit, CREATE_ALWAYS, 0, NULL);
    HANDLE in = CreateFileA("NUL", GENERIC_READ, FILE_SHARE_READ, &inherit, OPEN_EXISTING, 0, NULL);
    STARTUPINFOA startup = {
        .cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES, .hStdInput = in, .hStdOutput = out, .hStdError = out};
    if (!CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child)) {
        printf("failed %lu\n", GetLastError());
    } else {
        if (WaitForSingleObject(child.hProcess, RUN_LIMIT_MS) == WAIT_TIMEOUT)
            TerminateProcess(child.hProcess, 99999);
        WaitForSingleObject(child.hProcess, 5000);
        GetExitCodeProcess(child.hProcess, &code);
        CloseHandle(child.hProcess);
        CloseHandle(child.hThread);
        printf("%lu\n", code);
    }
    CloseHandle(in);
    CloseHandle(out);
}

static void copy_key(HKEY from, HKEY to)
{
    static BYTE data[70000];
    char name[300];
    DWORD length, type, size;
    HKEY below, copy;
    for (DWORD i = 0;
         length = sizeof name, size = sizeof data, RegEnumValueA(from, i, name, &length, NULL, &type, data, &size) == 0;
         i++)
        RegSetValueExA(to, name, 0, type, data, size);
    for (DWORD i = 0; length = sizeof name, RegEnumKeyExA(from, i, name, &length, NULL, NULL, NULL, NULL) == 0; i++) {
        RegOpenKeyExA(from, name, 0, KEY_READ, &below);
        RegCreateKeyExA(to, name, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &copy, NULL);
        copy_key(below, copy);
        RegCloseKey(below);
        RegCloseKey(copy);
    }
}

static void keep(char *words)
{
    char *to = strchr(words, ' ');
    HKEY from_key, to_key;
    *to++ = '\0';
    RegDeleteTreeA(HKEY_LOCAL_MACHINE, to);
    DWORD error = (DWORD)RegOpenKeyExA(HKEY_LOCAL_MACHINE, words, 0, KEY_READ, &from_key);
    if (error == 0) {
        RegCreateKeyExA(HKEY_LOCAL_MACHINE, to, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &to_key, NULL);
        copy_key(from_key, to_key);
        RegCloseKey(from_key);
        RegCloseKey(to_key);
    }
    printf("%lu\n", error);
}

static void set(char *words)
{
    char *number = strrchr(words, ' ');
    *number++ = '\0';
    char *name = strrchr(words, ' ');
    *name++ = '\0';
    DWORD value = strtoul(number, NULL, 10);
    printf("%ld\n", RegSetKeyValueA(HKEY_LOCAL_MACHINE, words, name, REG_DWORD, &value, sizeof value));
}

static void show_key(HKEY key, const char *path)
{
    static BYTE data[70000];
    char name[300], deeper[1000];
    DWORD length, type, size;
    HKEY below;
    printf("[%s]\n", path);
    for (DWORD i = 0;
         length = sizeof name, size = sizeof data, RegEnumValueA(key, i, name, &length, NULL, &type, data, &size) == 0;
         i++) {
        printf("%s\\%s=%lu:", path, name, type);
        for (DWORD at = 0; at < size; at++)
            printf("%02x", data[at]);
        puts("");
    }
    for (DWORD i = 0; length = sizeof name, RegEnumKeyExA(key, i, name, &length, NULL, NULL, NULL, NULL) == 0; i++) {
        snprintf(deeper, sizeof deeper, "%s\\%s", path, name);
        RegOpenKeyExA(key, name, 0, KEY_READ, &below);
        show_key(below, deeper);
        RegCloseKey(below);
    }
}

static void show(const char *path)
{
    HKEY key;
    if (RegOpenKeyExA(HKEY_LOCAL_MACHINE, path, 0, KEY_READ, &key) == 0) {
        show_key(key, "");
        RegCloseKey(key);
    }
    puts("");
}

int main(void)
{
    char line[LINE];
    service = OpenServiceW(OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT), L"EtrnSvc", SERVICE_ALL_ACCESS);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        char *words = strchr(line, ' ');
        if (words)
            *words++ = '\0';
        if (strcmp(line, "quit") == 0)
            break;
        if (strcmp(line, "start") == 0)
            start();
        else if (strcmp(line, "stop") == 0)
            stop();
        else if (strcmp(line, "control") == 0)
            control(words);
        else if (strcmp(line, "process") == 0)
            process(words);
        else if (strcmp(line, "run") == 0)
            run(words);
        else if (strcmp(line, "keep") == 0)
            keep(words);
        else if (strcmp(line, "set") == 0)
            set(words);
        else if (strcmp(line, "show") == 0)
            show(words);
        else
            puts("what?");
        fflush(stdout);
    }
    return 0;
}
