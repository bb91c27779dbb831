/* torture: linked with the very objects of a program, it puts itself between the program and what it imports, and has
 * the Nth call fail that can fail: an allocation, a call of the registry, of sockets, files, services or certificates.
 * Calls that free or close never fail; they and their counterparts are counted, so that a leak is an exact number.
 * What is to fail is asked of the file PROGRAM.exe.torture, mapped and shared with the test (machine.py); without
 * that file the program is as it always is. */
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>

#include <malloc.h>
#include <stdint.h>
#include <string.h>

/* What may leak. machine.py knows the order. */
enum live { NOTHING, MEMORY, SYSTEM_MEMORY, HANDLES, KEYS, SOCKETS, SERVICES, SEARCHES, CRYPTO, LIVE_COUNT };

enum { NAME_SIZE = 64 };

/* The file. machine.py knows it as well. */
struct control {
    volatile LONG first, count; /* which call fails, from 1, and how many from there on; 0: none */
    volatile LONG calls;        /* so far; the test sets it to 0 */
    volatile LONG failed;       /* so many were made to fail ... */
    volatile LONG where;        /* ... the last of them called from here, as an offset in the image */
    volatile LONG exception, exception_where;
    volatile LONG live[LIVE_COUNT];
    char name[NAME_SIZE]; /* what failed */
    char only[NAME_SIZE]; /* when not empty, only calls of this name count */
};

static struct control *control;
static char *image;

/* ---- what is imported, and how it fails ---- */

enum answer {
    ZERO,  /* NULL or FALSE is the failure; GetLastError() says why */
    MINUS, /* INVALID_HANDLE_VALUE, INVALID_SOCKET, SOCKET_ERROR */
    CODE,  /* anything but 0 is the failure itself */
    OTHER, /* the failure is a value that tells nothing of success */
    NEVER  /* it frees or closes */
};

struct row {
    const char *name;
    enum answer answer;
    DWORD error; /* the failure, or what GetLastError() says of it */
    enum live live;
    int change; /* of what lives, by a success; by a call of NEVER with a handle */
};

static const struct row rows[] = {
    {"malloc", ZERO, 0, MEMORY, 1},
    {"calloc", ZERO, 0, MEMORY, 1},
    {"realloc", ZERO, 0, MEMORY, 1}, /* see adjust() */
    {"_wcsdup", ZERO, 0, MEMORY, 1},
    {"free", NEVER, 0, MEMORY, -1},

    {"LocalFree", NEVER, 0, SYSTEM_MEMORY, -1},
    {"CoTaskMemFree", NEVER, 0, SYSTEM_MEMORY, -1},
    {"FreeAddrInfoW", NEVER, 0, SYSTEM_MEMORY, -1},
    {"FreeMibTable", NEVER, 0, SYSTEM_MEMORY, -1},
    {"CommandLineToArgvW", ZERO, ERROR_NOT_ENOUGH_MEMORY, SYSTEM_MEMORY, 1},
    {"ConvertSidToStringSidW", ZERO, ERROR_NOT_ENOUGH_MEMORY, SYSTEM_MEMORY, 1},
    {"ConvertStringSecurityDescriptorToSecurityDescriptorW", ZERO, ERROR_NOT_ENOUGH_MEMORY, SYSTEM_MEMORY, 1},
    {"GetNamedSecurityInfoW", CODE, ERROR_NOT_ENOUGH_MEMORY, SYSTEM_MEMORY, 1},
    {"GetSecurityInfo", CODE, ERROR_NOT_ENOUGH_MEMORY, SYSTEM_MEMORY, 1},
    {"SHGetKnownFolderPath", CODE, (DWORD)E_OUTOFMEMORY, SYSTEM_MEMORY, 1},
    {"GetAddrInfoW", CODE, WSA_NOT_ENOUGH_MEMORY, SYSTEM_MEMORY, 1},
    {"GetUnicastIpAddressTable", CODE, ERROR_NOT_ENOUGH_MEMORY, SYSTEM_MEMORY, 1},
    {"CryptProtectData", ZERO, ERROR_NOT_ENOUGH_MEMORY, SYSTEM_MEMORY, 1},
    {"CryptUnprotectData", ZERO, ERROR_NOT_ENOUGH_MEMORY, SYSTEM_MEMORY, 1},
    {"ExpandEnvironmentStringsW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"FormatMessageW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"GetComputerNameExW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"GetModuleFileNameW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"IdnToAscii", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},

    {"CloseHandle", NEVER, 0, HANDLES, -1},
    {"AssignProcessToJobObject", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"CreateDirectoryW", ZERO, ERROR_DISK_FULL, NOTHING, 0},
    {"CreateEventW", ZERO, ERROR_NO_SYSTEM_RESOURCES, HANDLES, 1},
    {"CreateFileW", MINUS, ERROR_TOO_MANY_OPEN_FILES, HANDLES, 1},
    {"CreateIoCompletionPort", ZERO, ERROR_NO_SYSTEM_RESOURCES, HANDLES, 1}, /* see adjust() */
    {"CreateJobObjectW", ZERO, ERROR_NO_SYSTEM_RESOURCES, HANDLES, 1},
    {"CreateMutexW", ZERO, ERROR_NO_SYSTEM_RESOURCES, HANDLES, 1},
    {"CreateNamedPipeW", MINUS, ERROR_NO_SYSTEM_RESOURCES, HANDLES, 1},
    {"CreateProcessW", ZERO, ERROR_NO_SYSTEM_RESOURCES, HANDLES, 2},
    {"CreateThread", ZERO, ERROR_NOT_ENOUGH_MEMORY, HANDLES, 1},
    {"CreateTransaction", MINUS, ERROR_NO_SYSTEM_RESOURCES, HANDLES, 1},
    {"CommitTransaction", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"DeleteFileW", ZERO, ERROR_SHARING_VIOLATION, NOTHING, 0},
    {"FindClose", NEVER, 0, SEARCHES, -1},
    {"FindFirstFileW", MINUS, ERROR_NOT_ENOUGH_MEMORY, SEARCHES, 1},
    {"FindFirstChangeNotificationW", MINUS, ERROR_NO_SYSTEM_RESOURCES, SEARCHES, 1},
    {"FindCloseChangeNotification", NEVER, 0, SEARCHES, -1},
    {"FindNextChangeNotification", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"FindNextFileW", ZERO, ERROR_IO_DEVICE, NOTHING, 0},
    {"FlushFileBuffers", ZERO, ERROR_IO_DEVICE, NOTHING, 0},
    {"GetExitCodeProcess", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"GetFileAttributesExW", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"GetFileAttributesW", MINUS, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"GetFileSizeEx", ZERO, ERROR_IO_DEVICE, NOTHING, 0},
    {"GetTokenInformation", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"MoveFileExW", ZERO, ERROR_DISK_FULL, NOTHING, 0},
    {"OpenProcessToken", ZERO, ERROR_NO_SYSTEM_RESOURCES, HANDLES, 1},
    {"PostQueuedCompletionStatus", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"ReadFile", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RemoveDirectoryW", ZERO, ERROR_SHARING_VIOLATION, NOTHING, 0},
    {"SetInformationJobObject", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"WriteConsoleW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0}, /* see too_much() */
    {"WriteFile", ZERO, ERROR_DISK_FULL, NOTHING, 0},

    {"RegCloseKey", NEVER, 0, KEYS, -1},
    {"RegConnectRegistryW", CODE, ERROR_NO_SYSTEM_RESOURCES, KEYS, 1},
    {"RegCreateKeyExW", CODE, ERROR_NO_SYSTEM_RESOURCES, KEYS, 1},
    {"RegCreateKeyTransactedW", CODE, ERROR_NO_SYSTEM_RESOURCES, KEYS, 1},
    {"RegDeleteKeyTransactedW", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegDeleteKeyW", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegDeleteTreeW", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegDeleteValueW", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegEnumKeyExW", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegEnumValueW", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegFlushKey", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegGetKeySecurity", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegNotifyChangeKeyValue", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegOpenKeyExW", CODE, ERROR_NO_SYSTEM_RESOURCES, KEYS, 1},
    {"RegOpenKeyTransactedW", CODE, ERROR_NO_SYSTEM_RESOURCES, KEYS, 1},
    {"RegQueryInfoKeyW", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegQueryValueExW", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegSetKeySecurity", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"RegSetValueExW", CODE, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},

    {"CloseServiceHandle", NEVER, 0, SERVICES, -1},
    {"DeregisterEventSource", NEVER, 0, SERVICES, -1},
    {"ChangeServiceConfig2W", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"ChangeServiceConfigW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"ControlService", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"CreateServiceW", ZERO, ERROR_NOT_ENOUGH_MEMORY, SERVICES, 1},
    {"DeleteService", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"OpenSCManagerW", ZERO, ERROR_NOT_ENOUGH_MEMORY, SERVICES, 1},
    {"OpenServiceW", ZERO, ERROR_NOT_ENOUGH_MEMORY, SERVICES, 1},
    {"QueryServiceConfigW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"QueryServiceStatus", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"RegisterEventSourceW", ZERO, ERROR_NOT_ENOUGH_MEMORY, SERVICES, 1},
    {"RegisterServiceCtrlHandlerExW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"ReportEventW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"StartServiceCtrlDispatcherW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"StartServiceW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},

    {"closesocket", NEVER, 0, SOCKETS, -1},
    {"WSASocketW", MINUS, WSAENOBUFS, SOCKETS, 1},
    {"bind", MINUS, WSAENOBUFS, NOTHING, 0},
    {"ConnectEx", ZERO, WSAENOBUFS, NOTHING, 0}, /* of WSAIoctl() */
    {"GetAddrInfoExW", CODE, WSA_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"getnameinfo", CODE, WSA_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"getpeername", MINUS, WSAENOBUFS, NOTHING, 0},
    {"getsockname", MINUS, WSAENOBUFS, NOTHING, 0},
    {"setsockopt", MINUS, WSAENOBUFS, NOTHING, 0},
    {"WSAIoctl", MINUS, WSAENOBUFS, NOTHING, 0},
    {"WSARecv", MINUS, WSAENOBUFS, NOTHING, 0},
    {"WSASend", MINUS, WSAENOBUFS, NOTHING, 0},
    {"WSAStartup", CODE, WSASYSNOTREADY, NOTHING, 0},
    {"GetExtendedTcpTable", CODE, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"IcmpCloseHandle", NEVER, 0, SEARCHES, -1},
    {"IcmpCreateFile", MINUS, ERROR_NO_SYSTEM_RESOURCES, SEARCHES, 1},
    {"IcmpSendEcho", ZERO, ERROR_NO_SYSTEM_RESOURCES, NOTHING, 0},
    {"NotifyUnicastIpAddressChange", CODE, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"DnsQuery_W", CODE, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"DnsQuery_UTF8", CODE, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},

    {"BCryptCloseAlgorithmProvider", NEVER, 0, CRYPTO, -1},
    {"BCryptDestroyHash", NEVER, 0, CRYPTO, -1},
    {"BCryptOpenAlgorithmProvider", CODE, 0xC0000017, CRYPTO, 1}, /* STATUS_NO_MEMORY */
    {"BCryptCreateHash", CODE, 0xC0000017, CRYPTO, 1},
    {"BCryptHashData", CODE, 0xC0000017, NOTHING, 0},
    {"BCryptFinishHash", CODE, 0xC0000017, NOTHING, 0},
    {"BCryptGenRandom", CODE, 0xC0000017, NOTHING, 0},
    {"CryptAcquireContextA", ZERO, ERROR_NOT_ENOUGH_MEMORY, CRYPTO, 1},
    {"CryptGenRandom", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"CryptReleaseContext", NEVER, 0, CRYPTO, -1},
    {"AcquireCredentialsHandleW", CODE, (DWORD)SEC_E_INSUFFICIENT_MEMORY, NOTHING, 0},
    {"InitializeSecurityContextW", CODE, (DWORD)SEC_E_INSUFFICIENT_MEMORY, NOTHING, 0},
    {"QueryContextAttributesW", CODE, (DWORD)SEC_E_INSUFFICIENT_MEMORY, NOTHING, 0},
    {"ApplyControlToken", CODE, (DWORD)SEC_E_INSUFFICIENT_MEMORY, NOTHING, 0},
    {"EncryptMessage", CODE, (DWORD)SEC_E_INSUFFICIENT_MEMORY, NOTHING, 0},
    {"DecryptMessage", CODE, (DWORD)SEC_E_INSUFFICIENT_MEMORY, NOTHING, 0},
    {"CertOpenStore", ZERO, ERROR_NOT_ENOUGH_MEMORY, CRYPTO, 1},
    {"CertCloseStore", NEVER, 0, CRYPTO, -1},
    {"CertGetCertificateChain", ZERO, ERROR_NOT_ENOUGH_MEMORY, CRYPTO, 1},
    {"CertFreeCertificateChain", NEVER, 0, CRYPTO, -1},
    {"CertVerifyCertificateChainPolicy", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
    {"CertGetNameStringW", ZERO, ERROR_NOT_ENOUGH_MEMORY, NOTHING, 0},
};

enum { ROWS = sizeof rows / sizeof rows[0], CONNECT_EX_ARGUMENTS = 7 };

/* Every call has these arguments, or fewer: then some of what stands above them on the stack is passed on as well. */
typedef uintptr_t word;
#define PARAMETERS                                                                                                     \
    word a, word b, word c, word d, word e, word f, word g, word h, word i, word j, word k, word l, word m
#define ARGUMENTS a, b, c, d, e, f, g, h, i, j, k, l, m
typedef word function(PARAMETERS);

static function *real[ROWS];

/* ---- the calls ---- */

static BOOL fails(size_t row, const char *caller)
{
    if (control->only[0] && strcmp(control->only, rows[row].name) != 0)
        return FALSE;
    LONG call = InterlockedIncrement(&control->calls);
    LONG first = control->first;
    if (first == 0 || call < first || call - first >= control->count)
        return FALSE;
    size_t size = strlen(rows[row].name) + 1;
    memcpy(control->name, rows[row].name, size < NAME_SIZE ? size : NAME_SIZE - 1);
    control->where = (LONG)(caller - image);
    InterlockedIncrement(&control->failed);
    return TRUE;
}

static BOOL succeeded(size_t row, word result)
{
    switch (rows[row].answer) {
    case ZERO:
        return result != 0;
    case MINUS:
        return result != (word)-1;
    case CODE:
        return (DWORD)result == 0;
    case OTHER:
    case NEVER:
        break;
    }
    return FALSE;
}

static BOOL is(size_t row, const char *name)
{
    return strcmp(rows[row].name, name) == 0;
}

static void keep_count(size_t row, word result, word a, word b)
{
    int change = 0;
    if (rows[row].answer == NEVER)
        change = a != 0 && a != (word)-1 ? rows[row].change : 0;
    else if (succeeded(row, result))
        change = rows[row].change;
    if (is(row, "realloc") && a != 0)
        change = b == 0 ? -1 : 0;
    if (is(row, "CreateIoCompletionPort") && b != 0)
        change = 0;
    if (change)
        InterlockedExchangeAdd(&control->live[rows[row].live], change);
}

/* Freed memory is filled, so that who still uses it meets no old values. */
static void spoil(size_t row, word a)
{
    if (is(row, "free") && a)
        memset((void *)a, 0xDD, _msize((void *)a));
}

static function *stub_of(const char *name);

/* ConnectEx is no import: its address is handed out. */
static void take_over_connect_ex(word result, word code, word out)
{
    function **place = (function **)out;
    for (size_t row = 0; row < ROWS; row++)
        if (is(row, "ConnectEx") && (int)result == 0 && (DWORD)code == SIO_GET_EXTENSION_FUNCTION_POINTER) {
            real[row] = *place;
            *place = stub_of("ConnectEx");
        }
}

/* A console takes what fits into its heap of 64 KB, which it shares; Wine's takes all. Half a character is refused,
 * too. https://learn.microsoft.com/en-us/windows/console/writeconsole */
static BOOL too_much(size_t row, word text, word count)
{
    enum { CONSOLE_LIMIT = 16000 };
    const wchar_t *end = (const wchar_t *)text + (DWORD)count;
    return is(row, "WriteConsoleW") && (DWORD)count > 0 &&
           ((DWORD)count > CONSOLE_LIMIT || (end[-1] >= 0xD800 && end[-1] < 0xDC00));
}

static word call(size_t row, const char *caller, PARAMETERS)
{
    if (rows[row].answer != NEVER && (fails(row, caller) || too_much(row, b, c))) {
        SetLastError(rows[row].error);
        return rows[row].answer == CODE ? rows[row].error : rows[row].answer == MINUS ? (word)-1 : 0;
    }
    spoil(row, a);
    word result = real[row](ARGUMENTS);
    keep_count(row, result, a, b);
    if (is(row, "WSAIoctl"))
        take_over_connect_ex(result, b, e);
    return result;
}

/* ---- a stub for each row ---- */

#define STUB(n)                                                                                                        \
    static word stub_##n(PARAMETERS)                                                                                   \
    {                                                                                                                  \
        return call(n, __builtin_return_address(0), ARGUMENTS);                                                        \
    }
#define TEN(n)                                                                                                         \
    STUB(n##0) STUB(n##1) STUB(n##2) STUB(n##3) STUB(n##4) STUB(n##5) STUB(n##6) STUB(n##7) STUB(n##8) STUB(n##9)
#define NAME(n) stub_##n,
#define TEN_NAMES(n)                                                                                                   \
    NAME(n##0) NAME(n##1) NAME(n##2) NAME(n##3) NAME(n##4) NAME(n##5) NAME(n##6) NAME(n##7) NAME(n##8) NAME(n##9)

/* clang-format off */
STUB(0) STUB(1) STUB(2) STUB(3) STUB(4) STUB(5) STUB(6) STUB(7) STUB(8) STUB(9)
TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) TEN(6) TEN(7) TEN(8) TEN(9) TEN(10) TEN(11) TEN(12) TEN(13) TEN(14) TEN(15)

static function *const stubs[] = {
    NAME(0) NAME(1) NAME(2) NAME(3) NAME(4) NAME(5) NAME(6) NAME(7) NAME(8) NAME(9)
    TEN_NAMES(1) TEN_NAMES(2) TEN_NAMES(3) TEN_NAMES(4) TEN_NAMES(5) TEN_NAMES(6) TEN_NAMES(7) TEN_NAMES(8)
    TEN_NAMES(9) TEN_NAMES(10) TEN_NAMES(11) TEN_NAMES(12) TEN_NAMES(13) TEN_NAMES(14) TEN_NAMES(15)
};
/* clang-format on */

_Static_assert(ROWS <= sizeof stubs / sizeof stubs[0], "a stub for each row");

static function *stub_of(const char *name)
{
    for (size_t row = 0; row < ROWS; row++)
        if (is(row, name))
            return stubs[row];
    return NULL;
}

/* ---- taking over ---- */

static void take_over(const char *name, function **place)
{
    DWORD old;
    for (size_t row = 0; row < ROWS; row++)
        if (is(row, name)) {
            real[row] = *place;
            VirtualProtect(place, sizeof *place, PAGE_READWRITE, &old);
            *place = stubs[row];
        }
}

static void take_over_imports(void)
{
    const IMAGE_DOS_HEADER *dos = (const void *)image;
    const IMAGE_NT_HEADERS *nt = (const void *)(image + dos->e_lfanew);
    const IMAGE_DATA_DIRECTORY *directory = &nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
    const IMAGE_IMPORT_DESCRIPTOR *dll = (const void *)(image + directory->VirtualAddress);
    for (; dll->Name; dll++) {
        const IMAGE_THUNK_DATA *names = (const void *)(image + dll->OriginalFirstThunk);
        function **places = (function **)(void *)(image + dll->FirstThunk);
        for (size_t at = 0; names[at].u1.AddressOfData; at++)
            if (!IMAGE_SNAP_BY_ORDINAL(names[at].u1.Ordinal))
                take_over((const char *)((const IMAGE_IMPORT_BY_NAME *)(image + names[at].u1.AddressOfData))->Name,
                          &places[at]);
    }
}

/* Without a debugger that would be started for it, and with a note of what happened where. */
static LONG WINAPI crashed(EXCEPTION_POINTERS *pointers)
{
    control->exception_where = (LONG)((char *)pointers->ExceptionRecord->ExceptionAddress - image);
    control->exception = (LONG)pointers->ExceptionRecord->ExceptionCode;
    TerminateProcess(GetCurrentProcess(), pointers->ExceptionRecord->ExceptionCode);
    return EXCEPTION_EXECUTE_HANDLER;
}

static struct control *map_control(void)
{
    static const wchar_t ending[] = L".torture";
    wchar_t path[MAX_PATH + sizeof ending];
    DWORD length = GetModuleFileNameW(NULL, path, MAX_PATH);
    memcpy(path + length, ending, sizeof ending);
    HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                              OPEN_EXISTING, 0, NULL);
    HANDLE mapping = file == INVALID_HANDLE_VALUE ? NULL : CreateFileMappingW(file, NULL, PAGE_READWRITE, 0, 0, NULL);
    struct control *view = mapping ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, sizeof *view) : NULL;
    if (mapping)
        CloseHandle(mapping);
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    return view;
}

__attribute__((constructor)) static void begin(void)
{
    image = (char *)GetModuleHandleW(NULL);
    control = map_control();
    if (!control)
        return;
    SetUnhandledExceptionFilter(crashed);
    take_over_imports();
}
