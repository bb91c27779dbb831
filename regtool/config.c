/* etrnctl config: shows and changes every setting, by means of the table of settings. */
#include "arguments.h"
#include "failure.h"
#include "grant.h"
#include "machine.h"
#include "names.h"
#include "output.h"
#include "password.h"
#include "store.h"

#include <stdlib.h>

struct target {
    const struct arguments *arguments;
    struct config config;
    const char *host; /* name of the host, or NULL for the service */
    const struct host_settings *settings;
};

enum { VALUE_LIMIT = 8000, VALUE_COLUMN = 20 };

/* The only value that is not a setting: it can be set, and shown to be set. */
static const char password_allowed[] = "1 to 255 bytes of UTF-8";
static const char password_help[] =
    "the password of User; prompted for, stored encrypted for this computer only, and never displayed";

static bool password_is_set(const struct target *t)
{
    return secret_kept(machine_registry(), t->host);
}

static enum setting_scope scope_of(const struct target *t)
{
    return t->host ? SCOPE_HOST : SCOPE_SERVICE;
}

static void show_value(const struct target *t, const struct setting *s, char *value)
{
    struct text shown;
    text_begin(&shown, value, VALUE_LIMIT);
    config_show(&t->config, t->settings, s, &shown);
}

/* ---- list, get ---- */

static void print_row(const struct target *t, const struct setting *s)
{
    char value[VALUE_LIMIT];
    TEXT_SCRATCH(words, 400);
    show_value(t, s, value);
    bool wide = strlen(value) >= VALUE_COLUMN;
    out("%-22s %-*s %s\n", s->name, VALUE_COLUMN,
        wide     ? "(below)"
        : *value ? value
                 : "-",
        store_origin(&t->config, t->settings, s));
    if (wide)
        out_wrapped(8, value);
    setting_allowed(s, &words);
    text_add(&words, ": %s", s->help);
    out_wrapped(4, words.data);
}

static void write_strings(struct json *j, const struct strings *strings)
{
    json_open_array(j, "value");
    for (size_t i = 0; i < strings->count; i++)
        json_string(j, NULL, strings->items[i]);
    json_close(j, ']');
}

static void write_value_of(struct json *j, const struct target *t, const struct setting *s)
{
    char value[VALUE_LIMIT];
    unsigned long number;
    show_value(t, s, value);
    if (s->type == SETTING_DWORD && text_number(value, 0xFFFFFFFFu, &number))
        json_number(j, "value", (int64_t)number);
    else if (s->type == SETTING_STRINGS)
        write_strings(j, config_strings(&t->config, t->settings, s));
    else
        json_string(j, "value", *value ? value : NULL);
}

static void write_row(struct json *j, const struct target *t, const struct setting *s)
{
    char allowed[300];
    char initial[40];
    struct text shown;
    text_begin(&shown, allowed, sizeof allowed);
    setting_allowed(s, &shown);
    text_begin(&shown, initial, sizeof initial);
    setting_default(s, &shown);
    json_open_object(j, NULL);
    json_string(j, "name", s->name);
    write_value_of(j, t, s);
    json_string(j, "from", store_origin(&t->config, t->settings, s));
    json_string(j, "type", setting_type_name(s));
    json_string(j, "allowed", allowed);
    json_string(j, "default", *initial ? initial : NULL);
    json_string(j, "meaning", s->help);
    json_close(j, '}');
}

static void print_password(const struct target *t)
{
    TEXT_SCRATCH(words, 400);
    bool is_set = password_is_set(t);
    out("%-22s %-*s %s\n", SECRET_NAME, VALUE_COLUMN, is_set ? "set" : "-",
        origin_name(is_set ? ORIGIN_PARAMETERS : ORIGIN_DEFAULT));
    text_add(&words, "%s: %s", password_allowed, password_help);
    out_wrapped(4, words.data);
}

static void write_password(struct json *j, const struct target *t)
{
    bool is_set = password_is_set(t);
    json_open_object(j, NULL);
    json_string(j, "name", SECRET_NAME);
    json_string(j, "value", is_set ? "set" : NULL);
    json_string(j, "from", origin_name(is_set ? ORIGIN_PARAMETERS : ORIGIN_DEFAULT));
    json_string(j, "type", "REG_BINARY");
    json_string(j, "allowed", password_allowed);
    json_string(j, "default", NULL);
    json_string(j, "meaning", password_help);
    json_close(j, '}');
}

/* Writes all rows, or only the given one, which may be the password. */
static enum exit_code write_rows(const struct target *t, const struct setting *only, bool password)
{
    struct json j;
    json_begin(&j);
    json_open_object(&j, NULL);
    json_number(&j, "schema", 1);
    json_string(&j, "host", t->host);
    json_open_array(&j, "settings");
    for (size_t i = 0; i < settings_count; i++)
        if (settings[i].scope == scope_of(t) && (only ? only == &settings[i] : !password))
            write_row(&j, t, &settings[i]);
    if (t->host && !only)
        write_password(&j, t);
    json_close(&j, ']');
    json_close(&j, '}');
    return out_json(&j) ? EXIT_DONE : EXIT_FAILED;
}

static enum exit_code list(const struct target *t)
{
    if (option_value(t->arguments, "--json"))
        return write_rows(t, NULL, false);
    out("%-22s %-*s %s\n", "SETTING", VALUE_COLUMN, "VALUE", "FROM");
    for (size_t i = 0; i < settings_count; i++)
        if (settings[i].scope == scope_of(t))
            print_row(t, &settings[i]);
    if (t->host)
        print_password(t);
    return EXIT_DONE;
}

static enum exit_code get(const struct target *t, const struct setting *s)
{
    char value[VALUE_LIMIT];
    if (option_value(t->arguments, "--json"))
        return write_rows(t, s, false);
    const struct strings *strings = config_strings(&t->config, t->settings, s);
    for (size_t i = 0; strings && i < strings->count; i++)
        out("%s\n", strings->items[i]);
    if (!strings) {
        show_value(t, s, value);
        out("%s\n", value);
    }
    return EXIT_DONE;
}

/* ---- set, unset ---- */

static enum exit_code encode(const struct setting *s, int count, char **words, struct value *value)
{
    TEXT_SCRATCH(problem, 400);
    if (setting_encode(s, (const char *const *)words, (size_t)count, value, &problem))
        return EXIT_DONE;
    talk("etrnctl: %s: %s\n", s->name, problem.data);
    return EXIT_INVALID;
}

/* Converts domain names among the words to A-labels; fills the caller's array with copies. */
static enum exit_code to_ascii(const struct setting *s, int count, char **words, char **ascii)
{
    bool names = (s->type == SETTING_STRING || s->type == SETTING_STRINGS) && !s->verbatim;
    enum exit_code code = EXIT_DONE;
    for (int i = 0; code == EXIT_DONE && i < count; i++) {
        if (names)
            code = name_to_ascii(words[i], &ascii[i]);
        else if (!(ascii[i] = text_copy(words[i])))
            code = fail(ERROR_NOT_ENOUGH_MEMORY, "%s", s->name);
    }
    return code;
}

static enum exit_code print_change(const struct target *t, const struct setting *s, const char *before)
{
    char after[VALUE_LIMIT];
    struct target now = {.host = t->host};
    enum exit_code code = store_read(&now.config, true);
    if (code == EXIT_DONE) {
        now.settings = t->host ? config_find_host(&now.config, t->host) : NULL;
        const char *origin = store_origin(&now.config, now.settings, s);
        show_value(&now, s, after);
        bool policy = text_same(origin, origin_name(ORIGIN_POLICY));
        if (policy)
            out("%s: changed in Parameters, but remains %s (policy).\n", s->name, *after ? after : "empty");
        else
            out("%s: was %s, is now %s (%s).\n", s->name, *before ? before : "empty", *after ? after : "empty", origin);
        if (policy)
            talk("Note: Group Policy sets %s (HKLM\\SOFTWARE\\Policies\\EtrnSvc), which takes precedence.\n", s->name);
    }
    config_free(&now.config);
    return code;
}

static enum exit_code write_value(const struct target *t, const struct setting *s, const struct value *value)
{
    char before[VALUE_LIMIT];
    show_value(t, s, before);
    enum exit_code code = store_prepare(SERVICE_NAME);
    if (code != EXIT_DONE)
        return code;
    DWORD error = value ? store_set(t->host, s, value) : store_unset(t->host, s);
    if (error && error != ERROR_FILE_NOT_FOUND)
        return fail(error, "cannot write %s", s->name);
    return print_change(t, s, before);
}

/* Writes the value, then updates EtrnSvc's rights on the service that RunService names. `word` is NULL to unset. */
static enum exit_code write_and_grant(const struct target *t, const struct setting *s, const struct value *value,
                                      const char *word)
{
    if (s != setting_find(SCOPE_HOST, "RunService"))
        return write_value(t, s, value);
    enum exit_code code = word ? grant_give(word) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    code = write_value(t, s, value);
    return worse(code, grant_settle(&t->config, word));
}

static enum exit_code set_words(const struct target *t, const struct setting *s, int count, char **words)
{
    struct value value = {0};
    enum exit_code code = encode(s, count, words, &value);
    if (code == EXIT_DONE)
        code = write_and_grant(t, s, &value, words[0]);
    free(value.data);
    return code;
}

static enum exit_code set(const struct target *t, const struct setting *s, int count, char **words)
{
    char **ascii = calloc((size_t)count, sizeof *ascii);
    if (!ascii)
        return fail(ERROR_NOT_ENOUGH_MEMORY, "%s", s->name);
    enum exit_code code = to_ascii(s, count, words, ascii);
    if (code == EXIT_DONE)
        code = set_words(t, s, count, ascii);
    for (int i = 0; i < count; i++)
        free(ascii[i]);
    free(ascii);
    return code;
}

/* ---- the password ---- */

static enum exit_code get_password(const struct target *t)
{
    if (option_value(t->arguments, "--json"))
        return write_rows(t, NULL, true);
    out("%s\n", password_is_set(t) ? "set" : "");
    return EXIT_DONE;
}

/* A NULL password deletes it. */
static enum exit_code write_secret(const struct target *t, const char *password)
{
    const char *was = password_is_set(t) ? "set" : "empty";
    enum exit_code code = store_prepare(SERVICE_NAME);
    if (code != EXIT_DONE)
        return code;
    DWORD error = password ? store_set_password(t->host, password) : secret_remove(machine_registry(), t->host);
    if (error && error != ERROR_FILE_NOT_FOUND)
        return fail(error, "cannot write " SECRET_NAME);
    out(SECRET_NAME ": was %s, is now %s.\n", was, password ? "set" : "empty");
    if (password && (!t->settings->user || !*t->settings->user))
        talk("Note: the password is not used until User is set: etrnctl config set User NAME --host %s\n", t->host);
    return EXIT_DONE;
}

static enum exit_code set_password(const struct target *t)
{
    char password[SECRET_SIZE];
    const char *user = t->settings->user && *t->settings->user ? t->settings->user : "User";
    enum exit_code code = password_can_be_kept(t->arguments->command);
    if (code == EXIT_DONE)
        code = password_read(user, t->host, password);
    if (code == EXIT_DONE)
        code = write_secret(t, password);
    SecureZeroMemory(password, sizeof password);
    return code;
}

/* ---- the command ---- */

static enum exit_code unknown_setting(const struct target *t, const char *name)
{
    for (size_t i = 0; i < settings_count; i++)
        if (settings[i].scope == scope_of(t) && text_near(settings[i].name, name)) {
            talk("etrnctl: %s: no such value; did you mean %s?\n", name, settings[i].name);
            return EXIT_NOT_FOUND;
        }
    if (!t->host && (setting_find(SCOPE_HOST, name) || text_same(name, SECRET_NAME)))
        talk("etrnctl: %s: a setting of a host, not of the service; add --host HOST\n", name);
    else if (t->host && setting_find(SCOPE_SERVICE, name))
        talk("etrnctl: %s: a setting of the service, not of a host; omit --host\n", name);
    else
        talk("etrnctl: %s: no such value; for a list: etrnctl config list\n", name);
    return EXIT_NOT_FOUND;
}

static enum exit_code run_on_password(const struct target *t, const char *verb)
{
    const struct arguments *a = t->arguments;
    bool is_set = text_same(verb, "set");
    if (!t->host)
        return unknown_setting(t, SECRET_NAME);
    if (is_set && a->count > 2)
        return refuse_password(a->command);
    if (a->count > 2)
        return usage_error(a->command, "%s takes one name", verb);
    if (is_set)
        return set_password(t);
    return text_same(verb, "get") ? get_password(t) : write_secret(t, NULL);
}

static enum exit_code run_on(const struct target *t)
{
    const struct arguments *a = t->arguments;
    const char *verb = a->count > 0 ? a->words[0] : "list";
    bool is_list = text_same(verb, "list");
    bool is_set = text_same(verb, "set");
    bool is_get = text_same(verb, "get");
    if (!is_list && !is_set && !is_get && !text_same(verb, "unset"))
        return usage_error(a->command, "%s: expected list, get, set or unset", verb);
    if (is_list)
        return a->count <= 1 ? list(t) : usage_error(a->command, "unexpected argument: %s", a->words[1]);
    if (a->count < 2)
        return usage_error(a->command, "%s requires the name of a value", verb);
    if (text_same(a->words[1], SECRET_NAME))
        return run_on_password(t, verb);
    if (is_set ? a->count < 3 : a->count > 2)
        return usage_error(a->command, is_set ? "%s requires a value" : "%s takes one name", verb);
    const struct setting *s = setting_find(scope_of(t), a->words[1]);
    if (!s)
        return unknown_setting(t, a->words[1]);
    if (is_get)
        return get(t, s);
    return is_set ? set(t, s, a->count - 2, a->words + 2) : write_and_grant(t, s, NULL, NULL);
}

enum exit_code run_config(const struct arguments *a)
{
    struct target t = {.arguments = a, .host = option_value(a, "--host")};
    bool quietly = a->count == 0 || !text_same(a->words[0], "list");
    enum exit_code code = store_read(&t.config, quietly);
    t.settings = t.host ? config_find_host(&t.config, t.host) : NULL;
    if (code == EXIT_DONE)
        code = t.host && !t.settings ? name_unknown_host(&t.config, t.host) : run_on(&t);
    config_free(&t.config);
    return code;
}
