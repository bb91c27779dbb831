/* etrnctl restore: writes a saved Parameters key back. */
#include "../service/win/file.h"
#include "arguments.h"
#include "failure.h"
#include "grant.h"
#include "output.h"
#include "parameters.h"
#include "prompt.h"
#include "regtree.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

/* Reads the file, and reports its errors. */
static enum exit_code read_file(const char *name, struct regfile *file)
{
    TEXT_SCRATCH(problem, 300);
    size_t size;
    wchar_t *path = wide_copy(name);
    char *data = path ? file_read(path, &size) : NULL;
    DWORD error = GetLastError();
    free(path);
    if (!data)
        return fail(error, "cannot read %s", name);
    bool read = regfile_read(file, data, size, &problem);
    free(data);
    if (read)
        return EXIT_DONE;
    talk("etrnctl: %s, %s; nothing was written\n", name, problem.data);
    return EXIT_INVALID;
}

static enum exit_code check_entries(const char *name, const char *service, const struct regfile *file)
{
    TEXT_SCRATCH(root, 700);
    text_add(&root, MACHINE_PREFIX);
    parameters_path(service, &root);
    for (size_t i = 0; i < file->count; i++) {
        if (regtree_lies_in(file->entries[i].key, root.data))
            continue;
        talk("etrnctl: %s: [%s] is not in %s; nothing was written\n", name, file->entries[i].key, root.data);
        return EXIT_INVALID;
    }
    return EXIT_DONE;
}

static enum exit_code write_entries(const char *name, const char *service, const struct regfile *file)
{
    TEXT_SCRATCH(path, 600);
    size_t failed;
    parameters_path(service, &path);
    enum exit_code code = store_prepare(service);
    if (code != EXIT_DONE)
        return code;
    DWORD error = regtree_apply(path.data, file, &failed);
    if (error) {
        const struct regfile_entry *entry = failed < file->count ? &file->entries[failed] : NULL;
        code = fail(error, "%s: %s%s%s", name, entry ? entry->key : service, entry && *entry->name ? "\\" : "",
                    entry ? entry->name : "");
        talk("Nothing was changed.\n");
        return code;
    }
    out("The Parameters key of %s was restored from %s.\n", service, name);
    return EXIT_DONE;
}

/* Finishes a restore of our own key: sets its rights, as it may have been deleted and created again; reports unused
 * values; and updates EtrnSvc's rights on other services. */
static enum exit_code settle(const struct config *before)
{
    struct config now;
    enum exit_code code = EXIT_DONE;
    DWORD error = store_protect();
    if (error) {
        code = fail(error, "cannot set the access rights of the Parameters key");
        talk("The key was restored. To set its access rights: etrnctl service install\n");
    }
    code = worse(code, store_read(&now, false));
    config_free(&now);
    return worse(code, grant_settle(before, NULL));
}

static enum exit_code apply(const char *name, const char *service, const struct regfile *file)
{
    struct config before;
    if (!text_same(service, SERVICE_NAME))
        return write_entries(name, service, file);
    enum exit_code code = store_read(&before, true);
    if (code == EXIT_DONE)
        code = write_entries(name, service, file);
    if (code == EXIT_DONE)
        code = settle(&before);
    config_free(&before);
    return code;
}

static enum exit_code ask_first(const struct arguments *a, const char *service)
{
    char question[400];
    if (option_value(a, "-y") || !on_console())
        return EXIT_DONE;
    snprintf(question, sizeof question, "Restore the Parameters key of %s from %s?", service, a->words[0]);
    return confirm(question) ? EXIT_DONE : cancelled();
}

enum exit_code run_restore(const struct arguments *a)
{
    struct regfile file = {0};
    const char *service = service_option(a);
    enum exit_code code = read_file(a->words[0], &file);
    if (code != EXIT_DONE)
        return code;
    code = check_entries(a->words[0], service, &file);
    if (code == EXIT_DONE)
        code = ask_first(a, service);
    if (code == EXIT_DONE)
        code = apply(a->words[0], service, &file);
    regfile_free(&file);
    return code;
}
