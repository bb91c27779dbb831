#include "password.h"

#include "failure.h"
#include "machine.h"
#include "output.h"
#include "prompt.h"

enum { OCTETS_LIMIT = PROMPT_LINE_LIMIT * 3 }; /* enough for a password of 255 octets and the line end */

enum exit_code password_can_be_kept(const struct command *command)
{
    if (!machine_name())
        return EXIT_DONE;
    return usage_error(
        command, "a password cannot be stored on a remote computer, because only the computer that encrypts it can "
                 "decrypt it; run this command there, without --computer");
}

static size_t ask_console(const char *user, const char *host, char octets[OCTETS_LIMIT])
{
    TEXT_SCRATCH(question, 800);
    text_add(&question, "Password of %s at %s: ", user, host);
    return ask_secret(question.data, octets, OCTETS_LIMIT);
}

/* Reads the first line of a file or pipe. */
static size_t read_line(HANDLE input, char *octets, size_t room)
{
    size_t size = 0;
    DWORD got;
    while (size < room && ReadFile(input, octets + size, 1, &got, NULL) && got == 1)
        if (octets[size++] == '\n')
            break;
    if (size >= 3 && memcmp(octets, "\xEF\xBB\xBF", 3) == 0) { /* PowerShell may have written a byte order mark */
        size -= 3;
        memmove(octets, octets + 3, size);
    }
    return size;
}

enum exit_code password_read(const char *user, const char *host, char password[SECRET_SIZE])
{
    char octets[OCTETS_LIMIT];
    DWORD mode;
    HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
    bool asked = GetConsoleMode(input, &mode);
    size_t size = asked ? ask_console(user, host, octets) : read_line(input, octets, sizeof octets);
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
    talk("etrnctl: the password %s; expected: 1 to %d bytes of UTF-8%s\n", fault, AUTH_PASSWORD_LIMIT,
         asked ? "" : ", on the first line of standard input");
    return EXIT_INVALID;
}
