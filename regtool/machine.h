/* machine: the computer that a command works on: this one, or the one that --computer names. */
#ifndef ETRN_MACHINE_H
#define ETRN_MACHINE_H

#include "../service/core/must_check.h"
#include "../service/win/win.h"

/* Connects to the registry of another computer, "NAME" or "\\NAME"; NULL stays with this one. Returns 0 or a Win32
 * error. Once in a process, before anything else is done. */
MUST_CHECK DWORD machine_choose(const char *computer);

/* Its HKEY_LOCAL_MACHINE. */
HKEY machine_registry(void);

/* As OpenSCManager wants it: "\\NAME", or NULL for this computer. */
const wchar_t *machine_name(void);

#endif
