/* etrnctl: the tool for the administrator of EtrnSvc. */
#include "../service/win/harden.h"
#include "arguments.h"
#include "failure.h"
#include "machine.h"
#include "output.h"
#include "prompt.h"

#include <stdlib.h>

/* ---- help ---- */

static void print_help(const struct command *command)
{
    TEXT_SCRATCH(usage, 200);
    text_add(&usage, "etrnctl %s%s%s: %s", command->name, *command->words ? " " : "", command->words, command->summary);
    out_wrapped(0, usage.data);
    out("\n");
    out_wrapped(2, command->details);
    if (command->options[0].name)
        out("\nOptions:\n");
    for (const struct option *o = command->options; o->name; o++) {
        TEXT_SCRATCH(option, 40);
        text_add(&option, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        out("  %-21s %s\n", option.data, o->help);
    }
    out("\nExample:\n  %s\n", command->example);
}

static void print_usage(void)
{
    out("etrnctl " VERSION ": enables, configures and checks EtrnSvc, the service that asks\n"
        "mail hosts to deliver waiting mail (SMTP ETRN, RFC 1985).\n\n"
        "Usage: etrnctl COMMAND [ARGUMENTS]\n\n");
    for (size_t i = 0; i < command_count; i++)
        out("  %-11s %s\n", commands[i].name, commands[i].summary);
    out("\nHelp for a command: etrnctl COMMAND --help. Without arguments, on a console,\n"
        "etrnctl asks whether to enable or disable ETRN.\n\n"
        "Exit codes: 0 success; 1 the remote host refused; 2 invalid command line; 3 no\n"
        "such service, host or value, or the service is not running; 4 network or TLS\n"
        "failure; 5 access denied; 6 cancelled; 7 invalid value or configuration;\n"
        "8 failure of this computer (disk, memory, system call).\n");
}

/* ---- the command line ---- */

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "/?") == 0 || strcmp(word, "-h") == 0;
}

static enum exit_code run_with(const struct arguments *a)
{
    const struct command *command = a->command;
    if (a->count < command->least)
        return usage_error(command, a->count == 0 ? "%s is required" : "missing argument; expected %s", command->words);
    if (command->most >= 0 && a->count > command->most)
        return usage_error(command, "unexpected argument: %s", a->words[command->most]);
    const char *computer = option_value(a, "--computer");
    DWORD error = machine_choose(computer);
    if (error)
        return fail(error, "computer %s", computer);
    return command->run(a);
}

static enum exit_code run_command(const struct command *command, int count, char **words)
{
    struct arguments a;
    for (int i = 0; i < count; i++)
        if (is_help(words[i])) {
            print_help(command);
            return EXIT_DONE;
        }
    enum exit_code code = arguments_take(&a, command, count, words);
    if (code == EXIT_DONE)
        code = run_with(&a);
    arguments_free(&a);
    return code;
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (text_same(commands[i].name, name))
            return &commands[i];
    return NULL;
}

/* Returns the command that is at most one edit away, as a suggestion. */
static const struct command *nearest_command(const char *word)
{
    for (size_t i = 0; i < command_count; i++)
        if (text_near(word, commands[i].name))
            return &commands[i];
    return NULL;
}

/* Prints help for the named command, or for all. */
static enum exit_code help(const char *name)
{
    const struct command *command = name ? command_find(name) : NULL;
    if (command)
        print_help(command);
    else
        print_usage();
    return EXIT_DONE;
}

static enum exit_code no_such_command(const char *name)
{
    const struct command *meant = nearest_command(name);
    if (meant)
        return usage_error(NULL, "%s: no such command; did you mean %s?", name, meant->name);
    return usage_error(NULL, "%s: no such command", name);
}

static enum exit_code dispatch(int count, char **words)
{
    if (!words[0] && on_console())
        return run_question();
    if (!words[0]) {
        print_usage();
        return EXIT_USAGE;
    }
    if (is_help(words[0]))
        return help(count > 1 ? words[1] : NULL);
    if (strcmp(words[0], "--version") == 0) {
        out("etrnctl " VERSION "\n");
        return EXIT_DONE;
    }
    const struct command *command = command_find(words[0]);
    return command ? run_command(command, count - 1, words + 1) : no_such_command(words[0]);
}

/* If output was lost, the command has failed. */
static enum exit_code report_lost_output(enum exit_code code)
{
    DWORD error = out_error();
    return error && code == EXIT_DONE ? fail(error, "cannot write to standard output") : code;
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    harden_process();
    char **words = calloc((size_t)argc + 1, sizeof *words);
    for (int i = 1; words && i < argc; i++)
        if (!(words[i - 1] = narrow_copy(argv[i])))
            /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the process ends here */
            return (int)fail(ERROR_NOT_ENOUGH_MEMORY, "cannot start");
    return words ? (int)report_lost_output(dispatch(argc - 1, words))
                 : (int)fail(ERROR_NOT_ENOUGH_MEMORY, "cannot start");
}
