/* etrnctl remove: removes a host. */
#include "arguments.h"
#include "failure.h"
#include "grant.h"
#include "names.h"
#include "output.h"
#include "store.h"

static enum exit_code remove_host(const struct config *config, const char *name)
{
    DWORD error = store_remove_host(name);
    if (error == ERROR_FILE_NOT_FOUND) {
        talk("etrnctl: %s is set by Group Policy (HKLM\\SOFTWARE\\Policies\\EtrnSvc\\Hosts) and can only be removed "
             "there\n",
             name);
        return EXIT_NOT_FOUND;
    }
    if (error)
        return fail(error, "cannot remove %s", name);
    out("%s was removed.\n", name);
    return grant_settle(config, NULL);
}

enum exit_code run_remove(const struct arguments *a)
{
    struct config config;
    const char *name = a->words[0];
    enum exit_code code = store_read(&config, true);
    if (code == EXIT_DONE && !config_find_host(&config, name))
        code = name_unknown_host(&config, name);
    if (code == EXIT_DONE)
        code = store_prepare(SERVICE_NAME);
    if (code == EXIT_DONE)
        code = remove_host(&config, name);
    config_free(&config);
    return code;
}
