#include "acl.h"

#include <string.h>

enum {
    AT_SIZE = 2, /* of a list's header and of an entry's: where the size stands */
    AT_COUNT = 4,
    AT_FLAGS = 1,
    ACE_HEADER_SIZE = 4,
    ACE_FIXED_SIZE = 8,   /* header and access mask: the SID follows */
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

/* What there is to know of a list before it is touched. */
struct layout {
    size_t count, end; /* entries, and where the last of them ends */
    size_t own_end;    /* where the first inherited one begins, or `end` */
    size_t found;      /* where the wanted entry stands; 0 for nowhere */
};

static bool look(const unsigned char *acl, size_t size, const unsigned char *ace, struct layout *l)
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
    return look(acl, size, ace, &l) && l.found;
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
    if (!look(acl, size, ace, &l) || l.end + size_of(ace) > ACL_SIZE_LIMIT || l.count == 0xFFFF)
        return 0;
    memcpy(out, acl, l.own_end);
    memcpy(out + l.own_end, ace, size_of(ace));
    memcpy(out + l.own_end + size_of(ace), acl + l.own_end, l.end - l.own_end);
    return finish(out, l.end + size_of(ace), l.count + 1);
}

size_t acl_remove(const unsigned char *acl, size_t size, const unsigned char *ace, unsigned char *out)
{
    struct layout l;
    if (!look(acl, size, ace, &l))
        return 0;
    size_t gap = l.found ? size_of(ace) : 0;
    size_t before = l.found ? l.found : l.end;
    memcpy(out, acl, before);
    memcpy(out + before, acl + before + gap, l.end - before - gap);
    return finish(out, l.end - gap, l.count - (gap > 0));
}
