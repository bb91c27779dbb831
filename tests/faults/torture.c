/* The service with calls that fail: what the linker's --wrap leads here fails once a round, in round n the n-th call of
 * the kind that the file C:\torture.kind names: registry (while the configuration is read), socket (of one connection),
 * memory (while the configuration is read), events (every one of them). A round begins when the settings are watched
 * anew, or with the making of a socket. What failed is written to C:\torture.log; "done" when rounds had fewer calls
 * than their number. */
#include <winsock2.h>

#include <stdio.h>
#include <string.h>
#include <windows.h>

enum { QUIET_ROUNDS = 3 };

static struct {
    char kind[16];
    unsigned round, calls, quiet;
    bool news, failed, done;
} torture;

static void note(const char *what)
{
    FILE *file = fopen("C:\\torture.log", "a");
    if (!file)
        return;
    fprintf(file, "%u %s\n", torture.round, what);
    fclose(file);
}

static bool is(const char *kind)
{
    FILE *file = torture.kind[0] ? NULL : fopen("C:\\torture.kind", "r");
    if (file) {
        if (!fgets(torture.kind, sizeof torture.kind, file))
            torture.kind[0] = '-';
        fclose(file);
    }
    return strcmp(torture.kind, kind) == 0;
}

/* One round without a failure may have been a short one: it is played again. */
static void begin_round(void)
{
    torture.quiet = torture.failed || torture.round == 0 ? 0 : torture.quiet + 1;
    if (torture.quiet == QUIET_ROUNDS) {
        torture.done = true;
        note("done");
    }
    if (torture.quiet == 0)
        torture.round++;
    torture.calls = 0;
    torture.failed = false;
}

static bool fails(const char *kind, const char *what)
{
    if (!is(kind))
        return false;
    if (torture.news)
        begin_round();
    torture.news = false;
    if (torture.done || torture.round == 0 || torture.failed || ++torture.calls < torture.round)
        return false;
    torture.failed = true;
    note(what);
    return true;
}

/* `function` of the import library is called through `real`, and `mine` in its place. */
#define WRAP(result, function, ...)                                                                                    \
    typedef result WINAPI function##_type(__VA_ARGS__);                                                                \
    extern function##_type *real_##function __asm__("__real___imp_" #function);                                        \
    static result WINAPI mine_##function(__VA_ARGS__);                                                                 \
    extern function##_type *wrap_##function __asm__("__wrap___imp_" #function);                                        \
    function##_type *wrap_##function = mine_##function;                                                                \
    static result WINAPI mine_##function(__VA_ARGS__)

/* ---- registry ---- */

WRAP(LSTATUS, RegNotifyChangeKeyValue, HKEY key, BOOL subtree, DWORD filter, HANDLE event, BOOL asynchronous)
{
    torture.news = is("registry") || is("memory");
    return real_RegNotifyChangeKeyValue(key, subtree, filter, event, asynchronous);
}

WRAP(LSTATUS, RegOpenKeyExW, HKEY key, LPCWSTR path, DWORD options, REGSAM access, PHKEY opened)
{
    if (access != KEY_NOTIFY && fails("registry", "RegOpenKeyExW"))
        return ERROR_ACCESS_DENIED;
    return real_RegOpenKeyExW(key, path, options, access, opened);
}

WRAP(LSTATUS, RegQueryValueExW, HKEY key, LPCWSTR name, LPDWORD reserved, LPDWORD type, LPBYTE data, LPDWORD size)
{
    if (fails("registry", "RegQueryValueExW"))
        return ERROR_ACCESS_DENIED;
    return real_RegQueryValueExW(key, name, reserved, type, data, size);
}

WRAP(LSTATUS, RegEnumKeyExW, HKEY key, DWORD index, LPWSTR name, LPDWORD length, LPDWORD reserved, LPWSTR class,
     LPDWORD class_length, PFILETIME when)
{
    if (fails("registry", "RegEnumKeyExW"))
        return ERROR_NOT_ENOUGH_MEMORY;
    return real_RegEnumKeyExW(key, index, name, length, reserved, class, class_length, when);
}

WRAP(LSTATUS, RegEnumValueW, HKEY key, DWORD index, LPWSTR name, LPDWORD length, LPDWORD reserved, LPDWORD type,
     LPBYTE data, LPDWORD size)
{
    if (fails("registry", "RegEnumValueW"))
        return ERROR_NOT_ENOUGH_MEMORY;
    return real_RegEnumValueW(key, index, name, length, reserved, type, data, size);
}

/* ---- sockets ---- */

WRAP(SOCKET, WSASocketW, int family, int type, int protocol, LPWSAPROTOCOL_INFOW info, GROUP group, DWORD flags)
{
    static bool probed; /* link_startup() makes the first */
    if (is("socket") && probed)
        begin_round();
    probed = true;
    if (fails("socket", "WSASocketW")) {
        WSASetLastError(WSAEMFILE);
        return INVALID_SOCKET;
    }
    return real_WSASocketW(family, type, protocol, info, group, flags);
}

WRAP(int, bind, SOCKET socket, const struct sockaddr *address, int length)
{
    if (fails("socket", "bind")) {
        WSASetLastError(WSAENOBUFS);
        return SOCKET_ERROR;
    }
    return real_bind(socket, address, length);
}

WRAP(int, WSASend, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED overlapped,
     LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    if (fails("socket", "WSASend")) {
        WSASetLastError(WSAENOBUFS);
        return SOCKET_ERROR;
    }
    return real_WSASend(socket, buffers, count, sent, flags, overlapped, routine);
}

WRAP(int, WSARecv, SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
     LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    if (fails("socket", "WSARecv")) {
        WSASetLastError(WSAENOBUFS);
        return SOCKET_ERROR;
    }
    return real_WSARecv(socket, buffers, count, received, flags, overlapped, routine);
}

/* ---- memory ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails("memory", "malloc") ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails("memory", "calloc") ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails("memory", "realloc") ? NULL : __real_realloc(block, size);
}

/* ---- events ---- */

WRAP(BOOL, ReportEventW, HANDLE source, WORD type, WORD category, DWORD id, PSID user, WORD count, DWORD size,
     LPCWSTR *strings, LPVOID data)
{
    if (is("events")) {
        note("ReportEventW");
        SetLastError(ERROR_LOG_FILE_FULL);
        return FALSE;
    }
    return real_ReportEventW(source, type, category, id, user, count, size, strings, data);
}
