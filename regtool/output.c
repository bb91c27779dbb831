#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_console(HANDLE handle)
{
    DWORD mode;
    return GetConsoleMode(handle, &mode) != 0;
}

bool on_console(void)
{
    return is_console(GetStdHandle(STD_INPUT_HANDLE)) && is_console(GetStdHandle(STD_OUTPUT_HANDLE));
}

static void write_all(DWORD which, const char *text, size_t length)
{
    HANDLE handle = GetStdHandle(which);
    DWORD written;
    wchar_t *wide = is_console(handle) ? wide_copy(text) : NULL;
    if (wide)
        WriteConsoleW(handle, wide, (DWORD)wcslen(wide), &written, NULL);
    else
        WriteFile(handle, text, (DWORD)length, &written, NULL);
    free(wide);
}

/* Lines end in CR LF, as Windows' own tools write them. */
static void write_formatted(DWORD which, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    size_t size = length < 0 ? 0 : (size_t)length;
    char *text = malloc(size + 1);
    char *lines = malloc(2 * size + 1);
    if (length >= 0 && text && lines) {
        size_t at = 0;
        vsnprintf(text, size + 1, format, again);
        for (size_t i = 0; i < size; i++) {
            if (text[i] == '\n')
                lines[at++] = '\r';
            lines[at++] = text[i];
        }
        lines[at] = '\0';
        write_all(which, lines, at);
    }
    va_end(again);
    free(text);
    free(lines);
}

void out(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_formatted(STD_OUTPUT_HANDLE, format, arguments);
    va_end(arguments);
}

void talk(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_formatted(STD_ERROR_HANDLE, format, arguments);
    va_end(arguments);
}

enum exit_code usage_error(const struct command *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    talk("etrnctl: ");
    write_formatted(STD_ERROR_HANDLE, format, arguments);
    va_end(arguments);
    if (self)
        talk("\nUsage: etrnctl %s %s\nMore: etrnctl %s --help\n", self->name, self->arguments, self->name);
    else
        talk("\nThe commands: etrnctl --help\n");
    return EXIT_USAGE;
}

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
    va_start(arguments, format);
    talk("etrnctl: ");
    write_formatted(STD_ERROR_HANDLE, format, arguments);
    va_end(arguments);
    talk(": %s%s\n", words, error == ERROR_ACCESS_DENIED ? ". Run this as administrator." : "");
    return code_of(error);
}

bool confirm(const char *question)
{
    wchar_t line[16] = L"";
    DWORD length = 0;
    talk("%s [y/N] ", question);
    if (!ReadConsoleW(GetStdHandle(STD_INPUT_HANDLE), line, ARRAYSIZE(line) - 1, &length, NULL) || length == 0)
        return false;
    return line[0] == L'y' || line[0] == L'Y';
}
