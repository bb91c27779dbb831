/* Whatever a server sends: lines within their limits, the same however the bytes are split. */
#include "reply.h"

#include "fuzz.h"

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *octets = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ octets[i]) * 0x100000001B3u; /* FNV-1a */
    return hash;
}

static void check_line(const struct reply *r)
{
    MUST(r->length < REPLY_LINE_LIMIT - 1 && r->line[r->length] == '\0');
    MUST(r->total <= REPLY_LIMIT);
    MUST(r->code >= 200 && r->code <= 599);
    MUST(r->code == (r->line[0] - '0') * 100 + (r->line[1] - '0') * 10 + (r->line[2] - '0'));
    for (size_t i = 0; i < r->length; i++)
        MUST((unsigned char)r->line[i] >= 0x20 || r->line[i] == '\t');
    MUST(r->length <= 4 ? *reply_text(r) == '\0' : reply_text(r) == r->line + 4);
}

/* Reads it all in parts of `part` octets; what came of it is returned as one number. */
static uint64_t read_all(const char *bytes, size_t count, size_t part)
{
    struct reply r;
    uint64_t hash = 0xCBF29CE484222325u;
    reply_begin(&r);
    while (count > 0) {
        size_t used;
        size_t given = part < count ? part : count;
        enum reply_status status = reply_input(&r, bytes, given, &used);
        MUST(used <= given && (used > 0 || status == REPLY_BROKEN));
        MUST(status != REPLY_MORE || used == given);
        MUST((status == REPLY_BROKEN) == (r.fault != REPLY_FINE));
        bytes += used;
        count -= used;
        if (status == REPLY_MORE)
            continue;
        if (status == REPLY_BROKEN) {
            MUST(strlen(r.line) < REPLY_LINE_LIMIT && *reply_fault_text(r.fault));
            MUST(reply_input(&r, bytes, count, &used) == REPLY_BROKEN && used == 0);
            return mix(hash, &r.fault, sizeof r.fault);
        }
        check_line(&r);
        MUST(r.last == (status == REPLY_LAST));
        hash = mix(mix(hash, r.line, r.length + 1), &status, sizeof status);
    }
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *bytes = (const char *)data + 1;
    uint64_t whole = read_all(bytes, size - 1, SIZE_MAX);
    MUST(read_all(bytes, size - 1, 1) == whole);
    MUST(read_all(bytes, size - 1, data[0] + 2u) == whole);
    return 0;
}
