/* command: the tool's table of commands, and what every command shares: exit codes, arguments, output. Data goes to
 * standard output, talk to standard error; prompts appear only on a console. */
#ifndef ETRN_COMMAND_H
#define ETRN_COMMAND_H

#include "../service/win/win.h"

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

struct command {
    const char *name;
    const char *arguments; /* as usage shows them */
    const char *summary;
    const char *help; /* what --help says more, with an example */
    enum exit_code (*run)(const struct command *self, int count, char **arguments);
};

extern const struct command commands[];
extern const size_t command_count;

enum exit_code run_enable(const struct command *self, int count, char **arguments);
enum exit_code run_disable(const struct command *self, int count, char **arguments);
enum exit_code run_status(const struct command *self, int count, char **arguments);
enum exit_code run_add(const struct command *self, int count, char **arguments);
enum exit_code run_remove(const struct command *self, int count, char **arguments);
enum exit_code run_config(const struct command *self, int count, char **arguments);
enum exit_code run_run(const struct command *self, int count, char **arguments);
enum exit_code run_test(const struct command *self, int count, char **arguments);
enum exit_code run_service(const struct command *self, int count, char **arguments);

/* ---- arguments ---- */

/* An option: "--name VALUE", "--name=VALUE", or a flag. */
struct option {
    const char *name;   /* with its hyphens */
    const char **value; /* of an option that takes one, else NULL */
    bool *flag;
};

/* Takes the options out of `arguments` and leaves the rest in order; `*count` becomes their number. A missing or
 * unknown option is told, and false returned. */
bool take_options(const struct command *self, const struct option *options, size_t option_count, int *count,
                  char **arguments);

/* Tells what is wrong with the command line and how to get help; returns EXIT_USAGE. */
enum exit_code usage_error(const struct command *self, const char *format, ...) TEXT_FORMAT(2, 3);

/* ---- output ---- */

/* UTF-8 to standard output, to a console in Unicode whatever its code page. */
void out(const char *format, ...) TEXT_FORMAT(1, 2);

/* The same to standard error. */
void talk(const char *format, ...) TEXT_FORMAT(1, 2);

/* Tells "etrnctl: what: error in words" and returns the exit code that fits the error. */
enum exit_code fail(DWORD error, const char *format, ...) TEXT_FORMAT(2, 3);

/* Whether a person sits in front of standard input and output. */
bool on_console(void);

/* Asks "question [y/N]" on the console; true for yes. Ctrl+C and the end of input are no. */
bool confirm(const char *question);

#endif
