#include "helo.h"

#include "../core/node.h"

#include <stdio.h>

static char computer_name[HELO_SIZE]; /* fully qualified, or "" */

void helo_startup(void)
{
    wchar_t wide[HELO_SIZE];
    DWORD size = ARRAYSIZE(wide);
    struct text t;
    text_begin(&t, computer_name, sizeof computer_name);
    if (GetComputerNameExW(ComputerNameDnsFullyQualified, wide, &size))
        text_add_wide(&t, wide);
    if (!strchr(computer_name, '.') || !host_name_valid(computer_name))
        computer_name[0] = '\0';
}

const char *helo_choose(const char *configured, SOCKET socket, char out[HELO_SIZE])
{
    const char *name = configured && *configured ? configured : computer_name;
    struct sockaddr_storage local;
    socklen_t length = sizeof local;
    char host[64] = "127.0.0.1";
    if (*name) {
        snprintf(out, HELO_SIZE, "%s", name);
        return out;
    }
    local.ss_family = AF_INET;
    if (getsockname(socket, (struct sockaddr *)&local, &length) == 0)
        getnameinfo((struct sockaddr *)&local, length, host, sizeof host, NULL, 0, NI_NUMERICHOST);
    host[strcspn(host, "%")] = '\0'; /* without the zone index */
    snprintf(out, HELO_SIZE, local.ss_family == AF_INET6 ? "[IPv6:%s]" : "[%s]", host);
    return out;
}
