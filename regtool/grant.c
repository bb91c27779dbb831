#include "grant.h"

#include "../service/core/acl.h"
#include "../service/win/manager.h"
#include "../service/win/sid.h"
#include "failure.h"
#include "machine.h"
#include "output.h"
#include "store.h"

#include <sddl.h>
#include <stdlib.h>

/* The access control entry, in binary and as sc sdshow and sc sdset write it. */
struct entry {
    unsigned char ace[ACE_SIZE_LIMIT];
    char sddl[SERVICE_SID_TEXT + 20];
};

static DWORD make_entry(struct entry *entry)
{
    wchar_t name[SERVICE_SID_TEXT];
    struct text t;
    PSID sid;
    if (!service_sid(TEXT(SERVICE_NAME), name))
        return ERROR_NOT_ENOUGH_MEMORY;
    if (!ConvertStringSidToSidW(name, &sid))
        return GetLastError();
    bool made = acl_allow(SERVICE_QUERY_STATUS | SERVICE_START | SERVICE_STOP, sid, GetLengthSid(sid), entry->ace);
    LocalFree(sid);
    text_begin(&t, entry->sddl, sizeof entry->sddl);
    text_add(&t, "(A;;LCRPWP;;;");
    text_add_wide(&t, name);
    text_add(&t, ")");
    return made ? 0 : ERROR_INVALID_SID;
}

static DWORD open_service(const char *name, DWORD access, struct manager *m)
{
    wchar_t *wide = wide_copy(name);
    DWORD error = wide ? manager_open(m, machine_name(), wide, access) : ERROR_NOT_ENOUGH_MEMORY;
    free(wide);
    return error;
}

/* Reads the service's access control list, a part of `*descriptor`, which the caller frees. `*acl` is NULL if there is
 * no list, which allows everything. */
static DWORD read_acl(SC_HANDLE service, void **descriptor, PACL *acl)
{
    SECURITY_DESCRIPTOR no_room;
    DWORD size = 0;
    BOOL present = FALSE;
    BOOL defaulted;
    *acl = NULL;
    *descriptor = NULL;
    if (!QueryServiceObjectSecurity(service, DACL_SECURITY_INFORMATION, &no_room, 0, &size) &&
        GetLastError() != ERROR_INSUFFICIENT_BUFFER)
        return GetLastError();
    *descriptor = malloc(size + 1);
    if (!*descriptor)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (!QueryServiceObjectSecurity(service, DACL_SECURITY_INFORMATION, *descriptor, size, &size) ||
        !GetSecurityDescriptorDacl(*descriptor, &present, acl, &defaulted))
        return GetLastError();
    if (!present)
        *acl = NULL;
    return 0;
}

static DWORD write_acl(SC_HANDLE service, unsigned char *acl)
{
    SECURITY_DESCRIPTOR descriptor;
    if (!InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION) ||
        !SetSecurityDescriptorDacl(&descriptor, TRUE, (PACL)(void *)acl, FALSE) ||
        !SetServiceObjectSecurity(service, DACL_SECURITY_INFORMATION, &descriptor))
        return GetLastError();
    return 0;
}

/* Adds the entry to the list, or removes it. */
static DWORD edit(SC_HANDLE service, const ACL *acl, const struct entry *entry, bool wanted)
{
    unsigned char *edited = malloc(ACL_SIZE_LIMIT);
    if (!edited)
        return ERROR_NOT_ENOUGH_MEMORY;
    size_t size = (wanted ? acl_add : acl_remove)((const unsigned char *)acl, acl->AclSize, entry->ace, edited);
    DWORD error = size ? write_acl(service, edited) : ERROR_INVALID_ACL;
    free(edited);
    return error;
}

/* Adds the entry to the service's list, or removes it; sets `*changed` if the list had to be changed. Only then is the
 * right to change it requested: an administrator who may not have it could have added the entry already. */
static DWORD change(const char *name, struct entry *entry, bool wanted, bool *changed)
{
    struct manager m;
    void *descriptor = NULL;
    PACL acl = NULL;
    *changed = false;
    DWORD error = make_entry(entry);
    if (error)
        return error;
    error = open_service(name, READ_CONTROL, &m);
    if (!error) {
        error = read_acl(m.service, &descriptor, &acl);
        manager_close(&m);
    }
    if (!error && acl && acl_has((const unsigned char *)acl, acl->AclSize, entry->ace) != wanted) {
        error = open_service(name, READ_CONTROL | WRITE_DAC, &m);
        if (!error) {
            error = edit(m.service, acl, entry, wanted);
            manager_close(&m);
        }
        *changed = error == 0;
    }
    free(descriptor);
    return error;
}

enum exit_code grant_give(const char *service)
{
    bool changed;
    struct entry entry = {.sddl = ""};
    if (!*service)
        return EXIT_DONE;
    DWORD error = change(service, &entry, true, &changed);
    if (error == ERROR_SERVICE_DOES_NOT_EXIST || error == ERROR_INVALID_NAME) {
        talk("etrnctl: RunService: no such service: %s; for a list of names: sc query\n", service);
        return EXIT_NOT_FOUND;
    }
    if (error) {
        enum exit_code code = fail(error, "cannot permit %s to start and stop %s", SERVICE_NAME, service);
        talk("To grant it manually: add %s to the D: part of the output of \"sc sdshow %s\", and pass the result to "
             "\"sc sdset %s\".\n",
             entry.sddl, service, service);
        return code;
    }
    if (changed)
        out("%s may now start and stop %s.\n", SERVICE_NAME, service);
    return EXIT_DONE;
}

static enum exit_code take(const char *service)
{
    bool changed;
    struct entry entry = {.sddl = ""};
    if (!*service)
        return EXIT_DONE;
    DWORD error = change(service, &entry, false, &changed);
    if (error == ERROR_SERVICE_DOES_NOT_EXIST || error == ERROR_INVALID_NAME)
        return EXIT_DONE; /* the service is gone, and the entry with it */
    if (error) {
        enum exit_code code =
            fail(error, "cannot revoke the permission of %s to start and stop %s", SERVICE_NAME, service);
        talk("To revoke it manually: remove %s from the output of \"sc sdshow %s\", and pass the rest to \"sc sdset "
             "%s\".\n",
             entry.sddl, service, service);
        return code;
    }
    if (changed)
        out("%s may no longer start and stop %s.\n", SERVICE_NAME, service);
    return EXIT_DONE;
}

static const char *service_of(const struct host_settings *host)
{
    return host->run_service ? host->run_service : "";
}

static bool names(const struct config *config, const char *service)
{
    for (size_t i = 0; i < config->host_count; i++)
        if (text_same(service_of(&config->hosts[i]), service))
            return true;
    return false;
}

enum exit_code grant_settle(const struct config *before, const char *given)
{
    struct config now;
    enum exit_code code = store_read(&now, true);
    if (code != EXIT_DONE) {
        config_free(&now);
        return code;
    }
    for (size_t i = 0; i < now.host_count; i++)
        if (!names(before, service_of(&now.hosts[i])))
            code = worse(code, grant_give(service_of(&now.hosts[i])));
    for (size_t i = 0; i < before->host_count; i++)
        if (!names(&now, service_of(&before->hosts[i])))
            code = worse(code, take(service_of(&before->hosts[i])));
    if (given && !names(&now, given))
        code = worse(code, take(given));
    config_free(&now);
    return code;
}

enum exit_code grant_end(const struct config *config)
{
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < config->host_count; i++)
        code = worse(code, take(service_of(&config->hosts[i])));
    return code;
}
