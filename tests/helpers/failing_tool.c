/* failing_tool: in etrnctl's place it leaves data, as a service does that was started before something went wrong, and
 * fails. */

#include <direct.h>
#include <stdio.h>

int wmain(void)
{
    _mkdir("C:\\ProgramData\\EtrnSvc");
    fputs("out of order\n", stderr);
    return 5;
}
