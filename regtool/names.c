#include "names.h"

#include "../service/core/node.h"
#include "failure.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_ascii(const char *word)
{
    while (*word && (unsigned char)*word < 0x80)
        word++;
    return !*word;
}

/* The caller frees the result. NULL with ERROR_NOT_ENOUGH_MEMORY, or with another error if it is not a valid IDN. */
static char *domain_to_ascii(const char *domain)
{
    wchar_t ascii[NODE_LIMIT + 1];
    wchar_t *wide = wide_copy(domain);
    if (!wide)
        return NULL;
    int length = IdnToAscii(0, wide, -1, ascii, ARRAYSIZE(ascii));
    DWORD error = length > 0 ? 0 : ERROR_INVALID_NAME;
    free(wide);
    SetLastError(error);
    return length > 0 ? narrow_copy(ascii) : NULL;
}

/* The caller frees the result. NULL with ERROR_NOT_ENOUGH_MEMORY if memory is short. */
static char *join(const char *head, size_t head_length, const char *middle, const char *tail)
{
    size_t size = head_length + strlen(middle) + strlen(tail) + 1;
    char *whole = malloc(size);
    if (whole)
        snprintf(whole, size, "%.*s%s%s", (int)head_length, head, middle, tail);
    else
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return whole;
}

/* Returns a copy of the word in which the domain, `length` characters after the first `skip`, is replaced by its
 * A-label form. */
static char *encode(const char *word, size_t skip, size_t length)
{
    char *domain = join(word + skip, length, "", "");
    char *ascii = domain ? domain_to_ascii(domain) : NULL;
    char *whole = ascii ? join(word, skip, ascii, word + skip + length) : NULL;
    DWORD error = GetLastError();
    free(domain);
    free(ascii);
    SetLastError(error);
    return whole;
}

static bool out_of_memory(void)
{
    return GetLastError() == ERROR_NOT_ENOUGH_MEMORY;
}

enum exit_code name_to_ascii(const char *word, char **ascii)
{
    size_t skip = *word == '@' || *word == '#';
    *ascii = is_ascii(word) ? join(word, 0, word, "") : encode(word, skip, strlen(word + skip));
    if (*ascii)
        return EXIT_DONE;
    if (out_of_memory())
        return fail(ERROR_NOT_ENOUGH_MEMORY, "%s", word);
    talk("etrnctl: \"%s\" is not a domain name; expected letters, digits and hyphens, separated by dots\n", word);
    return EXIT_INVALID;
}

enum exit_code name_split_host(const char *word, char *host, size_t size, unsigned *port)
{
    char *ascii = is_ascii(word) ? join(word, 0, word, "") : encode(word, 0, strcspn(word, ":"));
    if (!ascii && out_of_memory())
        return fail(ERROR_NOT_ENOUGH_MEMORY, "%s", word);
    bool split = ascii && host_split(ascii, host, (unsigned)size, port);
    free(ascii);
    if (split)
        return EXIT_DONE;
    talk("etrnctl: \"%s\" is not a valid host; expected a domain name or an IP address, optionally followed by :PORT "
         "(1 to 65535)\n",
         word);
    return EXIT_INVALID;
}

const char *name_near_host(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->host_count; i++)
        if (text_near(config->hosts[i].name, name))
            return config->hosts[i].name;
    return NULL;
}

enum exit_code name_unknown_host(const struct config *config, const char *name)
{
    const char *meant = name_near_host(config, name);
    if (meant)
        talk("etrnctl: %s: no such host; did you mean %s?\n", name, meant);
    else
        talk("etrnctl: %s: no such host; for a list: etrnctl status\n", name);
    return EXIT_NOT_FOUND;
}
