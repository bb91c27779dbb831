/* The table of etrnctl's commands: the command line, help, completion and the README come out of it. */
#include "command.h"

#define OPTION_COMPUTER                                                                                                \
    {                                                                                                                  \
        "--computer", "NAME", "work on another computer, as sc \\\\NAME does"                                          \
    }
#define OPTION_JSON                                                                                                    \
    {                                                                                                                  \
        "--json", NULL, "print it for programs (\"schema\": 1, UTF-8)"                                                 \
    }
#define OPTION_YES                                                                                                     \
    {                                                                                                                  \
        "-y", NULL, "do not ask"                                                                                       \
    }
#define OPTION_SERVICE                                                                                                 \
    {                                                                                                                  \
        "--service", "NAME", "another service's key, MSExchangeIMC for one"                                            \
    }
#define OPTION_HOST                                                                                                    \
    {                                                                                                                  \
        "--host", "HOST", "a host's setting instead of the service's"                                                  \
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
        "--tls-fingerprint", "HEX", "the host must show this certificate, whoever issued it",                          \
            .setting = "TlsFingerprint"                                                                                \
    }
#define OPTION_HELO                                                                                                    \
    {                                                                                                                  \
        "--helo", "NAME", "name to give in EHLO instead of this computer's", .setting = "HeloName"                     \
    }
#define OPTION_LOCAL_ADDRESS                                                                                           \
    {                                                                                                                  \
        "--local-address", "IP", "the address of this computer to connect from", .setting = "LocalAddress"             \
    }
#define OPTION_USER                                                                                                    \
    {                                                                                                                  \
        "--user", "NAME", "the name for AUTH; its password is asked for", .setting = "User"                            \
    }
#define OPTION_FORCE                                                                                                   \
    {                                                                                                                  \
        "--force", NULL, "send ETRN though the host does not offer it", .setting = "ForceETRN"                         \
    }
#define OPTION_TIMEOUT                                                                                                 \
    {                                                                                                                  \
        "--timeout", "SECONDS", "longest wait for a connection or a reply, 60 by default"                              \
    }
#define OPTION_EXCEPT                                                                                                  \
    {                                                                                                                  \
        "--except", "HOST", "leave this MX host out; may be repeated", true                                            \
    }

const struct command commands[] = {
    {.name = "enable",
     .words = "",
     .summary = "set AlwaysUseETRN to 1",
     .details = "Sets AlwaysUseETRN (REG_DWORD) in the service's Parameters key to 1. EtrnSvc follows at once; another "
                "service when it reads its key again. Nothing is written when it is so already.",
     .example = "etrnctl enable --service MSExchangeIMC -y",
     .options = {OPTION_SERVICE, OPTION_YES, OPTION_COMPUTER},
     .run = run_enable},
    {.name = "disable",
     .words = "",
     .summary = "set AlwaysUseETRN to 0",
     .details = "Sets AlwaysUseETRN (REG_DWORD) in the service's Parameters key to 0. Sessions that are open end after "
                "the reply they wait for.",
     .example = "etrnctl disable",
     .options = {OPTION_SERVICE, OPTION_YES, OPTION_COMPUTER},
     .run = run_disable},
    {.name = "status",
     .words = "",
     .summary = "on or off, next round, each host's last outcome",
     .details = "Shows whether the service is installed, running and enabled, and what became of each node, failing "
                "ones first, with what to do.",
     .example = "etrnctl status --watch",
     .options = {OPTION_JSON, {"--watch", NULL, "show it anew whenever it changes, until Ctrl+C"}, OPTION_COMPUTER},
     .run = run_status},
    {.name = "add",
     .words = "HOST[:PORT] DOMAIN...",
     .summary = "have a host asked for domains",
     .details = "Adds a host, or further domains to one that is there. A domain is sent as it is written: domain, "
                "@domain (subdomains too) or #queue; letters outside ASCII become its A-label form (xn--...). With "
                "--from-mx there is no HOST: it is found as etrnctl discover does. The password of --user is asked "
                "for, or read as a line where standard input is no console.",
     .example = "etrnctl add mail.isp.example example.com @example.net",
     .least = 1,
     .most = -1,
     .options =
         {{"--from-mx", NULL, "no HOST: find it by the domains' MX records"},
          OPTION_EXCEPT,
          {"--port", "N", "TCP port; by default the method's own, 25 for etrn", .setting = "Port"},
          {"--fallback", "HOST", "or HOST:PORT, asked when it fails; may be repeated", true, .setting = "Fallback"},
          OPTION_TLS,
          OPTION_FINGERPRINT,
          OPTION_HELO,
          OPTION_LOCAL_ADDRESS,
          {"--interval", "MINUTES", "ask this host as often as this", .setting = "IntervalMinutes"},
          {"--schedule", "LINE", "ask at these times, as in crontab; may be repeated", true, .setting = "Schedule"},
          OPTION_USER,
          OPTION_FORCE,
          {"--method", "WORD", "etrn, finger or program; etrn by default", .setting = "Method"},
          {"--program", "COMMAND", "what --method program runs", .setting = "Program"},
          {"--wake", "HOST", "PING this one until it answers, first", .setting = "WakeHost"},
          {"--run-service", "NAME", "a service that runs meanwhile; EtrnSvc may start it", .setting = "RunService"},
          OPTION_COMPUTER},
     .run = run_add},
    {.name = "discover",
     .words = "DOMAIN...",
     .summary = "find the hosts that hold a domain's mail",
     .details = "Looks up the domains' MX hosts, leaves out this computer, asks each of the others whether it offers "
                "ETRN (no ETRN is sent), and prints the command that adds what it found. etrnctl add "
                "--from-mx does both.",
     .example = "etrnctl discover example.com",
     .least = 1,
     .most = -1,
     .options = {OPTION_EXCEPT, OPTION_PORT, OPTION_HELO, OPTION_TIMEOUT, OPTION_JSON},
     .run = run_discover},
    {.name = "remove",
     .words = "HOST",
     .summary = "forget a host",
     .details = "Removes the host and all its settings. Sessions with it end after the reply they wait for.",
     .example = "etrnctl remove mail.isp.example",
     .least = 1,
     .most = 1,
     .options = {OPTION_COMPUTER},
     .run = run_remove},
    {.name = "config",
     .words = "[list|get|set|unset] [NAME [VALUE...]]",
     .summary = "look at and change settings",
     .details =
         "list shows each setting with its value, where that comes from, what is allowed and what it means; get "
         "prints one; set checks a value and writes it; unset goes back to the default. A host's Password is set "
         "without VALUE: it is asked for, or read as a line where standard input is no console; it is shown to "
         "nobody.",
     .example = "etrnctl config set IntervalMinutes 30",
     .verbs = {"list", "get", "set", "unset"},
     .most = -1,
     .options = {OPTION_HOST, OPTION_JSON, OPTION_COMPUTER},
     .run = run_config},
    {.name = "run",
     .words = "[HOST...]",
     .summary = "have the service ask now, and show the outcomes",
     .details = "Without HOST all hosts are asked. MinimumGapSeconds still holds. The exit code is that of the worst "
                "outcome.",
     .example = "etrnctl run mail.isp.example",
     .most = -1,
     .options = {OPTION_JSON},
     .run = run_run},
    {.name = "test",
     .words = "HOST[:PORT] [DOMAIN...]",
     .summary = "ask a host from here, and explain each reply",
     .details = "Shows the conversation as one would type it into telnet, with what each reply means and what to do. "
                "The service takes no part. Without DOMAIN it looks whether the host offers ETRN. A host that is "
                "configured with User is asked with its stored password, where that may be read.",
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
                 {"--auth-in-clear", NULL, "send the password though TLS does not protect it"},
                 OPTION_FORCE,
                 {"--transcript", "FILE", "write what is shown to a file as well"},
                 OPTION_JSON},
     .run = run_test},
    {.name = "backup",
     .words = "FILE.reg",
     .summary = "save the Parameters key",
     .details = "Writes a file of regedit's own format. It begins by deleting the key, so that reg import, regedit and "
                "etrnctl restore bring back exactly this state. Every change saves one by itself in "
                "%ProgramData%\\EtrnSvc\\backup; the last 20 are kept.",
     .example = "etrnctl backup before-the-move.reg",
     .least = 1,
     .most = 1,
     .options = {OPTION_SERVICE, OPTION_COMPUTER},
     .run = run_backup},
    {.name = "restore",
     .words = "FILE.reg",
     .summary = "write a saved key back",
     .details = "Reads a file of regedit's format, UTF-16 or UTF-8, and checks all of it before anything is written. "
                "What lies outside the service's Parameters key is refused. Either all of it is done, or nothing.",
     .example = "etrnctl restore before-the-move.reg",
     .least = 1,
     .most = 1,
     .options = {OPTION_SERVICE, OPTION_YES, OPTION_COMPUTER},
     .run = run_restore},
    {.name = "doctor",
     .words = "",
     .summary = "find what is wrong, and say how to mend it",
     .details = "Looks at the service, its account and path, the settings, the hosts' names and the event source. The "
                "exit code is 0 only when all is well.",
     .example = "etrnctl doctor",
     .options = {OPTION_JSON, OPTION_COMPUTER},
     .run = run_doctor},
    {.name = "service",
     .words = "install|uninstall|start|stop",
     .summary = "manage the service, for copies without the MSI",
     .details = "install registers the etrnsvc.exe that lies beside this program; uninstall stops the service and "
                "removes it with its settings, status and backups.",
     .example = "etrnctl service install",
     .verbs = {"install", "uninstall", "start", "stop"},
     .least = 1,
     .most = 1,
     .options = {OPTION_COMPUTER},
     .run = run_service},
    {.name = "completion",
     .words = "",
     .summary = "print a script that completes commands in PowerShell",
     .details = "To have it in each session, add this line to your PowerShell profile.",
     .example = "etrnctl completion | Out-String | Invoke-Expression",
     .run = run_completion},
};
const size_t command_count = sizeof commands / sizeof commands[0];
