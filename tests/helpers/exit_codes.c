/* exit_codes: the exit code of etrnctl for each Win32 error that is an argument. */
#include "../../regtool/exit_code.h"
#include <stdio.h>
#include <stdlib.h>

int wmain(int count, wchar_t **words)
{
    for (int i = 1; i < count; i++)
        printf("%d\n", (int)exit_code_of(wcstoul(words[i], NULL, 10)));
    return 0;
}
