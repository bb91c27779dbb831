#include "failure.h"

#include "output.h"
#include "../service/core/text.h"
#include "../service/win/win.h"

#include <stdarg.h>

enum exit_code fail(DWORD error, const char *format, ...)
{
    TEXT_SCRATCH(words, 300);
    va_list arguments;
    text_add_error(&words, error);
    talk("etrnctl: ");
    va_start(arguments, format);
    talk_list(format, arguments);
    va_end(arguments);
    talk(": %s%s\n", words.data, error == ERROR_ACCESS_DENIED ? ". Run this as administrator." : "");
    return exit_code_of(error);
}

enum exit_code fail_service(DWORD error, const char *service)
{
    if (error != ERROR_SERVICE_DOES_NOT_EXIST || !text_same(service, SERVICE_NAME))
        return fail(error, "%s", service);
    talk("etrnctl: %s is not installed; to install it: etrnctl service install\n", SERVICE_NAME);
    return EXIT_NOT_FOUND;
}

static void add_option(struct text *t, const struct option *o)
{
    text_add(t, " [%s%s%s]", o->name, o->value ? " " : "", o->value ? o->value : "");
}

/* A few options are listed here; many are left to --help. */
static void print_usage_line(const struct command *command)
{
    enum { FEW = 6 };
    TEXT_SCRATCH(line, 400);
    size_t count = 0;
    while (command->options[count].name)
        count++;
    text_add(&line, "Usage: etrnctl %s%s%s", command->name, *command->words ? " " : "", command->words);
    for (size_t i = 0; count <= FEW && i < count; i++)
        add_option(&line, &command->options[i]);
    if (count > FEW)
        text_add(&line, " [OPTIONS]; see etrnctl %s --help", command->name);
    talk("%s\n", line.data);
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
        talk("For a list of commands: etrnctl --help\n");
    return EXIT_USAGE;
}
