#include "password.h"

#include "../service/core/utf.h"
#include "machine.h"

enum {
    LINE_LIMIT = 600, /* characters of a line; a password of 255 octets and its end have room */
    OCTETS_LIMIT = LINE_LIMIT * 3
};

bool password_given(const char *word)
{
    return strncmp(word, "--password", 10) == 0 && (word[10] == '\0' || word[10] == '=');
}

enum exit_code password_refuse(const struct command *command)
{
    return usage_error(command, "a password is not taken from the command line, where other users of this computer can "
                                "read it; leave it out, and it is asked for, or read as a line of standard input");
}

enum exit_code password_can_be_kept(const struct command *command)
{
    if (!machine_name())
        return EXIT_DONE;
    return usage_error(command, "a password cannot be stored on another computer: it is encrypted so that only the "
                                "computer on which this is run can read it; run it there, without --computer");
}

/* ---- from a console ---- */

static HANDLE console;
static DWORD console_mode; /* as it is to be again */

/* Ctrl+C: the mode belongs to the console, which outlives this program. */
static BOOL WINAPI cancel(DWORD event)
{
    (void)event;
    SetConsoleMode(console, console_mode);
    talk("\nCancelled; nothing was written.\n");
    ExitProcess(EXIT_CANCELLED);
}

/* Reads a line to its end, however long it is: what is left would be a command for the shell. */
static bool read_console_line(wchar_t line[LINE_LIMIT], DWORD *length)
{
    wchar_t rest[64];
    DWORD more;
    SetLastError(0);
    if (!ReadConsoleW(console, line, LINE_LIMIT, length, NULL) || *length == 0) {
        if (GetLastError() == ERROR_OPERATION_ABORTED)
            Sleep(INFINITE); /* Ctrl+C: cancel() ends the process */
        return false;
    }
    bool ended = line[*length - 1] == L'\n';
    while (!ended && ReadConsoleW(console, rest, ARRAYSIZE(rest), &more, NULL) && more > 0)
        ended = rest[more - 1] == L'\n';
    SecureZeroMemory(rest, sizeof rest);
    return line[0] != 26; /* Ctrl+Z */
}

static size_t ask_console(const char *user, const char *host, char octets[OCTETS_LIMIT])
{
    wchar_t line[LINE_LIMIT];
    DWORD length = 0;
    size_t size = 0;
    talk("Password of %s at %s: ", user, host);
    SetConsoleCtrlHandler(cancel, TRUE);
    SetConsoleMode(console, (console_mode | ENABLE_LINE_INPUT | ENABLE_PROCESSED_INPUT) & ~(DWORD)ENABLE_ECHO_INPUT);
    if (read_console_line(line, &length))
        size = utf8_from_utf16(line, (size_t)length * sizeof *line, octets, OCTETS_LIMIT);
    SetConsoleMode(console, console_mode);
    SetConsoleCtrlHandler(cancel, FALSE);
    SecureZeroMemory(line, sizeof line);
    talk("\n");
    return size;
}

/* ---- from a file or pipe ---- */

static size_t read_line(HANDLE input, char *octets, size_t room)
{
    size_t size = 0;
    DWORD got;
    while (size < room && ReadFile(input, octets + size, 1, &got, NULL) && got == 1)
        if (octets[size++] == '\n')
            break;
    if (size >= 3 && memcmp(octets, "\xEF\xBB\xBF", 3) == 0) { /* PowerShell may write a byte order mark */
        size -= 3;
        memmove(octets, octets + 3, size);
    }
    return size;
}

enum exit_code password_read(const char *user, const char *host, char password[SECRET_SIZE])
{
    char octets[OCTETS_LIMIT];
    console = GetStdHandle(STD_INPUT_HANDLE);
    bool asked = GetConsoleMode(console, &console_mode);
    size_t size = asked ? ask_console(user, host, octets) : read_line(console, octets, sizeof octets);
    while (size > 0 && (octets[size - 1] == '\n' || octets[size - 1] == '\r'))
        size--;
    const char *fault = auth_password_fault(octets, size);
    if (!fault) {
        memcpy(password, octets, size);
        password[size] = '\0';
    }
    SecureZeroMemory(octets, sizeof octets);
    if (!fault)
        return EXIT_DONE;
    talk("etrnctl: the password %s; expected are 1 to %d octets of UTF-8%s\n", fault, AUTH_PASSWORD_LIMIT,
         asked ? "" : ", on the first line of standard input");
    return EXIT_INVALID;
}
