/* command: the tool's table of commands, from which dispatch, usage, help and completion come. */
#ifndef ETRN_COMMAND_H
#define ETRN_COMMAND_H

#include "exit_code.h"

enum { OPTION_LIMIT = 24, WORD_LIMIT = 6 };

/* "--name VALUE", "--name=VALUE", or a flag. */
struct option {
    const char *name;  /* with its hyphens; NULL ends the list */
    const char *value; /* as usage shows it; NULL for a flag */
    const char *help;
    bool repeats;        /* may be given more than once: its value then holds one line for each */
    const char *setting; /* of a host, that it stands for; NULL: none. Of a flag: 1 */
};

struct arguments;

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

#endif
