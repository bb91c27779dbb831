#include "registry.h"

#include "../core/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum {
    NAME_LIMIT = 256, /* characters of a key's name, winreg's limit of 255 and NUL; our value names are shorter */
    LIST_TRIES = 20,  /* for keys that change all the time: the last change causes another read */
    DEBOUNCE_MS = 50,
    REARM_MS = 60000 /* retry delay if watching failed */
};

/* ---- reading ---- */

struct reading {
    HKEY machine;
    struct config *config;
    enum origin origin;
    const wchar_t *root; /* path of the key being read, below HKEY_LOCAL_MACHINE */
    registry_problem *problem;
    void *owner;
    unsigned char *data; /* buffer for one value */
    DWORD room;
};

static void report_problem(const struct reading *r, const struct host_settings *host, const char *name,
                           const char *problem)
{
    TEXT_SCRATCH(key, 700);
    text_add(&key, "HKLM\\");
    text_add_wide(&key, r->root);
    if (host) {
        text_add(&key, "\\Hosts\\");
        text_add_escaped(&key, host->name, strlen(host->name));
    }
    r->problem(r->owner, key.data, name, problem);
}

/* Reads a value of any size into r->data. */
static DWORD query(struct reading *r, HKEY key, const wchar_t *name, DWORD *type, DWORD *size)
{
    for (;;) {
        *size = r->room;
        DWORD error = (DWORD)RegQueryValueExW(key, name, NULL, type, r->data, size);
        if (error != ERROR_MORE_DATA && !(error == 0 && !r->data && *size > 0))
            return error;
        if (*size > VALUE_SIZE_LIMIT)
            return ERROR_MORE_DATA;
        unsigned char *data = realloc(r->data, *size + 256);
        if (!data)
            return ERROR_NOT_ENOUGH_MEMORY;
        r->data = data;
        r->room = *size + 256;
    }
}

static DWORD read_value(struct reading *r, HKEY key, struct host_settings *host, const struct setting *s)
{
    wchar_t name[64];
    TEXT_SCRATCH(problem, 400);
    DWORD type;
    DWORD size;
    for (size_t i = 0; i == 0 || name[i - 1]; i++)
        name[i] = (wchar_t)s->name[i]; /* names in the settings table are ASCII */
    DWORD error = query(r, key, name, &type, &size);
    if (error == ERROR_FILE_NOT_FOUND)
        return 0;
    if (error == ERROR_MORE_DATA) {
        text_add(&problem, "found %lu bytes; at most %d are allowed", size, VALUE_SIZE_LIMIT);
        report_problem(r, host, s->name, problem.data);
        return 0;
    }
    if (error)
        return error;
    bool fine = config_apply(r->config, host, s, r->origin, (enum value_type)type, r->data, size, &problem);
    if (r->config->incomplete) /* without memory for the address, the default could name the wrong host */
        return ERROR_NOT_ENOUGH_MEMORY;
    if (!fine)
        report_problem(r, host, s->name, problem.data);
    return 0;
}

/* Finds the settings for which the key has values. Querying every possible setting took most of the time to read
 * thousands of hosts; a key has few values. */
static DWORD find_values(HKEY key, enum setting_scope scope, bool *present)
{
    for (DWORD i = 0;; i++) {
        wchar_t name[NAME_LIMIT];
        DWORD length = ARRAYSIZE(name);
        DWORD error = (DWORD)RegEnumValueW(key, i, name, &length, NULL, NULL, NULL, NULL);
        if (error == ERROR_NO_MORE_ITEMS)
            return 0;
        if (error == ERROR_MORE_DATA) /* a longer name cannot be a setting */
            continue;
        if (error)
            return error;
        char *utf8 = narrow_copy(name);
        if (!utf8)
            return ERROR_NOT_ENOUGH_MEMORY;
        const struct setting *s = setting_find(scope, utf8);
        free(utf8);
        if (s)
            present[setting_index(s)] = true;
    }
}

static DWORD read_values(struct reading *r, HKEY key, struct host_settings *host)
{
    enum setting_scope scope = host ? SCOPE_HOST : SCOPE_SERVICE;
    bool present[SETTING_COUNT_LIMIT] = {false};
    DWORD error = find_values(key, scope, present);
    for (size_t i = 0; i < settings_count && !error; i++)
        if (settings[i].scope == scope && present[setting_index(&settings[i])])
            error = read_value(r, key, host, &settings[i]);
    return error;
}

static DWORD read_host(struct reading *r, HKEY hosts, const wchar_t *name)
{
    HKEY key;
    DWORD error = (DWORD)RegOpenKeyExW(hosts, name, 0, KEY_QUERY_VALUE, &key);
    if (error)
        return error == ERROR_FILE_NOT_FOUND ? 0 : error;
    char *utf8 = narrow_copy(name);
    struct host_settings *host = utf8 ? config_add_host(r->config, utf8) : NULL;
    free(utf8);
    error = host ? read_values(r, key, host) : ERROR_NOT_ENOUGH_MEMORY;
    RegCloseKey(key);
    if (error ==
        ERROR_KEY_DELETED) { /* only part of it was read: a host must not be asked without the rest, such as Tls */
        host->enabled = 0;
        return 0;
    }
    return error;
}

static DWORD last_write(HKEY key, FILETIME *when)
{
    return (DWORD)RegQueryInfoKeyW(key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, when);
}

/* If a key is added or removed during enumeration, the indexes of the following keys change and one could be missed:
 * then all are listed again. */
static DWORD list_keys(HKEY key, struct buffer *names)
{
    FILETIME before, after;
    DWORD error = last_write(key, &before);
    for (int tries = 0; tries < LIST_TRIES && !error; tries++, before = after) {
        names->length = 0;
        for (DWORD i = 0; !error; i++) {
            wchar_t name[NAME_LIMIT];
            DWORD length = ARRAYSIZE(name);
            error = (DWORD)RegEnumKeyExW(key, i, name, &length, NULL, NULL, NULL, NULL);
            if (error)
                break;
            buffer_add(names, name, (length + 1) * sizeof *name);
            error = names->failed ? ERROR_NOT_ENOUGH_MEMORY : 0;
        }
        if (error == ERROR_NO_MORE_ITEMS)
            error = last_write(key, &after);
        if (!error && CompareFileTime(&before, &after) == 0)
            break;
    }
    return error;
}

static DWORD read_hosts(struct reading *r, HKEY root)
{
    HKEY hosts;
    struct buffer names = {0};
    DWORD access = KEY_ENUMERATE_SUB_KEYS | KEY_QUERY_VALUE;
    DWORD error = (DWORD)RegOpenKeyExW(root, HOSTS_KEY, 0, access, &hosts);
    if (error)
        return error == ERROR_FILE_NOT_FOUND ? 0 : error;
    error = list_keys(hosts, &names);
    const wchar_t *end = (const wchar_t *)(const void *)(names.data + names.length);
    for (const wchar_t *name = (const wchar_t *)(const void *)names.data; name < end && !error;
         name += wcslen(name) + 1)
        error = read_host(r, hosts, name);
    buffer_free(&names);
    RegCloseKey(hosts);
    return error;
}

/* A key that is deleted while it is read counts as empty; its deletion is notified separately. */
static DWORD read_root(struct reading *r, const wchar_t *path, enum origin origin)
{
    HKEY root;
    r->root = path;
    r->origin = origin;
    DWORD access = KEY_QUERY_VALUE | KEY_ENUMERATE_SUB_KEYS;
    DWORD error = (DWORD)RegOpenKeyExW(r->machine, path, 0, access, &root);
    if (!error) {
        error = read_values(r, root, NULL);
        if (!error)
            error = read_hosts(r, root);
        RegCloseKey(root);
    }
    return error == ERROR_FILE_NOT_FOUND || error == ERROR_KEY_DELETED ? 0 : error;
}

DWORD registry_read(HKEY machine, struct config *config, registry_problem *problem, void *owner)
{
    struct reading r = {.machine = machine, .config = config, .problem = problem, .owner = owner};
    config_init(config);
    DWORD error = read_root(&r, PARAMETERS_KEY, ORIGIN_PARAMETERS);
    if (!error)
        error = read_root(&r, POLICY_KEY, ORIGIN_POLICY);
    free(r.data);
    return error;
}

/* ---- watching ---- */

static DWORD WINAPI wait_for_news(void *context)
{
    struct registry_news *news = context;
    HANDLE turns[] = {news->resume, news->quit};
    while (WaitForMultipleObjects(2, turns, FALSE, INFINITE) == WAIT_OBJECT_0) {
        DWORD which = WaitForMultipleObjects(news->count + 1, news->events, FALSE, INFINITE);
        if (which >= WAIT_OBJECT_0 + news->count)
            break;
        loop_post(news->loop, &news->signalled, 0);
    }
    return 0;
}

static void disarm(struct registry_news *news)
{
    for (DWORD i = 0; i < news->count; i++) {
        RegCloseKey(news->keys[i]);
        CloseHandle(news->events[i]);
    }
    news->count = 0;
}

static DWORD watch_key(struct registry_news *news, const wchar_t *path, bool subtree)
{
    DWORD filter = REG_NOTIFY_CHANGE_NAME | (subtree ? REG_NOTIFY_CHANGE_LAST_SET : 0);
    HKEY key;
    DWORD error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_NOTIFY, &key);
    if (error)
        return error;
    HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
    error = event ? (DWORD)RegNotifyChangeKeyValue(key, subtree, filter, event, TRUE) : GetLastError();
    if (error) {
        RegCloseKey(key);
        if (event)
            CloseHandle(event);
        return error;
    }
    news->keys[news->count] = key;
    news->events[news->count++] = event;
    return 0;
}

/* Watches a key with all its subkeys, and the nearest existing parent for new and deleted names, so that a key that is
 * deleted and created again is still watched. */
static DWORD watch_path(struct registry_news *news, const wchar_t *key)
{
    wchar_t path[NAME_LIMIT];
    DWORD error = ERROR_FILE_NOT_FOUND;
    size_t length = wcsnlen(key, ARRAYSIZE(path) - 1);
    memcpy(path, key, length * sizeof *path);
    path[length] = L'\0';
    for (wchar_t *end = wcsrchr(path, L'\\'); end && error == ERROR_FILE_NOT_FOUND; end = wcsrchr(path, L'\\')) {
        *end = L'\0';
        error = watch_key(news, path, false);
    }
    if (error)
        return error;
    error = watch_key(news, key, true);
    return error == ERROR_FILE_NOT_FOUND ? 0 : error;
}

static DWORD arm(struct registry_news *news)
{
    disarm(news);
    DWORD error = watch_path(news, PARAMETERS_KEY);
    if (!error)
        error = watch_path(news, POLICY_KEY);
    news->events[news->count] = news->quit;
    return error;
}

static void signalled(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct registry_news *news = CONTAINING_RECORD(op, struct registry_news, signalled);
    (void)error, (void)bytes;
    loop_set_timer(news->loop, &news->debounce, loop_now_ms() + DEBOUNCE_MS);
}

/* Watches again before the registry is read, so that a change in between is notified, never lost. */
static void debounced(struct loop_timer *timer)
{
    struct registry_news *news = CONTAINING_RECORD(timer, struct registry_news, debounce);
    DWORD error = arm(news);
    if (error)
        loop_set_timer(news->loop, &news->debounce, loop_now_ms() + REARM_MS);
    else
        SetEvent(news->resume);
    news->changed(news->owner, error);
}

DWORD registry_watch_open(struct registry_news *news, struct loop *loop, registry_changed *changed, void *owner)
{
    *news = (struct registry_news){.loop = loop, .changed = changed, .owner = owner};
    news->signalled.done = signalled;
    news->debounce.fire = debounced;
    news->resume = CreateEventW(NULL, FALSE, FALSE, NULL);
    news->quit = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!news->resume || !news->quit)
        return GetLastError();
    DWORD error = arm(news);
    if (error)
        return error;
    SetEvent(news->resume);
    news->thread = CreateThread(NULL, 64 << 10, wait_for_news, news, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    return news->thread ? 0 : GetLastError();
}

void registry_watch_close(struct registry_news *news)
{
    if (news->thread) {
        SetEvent(news->quit);
        WaitForSingleObject(news->thread, INFINITE);
        CloseHandle(news->thread);
    }
    disarm(news);
    if (news->resume)
        CloseHandle(news->resume);
    if (news->quit)
        CloseHandle(news->quit);
    if (news->loop)
        loop_set_timer(news->loop, &news->debounce, INT64_MAX);
    *news = (struct registry_news){0};
}
