#include "digest.h"

#include "win.h"

#include <bcrypt.h>

struct algorithm {
    const wchar_t *name;
    ULONG size; /* of the digest, in octets */
    ULONG flags;
};

static bool compute(const struct algorithm *algorithm, const void *key, size_t key_size, const void *data, size_t size,
                    unsigned char *digest)
{
    BCRYPT_ALG_HANDLE provider;
    BCRYPT_HASH_HANDLE hash = NULL;
    if (BCryptOpenAlgorithmProvider(&provider, algorithm->name, NULL, algorithm->flags) != 0)
        return false;
    bool done = BCryptCreateHash(provider, &hash, NULL, 0, (PUCHAR)key, (ULONG)key_size, 0) == 0 &&
                BCryptHashData(hash, (PUCHAR)data, (ULONG)size, 0) == 0 &&
                BCryptFinishHash(hash, digest, algorithm->size, 0) == 0;
    if (hash)
        BCryptDestroyHash(hash);
    BCryptCloseAlgorithmProvider(provider, 0);
    return done;
}

bool digest_sha1(const void *data, size_t size, unsigned char digest[20])
{
    static const struct algorithm sha1 = {BCRYPT_SHA1_ALGORITHM, 20, 0};
    return compute(&sha1, NULL, 0, data, size, digest);
}

bool digest_hmac_md5(const void *key, size_t key_size, const void *data, size_t size, unsigned char digest[16])
{
    static const struct algorithm hmac = {BCRYPT_MD5_ALGORITHM, 16, BCRYPT_ALG_HANDLE_HMAC_FLAG};
    return compute(&hmac, key, key_size, data, size, digest);
}
