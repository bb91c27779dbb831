/* The table of etrnctl's commands, from which the command line parser, help, completion and the README are made. */
#include "command.h"

#define OPTION_COMPUTER                                                                                                \
    {                                                                                                                  \
        "--computer", "NAME", "work on a remote computer"                                                              \
    }
#define OPTION_JSON                                                                                                    \
    {                                                                                                                  \
        "--json", NULL, "print JSON for programs (UTF-8)"                                                              \
    }
#define OPTION_YES                                                                                                     \
    {                                                                                                                  \
        "-y", NULL, "do not prompt for confirmation"                                                                   \
    }
#define OPTION_SERVICE                                                                                                 \
    {                                                                                                                  \
        "--service", "NAME", "the key of another service, such as MSExchangeIMC"                                       \
    }
#define OPTION_HOST                                                                                                    \
    {                                                                                                                  \
        "--host", "HOST", "a setting of this host instead of the service"                                              \
    }
#define OPTION_PORT                                                                                                    \
    {                                                                                                                  \
        "--port", "N", "TCP port, 25 by default", .setting = "Port"                                                    \
    }
#define OPTION_TLS                                                                                                     \
    {                                                                                                                  \
        "--tls", "MODE", "none, may, require or implicit; may by default", .setting = "Tls"                            \
    }
#define OPTION_FINGERPRINT                                                                                             \
    {                                                                                                                  \
        "--tls-fingerprint", "HEX", "accept only the certificate with this SHA-256", .setting = "TlsFingerprint"       \
    }
#define OPTION_HELO                                                                                                    \
    {                                                                                                                  \
        "--helo", "NAME", "name to send in EHLO instead of the computer's name", .setting = "HeloName"                 \
    }
#define OPTION_LOCAL_ADDRESS                                                                                           \
    {                                                                                                                  \
        "--local-address", "IP", "connect from this address of the computer", .setting = "LocalAddress"                \
    }
#define OPTION_USER                                                                                                    \
    {                                                                                                                  \
        "--user", "NAME", "user name for AUTH; prompts for its password", .setting = "User"                            \
    }
#define OPTION_FORCE                                                                                                   \
    {                                                                                                                  \
        "--force", NULL, "send ETRN even if the host does not offer it", .setting = "ForceETRN"                        \
    }
#define OPTION_TIMEOUT                                                                                                 \
    {                                                                                                                  \
        "--timeout", "SECONDS", "longest wait for a connection or a reply, 60 by default"                              \
    }
#define OPTION_EXCEPT                                                                                                  \
    {                                                                                                                  \
        "--except", "HOST", "ignore this MX host; may be repeated", true                                               \
    }

const struct command commands[] = {
    {.name = "enable",
     .words = "",
     .summary = "set AlwaysUseETRN to 1",
     .details =
         "Sets AlwaysUseETRN (REG_DWORD) in the service's Parameters key to 1. EtrnSvc applies the change at once; "
         "another service applies it when it next reads its key. If the value is already set, nothing is written.",
     .example = "etrnctl enable --service MSExchangeIMC -y",
     .options = {OPTION_SERVICE, OPTION_YES, OPTION_COMPUTER},
     .run = run_enable},
    {.name = "disable",
     .words = "",
     .summary = "set AlwaysUseETRN to 0",
     .details = "Sets AlwaysUseETRN (REG_DWORD) in the service's Parameters key to 0. Open sessions end after the "
                "reply they are waiting for.",
     .example = "etrnctl disable",
     .options = {OPTION_SERVICE, OPTION_YES, OPTION_COMPUTER},
     .run = run_disable},
    {.name = "status",
     .words = "",
     .summary = "show the state of the service and of each host",
     .details = "Shows whether the service is installed, running and enabled, and the last result for each domain. "
                "Failing hosts come first, with what to do.",
     .example = "etrnctl status --watch",
     .options = {OPTION_JSON, {"--watch", NULL, "update the display at each change, until Ctrl+C"}, OPTION_COMPUTER},
     .run = run_status},
    {.name = "add",
     .words = "HOST[:PORT] DOMAIN...",
     .summary = "add a host, or add domains to a host",
     .details =
         "Adds a host, or adds domains to an existing host. Domains are sent as written: domain, @domain (includes "
         "subdomains) or #queue; non-ASCII names are converted to their A-label form (xn--...). With --from-mx, HOST "
         "is omitted and is found as by etrnctl discover. --user prompts for the password; if standard input is not a "
         "console, it reads the password from there, as one line. --run-service also permits EtrnSvc to start and stop "
         "that service.",
     .example = "etrnctl add mail.isp.example example.com @example.net",
     .most = -1,
     .options = {{"--from-mx", NULL, "omit HOST; find it by the MX records of the domains"},
                 OPTION_EXCEPT,
                 {"--port", "N", "TCP port; 25 by default, 79 for --method finger", .setting = "Port"},
                 {"--fallback", "HOST", "HOST[:PORT] to ask if the host fails; may be repeated", true,
                  .setting = "Fallback"},
                 OPTION_TLS,
                 OPTION_FINGERPRINT,
                 OPTION_HELO,
                 OPTION_LOCAL_ADDRESS,
                 {"--interval", "MINUTES", "interval of this host", .setting = "IntervalMinutes"},
                 {"--schedule", "LINE", "when to ask, as in crontab; may be repeated", true, .setting = "Schedule"},
                 OPTION_USER,
                 OPTION_FORCE,
                 {"--method", "WORD", "etrn, finger or program; etrn by default", .setting = "Method"},
                 {"--program", "COMMAND", "the command that --method program runs", .setting = "Program"},
                 {"--wake", "HOST", "PING this host until it answers, before asking", .setting = "WakeHost"},
                 {"--run-service", "NAME", "start this service before asking; stop it afterwards",
                  .setting = "RunService"},
                 OPTION_COMPUTER},
     .run = run_add},
    {.name = "discover",
     .words = "DOMAIN...",
     .summary = "find the hosts that hold mail for domains",
     .details =
         "Looks up the MX hosts of the domains, leaves out this computer, and asks each of the others whether it "
         "offers ETRN; no ETRN is sent. Prints the command that adds the hosts found. etrnctl add --from-mx does both.",
     .example = "etrnctl discover example.com",
     .least = 1,
     .most = -1,
     .options = {OPTION_EXCEPT, OPTION_PORT, OPTION_HELO, OPTION_TIMEOUT, OPTION_JSON},
     .run = run_discover},
    {.name = "remove",
     .words = "HOST",
     .summary = "remove a host",
     .details =
         "Removes the host and all its settings. Open sessions with it end after the reply they are waiting for. To "
         "remove a domain only, set the others: etrnctl config set Domains DOMAIN... --host HOST.",
     .example = "etrnctl remove mail.isp.example",
     .least = 1,
     .most = 1,
     .options = {OPTION_COMPUTER},
     .run = run_remove},
    {.name = "config",
     .words = "[list|get|set|unset] [NAME [VALUE...]]",
     .summary = "show and change settings",
     .details =
         "list shows each setting with its value, where the value comes from, what is allowed and what it does. "
         "get prints one value; set checks a value and writes it; unset restores the default. To set a host's "
         "Password, omit VALUE: you are prompted for it; if standard input is not a console, it is read from there, "
         "as one line. It is never displayed.",
     .example = "etrnctl config set IntervalMinutes 30",
     .verbs = {"list", "get", "set", "unset"},
     .most = -1,
     .options = {OPTION_HOST, OPTION_JSON, OPTION_COMPUTER},
     .run = run_config},
    {.name = "run",
     .words = "[HOST...]",
     .summary = "make the service ask now, and show the results",
     .details = "Without HOST, all hosts are asked. A host that was asked less than MinimumGapSeconds ago is asked "
                "after that time. The exit code is that of the worst result.",
     .example = "etrnctl run mail.isp.example",
     .most = -1,
     .options = {OPTION_JSON},
     .run = run_run},
    {.name = "test",
     .words = "HOST[:PORT] [DOMAIN...]",
     .summary = "ask a host from this console, and explain each reply",
     .details = "Shows the conversation as in telnet, with what each reply means and what to do. The service is not "
                "involved. Without DOMAIN, checks only whether the host offers ETRN. If the host is configured with "
                "User, its stored password is used if you are permitted to read it, as administrators are.",
     .example = "etrnctl test mail.isp.example example.com",
     .least = 1,
     .most = -1,
     .options = {OPTION_PORT,
                 OPTION_HELO,
                 OPTION_LOCAL_ADDRESS,
                 OPTION_TLS,
                 OPTION_FINGERPRINT,
                 OPTION_TIMEOUT,
                 OPTION_USER,
                 {"--auth-in-clear", NULL, "send the password even if TLS does not protect it"},
                 OPTION_FORCE,
                 {"--transcript", "FILE", "also write the output to a file"},
                 OPTION_JSON},
     .run = run_test},
    {.name = "backup",
     .words = "FILE.reg",
     .summary = "save the Parameters key to a file",
     .details = "Writes a registration file of regedit. The file begins by deleting the key, so that reg import, "
                "regedit and etrnctl restore bring back exactly this state. Every command that changes the key saves "
                "such a file in %ProgramData%\\EtrnSvc\\backup first; the last 20 are kept. Passwords are not saved.",
     .example = "etrnctl backup before-the-move.reg",
     .least = 1,
     .most = 1,
     .options = {OPTION_SERVICE, OPTION_COMPUTER},
     .run = run_backup},
    {.name = "restore",
     .words = "FILE.reg",
     .summary = "restore a saved Parameters key",
     .details = "Reads a registration file of regedit (UTF-16 or UTF-8) and checks all of it before anything is "
                "written. Keys outside the service's Parameters key are refused. Either all changes are made, or none.",
     .example = "etrnctl restore before-the-move.reg",
     .least = 1,
     .most = 1,
     .options = {OPTION_SERVICE, OPTION_YES, OPTION_COMPUTER},
     .run = run_restore},
    {.name = "doctor",
     .words = "",
     .summary = "find problems, and show how to correct them",
     .details = "Checks the service, its account and path, the settings, the hosts' names and the event source. The "
                "exit code is 0 only if no problem is found.",
     .example = "etrnctl doctor",
     .options = {OPTION_JSON, OPTION_COMPUTER},
     .run = run_doctor},
    {.name = "service",
     .words = "install|uninstall|start|stop",
     .summary = "manage a service that the MSI did not install",
     .details =
         "install registers etrnsvc.exe, which must be in the folder of this program; uninstall stops the service and "
         "removes it with its settings, status and backups.",
     .example = "etrnctl service install",
     .verbs = {"install", "uninstall", "start", "stop"},
     .least = 1,
     .most = 1,
     .options = {OPTION_COMPUTER},
     .run = run_service},
    {.name = "completion",
     .words = "",
     .summary = "print a script for command completion in PowerShell",
     .details = "To have completion in each session, add this line to your PowerShell profile.",
     .example = "etrnctl completion | Out-String | Invoke-Expression",
     .run = run_completion},
};
const size_t command_count = sizeof commands / sizeof commands[0];
