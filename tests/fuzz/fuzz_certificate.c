/* A host's name and a fingerprint, each up to LF, then the names in a certificate, whatever they are. */
#include "certificate.h"

#include "fuzz.h"

static void check_names(const char *host, const uint8_t *data, size_t size)
{
    void *names = exactly(data, size);
    struct identity named = {.name = host};
    struct identity addressed = {.name = host, .address = {127, 0, 0, 1}, .address_size = 4};
    char words[64];
    struct text t;
    bool found = certificate_matches(names, size, &named) || certificate_matches(names, size, &addressed);
    text_begin(&t, words, sizeof words);
    certificate_list_names(names, size, &t);
    MUST(!found || t.length > 0);
    for (size_t i = 0; i < t.length; i++)
        MUST((unsigned char)words[i] >= 0x20 && words[i] != 0x7F);
    free(names);
}

static void check_fingerprint(const char *words)
{
    uint8_t read[FINGERPRINT_SIZE];
    uint8_t again[FINGERPRINT_SIZE];
    char shown[3 * FINGERPRINT_SIZE];
    struct text t;
    if (!fingerprint_read(words, read))
        return;
    for (int colons = 0; colons < 2; colons++) {
        text_begin(&t, shown, sizeof shown);
        fingerprint_show(read, colons, &t);
        MUST(!t.cut && fingerprint_read(shown, again) && memcmp(read, again, sizeof read) == 0);
    }
}

/* Takes a line off the front; the caller frees it. NULL when there is none. */
static char *take_line(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
    if (!end)
        return NULL;
    size_t length = (size_t)(end - *data);
    char *line = exactly(*data, length + 1);
    line[length] = '\0';
    *data = end + 1;
    *size -= length + 1;
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *host = take_line(&data, &size);
    char *fingerprint = host ? take_line(&data, &size) : NULL;
    if (fingerprint) {
        check_fingerprint(fingerprint);
        check_names(host, data, size);
    }
    free(host);
    free(fingerprint);
    return 0;
}
