/* arguments: a command line, understood: the words of a command, and the options that were given. */
#ifndef ETRN_ARGUMENTS_H
#define ETRN_ARGUMENTS_H

#include "../service/core/must_check.h"
#include "command.h"

struct arguments {
    const struct command *command;
    int count; /* of words that are no options */
    char **words;
    const char *values[OPTION_LIMIT]; /* of each of the command's options; NULL when not given */
    char *joined[OPTION_LIMIT];       /* the values of those that were repeated, from malloc */
};

/* Takes the options of `command` out of `words`, in place: `a->words` are those left. What is wrong is reported. To be
 * freed by arguments_free() in any case; `words` must stay until then. */
MUST_CHECK enum exit_code arguments_take(struct arguments *a, const struct command *command, int count, char **words);
void arguments_free(struct arguments *a);

/* An option's value, "" for a flag that was given, NULL when it was not. */
const char *option_value(const struct arguments *a, const char *name);

/* The service that --service names, else our own. */
const char *service_option(const struct arguments *a);

/* A number option from 1 to `most`; `*value` is left alone when it was not given. EXIT_INVALID, reported, when it is
 * none. */
MUST_CHECK enum exit_code option_number(const struct arguments *a, const char *name, unsigned long most,
                                        unsigned long *value);

/* The words of an option that may be repeated, one of any other, "1" of a flag, none of one that was not given; to be
 * freed by option_words_free() in any case. EXIT_FAILED, reported, when there is no memory. */
struct option_words {
    char *lines; /* what `items` point into */
    const char **items;
    size_t count;
};
MUST_CHECK enum exit_code option_words(const struct arguments *a, const char *name, struct option_words *words);
void option_words_free(struct option_words *words);

/* Says why a password is not taken from the command line; returns EXIT_USAGE. */
enum exit_code refuse_password(const struct command *command);

#endif
