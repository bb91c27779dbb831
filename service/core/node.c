#include "node.h"

#include "text.h"

#include <string.h>

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Allows letters, digits and hyphens, and underscores, which real host names contain. A final dot is refused. */
static enum node_fault domain_fault(const char *domain)
{
    size_t label = 0;
    for (const char *c = domain;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label == 0 || label > 63 || c[-1] == '-')
                return NODE_LABEL;
            if (*c == '\0')
                return NODE_FINE;
            label = 0;
            continue;
        }
        if ((unsigned char)*c >= 0x80)
            return NODE_NOT_ASCII;
        if (!is_alphanumeric(*c) && *c != '-' && *c != '_')
            return NODE_CHARACTER;
        if (*c == '-' && label == 0)
            return NODE_LABEL;
        label++;
    }
}

/* The server chooses the names of its queues: anything printable without a space. */
static enum node_fault queue_fault(const char *queue)
{
    for (; *queue; queue++) {
        if ((unsigned char)*queue >= 0x80)
            return NODE_NOT_ASCII;
        if (*queue <= ' ' || *queue == 0x7F)
            return NODE_CHARACTER;
    }
    return NODE_FINE;
}

enum node_fault node_fault(const char *node)
{
    bool queue = node[0] == '#';
    const char *name = node[0] == '@' || queue ? node + 1 : node;
    if (!*name)
        return NODE_EMPTY;
    if (strlen(node) > NODE_LIMIT)
        return NODE_TOO_LONG;
    return queue ? queue_fault(name) : domain_fault(name);
}

const char *node_fault_text(enum node_fault fault)
{
    static const char *const texts[] = {
        [NODE_FINE] = "is fine",
        [NODE_EMPTY] = "contains no name",
        [NODE_TOO_LONG] = "is longer than 255 characters",
        [NODE_CHARACTER] = "has a character that is not allowed in a domain",
        [NODE_NOT_ASCII] = "has a non-ASCII character; use its A-label form (xn--...)",
        [NODE_LABEL] =
            "has a part between dots that is empty, is longer than 63 characters, or begins or ends with a hyphen",
    };
    return texts[fault];
}

/* Deliberately loose: the resolver decides whether it is an address. A zone may follow: fe80::1%3. */
static bool looks_like_ipv6(const char *name)
{
    const char *colon = strchr(name, ':');
    const char *zone = name + strspn(name, "0123456789abcdefABCDEF:.");
    return colon && strchr(colon + 1, ':') && (!*zone || (*zone == '%' && domain_fault(zone + 1) == NODE_FINE));
}

bool host_name_valid(const char *name)
{
    return strlen(name) <= NODE_LIMIT && (looks_like_ipv6(name) || domain_fault(name) == NODE_FINE);
}

bool host_split(const char *text, char *host, unsigned size, unsigned *port)
{
    const char *end = text + strlen(text);
    const char *start = text;
    const char *colon = strrchr(text, ':');
    if (text[0] == '[') {
        const char *bracket = strchr(text, ']');
        if (!bracket || (bracket[1] != '\0' && bracket[1] != ':'))
            return false;
        start = text + 1;
        end = bracket;
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
    } else if (looks_like_ipv6(text)) {
        colon = NULL;
    } else if (colon) {
        end = colon;
    }
    unsigned long number = 0;
    if (colon && (!text_number(colon + 1, 65535, &number) || number == 0))
        return false;
    if ((size_t)(end - start) >= size)
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    if (colon)
        *port = (unsigned)number;
    return host_name_valid(host) && (text[0] != '[' || looks_like_ipv6(host));
}
