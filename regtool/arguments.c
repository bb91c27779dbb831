#include "arguments.h"

#include "failure.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- given options ---- */

/* Returns the index of the option in `word`, "--name" or "--name=value", or OPTION_LIMIT if there is none. */
static size_t find_option(const struct command *command, const char *word)
{
    size_t length = strcspn(word, "=");
    for (size_t i = 0; i < OPTION_LIMIT && command->options[i].name; i++) {
        const char *name = command->options[i].name;
        if (strncmp(name, word, length) == 0 && name[length] == '\0')
            return i;
    }
    return OPTION_LIMIT;
}

const char *option_value(const struct arguments *a, const char *name)
{
    size_t place = find_option(a->command, name);
    return place < OPTION_LIMIT ? a->values[place] : NULL;
}

const char *service_option(const struct arguments *a)
{
    const char *service = option_value(a, "--service");
    return service ? service : SERVICE_NAME;
}

enum exit_code option_number(const struct arguments *a, const char *name, unsigned long most, unsigned long *value)
{
    const char *word = option_value(a, name);
    if (!word || (text_number(word, most, value) && *value > 0))
        return EXIT_DONE;
    talk("etrnctl: %s: \"%s\" is not a number from 1 to %lu\n", name, word, most);
    return EXIT_INVALID;
}

static size_t count_lines(const char *text)
{
    size_t lines = 1;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* Splits words->lines into `count` words. */
static void cut_lines(struct option_words *words, size_t count)
{
    char *line = words->lines;
    while (words->count + 1 < count) {
        words->items[words->count++] = line;
        line += strcspn(line, "\n");
        *line++ = '\0';
    }
    words->items[words->count++] = line;
}

enum exit_code option_words(const struct arguments *a, const char *name, struct option_words *words)
{
    size_t place = find_option(a->command, name);
    *words = (struct option_words){0};
    if (place == OPTION_LIMIT || !a->values[place])
        return EXIT_DONE;
    const struct option *o = &a->command->options[place];
    const char *value = o->value ? a->values[place] : "1";
    size_t count = o->repeats ? count_lines(value) : 1;
    words->lines = text_copy(value);
    words->items = calloc(count, sizeof *words->items);
    if (words->lines && words->items) {
        cut_lines(words, count);
        return EXIT_DONE;
    }
    return fail(ERROR_NOT_ENOUGH_MEMORY, "%s", name);
}

void option_words_free(struct option_words *words)
{
    free(words->lines);
    free(words->items);
    *words = (struct option_words){0};
}

/* ---- passwords ---- */

/* Whether the word tries to give a password on the command line. */
static bool is_password(const char *word)
{
    return strncmp(word, "--password", 10) == 0 && (word[10] == '\0' || word[10] == '=');
}

enum exit_code refuse_password(const struct command *command)
{
    return usage_error(command, "a password cannot be given on the command line, where other users of this computer "
                                "can read it; omit it to be prompted, or pass it on standard input");
}

/* ---- reading the command line ---- */

/* Appends the value of a repeated option to the earlier ones, one per line. */
static enum exit_code join_value(struct arguments *a, size_t place, const char *value)
{
    const char *had = a->values[place];
    size_t size = strlen(had) + strlen(value) + 2;
    char *both = malloc(size);
    if (!both)
        return fail(ERROR_NOT_ENOUGH_MEMORY, "%s", a->command->options[place].name);
    snprintf(both, size, "%s\n%s", had, value);
    free(a->joined[place]);
    a->values[place] = a->joined[place] = both;
    return EXIT_DONE;
}

/* Stores an option's value, after the earlier ones if the option may be repeated. */
static enum exit_code take_value(struct arguments *a, size_t place, const char *value)
{
    if (a->values[place] && a->command->options[place].repeats)
        return join_value(a, place, value);
    a->values[place] = value;
    return EXIT_DONE;
}

/* Takes the option `*word` and its value. If the value is the next word, `*word` is advanced to it. */
static enum exit_code take_option(struct arguments *a, char ***word, char *const *end)
{
    const char *name = **word;
    size_t place = find_option(a->command, name);
    const char *equals = strchr(name, '=');
    const char *wanted = place < OPTION_LIMIT ? a->command->options[place].value : NULL;
    if (place == OPTION_LIMIT || (equals && !wanted))
        return usage_error(a->command, "%s: no such option", name);
    if (equals)
        return take_value(a, place, equals + 1);
    if (!wanted)
        return take_value(a, place, "");
    if (*word + 1 < end)
        return take_value(a, place, *++*word);
    return usage_error(a->command, "%s requires a value: %s", name, wanted);
}

enum exit_code arguments_take(struct arguments *a, const struct command *command, int count, char **words)
{
    enum exit_code code = EXIT_DONE;
    *a = (struct arguments){.command = command, .words = words};
    for (char **word = words; code == EXIT_DONE && word < words + count; word++) {
        if ((*word)[0] != '-' || (*word)[1] == '\0')
            a->words[a->count++] = *word;
        else if (is_password(*word)) /* not quoted in the message, because the word may contain the password */
            code = refuse_password(command);
        else
            code = take_option(a, &word, words + count);
    }
    return code;
}

void arguments_free(struct arguments *a)
{
    for (size_t i = 0; i < OPTION_LIMIT; i++)
        free(a->joined[i]);
    *a = (struct arguments){0};
}
