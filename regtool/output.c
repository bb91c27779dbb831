#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

static bool is_console(DWORD which)
{
    DWORD mode;
    return GetConsoleMode(GetStdHandle(which), &mode) != 0;
}

bool output_is_console(void)
{
    return is_console(STD_OUTPUT_HANDLE);
}

unsigned console_width(void)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (!GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info))
        return 80;
    int width = info.srWindow.Right - info.srWindow.Left + 1;
    return width > 20 ? (unsigned)width : 80;
}

static HANDLE copy = INVALID_HANDLE_VALUE;

DWORD out_copy(const char *path)
{
    wchar_t *wide = wide_copy(path);
    if (!wide)
        return ERROR_NOT_ENOUGH_MEMORY;
    copy = CreateFileW(wide, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD error = copy == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    free(wide);
    return error;
}

static DWORD lost, copy_lost; /* why standard output, or its copy, is incomplete */

DWORD out_error(void)
{
    return lost;
}

DWORD out_copy_error(void)
{
    return copy_lost;
}

/* The reader of a pipe may have closed it on purpose; and a program without standard output loses nothing. */
static bool is_harmless(DWORD error)
{
    return error == ERROR_NO_DATA || error == ERROR_BROKEN_PIPE || error == ERROR_INVALID_HANDLE;
}

static DWORD write_bytes(HANDLE handle, const char *text, size_t length)
{
    DWORD written;
    return WriteFile(handle, text, (DWORD)length, &written, NULL) ? 0 : GetLastError();
}

/* Returns how much to write to a console at once, whose heap of 64 KB is shared. A surrogate pair is not split. */
static DWORD first_piece(const wchar_t *text)
{
    enum { PIECE_LIMIT = 8000 };
    size_t length = wcsnlen(text, PIECE_LIMIT);
    return (DWORD)length - (length == PIECE_LIMIT && IS_HIGH_SURROGATE(text[length - 1]));
}

static DWORD write_console(HANDLE console, const wchar_t *text)
{
    while (*text) {
        DWORD written = 0;
        if (!WriteConsoleW(console, text, first_piece(text), &written, NULL))
            return GetLastError();
        if (written == 0)
            return ERROR_WRITE_FAULT;
        text += written;
    }
    return 0;
}

static DWORD write_to(DWORD which, const char *text, size_t length)
{
    HANDLE handle = GetStdHandle(which);
    wchar_t *wide = is_console(which) ? wide_copy(text) : NULL;
    DWORD error = wide ? write_console(handle, wide) : write_bytes(handle, text, length);
    free(wide);
    return error;
}

static void note_error(DWORD error, DWORD *why)
{
    if (error && !is_harmless(error))
        *why = error;
}

static void write_all(DWORD which, const char *text, size_t length)
{
    DWORD error = write_to(which, text, length);
    if (which != STD_OUTPUT_HANDLE)
        return; /* there is nowhere to report a failure of standard error */
    note_error(error, &lost);
    if (copy != INVALID_HANDLE_VALUE)
        note_error(write_bytes(copy, text, length), &copy_lost);
}

/* Ends lines with CR LF, as Windows' own tools do. `lines` has room for twice the text. */
static size_t end_lines(const char *text, char *lines)
{
    size_t at = 0;
    for (; *text; text++) {
        if (*text == '\n')
            lines[at++] = '\r';
        lines[at++] = *text;
    }
    lines[at] = '\0';
    return at;
}

static void write_formatted(DWORD which, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    size_t size = length < 0 ? 0 : (size_t)length;
    char *text = malloc(size + 1);
    char *lines = malloc(2 * size + 1);
    if (length >= 0 && text && lines) {
        vsnprintf(text, size + 1, format, again);
        write_all(which, lines, end_lines(text, lines));
    } else if (which == STD_OUTPUT_HANDLE) {
        lost = ERROR_NOT_ENOUGH_MEMORY;
    }
    va_end(again);
    free(text);
    free(lines);
}

void out_list(const char *format, va_list arguments)
{
    write_formatted(STD_OUTPUT_HANDLE, format, arguments);
}

void talk_list(const char *format, va_list arguments)
{
    write_formatted(STD_ERROR_HANDLE, format, arguments);
}

void out(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    out_list(format, arguments);
    va_end(arguments);
}

void talk(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    talk_list(format, arguments);
    va_end(arguments);
}

/* Consoles of Windows 10 and later interpret escape sequences once this is enabled; older ones refuse. */
static bool has_colour(void)
{
    static int known = -1;
    DWORD mode;
    HANDLE handle = GetStdHandle(STD_OUTPUT_HANDLE);
    if (known < 0)
        known = GetEnvironmentVariableW(L"NO_COLOR", NULL, 0) == 0 && GetConsoleMode(handle, &mode) &&
                SetConsoleMode(handle, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    return known == 1;
}

const char *shade(enum shade wanted)
{
    static const char *const codes[] = {
        [SHADE_PLAIN] = "\x1b[0m", [SHADE_GOOD] = "\x1b[32m", [SHADE_BAD] = "\x1b[31m", [SHADE_FAINT] = "\x1b[90m"};
    return has_colour() ? codes[wanted] : "";
}

void out_wrapped(unsigned indent, const char *words)
{
    out_continued(indent, 0, words);
}

void out_continued(unsigned indent, unsigned column, const char *words)
{
    enum { WIDTH = 79 };
    while (*words) {
        size_t length = strcspn(words, " ");
        unsigned width = 0;
        for (size_t i = 0; i < length; i++)
            width += ((unsigned char)words[i] & 0xC0) != 0x80;
        if (column > 0 && column + 1 + width > WIDTH) {
            out("\n");
            column = 0;
        }
        if (column == 0)
            out("%*s%.*s", (int)indent, "", (int)length, words);
        else
            out(" %.*s", (int)length, words);
        column += width + (column == 0 ? indent : 1);
        words += length;
        words += strspn(words, " ");
    }
    out("\n");
}

bool out_json(struct json *j)
{
    bool whole = !j->out.failed;
    if (whole)
        out("%s", j->out.data);
    else
        talk("etrnctl: not enough memory\n");
    json_free(j);
    return whole;
}

void clear_screen(void)
{
    HANDLE handle = GetStdHandle(STD_OUTPUT_HANDLE);
    CONSOLE_SCREEN_BUFFER_INFO info;
    COORD home = {0, 0};
    DWORD written;
    if (!GetConsoleScreenBufferInfo(handle, &info))
        return;
    DWORD cells = (DWORD)info.dwSize.X * (DWORD)info.dwSize.Y;
    FillConsoleOutputCharacterW(handle, L' ', cells, home, &written);
    SetConsoleCursorPosition(handle, home);
}
