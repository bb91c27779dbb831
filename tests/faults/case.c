#include "case.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 65536 };

static void misread(const struct fault_case *c, const char *line)
{
    fprintf(stderr, "%s: what does this mean: %s\n", c->id, line);
    exit(2);
}

static char digit(char c)
{
    return (char)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* One octet as written, \xNN or itself. */
static char octet(const char **at)
{
    if (**at != '\\')
        return *(*at)++;
    char value = (char)(digit((*at)[2]) * 16 + digit((*at)[3]));
    *at += 4;
    return value;
}

/* Writes what `text` stands for to `out`, or only counts where that is NULL. */
static size_t unescape(const char *text, char *out)
{
    size_t length = 0;
    while (*text) {
        size_t first = length;
        unsigned long times = 1;
        bool group = *text == '{';
        if (group)
            times = strtoul(text + 1, (char **)&text, 10), text++;
        while (*text && (group ? *text != '}' : length == first)) {
            char c = octet(&text);
            if (out)
                out[length] = c;
            length++;
        }
        size_t part = length - first;
        for (unsigned long i = 1; i < times; i++, length += part)
            if (out)
                memcpy(out + length, out + first, part);
        text += group && *text;
    }
    return length;
}

static char *unescaped(const char *text, size_t *length)
{
    *length = unescape(text, NULL);
    char *out = malloc(*length + 1);
    if (!out)
        exit(2);
    unescape(text, out);
    out[*length] = '\0';
    return out;
}

/* The word at `*line`, ended by a NUL; `*line` goes behind it. */
static const char *word(char **line)
{
    char *begin = *line;
    char *end = begin + strcspn(begin, " ");
    *line = *end ? end + 1 : end;
    *end = '\0';
    return begin;
}

static void take_setting(struct fault_case *c, char *line)
{
    static const char *const modes[] = {"none", "may", "require", "implicit"};
    const char *name = word(&line);
    bool one = strcmp(line, "1") == 0;
    if (strcmp(name, "ForceETRN") == 0) {
        c->force_etrn = one;
        return;
    }
    if (strcmp(name, "AuthInClear") == 0) {
        c->in_clear = one;
        return;
    }
    if (strcmp(name, "User") == 0 || strcmp(name, "Password") == 0) {
        snprintf(*name == 'U' ? c->user : c->password, sizeof c->user, "%s", line);
        return;
    }
    for (enum tls_mode mode = TLS_NONE; strcmp(name, "Tls") == 0 && mode <= TLS_IMPLICIT; mode++)
        if (strcmp(line, modes[mode]) == 0) {
            c->tls = mode;
            return;
        }
    misread(c, line);
}

static void take_result(struct fault_case *c, char *line)
{
    struct expected *result = &c->results[c->result_count++];
    snprintf(result->outcome, sizeof result->outcome, "%s", word(&line));
    result->code = (int)strtol(word(&line), NULL, 10);
    snprintf(result->words, sizeof result->words, "%s", line);
}

static void take_step(struct fault_case *c, const char *kind, char *line)
{
    static const char *const kinds[] = {"S", "C", "wait", "drip", "close", "reset", "TLS"};
    struct step *step = &c->steps[c->step_count++];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kind, kinds[i]) == 0) {
            step->kind = (enum step_kind)i;
            step->ms = strtol(word(&line), NULL, 10);
            step->data = unescaped(line, &step->length);
            return;
        }
    misread(c, kind);
}

bool case_read(FILE *file, struct fault_case *c)
{
    static char buffer[LINE_SIZE];
    *c = (struct fault_case){.tls = TLS_MAY};
    while (fgets(buffer, sizeof buffer, file)) {
        char *line = buffer;
        size_t length;
        buffer[strcspn(buffer, "\n")] = '\0';
        const char *kind = word(&line);
        if (strcmp(kind, "end") == 0)
            return true;
        if (c->step_count == STEPS || c->result_count == NODES || c->node_count == NODES)
            misread(c, "more than there is room for");
        if (strcmp(kind, "case") == 0)
            snprintf(c->id, sizeof c->id, "%s", line);
        else if (strcmp(kind, "set") == 0)
            take_setting(c, line);
        else if (strcmp(kind, "node") == 0)
            c->nodes[c->node_count++] = unescaped(line, &length);
        else if (strcmp(kind, "result") == 0)
            take_result(c, line);
        else
            take_step(c, kind, line);
    }
    return false;
}

void case_free(struct fault_case *c)
{
    for (size_t i = 0; i < c->node_count; i++)
        free(c->nodes[i]);
    for (size_t i = 0; i < c->step_count; i++)
        free(c->steps[i].data);
}
