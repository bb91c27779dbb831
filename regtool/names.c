#include "names.h"

#include "../service/core/node.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_ascii(const char *word)
{
    while (*word && (unsigned char)*word < 0x80)
        word++;
    return !*word;
}

/* NULL when it is no IDN. */
static char *domain_to_ascii(const char *domain)
{
    wchar_t ascii[NODE_LIMIT + 1];
    wchar_t *wide = wide_copy(domain);
    int length = wide ? IdnToAscii(0, wide, -1, ascii, ARRAYSIZE(ascii)) : 0;
    free(wide);
    return length > 0 ? narrow_copy(ascii) : NULL;
}

char *name_to_ascii(const char *word)
{
    if (is_ascii(word))
        return text_copy(word);
    bool prefixed = *word == '@' || *word == '#';
    char *domain = domain_to_ascii(word + prefixed);
    if (!domain) {
        talk("etrnctl: \"%s\" is not a domain name; expected letters, digits and hyphens between dots\n", word);
        return NULL;
    }
    size_t size = strlen(domain) + 2;
    char *whole = malloc(size);
    if (whole)
        snprintf(whole, size, "%.1s%s", prefixed ? word : "", domain);
    free(domain);
    return whole;
}

/* "name:port" with the name in its A-label form; NULL when it is no IDN. */
static char *host_to_ascii(const char *word)
{
    if (is_ascii(word))
        return text_copy(word);
    size_t length = strcspn(word, ":");
    char *name = text_copy(word);
    if (name)
        name[length] = '\0';
    char *ascii = name ? domain_to_ascii(name) : NULL;
    size_t size = ascii ? strlen(ascii) + strlen(word + length) + 1 : 0;
    char *whole = ascii ? malloc(size) : NULL;
    if (whole)
        snprintf(whole, size, "%s%s", ascii, word + length);
    free(ascii);
    free(name);
    return whole;
}

bool name_split_host(const char *word, char *host, size_t size, unsigned *port)
{
    char *ascii = host_to_ascii(word);
    bool fine = ascii && host_split(ascii, host, (unsigned)size, port);
    free(ascii);
    if (!fine)
        talk("etrnctl: \"%s\" is not a host; expected a domain name or an IP address, and :PORT from 1 to 65535\n",
             word);
    return fine;
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
        talk("etrnctl: %s: no such host; etrnctl status shows those there are\n", name);
    return EXIT_NOT_FOUND;
}
