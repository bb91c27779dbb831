/* etrnctl completion: a PowerShell argument completer, made from the tables of commands and settings. */
#include "../service/core/settings.h"
#include "../service/win/secret.h"
#include "command.h"
#include "output.h"

static void print_words(const char *const *words, size_t count)
{
    for (size_t i = 0; i < count && words[i]; i++)
        out("%s'%s'", i ? ", " : "", words[i]);
}

static void print_command(const struct command *command)
{
    const char *names[OPTION_LIMIT + 1];
    size_t count = 0;
    for (const struct option *o = command->options; o->name; o++)
        names[count++] = o->name;
    names[count++] = "--help";
    out("    '%s' = @{ Words = @(", command->name);
    print_words(command->verbs, WORD_LIMIT);
    out("); Options = @(");
    print_words(names, count);
    out(") }\n");
}

static void print_settings(const char *variable, enum setting_scope scope)
{
    bool first = true;
    out("$%s = @(", variable);
    for (size_t i = 0; i < settings_count; i++)
        if (settings[i].scope == scope) {
            out("%s'%s'", first ? "" : ", ", settings[i].name);
            first = false;
        }
    out("%s)\n", scope == SCOPE_HOST ? ", '" SECRET_NAME "'" : "");
}

enum exit_code run_completion(const struct arguments *a)
{
    (void)a;
    out("# Completes etrnctl's commands in PowerShell. Made by: etrnctl completion\n");
    out("$EtrnctlCommands = [ordered]@{\n");
    for (size_t i = 0; i < command_count; i++)
        print_command(&commands[i]);
    out("}\n");
    print_settings("EtrnctlValues", SCOPE_SERVICE);
    print_settings("EtrnctlHostValues", SCOPE_HOST);
    out("Register-ArgumentCompleter -Native -CommandName etrnctl -ScriptBlock {\n"
        "    param($word, $ast, $position)\n"
        "    $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { \"$_\" } |\n"
        "        Where-Object { $_ -ne $word })\n"
        "    $choices = if ($words.Count -eq 0) { $EtrnctlCommands.Keys }\n"
        "    else {\n"
        "        $command = $EtrnctlCommands[$words[0]]\n"
        "        $values = if ($words -contains '--host') { $EtrnctlHostValues } else { $EtrnctlValues }\n"
        "        if ($word -like '-*') { $command.Options }\n"
        "        elseif ($words[0] -eq 'config' -and $words.Count -ge 2) { $values }\n"
        "        elseif ($words.Count -eq 1) { $command.Words }\n"
        "    }\n"
        "    $choices | Where-Object { $_ -like \"$word*\" } | ForEach-Object {\n"
        "        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)\n"
        "    }\n"
        "}\n");
    return EXIT_DONE;
}
