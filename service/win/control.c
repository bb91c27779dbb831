#include "control.h"

#include "manager.h"

DWORD control_send(const wchar_t *computer, DWORD control)
{
    struct manager m;
    SERVICE_STATUS status;
    DWORD error = manager_open(&m, computer, TEXT(SERVICE_NAME), SERVICE_USER_DEFINED_CONTROL);
    if (error)
        return error;
    error = ControlService(m.service, control, &status) ? 0 : GetLastError();
    manager_close(&m);
    return error;
}
