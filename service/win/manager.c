#include "manager.h"

DWORD manager_open(struct manager *m, const wchar_t *computer, const wchar_t *service, DWORD access)
{
    *m = (struct manager){.scm = OpenSCManagerW(computer, NULL, SC_MANAGER_CONNECT)};
    if (m->scm)
        m->service = OpenServiceW(m->scm, service, access);
    DWORD error = m->service ? 0 : GetLastError();
    if (error)
        manager_close(m);
    return error;
}

void manager_close(struct manager *m)
{
    if (m->service)
        CloseServiceHandle(m->service);
    if (m->scm)
        CloseServiceHandle(m->scm);
    *m = (struct manager){0};
}
