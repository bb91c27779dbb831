/* etrnctl doctor: looks for common problems, and shows the command that fixes each. */
#include "../service/win/eventlog.h"
#include "../service/win/manager.h"
#include "../service/win/network.h"
#include "../service/win/registry.h"
#include "../service/win/secret.h"
#include "arguments.h"
#include "failure.h"
#include "lookup.h"
#include "machine.h"
#include "output.h"
#include "report.h"
#include "store.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

/* Also corrects the entry of a service that is already installed. */
#define INSTALL "etrnctl service install"

struct diagnosis {
    enum exit_code code; /* the worst of the problems */
    size_t count;        /* of problems */
    bool as_json;
    struct json json;
    struct config config;
};

/* Reports one problem and its remedy: a command, if there is one. */
static void report(struct diagnosis *d, enum exit_code code, const char *remedy, const char *format, ...)
    TEXT_FORMAT(4, 5);

static void report(struct diagnosis *d, enum exit_code code, const char *remedy, const char *format, ...)
{
    char words[1000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    d->code = worse(d->code, code);
    d->count++;
    if (d->as_json) {
        json_open_object(&d->json, NULL);
        json_string(&d->json, "problem", words);
        json_string(&d->json, "remedy", remedy);
        json_close(&d->json, '}');
        return;
    }
    out("%s!%s", shade(SHADE_BAD), shade(SHADE_PLAIN));
    out_continued(0, 1, words);
    out_wrapped(4, remedy);
}

/* ---- the service ---- */

static void check_path(struct diagnosis *d, const wchar_t *image)
{
    TEXT_SCRATCH(path, 1000);
    text_add_wide(&path, image);
    bool quoted = image[0] == L'"';
    const wchar_t *start = image + quoted;
    size_t length = quoted ? wcscspn(start, L"\"") : wcslen(start);
    if (!quoted && wcschr(image, L' ')) {
        report(d, EXIT_INVALID, INSTALL,
               "The path of the service is not quoted, so another program could be started instead: %s", path.data);
        const wchar_t *exe = wcsstr(start, L".exe");
        length = exe ? (size_t)(exe - start) + 4 : length;
    }
    wchar_t *file = machine_name() ? NULL : malloc((length + 1) * sizeof *file);
    if (!file)
        return;
    wmemcpy(file, start, length);
    file[length] = L'\0';
    if (GetFileAttributesW(file) == INVALID_FILE_ATTRIBUTES)
        report(d, EXIT_NOT_FOUND, INSTALL, "The program of the service does not exist: %s", path.data);
    free(file);
}

static void check_entry(struct diagnosis *d, const QUERY_SERVICE_CONFIGW *config)
{
    TEXT_SCRATCH(account, 200);
    text_add_wide(&account, config->lpServiceStartName ? config->lpServiceStartName : L"");
    check_path(d, config->lpBinaryPathName);
    if (config->dwStartType == SERVICE_DISABLED)
        report(d, EXIT_INVALID, INSTALL, "The start type of the service is disabled.");
    else if (config->dwStartType == SERVICE_DEMAND_START)
        report(d, EXIT_INVALID, INSTALL, "The service does not start automatically.");
    if (!text_same(account.data, "NT AUTHORITY\\LocalService"))
        report(d, EXIT_INVALID, INSTALL,
               "The service runs as %s instead of LocalService, with more rights than it needs.", account.data);
}

static DWORD query_entry(struct diagnosis *d)
{
    struct manager m;
    DWORD needed = 0;
    DWORD error = manager_open(&m, machine_name(), TEXT(SERVICE_NAME), SERVICE_QUERY_CONFIG);
    if (error)
        return error;
    if (!QueryServiceConfigW(m.service, NULL, 0, &needed))
        error = GetLastError() == ERROR_INSUFFICIENT_BUFFER ? 0 : GetLastError();
    QUERY_SERVICE_CONFIGW *config = error ? NULL : malloc(needed + 1);
    if (!error && !config)
        error = ERROR_NOT_ENOUGH_MEMORY;
    if (!error && !QueryServiceConfigW(m.service, config, needed, &needed))
        error = GetLastError();
    if (!error)
        check_entry(d, config);
    free(config);
    manager_close(&m);
    return error;
}

static enum exit_code check_service(struct diagnosis *d)
{
    DWORD state;
    DWORD error = report_service_state(&state);
    if (error)
        return fail(error, "cannot query the service");
    if (state == 0) {
        report(d, EXIT_NOT_FOUND, INSTALL, "The service is not installed.");
        return EXIT_DONE;
    }
    error = query_entry(d);
    if (error)
        return fail(error, "cannot query the service");
    if (state == SERVICE_STOPPED)
        report(d, EXIT_INVALID, "etrnctl service start", "The service is stopped.");
    else if (state == SERVICE_PAUSED)
        report(d, EXIT_INVALID, "sc continue EtrnSvc", "The service is paused.");
    if (!eventlog_registered(machine_registry()))
        report(d, EXIT_INVALID, INSTALL,
               "The event source is missing, so Event Viewer cannot display the events of the service.");
    return EXIT_DONE;
}

/* ---- the settings ---- */

static void note_problem(void *owner, const char *key, const char *name, const char *problem)
{
    struct diagnosis *d = owner;
    TEXT_SCRATCH(remedy, 300);
    const char *host = strstr(key, "\\Hosts\\");
    if (strstr(key, "\\Policies\\"))
        text_add(&remedy, "Correct it in Group Policy.");
    else
        text_add(&remedy, "etrnctl config set %s VALUE%s%s, or etrnctl config unset %s%s%s", name,
                 host ? " --host " : "", host ? host + 7 : "", name, host ? " --host " : "", host ? host + 7 : "");
    report(d, EXIT_INVALID, remedy.data, "%s\\%s: %s", key, name, problem);
}

static void check_switch(struct diagnosis *d)
{
    const struct setting *master = setting_find(SCOPE_SERVICE, MASTER_SWITCH);
    enum origin origin = (enum origin)d->config.service.origin[setting_index(master)];
    bool found;
    uint32_t value = 0;
    TEXT_SCRATCH(was, 300);
    DWORD error = store_get_switch(SERVICE_NAME, &found, &value, &was);
    if (!error && found && origin == ORIGIN_POLICY && value != d->config.service.always_use_etrn)
        report(d, EXIT_INVALID, "Change it in Group Policy (HKLM\\SOFTWARE\\Policies\\EtrnSvc).",
               "Group Policy sets AlwaysUseETRN to %u, which takes precedence over %u in Parameters.",
               d->config.service.always_use_etrn, value);
    if (!d->config.service.always_use_etrn)
        report(d, EXIT_INVALID,
               origin == ORIGIN_POLICY ? "Change it in Group Policy (HKLM\\SOFTWARE\\Policies\\EtrnSvc)."
                                       : "etrnctl enable",
               "ETRN is disabled: AlwaysUseETRN is 0 (%s).", store_origin(&d->config, NULL, master));
}

/* Checks for the value that made Exchange's Internet Mail Service send ETRN, which does nothing once that service is
 * gone: EtrnSvc replaces it. */
static void check_exchange(struct diagnosis *d)
{
    bool found;
    uint32_t value = 0;
    TEXT_SCRATCH(was, 300);
    if (store_get_switch("MSExchangeIMC", &found, &value, &was) == 0 && found && value == 1 &&
        !d->config.service.always_use_etrn)
        report(d, EXIT_INVALID,
               "To move the setting to EtrnSvc: etrnctl enable, then etrnctl disable --service MSExchangeIMC -y",
               "AlwaysUseETRN is 1 for the old MSExchangeIMC service, but not for EtrnSvc.");
}

static void check_address(struct diagnosis *d, const struct host_settings *host, DWORD error)
{
    char remedy[400];
    char words[200];
    struct text t;
    if (!error)
        return;
    text_begin(&t, words, sizeof words);
    text_add_error(&t, error);
    text_begin(&t, remedy, sizeof remedy);
    text_add(&t,
             "If the name is wrong: etrnctl config set Host NAME --host %s. Otherwise check the DNS servers of this "
             "computer.",
             host->name);
    report(d, EXIT_NETWORK, remedy, "%s: %s", host_address(host), words);
}

static void check_stored_password(struct diagnosis *d, const struct host_settings *host)
{
    TEXT_SCRATCH(remedy, 400);
    char password[SECRET_SIZE];
    text_add(&remedy, "etrnctl config set " SECRET_NAME " --host %s", host->name);
    DWORD error =
        machine_name() ? 0 : secret_read(host->name, password); /* only the other computer itself can decrypt it */
    SecureZeroMemory(password, sizeof password);
    if (!secret_kept(machine_registry(), host->name))
        report(d, EXIT_INVALID, remedy.data, "Host %s has User %s, but no password is stored.", host->name, host->user);
    else if (error && error != ERROR_ACCESS_DENIED)
        report(d, EXIT_INVALID, remedy.data, "The password of host %s cannot be decrypted on this computer.",
               host->name);
}

/* Reports what would cause the outcome no-auth. */
static void check_password(struct diagnosis *d, const struct host_settings *host)
{
    TEXT_SCRATCH(remedy, 400);
    if (!host->user || !*host->user)
        return;
    check_stored_password(d, host);
    if (host->tls != TLS_NONE || host->auth_in_clear)
        return;
    text_add(
        &remedy,
        "etrnctl config set Tls require --host %s, or, if the connection is trusted, etrnctl config set AuthInClear "
        "1 --host %s",
        host->name, host->name);
    report(d, EXIT_INVALID, remedy.data, "Host %s has User, but Tls is none, so the password is not sent.", host->name);
}

static void check_domains(struct diagnosis *d, const struct host_settings *host)
{
    TEXT_SCRATCH(remedy, 400);
    if (host->domains.count > 0)
        return;
    text_add(&remedy, "etrnctl add %s DOMAIN...", host->name);
    report(d, EXIT_INVALID, remedy.data, "Host %s has no Domains, so it is not asked.", host->name);
}

/* Looks up the names that the service will resolve; a program resolves names itself. */
static enum exit_code look_up(const struct config *config, struct lookup *lookups)
{
    for (size_t i = 0; i < config->host_count; i++) {
        const struct host_settings *host = &config->hosts[i];
        lookups[i].name =
            host->enabled && methods[host->method].transport != TRANSPORT_PROGRAM ? host_address(host) : NULL;
    }
    DWORD error = lookup_all(lookups, config->host_count);
    return error ? fail(error, "cannot look up the hosts' names") : EXIT_DONE;
}

static enum exit_code check_each(struct diagnosis *d, struct lookup *lookups)
{
    enum exit_code code = look_up(&d->config, lookups);
    for (size_t i = 0; code == EXIT_DONE && i < d->config.host_count; i++) {
        const struct host_settings *host = &d->config.hosts[i];
        check_domains(d, host);
        check_address(d, host, lookups[i].error);
        check_password(d, host);
    }
    return code;
}

static enum exit_code check_hosts(struct diagnosis *d)
{
    if (d->config.host_count == 0)
        report(d, EXIT_INVALID, "etrnctl add mail.isp.example yourdomain.example", "There is no host to ask.");
    struct lookup *lookups = calloc(d->config.host_count + 1, sizeof *lookups);
    if (!lookups)
        return fail(ERROR_NOT_ENOUGH_MEMORY, "cannot check the hosts");
    enum exit_code code = check_each(d, lookups);
    free(lookups);
    return code;
}

/* Checks LocalPort: mail released while the local server does not listen is deferred again. */
static void check_port(struct diagnosis *d)
{
    uint32_t port = d->config.service.local_port;
    if (port != 0 && !machine_name() && !network_port_listens((uint16_t)port))
        report(d, EXIT_INVALID, "Start the mail server. If it runs on another computer: etrnctl config set LocalPort 0",
               "No program listens on port %u of this computer (LocalPort), so no host is asked.", port);
}

static enum exit_code check_settings(struct diagnosis *d)
{
    DWORD error = registry_read(machine_registry(), &d->config, note_problem, d);
    if (error)
        return fail(error, "cannot read the configuration");
    check_switch(d);
    check_exchange(d);
    check_port(d);
    return check_hosts(d);
}

static enum exit_code diagnose(struct diagnosis *d)
{
    enum exit_code code = check_service(d);
    return code == EXIT_DONE ? check_settings(d) : code;
}

/* Prints the last line, or the JSON. */
static enum exit_code print_result(struct diagnosis *d)
{
    json_close(&d->json, ']');
    json_close(&d->json, '}');
    if (d->as_json)
        return out_json(&d->json) ? d->code : EXIT_FAILED;
    if (d->count == 0)
        out("%sNo problems found.%s\n", shade(SHADE_GOOD), shade(SHADE_PLAIN));
    else
        out("%zu problem%s found.\n", d->count, d->count == 1 ? "" : "s");
    return d->code;
}

enum exit_code run_doctor(const struct arguments *a)
{
    struct diagnosis d = {.as_json = option_value(a, "--json") != NULL};
    json_begin(&d.json);
    json_open_object(&d.json, NULL);
    json_number(&d.json, "schema", 1);
    json_open_array(&d.json, "problems");
    enum exit_code code = diagnose(&d);
    if (code == EXIT_DONE)
        code = print_result(&d);
    json_free(&d.json);
    config_free(&d.config);
    return code;
}
