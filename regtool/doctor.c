/* etrnctl doctor: looks for what is commonly wrong, and names the command that mends it. */
#include "../service/win/eventlog.h"
#include "../service/win/network.h"
#include "../service/win/registry.h"
#include "../service/win/secret.h"
#include "arguments.h"
#include "failure.h"
#include "machine.h"
#include "output.h"
#include "report.h"
#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

/* It puts right the entry of a service that is installed already, too. */
#define INSTALL "etrnctl service install"

/* What was found so far. */
struct findings {
    enum exit_code code;
    size_t count;
    bool as_json;
    struct json json;
    struct config config;
};

/* One thing that is wrong, and what mends it: a command where there is one. */
static void find(struct findings *f, enum exit_code code, const char *remedy, const char *format, ...)
    TEXT_FORMAT(4, 5);

static void find(struct findings *f, enum exit_code code, const char *remedy, const char *format, ...)
{
    char words[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    f->code = worse(f->code, code);
    f->count++;
    if (f->as_json) {
        json_open_object(&f->json, NULL);
        json_string(&f->json, "problem", words);
        json_string(&f->json, "remedy", remedy);
        json_close(&f->json, '}');
        return;
    }
    out("%s!%s", shade(SHADE_BAD), shade(SHADE_PLAIN));
    out_continued(0, 1, words);
    out_wrapped(4, remedy);
}

/* ---- the service ---- */

static void check_path(struct findings *f, const wchar_t *image)
{
    char path[1000];
    struct text t;
    text_begin(&t, path, sizeof path);
    text_add_wide(&t, image);
    bool quoted = image[0] == L'"';
    const wchar_t *start = image + quoted;
    size_t length = quoted ? wcscspn(start, L"\"") : wcslen(start);
    if (!quoted && wcschr(image, L' ')) {
        find(f, EXIT_INVALID, INSTALL,
             "The service's path is not quoted, so that another program could be started in its place: %s", path);
        const wchar_t *exe = wcsstr(start, L".exe");
        length = exe ? (size_t)(exe - start) + 4 : length;
    }
    wchar_t *file = machine_name() ? NULL : malloc((length + 1) * sizeof *file);
    if (!file)
        return;
    wmemcpy(file, start, length);
    file[length] = L'\0';
    if (GetFileAttributesW(file) == INVALID_FILE_ATTRIBUTES)
        find(f, EXIT_NOT_FOUND, INSTALL, "The service's program is not there: %s", path);
    free(file);
}

static void check_entry(struct findings *f, const QUERY_SERVICE_CONFIGW *config)
{
    char account[200];
    struct text t;
    text_begin(&t, account, sizeof account);
    text_add_wide(&t, config->lpServiceStartName ? config->lpServiceStartName : L"");
    check_path(f, config->lpBinaryPathName);
    if (config->dwStartType == SERVICE_DISABLED)
        find(f, EXIT_INVALID, INSTALL, "The service's start type is disabled.");
    else if (config->dwStartType == SERVICE_DEMAND_START)
        find(f, EXIT_INVALID, INSTALL, "The service does not start with Windows.");
    if (!text_same(account, "NT AUTHORITY\\LocalService"))
        find(f, EXIT_INVALID, INSTALL, "The service runs as %s; LocalService is enough.", account);
}

static DWORD query_entry(struct findings *f)
{
    SC_HANDLE manager = OpenSCManagerW(machine_name(), NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager ? OpenServiceW(manager, TEXT(SERVICE_NAME), SERVICE_QUERY_CONFIG) : NULL;
    DWORD needed = 0;
    DWORD error = service ? 0 : GetLastError();
    if (!error && !QueryServiceConfigW(service, NULL, 0, &needed))
        error = GetLastError() == ERROR_INSUFFICIENT_BUFFER ? 0 : GetLastError();
    QUERY_SERVICE_CONFIGW *config = error ? NULL : malloc(needed + 1);
    if (!error && !config)
        error = ERROR_NOT_ENOUGH_MEMORY;
    if (!error && !QueryServiceConfigW(service, config, needed, &needed))
        error = GetLastError();
    if (!error)
        check_entry(f, config);
    free(config);
    if (service)
        CloseServiceHandle(service);
    if (manager)
        CloseServiceHandle(manager);
    return error;
}

static enum exit_code check_service(struct findings *f)
{
    DWORD state;
    DWORD error = report_service_state(&state);
    if (error)
        return fail(error, "asking for the service");
    if (state == 0) {
        find(f, EXIT_NOT_FOUND, INSTALL, "The service is not installed.");
        return EXIT_DONE;
    }
    error = query_entry(f);
    if (error)
        return fail(error, "asking for the service");
    if (state == SERVICE_STOPPED)
        find(f, EXIT_INVALID, "etrnctl service start", "The service is stopped.");
    else if (state == SERVICE_PAUSED)
        find(f, EXIT_INVALID, "sc continue EtrnSvc", "The service is paused.");
    if (!eventlog_registered(machine_registry()))
        find(f, EXIT_INVALID, INSTALL, "Its event source is missing: Event Viewer cannot show its events in words.");
    return EXIT_DONE;
}

/* ---- the settings ---- */

static void note_problem(void *owner, const char *key, const char *name, const char *problem)
{
    struct findings *f = owner;
    char remedy[300];
    struct text t;
    const char *host = strstr(key, "\\Hosts\\");
    text_begin(&t, remedy, sizeof remedy);
    if (strstr(key, "\\Policies\\"))
        text_add(&t, "Correct it in Group Policy.");
    else
        text_add(&t, "etrnctl config set %s VALUE%s%s, or etrnctl config unset %s%s%s", name, host ? " --host " : "",
                 host ? host + 7 : "", name, host ? " --host " : "", host ? host + 7 : "");
    find(f, EXIT_INVALID, remedy, "%s\\%s: %s", key, name, problem);
}

static void check_switch(struct findings *f)
{
    const struct setting *master = setting_find(SCOPE_SERVICE, MASTER_SWITCH);
    enum origin origin = (enum origin)f->config.service.origin[setting_index(master)];
    bool found;
    uint32_t value = 0;
    char was[300];
    struct text t;
    text_begin(&t, was, sizeof was);
    DWORD error = store_get_switch(SERVICE_NAME, &found, &value, &t);
    if (!error && found && origin == ORIGIN_POLICY && value != f->config.service.always_use_etrn)
        find(f, EXIT_INVALID, "Change it in Group Policy (HKLM\\SOFTWARE\\Policies\\EtrnSvc).",
             "Group Policy sets AlwaysUseETRN to %u, and that wins over %u in Parameters.",
             f->config.service.always_use_etrn, value);
    if (!f->config.service.always_use_etrn)
        find(f, EXIT_INVALID,
             origin == ORIGIN_POLICY ? "Change it in Group Policy (HKLM\\SOFTWARE\\Policies\\EtrnSvc)."
                                     : "etrnctl enable",
             "ETRN is disabled: AlwaysUseETRN is 0 (%s).", store_origin(&f->config, NULL, master));
}

/* The value that made Exchange's Internet Mail Service send ETRN: it goes with that service, and ours takes over. */
static void check_exchange(struct findings *f)
{
    bool found;
    uint32_t value = 0;
    char was[300];
    struct text t;
    text_begin(&t, was, sizeof was);
    if (store_get_switch("MSExchangeIMC", &found, &value, &t) == 0 && found && value == 1 &&
        !f->config.service.always_use_etrn)
        find(f, EXIT_INVALID, "To take it over: etrnctl enable, then etrnctl disable --service MSExchangeIMC -y",
             "AlwaysUseETRN is 1 for the old MSExchangeIMC service, but not for EtrnSvc.");
}

static void check_name(struct findings *f, const struct host_settings *host)
{
    ADDRINFOEXW *addresses = NULL;
    wchar_t *name = wide_copy(host_address(host));
    char remedy[400];
    char words[200];
    struct text t;
    if (!name)
        return;
    INT error = GetAddrInfoExW(name, NULL, NS_ALL, NULL, NULL, &addresses, NULL, NULL, NULL, NULL);
    free(name);
    if (addresses)
        FreeAddrInfoExW(addresses);
    if (!error)
        return;
    text_begin(&t, words, sizeof words);
    text_add_error(&t, (DWORD)error);
    text_begin(&t, remedy, sizeof remedy);
    text_add(&t, "Correct it: etrnctl config set Host NAME --host %s; or look at this computer's DNS servers.",
             host->name);
    find(f, EXIT_NETWORK, remedy, "%s: %s", host_address(host), words);
}

/* What would end in no-auth. Of another computer only that computer can say whether it decrypts its password. */
static void check_password(struct findings *f, const struct host_settings *host)
{
    char remedy[400];
    char password[SECRET_SIZE];
    struct text t;
    if (!host->user || !*host->user)
        return;
    text_begin(&t, remedy, sizeof remedy);
    text_add(&t, "etrnctl config set " SECRET_NAME " --host %s", host->name);
    DWORD error = machine_name() ? 0 : secret_read(host->name, password);
    SecureZeroMemory(password, sizeof password);
    if (!secret_kept(machine_registry(), host->name))
        find(f, EXIT_INVALID, remedy, "%s has User %s, but no password is stored.", host->name, host->user);
    else if (error && error != ERROR_ACCESS_DENIED)
        find(f, EXIT_INVALID, remedy, "%s has a password that cannot be decrypted on this computer.", host->name);
    if (host->tls == TLS_NONE && !host->auth_in_clear) {
        text_begin(&t, remedy, sizeof remedy);
        text_add(&t, "etrnctl config set Tls require --host %s; or AuthInClear 1, if nobody listens on that line",
                 host->name);
        find(f, EXIT_INVALID, remedy, "%s has User, but Tls is none, so its password is not sent.", host->name);
    }
}

static void check_hosts(struct findings *f)
{
    WSADATA data;
    if (f->config.host_count == 0)
        find(f, EXIT_INVALID, "etrnctl add mail.isp.example yourdomain.example", "There is no host to ask.");
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        return;
    for (size_t i = 0; i < f->config.host_count; i++) {
        const struct host_settings *host = &f->config.hosts[i];
        char remedy[400];
        struct text t;
        text_begin(&t, remedy, sizeof remedy);
        text_add(&t, "etrnctl add %s DOMAIN...", host->name);
        if (host->domains.count == 0)
            find(f, EXIT_INVALID, remedy, "%s has no Domains, so it is not asked.", host->name);
        if (host->enabled)
            check_name(f, host);
        check_password(f, host);
    }
    WSACleanup();
}

/* Where mail is released to a server that does not listen, it is deferred again. */
static void check_port(struct findings *f)
{
    uint32_t port = f->config.service.local_port;
    if (port != 0 && !machine_name() && !network_port_listens((uint16_t)port))
        find(f, EXIT_INVALID, "Start the mail server. If it is another computer: etrnctl config set LocalPort 0",
             "Nothing listens on this computer's port %u (LocalPort), so rounds wait.", port);
}

static enum exit_code check_settings(struct findings *f)
{
    DWORD error = registry_read(machine_registry(), &f->config, note_problem, f);
    if (error)
        return fail(error, "reading the configuration");
    check_switch(f);
    check_exchange(f);
    check_port(f);
    check_hosts(f);
    return EXIT_DONE;
}

enum exit_code run_doctor(const struct arguments *a)
{
    struct findings f = {.as_json = option_value(a, "--json") != NULL};
    json_begin(&f.json);
    json_open_object(&f.json, NULL);
    json_number(&f.json, "schema", 1);
    json_open_array(&f.json, "problems");
    enum exit_code code = check_service(&f);
    if (code == EXIT_DONE)
        code = check_settings(&f);
    json_close(&f.json, ']');
    json_close(&f.json, '}');
    if (code == EXIT_DONE && f.as_json)
        out_json(&f.json);
    else if (code == EXIT_DONE && f.count == 0)
        out("%sAll is well.%s\n", shade(SHADE_GOOD), shade(SHADE_PLAIN));
    else if (code == EXIT_DONE)
        out("%zu to mend.\n", f.count);
    if (!f.as_json || code != EXIT_DONE)
        json_free(&f.json);
    config_free(&f.config);
    return code == EXIT_DONE ? f.code : code;
}
