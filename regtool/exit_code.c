#include "exit_code.h"

static const struct meaning {
    DWORD error;
    enum exit_code code;
} meanings[] = {
    {ERROR_ACCESS_DENIED, EXIT_DENIED},
    {ERROR_PRIVILEGE_NOT_HELD, EXIT_DENIED},
    {ERROR_FILE_NOT_FOUND, EXIT_NOT_FOUND},
    {ERROR_PATH_NOT_FOUND, EXIT_NOT_FOUND},
    {ERROR_SERVICE_DOES_NOT_EXIST, EXIT_NOT_FOUND},
    {ERROR_SERVICE_NOT_ACTIVE, EXIT_NOT_FOUND},
    {ERROR_BAD_NETPATH, EXIT_NETWORK},
    {RPC_S_SERVER_UNAVAILABLE, EXIT_NETWORK},
    {ERROR_BAD_PATHNAME, EXIT_INVALID},
    {ERROR_DIRECTORY, EXIT_INVALID},
    {ERROR_FILE_EXISTS, EXIT_INVALID},
    {ERROR_FILE_TOO_LARGE, EXIT_INVALID},
    {ERROR_FILENAME_EXCED_RANGE, EXIT_INVALID},
    {ERROR_INVALID_ACL, EXIT_INVALID},
    {ERROR_INVALID_DATA, EXIT_INVALID},
    {ERROR_INVALID_NAME, EXIT_INVALID},
    {ERROR_INVALID_OWNER, EXIT_INVALID},
    {ERROR_INVALID_PARAMETER, EXIT_INVALID},
    {ERROR_SERVICE_DISABLED, EXIT_INVALID},
    {ERROR_STACK_OVERFLOW, EXIT_INVALID}, /* keys nested too deep */
};

enum exit_code exit_code_of(DWORD error)
{
    for (size_t i = 0; i < ARRAYSIZE(meanings); i++)
        if (meanings[i].error == error)
            return meanings[i].code;
    return EXIT_FAILED;
}

enum exit_code worse(enum exit_code a, enum exit_code b)
{
    return a > b ? a : b;
}
