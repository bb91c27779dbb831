/* command: the tool's table of commands, from which dispatch, usage, help and completion come, and what every command
 * shares: exit codes, arguments. */
#ifndef ETRN_COMMAND_H
#define ETRN_COMMAND_H

#include "output.h"

/* Exit codes; scripts rely on them. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,   /* the remote host refused */
    EXIT_USAGE = 2,     /* the command line is not understood */
    EXIT_NOT_FOUND = 3, /* no such service, host or value */
    EXIT_NETWORK = 4,   /* network or TLS failure */
    EXIT_DENIED = 5,    /* access denied: not an administrator */
    EXIT_CANCELLED = 6, /* by the person */
    EXIT_INVALID = 7    /* invalid value or configuration */
};

enum { OPTION_LIMIT = 24, WORD_LIMIT = 6 };

/* "--name VALUE", "--name=VALUE", or a flag. */
struct option {
    const char *name;  /* with its hyphens; NULL ends the list */
    const char *value; /* as usage shows it; NULL for a flag */
    const char *help;
    bool repeats; /* may be given more than once: its value then holds one line for each */
};

struct command;

/* A command line, understood. */
struct arguments {
    const struct command *command;
    int count; /* of words that are no options */
    char **words;
    const char *values[OPTION_LIMIT]; /* of each of the command's options; NULL when not given */
    char *joined[OPTION_LIMIT];       /* the values of those that were repeated, from malloc */
};

struct command {
    const char *name;
    const char *words;   /* its arguments, as usage shows them */
    const char *summary; /* one line */
    const char *details;
    const char *example;
    const char *verbs[WORD_LIMIT]; /* what its first word may be, where that is fixed */
    int least, most;               /* words; most -1: any number */
    enum exit_code (*run)(const struct arguments *a);
    struct option options[OPTION_LIMIT];
};

extern const struct command commands[];
extern const size_t command_count;

enum exit_code run_enable(const struct arguments *a);
enum exit_code run_disable(const struct arguments *a);
enum exit_code run_status(const struct arguments *a);
enum exit_code run_add(const struct arguments *a);
enum exit_code run_discover(const struct arguments *a);
enum exit_code run_remove(const struct arguments *a);
enum exit_code run_config(const struct arguments *a);
enum exit_code run_run(const struct arguments *a);
enum exit_code run_test(const struct arguments *a);
enum exit_code run_backup(const struct arguments *a);
enum exit_code run_restore(const struct arguments *a);
enum exit_code run_service(const struct arguments *a);
enum exit_code run_doctor(const struct arguments *a);
enum exit_code run_completion(const struct arguments *a);

/* The script's question, asked on a console when there are no arguments. */
enum exit_code run_question(void);

/* An option's value, "" for a flag that was given, NULL when it was not. */
const char *option_value(const struct arguments *a, const char *name);

/* A number option from 1 to `most`; `*value` is left alone when it was not given. False, told, when it is none. */
bool option_number(const struct arguments *a, const char *name, unsigned long most, unsigned long *value);

/* The words of an option that may be repeated, to be freed by option_words_free(). False, told, for lack of memory. */
struct option_words {
    char *lines; /* what `items` point into */
    const char **items;
    size_t count;
};
bool option_words(const struct arguments *a, const char *name, struct option_words *words);
void option_words_free(struct option_words *words);

/* The row of a command, or NULL. */
const struct command *command_find(const char *name);

/* Tells what is wrong with the command line and how to get help; returns EXIT_USAGE. */
enum exit_code usage_error(const struct command *command, const char *format, ...) TEXT_FORMAT(2, 3);

/* Tells "etrnctl: what: error in words" and returns the exit code that fits the error. */
enum exit_code fail(DWORD error, const char *format, ...) TEXT_FORMAT(2, 3);

/* The worse of two: for a command that does several things. */
enum exit_code worse(enum exit_code a, enum exit_code b);

#endif
