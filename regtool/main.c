/* etrnctl: the tool for the administrator of EtrnSvc. */
#include "command.h"

#include <stdlib.h>

const struct command commands[] = {
    {"enable", "[--service NAME] [-y]", "set AlwaysUseETRN to 1",
     "Sets AlwaysUseETRN (REG_DWORD) to 1 in the service's Parameters key. EtrnSvc follows at once; another service\n"
     "when it reads its key again. With --service, another service's key is set: MSExchangeIMC, for one.\n"
     "-y answers the question that --service asks on a console.\n\n"
     "Example: etrnctl enable --service MSExchangeIMC -y\n",
     run_enable},
    {"disable", "[--service NAME] [-y]", "set AlwaysUseETRN to 0",
     "Sets AlwaysUseETRN (REG_DWORD) to 0. Sessions that are open end after the reply they wait for.\n\n"
     "Example: etrnctl disable\n",
     run_disable},
    {"status", "[--json]", "on or off, next round, and each host's last outcome",
     "Shows whether the service is installed, running and enabled, and what became of each node, failing ones first.\n"
     "--json prints the same for programs (\"schema\": 1, times in ISO 8601, UTC).\n\n"
     "Example: etrnctl status\n",
     run_status},
    {"add", "HOST[:PORT] DOMAIN... [--port N] [--tls MODE] [--helo NAME] [--interval MINUTES] [--force]",
     "have a host asked for domains",
     "Adds a host, or further domains to one that is there already. A domain is sent as written: domain, @domain\n"
     "(subdomains too) or #queue. --tls is none, may, require or implicit. --force sends ETRN though it is not offered.\n\n"
     "Example: etrnctl add mail.isp.example example.com @example.net\n",
     run_add},
    {"remove", "HOST", "forget a host",
     "Removes the host and all its settings. Sessions with it end after the reply they wait for.\n\n"
     "Example: etrnctl remove mail.isp.example\n",
     run_remove},
    {"config", "list|get NAME|set NAME VALUE...|unset NAME [--host HOST]", "look at and change settings",
     "list shows each setting with its value and where that comes from; get prints one; set checks a value and writes\n"
     "it; unset goes back to the default. With --host, a host's settings.\n\n"
     "Example: etrnctl config set IntervalMinutes 30\n",
     run_config},
    {"run", "[HOST...]", "have the service ask now, and show the outcomes",
     "Without HOST all hosts are asked. MinimumGapSeconds still holds. The exit code is that of the worst outcome.\n\n"
     "Example: etrnctl run mail.isp.example\n",
     run_run},
    {"test", "HOST[:PORT] [DOMAIN...] [--port N] [--helo NAME] [--timeout SECONDS] [--force]",
     "ask a host from here, and explain each reply",
     "Shows the conversation as it would be typed into telnet, with what each reply means and what to do. The service\n"
     "takes no part. Without DOMAIN it looks whether the host offers ETRN.\n\n"
     "Example: etrnctl test mail.isp.example example.com\n",
     run_test},
    {"service", "install|uninstall|start|stop", "manage the service, for copies without the MSI",
     "install registers etrnsvc.exe that lies beside this program; uninstall stops and removes it with its settings.\n\n"
     "Example: etrnctl service install\n",
     run_service},
};
const size_t command_count = sizeof commands / sizeof commands[0];

static void print_usage(void)
{
    out("etrnctl " VERSION ": enables, configures and checks EtrnSvc, which asks mail hosts to deliver (SMTP ETRN).\n\n"
        "Usage: etrnctl COMMAND [ARGUMENTS]\n\n");
    for (size_t i = 0; i < command_count; i++)
        out("  %-9s %s\n", commands[i].name, commands[i].summary);
    out("\nMore on one: etrnctl COMMAND --help\n\n"
        "Exit codes: 0 done; 1 the remote host refused; 2 usage; 3 no such service, host or value;\n"
        "4 network or TLS failure; 5 access denied; 6 cancelled; 7 invalid value or configuration.\n");
}

static bool is_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "/?") == 0 || strcmp(argument, "-h") == 0;
}

bool take_options(const struct command *self, const struct option *options, size_t option_count, int *count,
                  char **arguments)
{
    int kept = 0;
    for (int i = 0; i < *count; i++) {
        char *argument = arguments[i];
        if (argument[0] != '-' || argument[1] == '\0') {
            arguments[kept++] = argument;
            continue;
        }
        size_t length = strcspn(argument, "=");
        const struct option *option = NULL;
        for (size_t k = 0; k < option_count && !option; k++)
            if (strncmp(options[k].name, argument, length) == 0 && options[k].name[length] == '\0')
                option = &options[k];
        bool attached = argument[length] == '=';
        if (!option || (attached && !option->value)) {
            usage_error(self, "%s: no such option", argument);
            return false;
        }
        if (!option->value) {
            *option->flag = true;
        } else if (attached) {
            *option->value = argument + length + 1;
        } else if (i + 1 < *count) {
            *option->value = arguments[++i];
        } else {
            usage_error(self, "%s needs a value", argument);
            return false;
        }
    }
    *count = kept;
    return true;
}

static enum exit_code dispatch(int count, char **arguments)
{
    if (count == 0) {
        print_usage();
        return EXIT_USAGE;
    }
    if (is_help(arguments[0])) {
        print_usage();
        return EXIT_DONE;
    }
    if (strcmp(arguments[0], "--version") == 0) {
        out("etrnctl " VERSION "\n");
        return EXIT_DONE;
    }
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &commands[i];
        if (!text_same(arguments[0], command->name))
            continue;
        if (count > 1 && is_help(arguments[1])) {
            out("Usage: etrnctl %s %s\n\n%s\n", command->name, command->arguments, command->help);
            return EXIT_DONE;
        }
        return command->run(command, count - 1, arguments + 1);
    }
    return usage_error(NULL, "%s: no such command", arguments[0]);
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    harden_process();
    char **arguments = calloc((size_t)argc + 1, sizeof *arguments);
    for (int i = 1; arguments && i < argc; i++)
        if (!(arguments[i - 1] = narrow_copy(argv[i])))
            return (int)fail(ERROR_NOT_ENOUGH_MEMORY, "starting");
    return arguments ? (int)dispatch(argc - 1, arguments) : (int)fail(ERROR_NOT_ENOUGH_MEMORY, "starting");
}
