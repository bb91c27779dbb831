/* partial_log FOLDER: what is left of a protocol log with a partial row at its end, when each call that looks at it
 * fails: a line "CALL: error, octets" each. */
#include "../../service/win/win.h"

static const char *failing = "";

static BOOL works(const char *call)
{
    SetLastError(ERROR_IO_DEVICE);
    return strcmp(call, failing) != 0;
}

#define GetFileSizeEx(...) (works("GetFileSizeEx") && GetFileSizeEx(__VA_ARGS__))
#define SetFilePointerEx(...) (works("SetFilePointerEx") && SetFilePointerEx(__VA_ARGS__))
#define ReadFile(...) (works("ReadFile") && ReadFile(__VA_ARGS__))
#define SetEndOfFile(...) (works("SetEndOfFile") && SetEndOfFile(__VA_ARGS__))
#include "../../service/win/protocol.c"

#include <stdio.h>

enum { ROWS = 200 };

static const char row[] = "2026-11-21T18:20:01.000Z,isp,08DE2907,1,,,*,,a row of fifty octets or more\r\n";

static void write_file(const wchar_t *path, size_t rows, const char *end)
{
    FILE *file = _wfopen(path, L"wb");
    for (size_t i = 0; file && i < rows; i++)
        fputs(row, file);
    if (file) {
        fputs(end, file);
        fclose(file);
    }
}

static void show(const wchar_t *path, const char *what)
{
    WIN32_FILE_ATTRIBUTE_DATA found = {0};
    failing = what;
    DWORD error = drop_partial_row(path);
    failing = "";
    GetFileAttributesExW(path, GetFileExInfoStandard, &found);
    printf("%s: %lu, %lu\n", what, error, found.nFileSizeLow);
}

int wmain(int count, wchar_t **words)
{
    static const char *const calls[] = {"GetFileSizeEx", "SetFilePointerEx", "ReadFile", "SetEndOfFile", "none"};
    static const char junk[] = "0123456789abcdef";
    wchar_t path[MAX_PATH];
    if (count != 2)
        return 2;
    _snwprintf(path, ARRAYSIZE(path), L"%ls\\ETRN20261121-1.LOG", words[1]);
    show(path, "no file");
    for (size_t i = 0; i < ARRAYSIZE(calls); i++) {
        write_file(path, ROWS, "2026-11-21T18:2");
        show(path, calls[i]);
    }
    write_file(path, ROWS, "");
    show(path, "whole rows");
    write_file(path, 0, "2026-11-21T18:2");
    show(path, "a partial row alone");
    FILE *file = _wfopen(path, L"wb");
    for (size_t i = 0; file && i < 1000; i++)
        fputs(junk, file);
    if (file)
        fclose(file);
    show(path, "no rows at all");
    return 0;
}
