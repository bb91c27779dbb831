#include "registry.h"

#include <stdlib.h>
#include <wchar.h>

enum {
    NAME_LIMIT = 256, /* characters of a key's name, winreg's limit of 255 and NUL; longer value names are not ours */
    DEBOUNCE_MS = 50,
    REARM_MS = 60000 /* after a failure to watch */
};

/* ---- reading ---- */

struct reading {
    HKEY machine;
    struct config *config;
    enum origin origin;
    const wchar_t *root; /* path of the key being read, below HKEY_LOCAL_MACHINE */
    registry_problem *problem;
    void *owner;
    unsigned char *data; /* for one value */
    DWORD room;
};

static void tell(const struct reading *r, const struct host_settings *host, const char *name, const char *problem)
{
    char key[700];
    struct text t;
    text_begin(&t, key, sizeof key);
    text_add(&t, "HKLM\\");
    text_add_wide(&t, r->root);
    if (host) {
        text_add(&t, "\\Hosts\\");
        text_add_escaped(&t, host->name, strlen(host->name));
    }
    r->problem(r->owner, key, name, problem);
}

/* The value's octets in r->data, however many they are. */
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
    char problem[400];
    struct text t;
    DWORD type;
    DWORD size;
    for (size_t i = 0; i == 0 || name[i - 1]; i++)
        name[i] = (wchar_t)s->name[i]; /* names in the table are ASCII */
    text_begin(&t, problem, sizeof problem);
    DWORD error = query(r, key, name, &type, &size);
    if (error == ERROR_FILE_NOT_FOUND)
        return 0;
    if (error == ERROR_MORE_DATA) {
        text_add(&t, "found %lu octets; at most %d are read", size, VALUE_SIZE_LIMIT);
        tell(r, host, s->name, problem);
        return 0;
    }
    if (error)
        return error;
    if (!config_apply(r->config, host, s, r->origin, (enum value_type)type, r->data, size, &t))
        tell(r, host, s->name, problem);
    return 0;
}

static DWORD read_values(struct reading *r, HKEY key, struct host_settings *host)
{
    enum setting_scope scope = host ? SCOPE_HOST : SCOPE_SERVICE;
    DWORD error = 0;
    for (size_t i = 0; i < settings_count && !error; i++)
        if (settings[i].scope == scope)
            error = read_value(r, key, host, &settings[i]);
    return error;
}

static DWORD read_host(struct reading *r, HKEY hosts, const wchar_t *name)
{
    HKEY key;
    char utf8[NAME_LIMIT * 3];
    struct text t;
    text_begin(&t, utf8, sizeof utf8);
    text_add_wide(&t, name);
    DWORD error = (DWORD)RegOpenKeyExW(hosts, name, 0, KEY_QUERY_VALUE, &key);
    if (error)
        return error == ERROR_FILE_NOT_FOUND ? 0 : error;
    struct host_settings *host = config_add_host(r->config, utf8);
    error = host ? read_values(r, key, host) : ERROR_NOT_ENOUGH_MEMORY;
    RegCloseKey(key);
    return error;
}

static DWORD read_hosts(struct reading *r, HKEY root)
{
    HKEY hosts;
    DWORD error = (DWORD)RegOpenKeyExW(root, HOSTS_KEY, 0, KEY_ENUMERATE_SUB_KEYS, &hosts);
    if (error)
        return error == ERROR_FILE_NOT_FOUND ? 0 : error;
    for (DWORD i = 0; !error; i++) {
        wchar_t name[NAME_LIMIT];
        DWORD length = ARRAYSIZE(name);
        error = (DWORD)RegEnumKeyExW(hosts, i, name, &length, NULL, NULL, NULL, NULL);
        if (!error)
            error = read_host(r, hosts, name);
    }
    RegCloseKey(hosts);
    return error == ERROR_NO_MORE_ITEMS ? 0 : error;
}

/* A key that goes away while it is read holds nothing: its deletion is news that comes by itself. */
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

/* The key itself is watched with all below it, and the nearest key above that exists for names that come and go: so a
 * key that is deleted and made again is followed. */
struct registry_watch {
    struct registry_news *news;
    const wchar_t *path;
    struct guard {
        HKEY key;
        HANDLE event, wait;
        struct registry_watch *watch;
    } above, itself;
};

/* In a thread of the system's. */
static void CALLBACK key_changed(void *context, BOOLEAN timed_out)
{
    struct guard *guard = context;
    (void)timed_out;
    loop_post(guard->watch->news->loop, &guard->watch->news->signalled, 0);
}

static void unguard(struct guard *guard)
{
    if (guard->wait)
        UnregisterWaitEx(guard->wait, INVALID_HANDLE_VALUE);
    if (guard->key)
        RegCloseKey(guard->key);
    if (guard->event)
        CloseHandle(guard->event);
    *guard = (struct guard){.watch = guard->watch};
}

static DWORD guard_key(struct guard *guard, const wchar_t *path, bool subtree)
{
    DWORD filter = REG_NOTIFY_CHANGE_NAME | (subtree ? REG_NOTIFY_CHANGE_LAST_SET : 0);
    DWORD error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_NOTIFY, &guard->key);
    if (error) {
        guard->key = NULL;
        return error;
    }
    guard->event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!guard->event)
        error = GetLastError();
    if (!error)
        error = (DWORD)RegNotifyChangeKeyValue(guard->key, subtree, filter, guard->event, TRUE);
    if (!error &&
        !RegisterWaitForSingleObject(&guard->wait, guard->event, key_changed, guard, INFINITE, WT_EXECUTEONLYONCE))
        error = GetLastError();
    if (error)
        unguard(guard);
    return error;
}

/* Watches the nearest key above that exists. */
static DWORD guard_above(struct registry_watch *watch)
{
    wchar_t path[NAME_LIMIT];
    DWORD error = ERROR_FILE_NOT_FOUND;
    wcsncpy(path, watch->path, ARRAYSIZE(path) - 1);
    path[ARRAYSIZE(path) - 1] = L'\0';
    for (wchar_t *end = wcsrchr(path, L'\\'); end && error == ERROR_FILE_NOT_FOUND; end = wcsrchr(path, L'\\')) {
        *end = L'\0';
        error = guard_key(&watch->above, path, false);
    }
    return error;
}

static DWORD arm(struct registry_watch *watch)
{
    unguard(&watch->above);
    unguard(&watch->itself);
    DWORD error = guard_above(watch);
    if (error)
        return error;
    error = guard_key(&watch->itself, watch->path, true);
    return error == ERROR_FILE_NOT_FOUND ? 0 : error;
}

static void signalled(struct loop_op *op, DWORD error, DWORD bytes)
{
    struct registry_news *news = CONTAINING_RECORD(op, struct registry_news, signalled);
    (void)error, (void)bytes;
    if (!news->debounce.set)
        loop_set_timer(news->loop, &news->debounce, loop_now_ms() + DEBOUNCE_MS);
}

/* Armed again before it is read: a change in between is news once more, never lost. */
static void debounced(struct loop_timer *timer)
{
    struct registry_news *news = CONTAINING_RECORD(timer, struct registry_news, debounce);
    DWORD error = 0;
    for (size_t i = 0; i < ARRAYSIZE(news->watches); i++) {
        DWORD failed = arm(news->watches[i]);
        error = failed ? failed : error;
    }
    if (error)
        loop_set_timer(news->loop, &news->debounce, loop_now_ms() + REARM_MS);
    news->changed(news->owner, error);
}

DWORD registry_watch_open(struct registry_news *news, struct loop *loop, registry_changed *changed, void *owner)
{
    static const wchar_t *const paths[] = {PARAMETERS_KEY, POLICY_KEY};
    *news = (struct registry_news){.loop = loop, .changed = changed, .owner = owner};
    news->signalled.done = signalled;
    news->debounce.fire = debounced;
    for (size_t i = 0; i < ARRAYSIZE(news->watches); i++) {
        struct registry_watch *watch = calloc(1, sizeof *watch);
        if (!watch)
            return ERROR_NOT_ENOUGH_MEMORY;
        watch->news = news;
        watch->path = paths[i];
        watch->above.watch = watch->itself.watch = watch;
        news->watches[i] = watch;
        DWORD error = arm(watch);
        if (error)
            return error;
    }
    return 0;
}

void registry_watch_close(struct registry_news *news)
{
    if (!news->loop)
        return;
    loop_set_timer(news->loop, &news->debounce, INT64_MAX);
    for (size_t i = 0; i < ARRAYSIZE(news->watches); i++) {
        if (!news->watches[i])
            continue;
        unguard(&news->watches[i]->above);
        unguard(&news->watches[i]->itself);
        free(news->watches[i]);
        news->watches[i] = NULL;
    }
}
