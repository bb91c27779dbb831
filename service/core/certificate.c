#include "certificate.h"

#include "hex.h"

#include <string.h>

enum {
    DER_SEQUENCE = 0x30,
    NAME_DNS = 0x82,    /* [2] IA5String */
    NAME_ADDRESS = 0x87 /* [7] OCTET STRING */
};

struct der {
    const uint8_t *at;
    size_t left;
};

/* Takes one element whose length has at most three octets. Returns false at the end, and for anything else. */
static bool der_take(struct der *d, uint8_t *tag, struct der *value)
{
    if (d->left < 2)
        return false;
    size_t length = d->at[1];
    size_t header = 2;
    if (length & 0x80) {
        size_t octets = length & 0x7F;
        if (octets < 1 || octets > 3 || d->left < 2 + octets)
            return false;
        length = 0;
        for (; header < 2 + octets; header++)
            length = length << 8 | d->at[header];
    }
    if (length > d->left - header)
        return false;
    *tag = d->at[0];
    *value = (struct der){d->at + header, length};
    d->at += header + length;
    d->left -= header + length;
    return true;
}

/* Returns the contents of GeneralNames, or nothing if it is not one. */
static struct der open_names(const void *names, size_t size)
{
    struct der all = {names, names ? size : 0};
    struct der inside;
    uint8_t tag;
    if (!der_take(&all, &tag, &inside) || tag != DER_SEQUENCE)
        return (struct der){0};
    return inside;
}

/* ---- matching ---- */

static char lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Compares byte by byte: a NUL inside the certificate's name must not end it. */
static bool same(const uint8_t *name, size_t size, const char *host, size_t length)
{
    if (size != length)
        return false;
    for (size_t i = 0; i < size; i++)
        if (lower(name[i]) != lower((uint8_t)host[i]))
            return false;
    return true;
}

static bool name_matches(const struct der *name, const char *host)
{
    size_t length = strlen(host);
    if (length > 0 && host[length - 1] == '.')
        length--;
    if (name->left < 3 || name->at[0] != '*' || name->at[1] != '.')
        return length > 0 && same(name->at, name->left, host, length);
    size_t label = strcspn(host, ".");
    bool deep =
        memchr(name->at + 2, '.', name->left - 2) != NULL; /* a wildcard must not cover a whole top-level domain */
    return deep && label > 0 && label < length && same(name->at + 1, name->left - 1, host + label, length - label);
}

bool certificate_matches(const void *names, size_t size, const struct identity *host)
{
    struct der all = open_names(names, size);
    struct der name;
    uint8_t tag;
    while (der_take(&all, &tag, &name)) {
        if (host->address_size > 0) {
            if (tag == NAME_ADDRESS && name.left == host->address_size &&
                memcmp(name.at, host->address, name.left) == 0)
                return true;
        } else if (tag == NAME_DNS && name_matches(&name, host->name)) {
            return true;
        }
    }
    return false;
}

/* ---- text ---- */

static void show_address(const struct der *address, struct text *out)
{
    if (address->left == 4)
        text_add(out, "%u.%u.%u.%u", address->at[0], address->at[1], address->at[2], address->at[3]);
    for (size_t i = 0; address->left == 16 && i < 16; i += 2)
        text_add(out, "%s%x", i ? ":" : "", (unsigned)(address->at[i] << 8 | address->at[i + 1]));
}

void certificate_list_names(const void *names, size_t size, struct text *out)
{
    struct der all = open_names(names, size);
    struct der name;
    uint8_t tag;
    for (const char *between = ""; !out->cut && der_take(&all, &tag, &name);) {
        bool address = tag == NAME_ADDRESS && (name.left == 4 || name.left == 16);
        if (tag != NAME_DNS && !address)
            continue;
        text_add(out, "%s", between);
        between = ", ";
        if (address)
            show_address(&name, out);
        else
            text_add_escaped(out, (const char *)name.at, name.left);
    }
}

/* ---- fingerprints ---- */

bool fingerprint_read(const char *words, uint8_t fingerprint[FINGERPRINT_SIZE])
{
    const char *end = words + strlen(words);
    for (size_t i = 0; i < FINGERPRINT_SIZE; i++) {
        uint32_t octet;
        if (i > 0 && (*words == ':' || *words == ' '))
            words++;
        if (hex_read(&words, end, 2, &octet) != 2)
            return false;
        fingerprint[i] = (uint8_t)octet;
    }
    return *words == '\0';
}

void fingerprint_show(const uint8_t fingerprint[FINGERPRINT_SIZE], bool colons, struct text *out)
{
    hex_add(out, fingerprint, FINGERPRINT_SIZE, colons ? ":" : "");
}
