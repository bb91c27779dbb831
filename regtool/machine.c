#include "machine.h"

static HKEY registry = HKEY_LOCAL_MACHINE;
static wchar_t *name;

DWORD machine_choose(const char *computer)
{
    if (!computer)
        return 0;
    while (*computer == '\\')
        computer++;
    char with_slashes[300];
    struct text t;
    text_begin(&t, with_slashes, sizeof with_slashes);
    text_add(&t, "\\\\%s", computer);
    name = wide_copy(with_slashes);
    if (!name)
        return ERROR_NOT_ENOUGH_MEMORY;
    return (DWORD)RegConnectRegistryW(name, HKEY_LOCAL_MACHINE, &registry);
}

HKEY machine_registry(void)
{
    return registry;
}

const wchar_t *machine_name(void)
{
    return name;
}
