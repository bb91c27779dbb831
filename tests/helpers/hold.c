/* hold FILE: keeps others from reading a file, which they may still delete, until a line comes on standard input. */
#include <windows.h>
#include <stdio.h>

int wmain(int count, wchar_t **words)
{
    HANDLE file = INVALID_HANDLE_VALUE;
    if (count == 2)
        file = CreateFileW(words[1], GENERIC_READ, FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
    puts(file == INVALID_HANDLE_VALUE ? "failed" : "held");
    fflush(stdout);
    getchar();
    return 0;
}
