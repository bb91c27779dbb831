#include "exit_code.h"

enum exit_code exit_code_of(DWORD error)
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

enum exit_code worse(enum exit_code a, enum exit_code b)
{
    return a > b ? a : b;
}
