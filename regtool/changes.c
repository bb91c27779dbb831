#include "changes.h"

#include "failure.h"
#include "output.h"
#include "store.h"

#include <stdlib.h>

void changes_free(struct changes *changes)
{
    SecureZeroMemory(changes->password, sizeof changes->password);
    for (size_t i = 0; i < changes->count; i++)
        free(changes->items[i].value.data);
}

enum exit_code changes_add(struct changes *changes, const char *setting, const char *const *words, size_t count)
{
    TEXT_SCRATCH(problem, 400);
    struct change *change = &changes->items[changes->count++];
    change->setting = setting_find(SCOPE_HOST, setting);
    if (setting_encode(change->setting, words, count, &change->value, &problem))
        return EXIT_DONE;
    talk("etrnctl: %s: %s\n", setting, problem.data);
    return EXIT_INVALID;
}

static enum exit_code add_option(struct changes *changes, const struct arguments *a, const struct option *o)
{
    struct option_words words;
    enum exit_code code = option_words(a, o->name, &words);
    if (code == EXIT_DONE && words.count > 0)
        code = changes_add(changes, o->setting, words.items, words.count);
    option_words_free(&words);
    return code;
}

enum exit_code changes_add_options(struct changes *changes, const struct arguments *a, const char *except)
{
    enum exit_code code = EXIT_DONE;
    for (const struct option *o = a->command->options; code == EXIT_DONE && o->name; o++)
        if (o->setting && !text_same(o->setting, except))
            code = add_option(changes, a, o);
    return code;
}

/* The password is written first: a host with a user is not asked without it. */
static enum exit_code write_values(const struct changes *changes, const char *host)
{
    DWORD failed = *changes->password ? store_set_password(host, changes->password) : 0;
    if (failed)
        return fail(failed, "cannot write " SECRET_NAME " of %s", host);
    for (size_t i = 0; i < changes->count; i++) {
        DWORD error = store_set(host, changes->items[i].setting, &changes->items[i].value);
        if (error)
            return fail(error, "cannot write %s of %s", changes->items[i].setting->name, host);
    }
    return EXIT_DONE;
}

enum exit_code changes_write(const struct changes *changes, const char *host, bool is_new)
{
    enum exit_code code = store_prepare(SERVICE_NAME);
    if (code != EXIT_DONE)
        return code;
    code = write_values(changes, host);
    if (code != EXIT_DONE && is_new && store_remove_host(host) == 0)
        talk("Nothing was added.\n");
    return code;
}
