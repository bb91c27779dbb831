/* etrnctl service: installs, removes, starts and stops the service, for copies without the MSI. */
#include "../service/win/eventlog.h"
#include "../service/win/folder.h"
#include "../service/win/manager.h"
#include "arguments.h"
#include "failure.h"
#include "grant.h"
#include "machine.h"
#include "output.h"
#include "store.h"

#include <stdlib.h>
#include <wchar.h>

static const wchar_t name[] = TEXT(SERVICE_NAME);

enum { PATH_LIMIT = 32768, WAIT_MS = 20000, WAIT_STEP_MS = 100 };

/* Waits until the service is in `state`. `*status` is the last status seen, with the exit code. */
static DWORD wait_for(SC_HANDLE service, DWORD state, SERVICE_STATUS *status)
{
    for (int waited = 0;; waited += WAIT_STEP_MS) {
        if (!QueryServiceStatus(service, status))
            return GetLastError();
        if (status->dwCurrentState == state)
            return 0;
        if (waited >= WAIT_MS)
            return ERROR_SERVICE_REQUEST_TIMEOUT;
        if (state == SERVICE_RUNNING && status->dwCurrentState == SERVICE_STOPPED)
            return status->dwWin32ExitCode ? status->dwWin32ExitCode : ERROR_SERVICE_NOT_ACTIVE;
        Sleep(WAIT_STEP_MS);
    }
}

/* Returns the full path of the etrnsvc.exe in this program's folder; NULL if there is none. The caller frees it. */
static wchar_t *service_exe(void)
{
    wchar_t *path = malloc(PATH_LIMIT * sizeof *path);
    DWORD length = path ? GetModuleFileNameW(NULL, path, PATH_LIMIT) : 0;
    wchar_t *end = length > 0 && length < PATH_LIMIT - 16 ? wcsrchr(path, L'\\') : NULL;
    if (end) {
        wcscpy_s(end + 1, 16, L"etrnsvc.exe");
        if (GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES)
            return path;
    }
    free(path);
    return NULL;
}

/* Sets what CreateService cannot. Errors are ignored: systems that do not support one of these (Wine) run the service
 * all the same. */
static void describe_service(SC_HANDLE service)
{
    wchar_t words[] = L"Asks the configured mail hosts to deliver waiting mail (SMTP ETRN, RFC 1985).";
    wchar_t privileges[] = L"SeChangeNotifyPrivilege\0";
    SC_ACTION again[] = {{SC_ACTION_RESTART, 5000}, {SC_ACTION_RESTART, 60000}, {SC_ACTION_RESTART, 300000}};
    SERVICE_DESCRIPTIONW description = {words};
    SERVICE_DELAYED_AUTO_START_INFO delayed = {TRUE};
    SERVICE_SID_INFO sid = {SERVICE_SID_TYPE_UNRESTRICTED};
    SERVICE_REQUIRED_PRIVILEGES_INFOW required = {privileges};
    SERVICE_FAILURE_ACTIONSW failure = {.dwResetPeriod = 86400, .cActions = ARRAYSIZE(again), .lpsaActions = again};
    SERVICE_FAILURE_ACTIONS_FLAG on_error = {TRUE};
    ChangeServiceConfig2W(service, SERVICE_CONFIG_DESCRIPTION, &description);
    ChangeServiceConfig2W(service, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed);
    ChangeServiceConfig2W(service, SERVICE_CONFIG_SERVICE_SID_INFO, &sid);
    ChangeServiceConfig2W(service, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &required);
    ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, &failure);
    ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &on_error);
}

/* Creates the service's entry, or corrects an existing one; sets `*existed` then. */
static DWORD enter_service(const wchar_t *quoted, bool *existed)
{
    static const wchar_t account[] = L"NT AUTHORITY\\LocalService";
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CREATE_SERVICE);
    SC_HANDLE service = NULL;
    DWORD error = manager ? 0 : GetLastError();
    if (!error) {
        service =
            CreateServiceW(manager, name, TEXT(SERVICE_DISPLAY_NAME), SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS,
                           SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, quoted, NULL, NULL, NULL, account, NULL);
        error = service ? 0 : GetLastError();
    }
    *existed = error == ERROR_SERVICE_EXISTS;
    if (*existed) {
        service = OpenServiceW(manager, name, SERVICE_ALL_ACCESS);
        bool fine = service &&
                    ChangeServiceConfigW(service, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
                                         quoted, NULL, NULL, NULL, account, NULL, TEXT(SERVICE_DISPLAY_NAME));
        error = fine ? 0 : GetLastError();
    }
    if (!error)
        describe_service(service);
    if (service)
        CloseServiceHandle(service);
    if (manager)
        CloseServiceHandle(manager);
    return error;
}

/* The caller frees the result; NULL if memory is short. */
static wchar_t *quote(const wchar_t *path)
{
    size_t size = wcslen(path) + 3;
    wchar_t *quoted = malloc(size * sizeof *quoted);
    if (quoted)
        _snwprintf(quoted, size, L"\"%ls\"", path);
    return quoted;
}

/* Installs everything except Parameters. The folder is created here, so that no other user can create it first. */
static DWORD install_exe(const wchar_t *exe, bool *existed)
{
    wchar_t *quoted = quote(exe);
    DWORD error = quoted ? enter_service(quoted, existed) : ERROR_NOT_ENOUGH_MEMORY;
    free(quoted);
    if (!error)
        error = eventlog_register(exe);
    if (!error)
        error = store_protect();
    if (!error)
        error = folder_make(FOLDER_DATA);
    return error;
}

static enum exit_code install(void)
{
    bool existed = false;
    wchar_t *exe = service_exe();
    if (!exe) {
        talk("etrnctl: etrnsvc.exe is not in the folder of this program; copy both into one folder first\n");
        return EXIT_NOT_FOUND;
    }
    DWORD error = install_exe(exe, &existed);
    free(exe);
    if (error)
        return fail(error, "cannot install %s", SERVICE_NAME);
    if (existed)
        out("%s is already installed; its service entry was checked and corrected.\n", SERVICE_NAME);
    else
        out("%s is installed and starts with Windows.\nTo start it now: etrnctl service start\n", SERVICE_NAME);
    return EXIT_DONE;
}

static DWORD stop_service(SC_HANDLE service)
{
    SERVICE_STATUS status;
    if (!ControlService(service, SERVICE_CONTROL_STOP, &status)) {
        DWORD error = GetLastError();
        return error == ERROR_SERVICE_NOT_ACTIVE ? 0 : error;
    }
    return wait_for(service, SERVICE_STOPPED, &status);
}

/* Also removes what remains of a service that no longer exists. */
static enum exit_code uninstall(void)
{
    struct manager m;
    DWORD access = SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE;
    DWORD missing = manager_open(&m, machine_name(), name, access);
    if (missing && missing != ERROR_SERVICE_DOES_NOT_EXIST)
        return fail(missing, "%s", SERVICE_NAME);
    DWORD error = missing ? 0 : stop_service(m.service);
    if (!error && !missing && !DeleteService(m.service))
        error = GetLastError();
    manager_close(&m);
    if (!error)
        error = eventlog_unregister();
    if (error)
        return fail(error, "cannot uninstall %s", SERVICE_NAME);
    error = folders_remove();
    if (error)
        return fail(error, "cannot remove %%ProgramData%%\\%s", SERVICE_NAME);
    if (missing) {
        talk("etrnctl: %s is not installed\n", SERVICE_NAME);
        return EXIT_NOT_FOUND;
    }
    out("%s is uninstalled.\n", SERVICE_NAME);
    return EXIT_DONE;
}

/* Its rights on other services are revoked first, because only its settings name those services. */
static enum exit_code uninstall_all(void)
{
    struct config config;
    enum exit_code known = store_read(&config, true);
    enum exit_code code = uninstall();
    if (code == EXIT_DONE)
        code = known == EXIT_DONE ? grant_end(&config) : known;
    config_free(&config);
    return code;
}

static enum exit_code start(void)
{
    struct manager m;
    SERVICE_STATUS status;
    DWORD error = manager_open(&m, machine_name(), name, SERVICE_START | SERVICE_QUERY_STATUS);
    if (error)
        return fail_service(error, SERVICE_NAME);
    if (!StartServiceW(m.service, 0, NULL))
        error = GetLastError();
    bool already = error == ERROR_SERVICE_ALREADY_RUNNING;
    if (!error)
        error = wait_for(m.service, SERVICE_RUNNING, &status);
    manager_close(&m);
    if (error && !already)
        return fail(error, "cannot start %s", SERVICE_NAME);
    out("%s is %srunning.\n", SERVICE_NAME, already ? "already " : "");
    return EXIT_DONE;
}

static enum exit_code stop(void)
{
    struct manager m;
    DWORD error = manager_open(&m, machine_name(), name, SERVICE_STOP | SERVICE_QUERY_STATUS);
    if (error)
        return fail_service(error, SERVICE_NAME);
    error = stop_service(m.service);
    manager_close(&m);
    if (error)
        return fail(error, "cannot stop %s", SERVICE_NAME);
    out("%s is stopped.\n", SERVICE_NAME);
    return EXIT_DONE;
}

enum exit_code run_service(const struct arguments *a)
{
    static const struct verb {
        const char *name;
        enum exit_code (*run)(void);
        bool remote; /* also works on another computer */
    } verbs[] = {
        {"install", install, false}, {"uninstall", uninstall_all, false}, {"start", start, true}, {"stop", stop, true}};
    for (size_t i = 0; i < ARRAYSIZE(verbs); i++) {
        if (!text_same(verbs[i].name, a->words[0]))
            continue;
        if (machine_name() && !verbs[i].remote)
            return usage_error(a->command, "%s can only be used on this computer", verbs[i].name);
        return verbs[i].run();
    }
    return usage_error(a->command, "%s: expected install, uninstall, start or stop", a->words[0]);
}
