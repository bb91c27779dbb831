/* changes: what is to be written to a host's key. All of it is checked before anything is written. */
#ifndef ETRN_CHANGES_H
#define ETRN_CHANGES_H

#include "../service/core/config.h"
#include "../service/win/secret.h"
#include "arguments.h"

struct change {
    const struct setting *setting;
    struct value value;
};

/* Zeroed by the caller, and to be freed by changes_free() in any case. */
struct changes {
    struct change items[SETTING_COUNT_LIMIT];
    size_t count;
    char password[SECRET_SIZE]; /* "": none */
};

/* Adds one setting, each at most once, from words of a person. EXIT_INVALID, reported, when they are not allowed. */
MUST_CHECK enum exit_code changes_add(struct changes *changes, const char *setting, const char *const *words,
                                      size_t count);

/* Adds the settings that the options of the command line stand for, but for `except`. Failure is reported. */
MUST_CHECK enum exit_code changes_add_options(struct changes *changes, const struct arguments *a, const char *except);

/* Saves a backup, then writes all in this order: the password, then the settings as they were added. Of a new host all
 * is written or nothing. Failure is reported. */
MUST_CHECK enum exit_code changes_write(const struct changes *changes, const char *host, bool is_new);

/* Wipes the password as well. */
void changes_free(struct changes *changes);

#endif
