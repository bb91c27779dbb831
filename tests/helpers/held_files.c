/* held_files FOLDER: reads and replaces files that somebody else holds, for a moment or for good. It prints for each
 * case the errors of service/win/file.h, and what is in the files afterwards. */
#include "../../service/win/file.h"

#include <stdio.h>
#include <stdlib.h>

enum { A_MOMENT_MS = 60 };

static wchar_t path[MAX_PATH], aside[MAX_PATH];

static DWORD WINAPI let_go(void *held)
{
    Sleep(A_MOMENT_MS);
    CloseHandle(held);
    return 0;
}

static HANDLE hold(const wchar_t *file, DWORD sharing)
{
    return CreateFileW(file, GENERIC_READ, sharing, NULL, OPEN_ALWAYS, 0, NULL);
}

static void hold_for_a_moment(const wchar_t *file, DWORD sharing)
{
    CloseHandle(CreateThread(NULL, 0, let_go, hold(file, sharing), 0, NULL));
}

static DWORD put(const char *text)
{
    return file_replace(path, text, strlen(text));
}

static void put_text(const wchar_t *file, const char *text)
{
    DWORD written;
    HANDLE handle = CreateFileW(file, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    WriteFile(handle, text, (DWORD)strlen(text), &written, NULL);
    CloseHandle(handle);
}

static void show_file(const char *what, const wchar_t *file, DWORD error)
{
    size_t size;
    char *text = file_read(file, &size);
    printf("%s: %lu, %s\n", what, error, text ? text : "unreadable");
    free(text);
}

static void show(const char *what, DWORD error)
{
    show_file(what, path, error);
}

int wmain(int count, wchar_t **words)
{
    if (count != 2)
        return 2;
    _snwprintf(path, MAX_PATH, L"%ls\\file", words[1]);
    _snwprintf(aside, MAX_PATH, L"%ls\\file.new", words[1]);
    show("written", put("one"));

    hold_for_a_moment(path, 0);
    show("read while held", 0);

    hold_for_a_moment(path, FILE_SHARE_READ);
    show("replaced while held", put("two"));

    hold_for_a_moment(aside, 0);
    show("aside held", put("three"));

    HANDLE for_good = hold(path, FILE_SHARE_READ);
    show("held for good", put("four"));
    CloseHandle(for_good);

    for_good = hold(aside, 0);
    DWORD error = put("five");
    CloseHandle(for_good);
    show("aside held for good", error);
    printf("another's file aside is there: %d\n", GetFileAttributesW(aside) != INVALID_FILE_ATTRIBUTES);

    put_text(aside, "theirs");
    show("saved", file_save(path, "six", 3));
    show_file("another's file.new", aside, 0);
    _snwprintf(aside, MAX_PATH, L"%ls.%lu-1.new", path, GetCurrentProcessId());
    put_text(aside, "left");
    show("saved beside its own name", file_save(path, "seven", 5));
    show_file("a file of its own name", aside, 0);
    return 0;
}
