/* action: the package's own steps, a DLL that lies in its Binary table.
 *
 * Immediate, before anything is changed:
 *   CheckProperties   refuses what etrnctl would refuse
 *   SetUndoData       has rollback remove the folder in ProgramData (UndoData), unless it was there before
 *
 * Deferred, as SYSTEM:
 *   WaitForEnd        when the service has stopped and before its program is replaced
 *   Configure         before the service is started: etrnctl service install, then its other commands
 *   RemoveData        when the product is gone for good: what the service has left on disk
 *
 * A deferred action sees no property but CustomActionData, which the one before it has filled. */
#include "../service/core/utf.h"
#include "commands.h"

#include <windows.h>
#include <msi.h>
#include <msiquery.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

typedef UINT __stdcall action(MSIHANDLE install);
__declspec(dllexport) action CheckProperties, SetUndoData, WaitForEnd, Configure, RemoveData;

/* ---- strings and properties ---- */

static wchar_t *wide_from(const char *utf8)
{
    size_t size;
    return utf16_copy(utf8, strlen(utf8) + 1, &size);
}

/* Splits `text` at the first `separator` and returns the rest, or NULL. */
static wchar_t *cut(wchar_t *text, wchar_t separator)
{
    wchar_t *end = text ? wcschr(text, separator) : NULL;
    if (!end)
        return NULL;
    *end = L'\0';
    return end + 1;
}

/* The caller frees the result; NULL if memory is short. */
static wchar_t *property(MSIHANDLE install, const wchar_t *name)
{
    DWORD length = 0;
    wchar_t none[1] = L"";
    UINT error = MsiGetPropertyW(install, name, none, &length);
    wchar_t *value = error == ERROR_MORE_DATA || !error ? calloc(++length, sizeof *value) : NULL;
    if (value && MsiGetPropertyW(install, name, value, &length) != ERROR_SUCCESS)
        value[0] = L'\0';
    return value;
}

static char *utf8_property(MSIHANDLE install, const wchar_t *name)
{
    wchar_t *wide = property(install, name);
    size_t size;
    char *utf8 = wide ? utf8_copy(wide, wcslen(wide) * sizeof *wide, &size) : NULL;
    free(wide);
    return utf8;
}

/* Shows a sentence in the log and, if there is a user interface, as a message. */
static void show_message(MSIHANDLE install, INSTALLMESSAGE kind, const wchar_t *sentence)
{
    MSIHANDLE record = MsiCreateRecord(1);
    MsiRecordSetStringW(record, 0, L"[1]");
    MsiRecordSetStringW(record, 1, sentence);
    MsiProcessMessage(install, kind, record);
    MsiCloseHandle(record);
}

/* Logs the failure of an optional step. */
static void note_failure(MSIHANDLE install, const wchar_t *step, DWORD error)
{
    wchar_t sentence[200];
    _snwprintf(sentence, ARRAYSIZE(sentence), L"EtrnSvc: %ls: error %lu", step, error);
    sentence[ARRAYSIZE(sentence) - 1] = L'\0';
    show_message(install, INSTALLMESSAGE_INFO, sentence);
}

static void show_text(MSIHANDLE install, INSTALLMESSAGE kind, const char *sentence)
{
    wchar_t *wide = wide_from(sentence);
    show_message(install, kind, wide ? wide : L"There is not enough memory.");
    free(wide);
}

static UINT refuse(MSIHANDLE install, const char *sentence)
{
    show_text(install, INSTALLMESSAGE_ERROR, sentence);
    return ERROR_INSTALL_FAILURE;
}

/* ---- before the installation ---- */

/* Sets CustomActionData of Configure: the installation folder, then etrnctl's commands, one per line. */
static UINT set_configure_data(MSIHANDLE install, const char *commands)
{
    wchar_t *folder = property(install, L"INSTALLFOLDER");
    wchar_t *lines = wide_from(commands);
    size_t size = (folder ? wcslen(folder) : 0) + (lines ? wcslen(lines) : 0) + 2;
    wchar_t *data = folder && lines ? malloc(size * sizeof *data) : NULL;
    UINT error = ERROR_INSTALL_FAILURE;
    if (data) {
        _snwprintf(data, size, L"%ls\n%ls", folder, lines);
        error = MsiSetPropertyW(install, L"Configure", data);
    }
    free(data);
    free(lines);
    free(folder);
    return error;
}

UINT __stdcall CheckProperties(MSIHANDLE install)
{
    char *enable = utf8_property(install, L"ENABLE");
    char *host = utf8_property(install, L"ETRNHOST");
    char *domains = utf8_property(install, L"ETRNDOMAINS");
    char *interval = utf8_property(install, L"INTERVAL");
    char *buffer = malloc(COMMANDS_SIZE);
    char sentence[800];
    struct text commands;
    struct text problem;
    UINT error = ERROR_INSTALL_FAILURE;
    if (enable && host && domains && interval && buffer) {
        struct properties properties = {enable, host, domains, interval};
        text_begin(&commands, buffer, COMMANDS_SIZE);
        text_begin(&problem, sentence, sizeof sentence);
        if (commands_from_properties(&properties, &commands, &problem))
            error = set_configure_data(install, buffer);
        else
            refuse(install, sentence);
    }
    free(buffer);
    free(interval);
    free(domains);
    free(host);
    free(enable);
    return error;
}

static bool is_missing(const wchar_t *path)
{
    if (GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES)
        return false;
    return GetLastError() == ERROR_FILE_NOT_FOUND || GetLastError() == ERROR_PATH_NOT_FOUND;
}

/* Sets CustomActionData of UndoData to the folder in ProgramData, unless the folder already exists: then it belongs to
 * a copy without the MSI and must stay. */
UINT __stdcall SetUndoData(MSIHANDLE install)
{
    wchar_t *parent = property(install, L"CommonAppDataFolder");
    size_t size = (parent ? wcslen(parent) : 0) + ARRAYSIZE(L"|EtrnSvc");
    wchar_t *data = parent ? malloc(size * sizeof *data) : NULL;
    UINT error = ERROR_INSTALL_FAILURE;
    if (data) {
        _snwprintf(data, size, L"|%lsEtrnSvc", parent);
        error = is_missing(data + 1) ? MsiSetPropertyW(install, L"UndoData", data) : ERROR_SUCCESS;
    }
    free(data);
    free(parent);
    return error;
}

/* ---- end of the program ---- */

enum { BEGIN_LIMIT_MS = 500, END_LIMIT_MS = 10000, END_STEP_MS = 50 };

static bool service_running(void)
{
    SERVICE_STATUS status;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager ? OpenServiceW(manager, L"EtrnSvc", SERVICE_QUERY_STATUS) : NULL;
    bool running = service && QueryServiceStatus(service, &status) && status.dwCurrentState == SERVICE_RUNNING;
    if (service)
        CloseServiceHandle(service);
    if (manager)
        CloseServiceHandle(manager);
    return running;
}

static bool in_use(const wchar_t *file)
{
    HANDLE opened = CreateFileW(file, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (opened == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_SHARING_VIOLATION;
    CloseHandle(opened);
    return false;
}

/* The process of a stopped service exists for a few moments longer and keeps its file in use, so that replacing or
 * removing the file would require a restart of Windows (3010). CustomActionData is the file. The wait is short if the
 * service runs: then it is only beginning to stop (Wine does not wait for it), or it is of a newer version and will
 * stay. */
UINT __stdcall WaitForEnd(MSIHANDLE install)
{
    wchar_t *file = property(install, L"CustomActionData");
    for (int waited = 0; file && waited < END_LIMIT_MS && in_use(file); waited += END_STEP_MS) {
        if (waited >= BEGIN_LIMIT_MS && service_running())
            break;
        Sleep(END_STEP_MS);
    }
    free(file);
    return ERROR_SUCCESS;
}

/* ---- etrnctl ---- */

/* Reads everything; drops what does not fit. `said` is terminated, without a line end. */
static void read_all(HANDLE pipe, char *said, DWORD size)
{
    DWORD length = 0;
    DWORD count;
    char rest[256];
    while (length < size - 1 && ReadFile(pipe, said + length, size - 1 - length, &count, NULL))
        length += count;
    while (ReadFile(pipe, rest, sizeof rest, &count, NULL))
        continue;
    while (length > 0 && (said[length - 1] == '\n' || said[length - 1] == '\r'))
        length--;
    said[length] = '\0';
}

/* Runs a program to its end, with standard error in `said`. Returns ~0 if it cannot be started. */
static DWORD run(const wchar_t *program, wchar_t *command_line, char *said, DWORD size)
{
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    HANDLE pipe;
    DWORD code = ~0u;
    said[0] = '\0';
    if (!CreatePipe(&pipe, &startup.hStdError, &inherited, 0))
        return code;
    SetHandleInformation(pipe, HANDLE_FLAG_INHERIT, 0);
    BOOL started =
        CreateProcessW(program, command_line, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &startup, &process);
    CloseHandle(startup.hStdError);
    if (started) {
        read_all(pipe, said, size);
        WaitForSingleObject(process.hProcess, INFINITE);
        GetExitCodeProcess(process.hProcess, &code);
        CloseHandle(process.hThread);
        CloseHandle(process.hProcess);
    }
    CloseHandle(pipe);
    return code;
}

/* Runs etrnctl to its end and returns its exit code. After a failure `said` is a sentence. */
static DWORD run_etrnctl(const wchar_t *folder, const wchar_t *arguments, char *said, DWORD size)
{
    DWORD code = ~0u;
    struct text t;
    size_t length = wcslen(folder) + wcslen(arguments) + 20;
    wchar_t *program = malloc(length * sizeof *program);
    wchar_t *command_line = malloc(length * sizeof *command_line);
    said[0] = '\0';
    if (program && command_line) {
        _snwprintf(program, length, L"%lsetrnctl.exe", folder);
        _snwprintf(command_line, length, L"etrnctl.exe %ls", arguments);
        code = run(program, command_line, said, size);
    }
    free(command_line);
    free(program);
    if (code == 0 || *said)
        return code;
    text_begin(&t, said, size);
    text_add(&t, code == ~0u ? "etrnctl.exe could not be started" : "etrnctl.exe failed with exit code %lu", code);
    return code;
}

/* Does what the package's tables cannot express, or Windows Installer does incorrectly: MsiServiceConfigFailureActions
 * fails with 1939 for restarts, and Wine's does not quote the path. The service works without any of it, so a failure
 * is only logged. Rollback undoes it: the tables contain the service's entry and the event source, and UndoData removes
 * the folder. */
static void complete_service(MSIHANDLE install, const wchar_t *folder)
{
    char said[2000];
    if (run_etrnctl(folder, L"service install", said, sizeof said) != 0)
        show_text(install, INSTALLMESSAGE_INFO, said);
}

static UINT run_command(MSIHANDLE install, const wchar_t *folder, const wchar_t *arguments)
{
    char said[2000];
    return run_etrnctl(folder, arguments, said, sizeof said) == 0 ? ERROR_SUCCESS : refuse(install, said);
}

UINT __stdcall Configure(MSIHANDLE install)
{
    wchar_t *folder = property(install, L"CustomActionData");
    wchar_t *line = cut(folder, L'\n');
    UINT error = folder && *folder ? ERROR_SUCCESS : ERROR_INSTALL_FAILURE;
    if (!error)
        complete_service(install, folder);
    while (!error && line && *line) {
        wchar_t *next = cut(line, L'\n');
        error = run_command(install, folder, line);
        line = next;
    }
    free(folder);
    return error;
}

/* ---- after the removal ---- */

/* Deletes a folder and everything in it. A link is deleted itself, never followed: anyone may have created one in
 * ProgramData before the service created its folder. */
static bool remove_tree(const wchar_t *path)
{
    WIN32_FIND_DATAW found;
    DWORD attributes = GetFileAttributesW(path);
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return true;
    if (!(attributes & FILE_ATTRIBUTE_DIRECTORY))
        return DeleteFileW(path);
    size_t size = wcslen(path) + MAX_PATH + 2;
    wchar_t *inside = malloc(size * sizeof *inside);
    HANDLE search = INVALID_HANDLE_VALUE;
    if (inside && !(attributes & FILE_ATTRIBUTE_REPARSE_POINT)) {
        _snwprintf(inside, size, L"%ls\\*", path);
        search = FindFirstFileW(inside, &found);
    }
    bool more = search != INVALID_HANDLE_VALUE;
    for (; more; more = FindNextFileW(search, &found)) {
        _snwprintf(inside, size, L"%ls\\%ls", path, found.cFileName);
        if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0)
            remove_tree(inside);
    }
    if (search != INVALID_HANDLE_VALUE)
        FindClose(search);
    free(inside);
    return RemoveDirectoryW(path);
}

/* CustomActionData is FILE|FOLDER: if the file exists, a newer version still needs the folder. */
UINT __stdcall RemoveData(MSIHANDLE install)
{
    wchar_t *file = property(install, L"CustomActionData");
    wchar_t *folder = cut(file, L'|');
    bool needed = file && GetFileAttributesW(file) != INVALID_FILE_ATTRIBUTES;
    if (folder && !needed && !remove_tree(folder))
        note_failure(install, L"removing its folder in ProgramData", GetLastError());
    free(file);
    return ERROR_SUCCESS;
}
