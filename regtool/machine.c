#include "machine.h"

static HKEY registry = HKEY_LOCAL_MACHINE;
static wchar_t *name;

DWORD machine_choose(const char *computer)
{
    if (!computer)
        return 0;
    while (*computer == '\\')
        computer++;
    TEXT_SCRATCH(with_slashes, 300);
    text_add(&with_slashes, "\\\\%s", computer);
    name = wide_copy(with_slashes.data);
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
