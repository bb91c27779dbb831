/* etrnctl: the tool for the administrator of EtrnSvc. */
#include "../service/win/harden.h"
#include "command.h"
#include "machine.h"
#include "password.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- help ---- */

/* A few options are told at once, many by --help. */
static void print_usage_line(const struct command *command)
{
    enum { FEW = 6 };
    char line[400];
    struct text t;
    size_t count = 0;
    while (command->options[count].name)
        count++;
    text_begin(&t, line, sizeof line);
    text_add(&t, "Usage: etrnctl %s%s%s", command->name, *command->words ? " " : "", command->words);
    for (size_t i = 0; count <= FEW && i < count; i++) {
        const struct option *o = &command->options[i];
        text_add(&t, " [%s%s%s]", o->name, o->value ? " " : "", o->value ? o->value : "");
    }
    if (count > FEW)
        text_add(&t, " [OPTIONS]; see etrnctl %s --help", command->name);
    talk("%s\n", line);
}

static void print_help(const struct command *command)
{
    char usage[200];
    struct text line;
    text_begin(&line, usage, sizeof usage);
    text_add(&line, "etrnctl %s%s%s: %s", command->name, *command->words ? " " : "", command->words, command->summary);
    out_wrapped(0, usage);
    out("\n");
    out_wrapped(2, command->details);
    if (command->options[0].name)
        out("\nOptions:\n");
    for (const struct option *o = command->options; o->name; o++) {
        char option[40];
        struct text t;
        text_begin(&t, option, sizeof option);
        text_add(&t, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        out("  %-21s %s\n", option, o->help);
    }
    out("\nExample:\n  %s\n", command->example);
}

static void print_usage(void)
{
    out("etrnctl " VERSION ": enables, configures and checks EtrnSvc, the service that asks\n"
        "mail hosts to deliver what they hold (SMTP ETRN, RFC 1985).\n\n"
        "Usage: etrnctl COMMAND [ARGUMENTS]\n\n");
    for (size_t i = 0; i < command_count; i++)
        out("  %-11s %s\n", commands[i].name, commands[i].summary);
    out("\nMore on one: etrnctl COMMAND --help. Without arguments, on a console, it asks\n"
        "whether to enable or disable ETRN.\n\n"
        "Exit codes: 0 done; 1 the remote host refused; 2 usage; 3 no such service, host\n"
        "or value; 4 network or TLS failure; 5 access denied; 6 cancelled; 7 invalid\n"
        "value or configuration.\n");
}

enum exit_code usage_error(const struct command *command, const char *format, ...)
{
    va_list arguments;
    talk("etrnctl: ");
    va_start(arguments, format);
    talk_list(format, arguments);
    va_end(arguments);
    talk("\n");
    if (command)
        print_usage_line(command);
    else
        talk("The commands: etrnctl --help\n");
    return EXIT_USAGE;
}

/* ---- errors ---- */

static enum exit_code code_of(DWORD error)
{
    switch (error) {
    case ERROR_ACCESS_DENIED:
        return EXIT_DENIED;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_SERVICE_DOES_NOT_EXIST:
    case ERROR_SERVICE_NOT_ACTIVE:
        return EXIT_NOT_FOUND;
    case ERROR_BAD_NETPATH:
    case RPC_S_SERVER_UNAVAILABLE:
        return EXIT_NETWORK;
    default:
        return EXIT_INVALID;
    }
}

enum exit_code fail(DWORD error, const char *format, ...)
{
    char words[300];
    struct text t;
    va_list arguments;
    text_begin(&t, words, sizeof words);
    text_add_error(&t, error);
    talk("etrnctl: ");
    va_start(arguments, format);
    talk_list(format, arguments);
    va_end(arguments);
    talk(": %s%s\n", words, error == ERROR_ACCESS_DENIED ? ". Run this as administrator." : "");
    return code_of(error);
}

enum exit_code worse(enum exit_code a, enum exit_code b)
{
    return a > b ? a : b;
}

/* ---- the command line ---- */

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (text_same(commands[i].name, name))
            return &commands[i];
    return NULL;
}

const char *option_value(const struct arguments *a, const char *name)
{
    for (size_t i = 0; i < OPTION_LIMIT && a->command->options[i].name; i++)
        if (strcmp(a->command->options[i].name, name) == 0)
            return a->values[i];
    return NULL;
}

bool option_number(const struct arguments *a, const char *name, unsigned long most, unsigned long *value)
{
    const char *word = option_value(a, name);
    if (!word || (text_number(word, most, value) && *value > 0))
        return true;
    talk("etrnctl: %s: \"%s\" is not a number from 1 to %lu\n", name, word, most);
    return false;
}

bool option_words(const struct arguments *a, const char *name, struct option_words *words)
{
    const char *value = option_value(a, name);
    *words = (struct option_words){0};
    if (!value)
        return true;
    size_t lines = 1;
    for (const char *c = value; *c; c++)
        lines += *c == '\n';
    words->lines = text_copy(value);
    words->items = calloc(lines, sizeof *words->items);
    if (!words->lines || !words->items) {
        fail(ERROR_NOT_ENOUGH_MEMORY, "%s", name);
        return false;
    }
    char *line = words->lines;
    while (words->count < lines) {
        words->items[words->count++] = line;
        line += strcspn(line, "\n");
        *line++ = '\0'; /* behind the last, its own NUL: the loop ends there */
    }
    return true;
}

void option_words_free(struct option_words *words)
{
    free(words->lines);
    free(words->items);
    *words = (struct option_words){0};
}

/* The place of the option that `word` gives, "--name" or "--name=value"; OPTION_LIMIT when there is none. */
static size_t find_option(const struct command *command, const char *word)
{
    size_t length = strcspn(word, "=");
    for (size_t i = 0; i < OPTION_LIMIT && command->options[i].name; i++) {
        const char *name = command->options[i].name;
        if (strncmp(name, word, length) == 0 && name[length] == '\0')
            return i;
    }
    return OPTION_LIMIT;
}

/* Notes an option's value; of one that repeats, behind those before. */
static bool take_value(struct arguments *a, size_t place, const char *value)
{
    const char *had = a->values[place];
    if (!had || !a->command->options[place].repeats) {
        a->values[place] = value;
        return true;
    }
    size_t size = strlen(had) + strlen(value) + 2;
    char *both = malloc(size);
    if (!both) {
        fail(ERROR_NOT_ENOUGH_MEMORY, "%s", a->command->options[place].name);
        return false;
    }
    snprintf(both, size, "%s\n%s", had, value);
    free(a->joined[place]);
    a->values[place] = a->joined[place] = both;
    return true;
}

/* Takes the options out of the words. */
static bool take_options(struct arguments *a, int count, char **words)
{
    a->words = words;
    for (int i = 0; i < count; i++) {
        char *word = words[i];
        if (word[0] != '-' || word[1] == '\0') {
            a->words[a->count++] = word;
            continue;
        }
        if (password_given(word)) { /* not told as the others: the word may hold it */
            password_refuse(a->command);
            return false;
        }
        size_t place = find_option(a->command, word);
        char *equals = strchr(word, '=');
        if (place == OPTION_LIMIT || (equals && !a->command->options[place].value)) {
            usage_error(a->command, "%s: no such option", word);
            return false;
        }
        const char *value = "";
        if (equals) {
            value = equals + 1;
        } else if (a->command->options[place].value && i + 1 < count) {
            value = words[++i];
        } else if (a->command->options[place].value) {
            usage_error(a->command, "%s needs a value: %s", word, a->command->options[place].value);
            return false;
        }
        if (!take_value(a, place, value))
            return false;
    }
    return true;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "/?") == 0 || strcmp(word, "-h") == 0;
}

static enum exit_code run_with(const struct arguments *a)
{
    const struct command *command = a->command;
    if (a->count < command->least)
        return usage_error(command, a->count == 0 ? "%s is needed" : "more is needed: %s", command->words);
    if (command->most >= 0 && a->count > command->most)
        return usage_error(command, "%s: unexpected", a->words[command->most]);
    const char *computer = option_value(a, "--computer");
    DWORD error = machine_choose(computer);
    if (error)
        return fail(error, "computer %s", computer);
    return command->run(a);
}

static enum exit_code run_command(const struct command *command, int count, char **words)
{
    struct arguments a = {.command = command};
    for (int i = 0; i < count; i++)
        if (is_help(words[i])) {
            print_help(command);
            return EXIT_DONE;
        }
    enum exit_code code = take_options(&a, count, words) ? run_with(&a) : EXIT_USAGE;
    for (size_t i = 0; i < OPTION_LIMIT; i++)
        free(a.joined[i]);
    return code;
}

/* The most that one edit away: what was probably meant. */
static const struct command *nearest_command(const char *word)
{
    for (size_t i = 0; i < command_count; i++)
        if (text_near(word, commands[i].name))
            return &commands[i];
    return NULL;
}

static enum exit_code dispatch(int count, char **words)
{
    if (!words[0] && on_console())
        return run_question();
    if (!words[0]) {
        print_usage();
        return EXIT_USAGE;
    }
    if (is_help(words[0])) {
        const struct command *command = count > 1 ? command_find(words[1]) : NULL;
        if (command)
            print_help(command);
        else
            print_usage();
        return EXIT_DONE;
    }
    if (strcmp(words[0], "--version") == 0) {
        out("etrnctl " VERSION "\n");
        return EXIT_DONE;
    }
    const struct command *command = command_find(words[0]);
    if (command)
        return run_command(command, count - 1, words + 1);
    const struct command *meant = nearest_command(words[0]);
    if (meant)
        return usage_error(NULL, "%s: no such command; did you mean %s?", words[0], meant->name);
    return usage_error(NULL, "%s: no such command", words[0]);
}

/* What did not arrive was not done. */
static enum exit_code see_through(enum exit_code code)
{
    DWORD error = out_error();
    return error && code == EXIT_DONE ? fail(error, "writing standard output") : code;
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    harden_process();
    char **words = calloc((size_t)argc + 1, sizeof *words);
    for (int i = 1; words && i < argc; i++)
        if (!(words[i - 1] = narrow_copy(argv[i])))
            return (int)fail(ERROR_NOT_ENOUGH_MEMORY, "starting"); /* NOLINT(clang-analyzer-unix.Malloc): at the end */
    return words ? (int)see_through(dispatch(argc - 1, words)) : (int)fail(ERROR_NOT_ENOUGH_MEMORY, "starting");
}
