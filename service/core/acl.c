#include "acl.h"

#include <string.h>

/* The SID of NT SERVICE\EtrnSvc: S-1-5-80 and, as five little-endian numbers, the SHA-1 of the service's name in upper
 * case and UTF-16LE. */
#define SERVICE_SID_SDDL "S-1-5-80-1426243365-2558868936-284887586-1424137211-1728627022"

const unsigned char acl_start_stop[ACE_SIZE] = {
    0x00,     0x00,             /* ACCESS_ALLOWED_ACE_TYPE, no flags */
    ACE_SIZE, 0x00,             /* its size */
    0x34,     0x00, 0x00, 0x00, /* SERVICE_QUERY_STATUS | SERVICE_START | SERVICE_STOP */
    0x01,     0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x50, 0x00, 0x00, 0x00, 0x25, 0xBF, 0x02, 0x55,
    0xC8,     0x3D, 0x85, 0x98, 0x22, 0x0A, 0xFB, 0x10, 0xFB, 0x9B, 0xE2, 0x54, 0x4E, 0xC1, 0x08, 0x67,
};
const char acl_start_stop_sddl[] = "(A;;LCRPWP;;;" SERVICE_SID_SDDL ")";

enum {
    AT_SIZE = 2, /* of a list's header and of an entry's: where the size stands */
    AT_COUNT = 4,
    AT_FLAGS = 1,
    ACE_HEADER_SIZE = 4,
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
        if (!l->found && length == ACE_SIZE && memcmp(at, ace, ACE_SIZE) == 0)
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
    if (!look(acl, size, ace, &l) || l.end + ACE_SIZE > ACL_SIZE_LIMIT || l.count == 0xFFFF)
        return 0;
    memcpy(out, acl, l.own_end);
    memcpy(out + l.own_end, ace, ACE_SIZE);
    memcpy(out + l.own_end + ACE_SIZE, acl + l.own_end, l.end - l.own_end);
    return finish(out, l.end + ACE_SIZE, l.count + 1);
}

size_t acl_remove(const unsigned char *acl, size_t size, const unsigned char *ace, unsigned char *out)
{
    struct layout l;
    if (!look(acl, size, ace, &l))
        return 0;
    size_t gap = l.found ? ACE_SIZE : 0;
    size_t before = l.found ? l.found : l.end;
    memcpy(out, acl, before);
    memcpy(out + before, acl + before + gap, l.end - before - gap);
    return finish(out, l.end - gap, l.count - (gap > 0));
}
