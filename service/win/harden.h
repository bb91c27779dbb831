/* harden: what a process gives up before it does anything, so that less can be done with it. Systems that lack one of
 * these (each names the Windows version that introduced it) go without. */
#ifndef ETRN_HARDEN_H
#define ETRN_HARDEN_H

/* First thing in each program. DLLs come from System32 only, whatever the current folder and PATH hold, and never from
 * another computer; a broken heap ends the process; invalid handles are errors; no code is made at run time, and no
 * extension DLL is loaded (SetDefaultDllDirectories, HeapSetInformation, SetProcessMitigationPolicy). */
void harden_process(void);

/* Of the service: takes every privilege but SeChangeNotifyPrivilege from the process permanently, whatever the account
 * has and the service's entry says (AdjustTokenPrivileges, SE_PRIVILEGE_REMOVED). */
void drop_privileges(void);

#endif
