#include "acl.h"

#include <string.h>

enum {
    AT_SIZE = 2, /* offset of the size, in a list's header and in an entry's */
    AT_COUNT = 4,
    AT_FLAGS = 1,
    ACE_HEADER_SIZE = 4,
    ACE_FIXED_SIZE = 8,   /* header and access mask, before the SID */
    FLAG_INHERITED = 0x10 /* INHERITED_ACE */
};

static size_t read_word(const unsigned char *at)
{
    return (size_t)(at[0] | at[1] << 8);
}

static void write_word(unsigned char *at, size_t word)
{
    at[0] = (unsigned char)word;
    at[1] = (unsigned char)(word >> 8);
}

static size_t size_of(const unsigned char *ace)
{
    return read_word(ace + AT_SIZE);
}

bool acl_allow(uint32_t mask, const unsigned char *sid, size_t sid_size, unsigned char ace[ACE_SIZE_LIMIT])
{
    if (sid_size > ACE_SIZE_LIMIT - ACE_FIXED_SIZE)
        return false;
    ace[0] = 0; /* ACCESS_ALLOWED_ACE_TYPE */
    ace[AT_FLAGS] = 0;
    write_word(ace + AT_SIZE, ACE_FIXED_SIZE + sid_size);
    write_word(ace + 4, mask & 0xFFFF);
    write_word(ace + 6, mask >> 16);
    memcpy(ace + ACE_FIXED_SIZE, sid, sid_size);
    return true;
}

/* What is found out about a list before it is changed. */
struct layout {
    size_t count, end; /* number of entries, and the offset of their end */
    size_t own_end;    /* offset of the first inherited entry, or `end` */
    size_t found;      /* offset of the wanted entry; 0 if it is not there */
};

static bool inspect(const unsigned char *acl, size_t size, const unsigned char *ace, struct layout *l)
{
    *l = (struct layout){.end = ACL_HEADER_SIZE};
    if (size < ACL_HEADER_SIZE || read_word(acl + AT_SIZE) < ACL_HEADER_SIZE || read_word(acl + AT_SIZE) > size)
        return false;
    size = read_word(acl + AT_SIZE);
    l->count = read_word(acl + AT_COUNT);
    for (size_t i = 0; i < l->count; i++) {
        const unsigned char *at = acl + l->end;
        if (size - l->end < ACE_HEADER_SIZE)
            return false;
        size_t length = read_word(at + AT_SIZE);
        if (length < ACE_HEADER_SIZE || length > size - l->end)
            return false;
        if (!l->own_end && at[AT_FLAGS] & FLAG_INHERITED)
            l->own_end = l->end;
        if (!l->found && length == size_of(ace) && memcmp(at, ace, length) == 0)
            l->found = l->end;
        l->end += length;
    }
    if (!l->own_end)
        l->own_end = l->end;
    return true;
}

bool acl_has(const unsigned char *acl, size_t size, const unsigned char *ace)
{
    struct layout l;
    return inspect(acl, size, ace, &l) && l.found;
}

static size_t finish(unsigned char *out, size_t size, size_t count)
{
    write_word(out + AT_SIZE, size);
    write_word(out + AT_COUNT, count);
    return size;
}

size_t acl_add(const unsigned char *acl, size_t size, const unsigned char *ace, unsigned char *out)
{
    struct layout l;
    if (!inspect(acl, size, ace, &l) || l.end + size_of(ace) > ACL_SIZE_LIMIT || l.count == 0xFFFF)
        return 0;
    memcpy(out, acl, l.own_end);
    memcpy(out + l.own_end, ace, size_of(ace));
    memcpy(out + l.own_end + size_of(ace), acl + l.own_end, l.end - l.own_end);
    return finish(out, l.end + size_of(ace), l.count + 1);
}

size_t acl_remove(const unsigned char *acl, size_t size, const unsigned char *ace, unsigned char *out)
{
    struct layout l;
    if (!inspect(acl, size, ace, &l))
        return 0;
    size_t gap = l.found ? size_of(ace) : 0;
    size_t before = l.found ? l.found : l.end;
    memcpy(out, acl, before);
    memcpy(out + before, acl + before + gap, l.end - before - gap);
    return finish(out, l.end - gap, l.count - (gap > 0));
}
