/* etrnctl enable, disable: the master switch, of EtrnSvc or of any service that knows AlwaysUseETRN. */
#include "command.h"
#include "store.h"

#include <stdio.h>

static const char switch_name[] = "AlwaysUseETRN";

static void show_value(struct text *t, bool found, uint32_t value)
{
    if (found)
        text_add(t, "%u", value);
    else
        text_add(t, "not set");
}

static enum exit_code policy_check(const char *service, uint32_t wanted)
{
    struct config config;
    if (!text_same(service, SERVICE_NAME) || store_read(&config) != 0)
        return EXIT_DONE;
    const struct setting *master = setting_find(SCOPE_SERVICE, switch_name);
    if (config.service.origin[setting_index(master)] == ORIGIN_POLICY && config.service.always_use_etrn != wanted)
        talk("Note: Group Policy sets AlwaysUseETRN to %u (HKLM\\SOFTWARE\\Policies\\EtrnSvc), and that wins.\n",
             config.service.always_use_etrn);
    config_free(&config);
    return EXIT_DONE;
}

static enum exit_code set_switch(const char *service, uint32_t wanted)
{
    bool found;
    uint32_t before = 0;
    char was[32];
    struct text t;
    DWORD error = store_get_switch(service, switch_name, &found, &before);
    if (error)
        return fail(error, "service %s", service);
    text_begin(&t, was, sizeof was);
    show_value(&t, found, before);
    if (found && before == wanted) {
        out("%s: AlwaysUseETRN is %u already; nothing was written.\n", service, wanted);
        return policy_check(service, wanted);
    }
    error = store_set_switch(service, switch_name, wanted);
    if (error)
        return fail(error, "writing AlwaysUseETRN of %s", service);
    out("%s: AlwaysUseETRN was %s, is now %u.\n", service, was, wanted);
    return policy_check(service, wanted);
}

static enum exit_code run_switch(const struct command *self, int count, char **arguments, uint32_t wanted)
{
    const char *service = SERVICE_NAME;
    bool yes = false;
    const struct option options[] = {{"--service", &service, NULL}, {"-y", NULL, &yes}};
    if (!take_options(self, options, ARRAYSIZE(options), &count, arguments))
        return EXIT_USAGE;
    if (count > 0)
        return usage_error(self, "%s: unexpected", arguments[0]);
    if (!*service || strpbrk(service, "\\/"))
        return usage_error(self, "\"%s\" is not the name of a service", service);
    if (!yes && !text_same(service, SERVICE_NAME) && on_console()) {
        char question[400];
        snprintf(question, sizeof question,
                 "Set HKLM\\SYSTEM\\CurrentControlSet\\Services\\%s\\Parameters\\AlwaysUseETRN to REG_DWORD %u?",
                 service, wanted);
        if (!confirm(question)) {
            talk("Cancelled; nothing was written.\n");
            return EXIT_CANCELLED;
        }
    }
    return set_switch(service, wanted);
}

enum exit_code run_enable(const struct command *self, int count, char **arguments)
{
    return run_switch(self, count, arguments, 1);
}

enum exit_code run_disable(const struct command *self, int count, char **arguments)
{
    return run_switch(self, count, arguments, 0);
}
