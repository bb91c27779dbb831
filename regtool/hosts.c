/* etrnctl add, remove: the hosts that are asked. */
#include "../service/core/node.h"
#include "names.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUES_LIMIT = 12 };

/* What is to be written to a host's key; all of it is checked before anything is. */
struct change {
    const struct setting *setting;
    struct value value;
};

struct changes {
    struct change items[VALUES_LIMIT];
    size_t count;
};

static void changes_free(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        free(changes->items[i].value.data);
}

static bool add_change(struct changes *changes, const char *name, const char *const *words, size_t count)
{
    char problem[400];
    struct text t;
    struct change *change = &changes->items[changes->count++];
    text_begin(&t, problem, sizeof problem);
    change->setting = setting_find(SCOPE_HOST, name);
    if (!setting_encode(change->setting, words, count, &change->value, &t)) {
        talk("etrnctl: %s: %s\n", name, problem);
        return false;
    }
    return true;
}

static bool add_option(struct changes *changes, const char *name, const char *word)
{
    return !word || add_change(changes, name, &word, 1);
}

static bool have(char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (text_same(words[i], word))
            return true;
    return false;
}

/* The domains that the host has and the new ones, each once. */
static bool add_domains(struct changes *changes, const struct host_settings *known, int count, char **given)
{
    size_t had = known ? known->domains.count : 0;
    char **words = calloc(had + (size_t)count, sizeof *words);
    size_t all = 0;
    bool fine = words != NULL;
    for (size_t i = 0; fine && i < had; i++)
        fine = (words[all++] = text_copy(known->domains.items[i])) != NULL;
    for (int i = 0; fine && i < count; i++) {
        char *ascii = name_to_ascii(given[i]);
        fine = ascii != NULL;
        if (fine && !have(words, all, ascii))
            words[all++] = ascii;
        else
            free(ascii);
    }
    fine = fine && add_change(changes, "Domains", (const char *const *)words, all);
    while (all > 0)
        free(words[--all]);
    free(words);
    return fine;
}

/* Domains come last: a host without them is not asked, so that none is asked half configured. */
static bool collect(struct changes *changes, const struct arguments *a, const struct host_settings *known,
                    unsigned port)
{
    char digits[12];
    const char *given_port = option_value(a, "--port");
    snprintf(digits, sizeof digits, "%u", port);
    return add_option(changes, "Port",
                      given_port ? given_port
                      : port     ? digits
                                 : NULL) &&
           add_option(changes, "Tls", option_value(a, "--tls")) &&
           add_option(changes, "TlsFingerprint", option_value(a, "--tls-fingerprint")) &&
           add_option(changes, "HeloName", option_value(a, "--helo")) &&
           add_option(changes, "IntervalMinutes", option_value(a, "--interval")) &&
           add_option(changes, "ForceETRN", option_value(a, "--force") ? "1" : NULL) &&
           add_domains(changes, known, a->count - 1, a->words + 1);
}

static enum exit_code write_changes(const char *host, const struct changes *changes)
{
    enum exit_code code = store_prepare(SERVICE_NAME);
    if (code != EXIT_DONE)
        return code;
    for (size_t i = 0; i < changes->count; i++) {
        DWORD error = store_set(host, changes->items[i].setting, &changes->items[i].value);
        if (error)
            return fail(error, "writing %s of %s", changes->items[i].setting->name, host);
    }
    return EXIT_DONE;
}

static void show_host(const char *name)
{
    struct config config;
    store_read(&config, true);
    const struct host_settings *host = config_find_host(&config, name);
    if (host) {
        out("%s, port %u, is asked for:\n", host_address(host), host->port);
        for (size_t i = 0; i < host->domains.count; i++)
            out("  %s\n", host->domains.items[i]);
    }
    if (!config.service.always_use_etrn)
        talk("ETRN is disabled; to enable it: etrnctl enable\n");
    config_free(&config);
}

enum exit_code run_add(const struct arguments *a)
{
    char host[NODE_LIMIT + 1];
    unsigned port = 0;
    struct config config;
    struct changes changes = {0};
    if (!name_split_host(a->words[0], host, sizeof host, &port))
        return EXIT_INVALID;
    enum exit_code code = store_read(&config, true);
    if (code == EXIT_DONE && !collect(&changes, a, config_find_host(&config, host), port))
        code = EXIT_INVALID;
    if (code == EXIT_DONE)
        code = write_changes(host, &changes);
    if (code == EXIT_DONE)
        show_host(host);
    changes_free(&changes);
    config_free(&config);
    return code;
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
    if (code == EXIT_DONE) {
        DWORD error = store_remove_host(name);
        if (error == ERROR_FILE_NOT_FOUND) {
            talk(
                "etrnctl: %s is set by Group Policy (HKLM\\SOFTWARE\\Policies\\EtrnSvc\\Hosts) and can only be removed "
                "there\n",
                name);
            code = EXIT_NOT_FOUND;
        } else if (error) {
            code = fail(error, "removing %s", name);
        } else {
            out("%s is not asked any more.\n", name);
        }
    }
    config_free(&config);
    return code;
}
