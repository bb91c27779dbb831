/* etrnctl add, remove: the hosts that are asked. */
#include "../service/core/node.h"
#include "command.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUES_LIMIT = 8 };

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
    struct change *change = &changes->items[changes->count];
    text_begin(&t, problem, sizeof problem);
    change->setting = setting_find(SCOPE_HOST, name);
    if (!setting_encode(change->setting, words, count, &change->value, &t)) {
        talk("etrnctl: %s: %s\n", name, problem);
        free(change->value.data);
        return false;
    }
    changes->count++;
    return true;
}

static bool add_option(struct changes *changes, const char *name, const char *word)
{
    return !word || add_change(changes, name, &word, 1);
}

/* The domains that the host has and the new ones, each once. */
static bool add_domains(struct changes *changes, const struct host_settings *known, int count, char **arguments)
{
    size_t had = known ? known->domains.count : 0;
    const char **words = calloc(had + (size_t)count, sizeof *words);
    size_t all = 0;
    if (!words)
        return false;
    for (size_t i = 0; i < had; i++)
        words[all++] = known->domains.items[i];
    for (int i = 0; i < count; i++) {
        bool there = false;
        for (size_t k = 0; k < all; k++)
            there = there || text_same(words[k], arguments[i]);
        if (!there)
            words[all++] = arguments[i];
    }
    bool fine = add_change(changes, "Domains", words, all);
    free(words);
    return fine;
}

static enum exit_code write_changes(const char *host, const struct changes *changes)
{
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
    if (store_read(&config) == 0) {
        const struct host_settings *host = config_find_host(&config, name);
        char domains[2000] = "";
        struct text t;
        text_begin(&t, domains, sizeof domains);
        if (host)
            config_show(&config, host, setting_find(SCOPE_HOST, "Domains"), &t);
        if (host)
            out("%s port %u is asked for: %s\n", host_address(host), host->port, domains);
        if (!config.service.always_use_etrn)
            talk("ETRN is disabled; to enable it: etrnctl enable\n");
    }
    config_free(&config);
}

enum exit_code run_add(const struct command *self, int count, char **arguments)
{
    const char *port = NULL;
    const char *tls = NULL;
    const char *helo = NULL;
    const char *interval = NULL;
    bool force = false;
    const struct option options[] = {{"--port", &port, NULL},
                                     {"--tls", &tls, NULL},
                                     {"--helo", &helo, NULL},
                                     {"--interval", &interval, NULL},
                                     {"--force", NULL, &force}};
    char host[NODE_LIMIT + 1];
    char digits[12];
    unsigned given_port = 0;
    if (!take_options(self, options, ARRAYSIZE(options), &count, arguments))
        return EXIT_USAGE;
    if (count < 2)
        return usage_error(self, "a host and at least one domain are needed");
    if (!host_split(arguments[0], host, sizeof host, &given_port)) {
        talk("etrnctl: \"%s\" is not a host; expected a domain name or an IP address, and :PORT from 1 to 65535\n",
             arguments[0]);
        return EXIT_INVALID;
    }
    if (given_port && !port) {
        snprintf(digits, sizeof digits, "%u", given_port);
        port = digits;
    }
    struct config config;
    struct changes changes = {0};
    DWORD error = store_read(&config);
    if (error)
        return fail(error, "reading the configuration");
    /* Domains last: a host without them is not asked, so that none is asked half configured. */
    bool fine = add_option(&changes, "Port", port) && add_option(&changes, "Tls", tls) &&
                add_option(&changes, "HeloName", helo) && add_option(&changes, "IntervalMinutes", interval) &&
                add_option(&changes, "ForceETRN", force ? "1" : NULL) &&
                add_domains(&changes, config_find_host(&config, host), count - 1, arguments + 1);
    enum exit_code code = fine ? write_changes(host, &changes) : EXIT_INVALID;
    if (code == EXIT_DONE)
        show_host(host);
    changes_free(&changes);
    config_free(&config);
    return code;
}

enum exit_code run_remove(const struct command *self, int count, char **arguments)
{
    if (!take_options(self, NULL, 0, &count, arguments))
        return EXIT_USAGE;
    if (count != 1)
        return usage_error(self, "one host is needed");
    if (strpbrk(arguments[0], "\\/"))
        return usage_error(self, "\"%s\" is not the name of a host", arguments[0]);
    DWORD error = store_remove_host(arguments[0]);
    if (error == ERROR_FILE_NOT_FOUND) {
        talk("etrnctl: %s: no such host; etrnctl status shows those there are\n", arguments[0]);
        return EXIT_NOT_FOUND;
    }
    if (error)
        return fail(error, "removing %s", arguments[0]);
    out("%s is not asked any more.\n", arguments[0]);
    return EXIT_DONE;
}
