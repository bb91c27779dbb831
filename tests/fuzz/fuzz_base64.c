/* base64 from a server: within its room, and only one text for the same octets. */
#include "base64.h"

#include "fuzz.h"

static void check_decode(const uint8_t *data, size_t size)
{
    char *text = exactly(data, size);
    size_t most = size / 4 * 3;
    unsigned char *octets = malloc(most ? most : 1);
    size_t got = 0;
    MUST(octets);
    if (base64_decode(text, size, octets, most, &got)) {
        MUST(got <= most);
        char *again = malloc(BASE64_SIZE(got));
        MUST(again && base64_encode(octets, got, again, BASE64_SIZE(got)));
        MUST(strlen(again) == size && memcmp(again, text, size) == 0);
        free(again);
        size_t less;
        MUST(got == 0 || !base64_decode(text, size, octets, got - 1, &less));
    }
    free(octets);
    free(text);
}

static void check_encode(const uint8_t *data, size_t size)
{
    char *text = malloc(BASE64_SIZE(size));
    unsigned char *octets = malloc(size + 1);
    size_t got;
    MUST(text && octets && base64_encode(data, size, text, BASE64_SIZE(size)));
    MUST(strlen(text) == BASE64_SIZE(size) - 1);
    MUST(base64_decode(text, strlen(text), octets, size, &got) && got == size);
    MUST(size == 0 || memcmp(octets, data, size) == 0);
    free(octets);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_decode(data, size);
    check_encode(data, size);
    return 0;
}
