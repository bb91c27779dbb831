/* etrnsvc: the service program. Started by the service control manager, it runs as the service; with --console it does
 * the same work in the foreground; without arguments it prints what it is. */
#include "console.h"
#include "scm.h"
#include "win/harden.h"
#include "win/win.h"

#include <stdio.h>
#include <wchar.h>

static const char about[] = "etrnsvc " VERSION ": " SERVICE_DISPLAY_NAME " (" SERVICE_NAME ")\n"
                            "\n"
                            "A Windows service that asks mail hosts to deliver waiting mail (SMTP ETRN, RFC 1985).\n"
                            "It is started by the service control manager.\n"
                            "\n"
                            "To install it without the MSI, as administrator:\n"
                            "  etrnctl service install\n"
                            "  etrnctl add mail.isp.example yourdomain.example\n"
                            "  etrnctl enable\n"
                            "  etrnctl service start\n"
                            "\n"
                            "To run it on this console and show what it does (Ctrl+C to stop):\n"
                            "  etrnsvc --console\n";

static bool is(const wchar_t *argument, const wchar_t *a, const wchar_t *b)
{
    return wcscmp(argument, a) == 0 || wcscmp(argument, b) == 0;
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    harden_process();
    if (argc == 2 && wcscmp(argv[1], L"--console") == 0)
        return console_run();
    if (argc == 2 && is(argv[1], L"--version", L"/version")) {
        puts("etrnsvc " VERSION);
        return 0;
    }
    if (argc == 2 && is(argv[1], L"--help", L"/?")) {
        fputs(about, stdout);
        return 0;
    }
    if (argc > 1) {
        fprintf(stderr, "etrnsvc: unknown argument; expected --console, --version or --help\n");
        return 2;
    }
    drop_privileges();
    DWORD error = scm_run();
    if (error == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
        fputs(about, stdout);
        return 2;
    }
    return error ? 1 : 0;
}
