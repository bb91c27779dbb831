/* program: notes what it was called with in a file beside it, .calls, and does what the file .order beside it says. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

int wmain(int count, wchar_t **words)
{
    wchar_t path[MAX_PATH];
    char order[20] = "", line[1000];
    int number = 0;
    FILE *calls, *orders;
    GetModuleFileNameW(NULL, path, MAX_PATH);
    wcscpy(wcsrchr(path, L'.'), L".calls");
    calls = _wfopen(path, L"ab");
    sprintf(line, "%lu", GetCurrentProcessId());
    for (int i = 1; i < count; i++)
        sprintf(line + strlen(line), "|%ls", words[i]);
    fprintf(calls, "%s\n", line);
    fclose(calls);
    wcscpy(wcsrchr(path, L'.'), L".order");
    if ((orders = _wfopen(path, L"r")) != NULL) {
        fscanf(orders, "%19s %d", order, &number);
        fclose(orders);
    }
    if (strcmp(order, "flood") == 0)
        for (int i = 0; i < number; i++)
            printf("line %d\n", i);
    if (strcmp(order, "child") == 0 ||
        strcmp(order, "leave") == 0) { /* one that waits for ever, as this one does, or not */
        STARTUPINFOW startup = {.cb = sizeof startup};
        PROCESS_INFORMATION process;
        wchar_t again[] = L"ping-for-ever forever";
        GetModuleFileNameW(NULL, path, MAX_PATH);
        if (count < 2 || wcscmp(words[1], L"forever") != 0)
            CreateProcessW(path, again, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process);
        if (strcmp(order, "leave") == 0 && (count < 2 || wcscmp(words[1], L"forever") != 0)) {
            printf("it leaves one behind\r\n");
            return number;
        }
        order[0] = 's';
    }
    if (order[0] == 's')
        Sleep(INFINITE);
    if (strcmp(order, "exit") == 0) {
        fprintf(stderr, "it says %d\r\n\x1b[31m\n", number);
        return number;
    }
    return 0;
}
