#include "prompt.h"

#include "../service/core/utf.h"
#include "output.h"

#include <wchar.h>

static HANDLE input;
static DWORD input_mode; /* the console mode to restore */

bool on_console(void)
{
    DWORD mode;
    return GetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), &mode) && output_is_console();
}

enum exit_code cancelled(void)
{
    talk("Cancelled; nothing was written.\n");
    return EXIT_CANCELLED;
}

/* Handles Ctrl+C, in a thread of the system. The mode must be restored because the console outlives this program. */
static BOOL WINAPI cancel(DWORD event)
{
    (void)event;
    SetConsoleMode(input, input_mode);
    talk("\n");
    ExitProcess(cancelled());
}

/* Reads a line to its end, whatever its length: the rest would otherwise be read by the shell as a command. */
static bool read_to_end(wchar_t line[PROMPT_LINE_LIMIT], DWORD *length)
{
    wchar_t rest[64];
    DWORD more;
    SetLastError(0);
    if (!ReadConsoleW(input, line, PROMPT_LINE_LIMIT, length, NULL) || *length == 0) {
        if (GetLastError() == ERROR_OPERATION_ABORTED)
            Sleep(INFINITE); /* Ctrl+C: cancel() ends the process */
        return false;
    }
    bool ended = line[*length - 1] == L'\n';
    while (!ended && ReadConsoleW(input, rest, ARRAYSIZE(rest), &more, NULL) && more > 0)
        ended = rest[more - 1] == L'\n';
    SecureZeroMemory(rest, sizeof rest);
    return line[0] != 26; /* Ctrl+Z */
}

/* Asks, and reads a line in the present console mode or without echo. The mode is set before the question is shown. */
static bool read_line(const char *question, bool echo, wchar_t line[PROMPT_LINE_LIMIT], DWORD *length)
{
    input = GetStdHandle(STD_INPUT_HANDLE);
    *length = 0;
    if (!GetConsoleMode(input, &input_mode))
        return false;
    SetConsoleCtrlHandler(cancel, TRUE);
    if (!echo)
        SetConsoleMode(input, (input_mode | ENABLE_LINE_INPUT | ENABLE_PROCESSED_INPUT) & ~(DWORD)ENABLE_ECHO_INPUT);
    talk("%s", question);
    bool read = read_to_end(line, length);
    if (!echo)
        SetConsoleMode(input, input_mode);
    SetConsoleCtrlHandler(cancel, FALSE);
    return read;
}

bool ask(const char *question, char *answer, size_t size)
{
    wchar_t line[PROMPT_LINE_LIMIT + 1];
    DWORD length;
    struct text t;
    bool read = read_line(question, true, line, &length);
    if (!read)
        talk("\n");
    line[length] = L'\0';
    line[wcscspn(line, L"\r\n")] = L'\0';
    text_begin(&t, answer, size);
    text_add_wide(&t, line);
    return read;
}

size_t ask_secret(const char *question, char *octets, size_t size)
{
    wchar_t line[PROMPT_LINE_LIMIT];
    DWORD length;
    size_t read = 0;
    if (read_line(question, false, line, &length))
        read = utf8_from_utf16(line, (size_t)length * sizeof *line, octets, size);
    SecureZeroMemory(line, sizeof line);
    talk("\n");
    return read;
}

bool confirm(const char *question)
{
    char answer[16];
    TEXT_SCRATCH(whole, 900);
    text_add(&whole, "%s [y/N] ", question);
    return ask(whole.data, answer, sizeof answer) && (answer[0] == 'y' || answer[0] == 'Y');
}

char choose(const char *question, const char *choices)
{
    char answer[64];
    while (ask(question, answer, sizeof answer)) {
        char letter = answer[0] >= 'A' && answer[0] <= 'Z' ? (char)(answer[0] | 0x20) : answer[0];
        if (letter && answer[1] == '\0' && strchr(choices, letter))
            return letter;
        if (text_same(answer, "ok") && strchr(choices, 'o'))
            return 'o';
        if (text_same(answer, "cancel"))
            return 'c';
        talk("\"%s\" is not one of the answers.\n", answer);
    }
    return 0;
}
