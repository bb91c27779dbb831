/* etrnctl config: every setting, by the one table. */
#include "command.h"
#include "store.h"

#include <stdlib.h>

struct target {
    struct config config;
    const char *host; /* name, or NULL for the service */
    const struct host_settings *host_settings;
};

static const char *origin_of(const struct target *t, const struct setting *s)
{
    static const char *const names[] = {"default", "Parameters", "policy"};
    const uint8_t *origin = t->host_settings ? t->host_settings->origin : t->config.service.origin;
    return names[origin[setting_index(s)]];
}

static enum exit_code list(const struct target *t)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings[i];
        char value[2000];
        struct text shown;
        if (s->scope != (t->host ? SCOPE_HOST : SCOPE_SERVICE))
            continue;
        text_begin(&shown, value, sizeof value);
        config_show(&t->config, t->host_settings, s, &shown);
        out("%-21s %-10s %s\n", s->name, origin_of(t, s), value);
    }
    return EXIT_DONE;
}

static enum exit_code get(const struct target *t, const struct setting *s)
{
    char value[4000];
    struct text shown;
    text_begin(&shown, value, sizeof value);
    config_show(&t->config, t->host_settings, s, &shown);
    out("%s\n", value);
    return EXIT_DONE;
}

static enum exit_code set(const struct target *t, const struct setting *s, int count, char **words)
{
    char problem[400];
    struct text told;
    struct value value;
    text_begin(&told, problem, sizeof problem);
    if (!setting_encode(s, (const char *const *)words, (size_t)count, &value, &told)) {
        talk("etrnctl: %s: %s\n", s->name, problem);
        free(value.data);
        return EXIT_INVALID;
    }
    DWORD error = store_set(t->host, s, &value);
    free(value.data);
    return error ? fail(error, "writing %s", s->name) : EXIT_DONE;
}

static enum exit_code unset(const struct target *t, const struct setting *s)
{
    DWORD error = store_unset(t->host, s);
    return error && error != ERROR_FILE_NOT_FOUND ? fail(error, "deleting %s", s->name) : EXIT_DONE;
}

static enum exit_code run_on(const struct command *self, const struct target *t, int count, char **arguments)
{
    const char *verb = count > 0 ? arguments[0] : "list";
    if (text_same(verb, "list") && count <= 1)
        return list(t);
    bool known = text_same(verb, "get") || text_same(verb, "set") || text_same(verb, "unset");
    if (!known || count < 2)
        return usage_error(self, "list, or get, set or unset and a name are needed");
    const struct setting *s = setting_find(t->host ? SCOPE_HOST : SCOPE_SERVICE, arguments[1]);
    if (!s) {
        talk("etrnctl: %s: no such setting; etrnctl config list shows those there are\n", arguments[1]);
        return EXIT_NOT_FOUND;
    }
    if (text_same(verb, "get") && count == 2)
        return get(t, s);
    if (text_same(verb, "unset") && count == 2)
        return unset(t, s);
    if (text_same(verb, "set") && count > 2)
        return set(t, s, count - 2, arguments + 2);
    return usage_error(self, "%s: not understood", verb);
}

enum exit_code run_config(const struct command *self, int count, char **arguments)
{
    struct target t = {0};
    const struct option options[] = {{"--host", &t.host, NULL}};
    if (!take_options(self, options, ARRAYSIZE(options), &count, arguments))
        return EXIT_USAGE;
    DWORD error = store_read(&t.config);
    enum exit_code code;
    if (error) {
        code = fail(error, "reading the configuration");
    } else if (t.host && !(t.host_settings = config_find_host(&t.config, t.host))) {
        talk("etrnctl: %s: no such host; to add it: etrnctl add %s DOMAIN...\n", t.host, t.host);
        code = EXIT_NOT_FOUND;
    } else {
        code = run_on(self, &t, count, arguments);
    }
    config_free(&t.config);
    return code;
}
