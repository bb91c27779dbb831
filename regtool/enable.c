/* etrnctl enable and disable, and the interactive question: the master switch of EtrnSvc or of any service that uses
 * it. */
#include "arguments.h"
#include "failure.h"
#include "output.h"
#include "parameters.h"
#include "prompt.h"
#include "store.h"

static void show_path(const char *service, struct text *t)
{
    text_add(t, "HKLM\\");
    parameters_path(service, t);
    text_add(t, "\\" MASTER_SWITCH);
}

/* Warns if Group Policy overrides the change, which is written all the same. */
static void warn_about_policy(const char *service, uint32_t wanted)
{
    struct config config;
    const struct setting *master = setting_find(SCOPE_SERVICE, MASTER_SWITCH);
    if (!text_same(service, SERVICE_NAME))
        return;
    if (store_read(&config, true) == EXIT_DONE && config.service.always_use_etrn != wanted &&
        config.service.origin[setting_index(master)] == ORIGIN_POLICY)
        talk("Note: Group Policy sets AlwaysUseETRN to %u, which takes precedence:\n"
             "HKLM\\SOFTWARE\\Policies\\EtrnSvc\\AlwaysUseETRN.\n",
             config.service.always_use_etrn);
    config_free(&config);
}

/* Reads SERVICE's switch; `was` is as in store_get_switch(). */
static enum exit_code read_switch(const char *service, bool *found, uint32_t *value, struct text *was)
{
    DWORD error = store_get_switch(service, found, value, was);
    if (!error)
        return EXIT_DONE;
    return fail_service(error, service);
}

static enum exit_code write_switch(const char *service, uint32_t wanted, const char *was)
{
    enum exit_code code = store_prepare(service);
    if (code != EXIT_DONE)
        return code;
    DWORD error = store_set_switch(service, wanted);
    if (error)
        return fail(error, "cannot write AlwaysUseETRN of %s", service);
    out("%s: AlwaysUseETRN was %s, is now %u.\n", service, was, wanted);
    return EXIT_DONE;
}

static enum exit_code set_switch(const char *service, uint32_t wanted)
{
    bool found;
    uint32_t before = 0;
    TEXT_SCRATCH(was, 300);
    enum exit_code code = read_switch(service, &found, &before, &was);
    if (code != EXIT_DONE)
        return code;
    if (found && before == wanted)
        out("%s: AlwaysUseETRN is already %u; nothing was written.\n", service, wanted);
    else
        code = write_switch(service, wanted, was.data);
    if (code == EXIT_DONE)
        warn_about_policy(service, wanted);
    return code;
}

static enum exit_code run_switch(const struct arguments *a, uint32_t wanted)
{
    const char *service = service_option(a);
    if (!*service || strpbrk(service, "\\/") || strlen(service) > 256)
        return usage_error(a->command, "\"%s\" is not a service name", service);
    if (option_value(a, "--service") && !option_value(a, "-y") && on_console()) {
        TEXT_SCRATCH(question, 800);
        text_add(&question, "Set ");
        show_path(service, &question);
        text_add(&question, " to REG_DWORD %u?", wanted);
        if (!confirm(question.data))
            return cancelled();
    }
    return set_switch(service, wanted);
}

enum exit_code run_enable(const struct arguments *a)
{
    return run_switch(a, 1);
}

enum exit_code run_disable(const struct arguments *a)
{
    return run_switch(a, 0);
}

/* ---- interactive question ---- */

enum exit_code run_question(void)
{
    bool found;
    uint32_t value = 0;
    char was[300];
    char path[700];
    struct text t;
    text_begin(&t, was, sizeof was);
    DWORD error = store_get_switch(SERVICE_NAME, &found, &value, &t);
    if (error)
        return fail_service(error, SERVICE_NAME);
    text_begin(&t, path, sizeof path);
    show_path(SERVICE_NAME, &t);
    talk("ETRN is currently %s: AlwaysUseETRN is %s.\n\n", found && value == 1 ? "enabled" : "disabled", was);
    char choice = choose("Enter 1 to enable ETRN, 2 to disable it, or C to cancel: ", "12c");
    if (choice != '1' && choice != '2')
        return cancelled();
    uint32_t wanted = choice == '1';
    talk("\nThis sets the value\n  %s\nto REG_DWORD %u. A backup of the key is saved first.\n\n", path, wanted);
    if (choose("Enter O for OK, or C to cancel: ", "oc") != 'o')
        return cancelled();
    return set_switch(SERVICE_NAME, wanted);
}
