#include "besterd/password.h"

#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OWASP's first choice for Argon2id: 19 MiB, 2 passes, 1 lane. */
enum { PASSES = 2, MEMORY_KIB = 19456 };

_Static_assert(PASSWORD_HASH_CAP == crypto_pwhash_STRBYTES, "the size of a hash text");

/* A hash that no password has, with the parameters of those made today: what an
 * unknown user's password is compared with, so that he costs what others cost. */
static char nobody[PASSWORD_HASH_CAP];

enum status password_init(void)
{
    if (sodium_init() < 0)
        return STATUS_INTERNAL;
    snprintf(nobody, sizeof nobody,
        "$argon2id$v=19$m=%d,t=%d,p=1$"
        "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        MEMORY_KIB, PASSES);
    return STATUS_OK;
}

enum status password_hash(struct span password, char out[PASSWORD_HASH_CAP])
{
    if (password.len == 0 || password.len > PASSWORD_MAX)
        return STATUS_INVALID;
    char made[PASSWORD_HASH_CAP];
    if (crypto_pwhash_str_alg(made, password.at, password.len, PASSES, (size_t)MEMORY_KIB * 1024,
            crypto_pwhash_ALG_ARGON2ID13) != 0)
        return STATUS_NO_MEMORY;
    memcpy(out, made, sizeof made);
    return STATUS_OK;
}

/* What a hash text of ours says. */
struct hashed {
    unsigned long passes;
    unsigned long memory_kib;
    unsigned char salt[crypto_pwhash_SALTBYTES];
    unsigned char hash[32];
};

/* Takes size bytes from Base64 up to the character that is to follow. */
static bool take_base64(const char **at, unsigned char *out, size_t size, char next)
{
    const char *end = NULL;
    size_t len = 0;

    if (sodium_base642bin(out, size, *at, strlen(*at), NULL, &len, &end,
            sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
        len != size || *end != next)
        return false;
    *at = end + 1;
    return true;
}

static bool take_number(const char **at, const char *before, unsigned long *out)
{
    size_t len = strlen(before);
    char *end;

    if (strncmp(*at, before, len) != 0)
        return false;
    errno = 0;
    *out = strtoul(*at + len, &end, 10);
    *at = end;
    return errno == 0 && *out > 0 && *out <= UINT32_MAX;
}

/* False: a text that another program has made, with parameters that we never take. */
static bool hashed_parse(struct hashed *out, const char *text)
{
    unsigned long lanes;

    return take_number(&text, "$argon2id$v=19$m=", &out->memory_kib) &&
           take_number(&text, ",t=", &out->passes) && take_number(&text, ",p=", &lanes) &&
           lanes == 1 && out->memory_kib >= crypto_pwhash_argon2id_MEMLIMIT_MIN / 1024 &&
           *text++ == '$' && take_base64(&text, out->salt, sizeof out->salt, '$') &&
           take_base64(&text, out->hash, sizeof out->hash, '\0');
}

/* Not by crypto_pwhash_str_verify, which calls a password wrong when there is no memory to
 * look at it. */
static enum status hashed_verify(const struct hashed *self, struct span password)
{
    unsigned char made[sizeof self->hash];

    if (crypto_pwhash(made, sizeof made, password.at, password.len, self->salt, self->passes,
            (size_t)self->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return STATUS_OVERLOADED;
    return sodium_memcmp(made, self->hash, sizeof made) == 0 ? STATUS_OK : STATUS_AUTH_FAILED;
}

enum status password_verify(struct span password, const char *hash)
{
    if (password.len == 0 || password.len > PASSWORD_MAX)
        return STATUS_AUTH_FAILED; /* told by its length alone, whoever the user is */
    const char *against = hash != NULL ? hash : nobody;
    if (strncmp(against, "$argon2id$", 10) != 0)
        return STATUS_INTERNAL;
    struct hashed hashed;
    if (hashed_parse(&hashed, against)) {
        enum status status = hashed_verify(&hashed, password);
        return status == STATUS_OK && hash == NULL ? STATUS_AUTH_FAILED : status;
    }
    errno = 0;
    if (crypto_pwhash_str_verify(against, password.at, password.len) == 0)
        return hash != NULL ? STATUS_OK : STATUS_AUTH_FAILED;
    /* libsodium tells "is not the password" from "could not find out" by errno
     * alone. */
    if (errno == EINVAL)
        return STATUS_AUTH_FAILED;
    return errno == ENOMEM ? STATUS_OVERLOADED : STATUS_INTERNAL;
}

/* Takes the same time wherever they differ. */
static bool is_same(struct span password, struct span plain)
{
    unsigned char padded[2][PASSWORD_MAX] = {{0}, {0}};
    if (plain.len == 0 || plain.len > PASSWORD_MAX)
        return false;
    memcpy(padded[0], password.at, password.len);
    memcpy(padded[1], plain.at, plain.len);
    bool same = sodium_memcmp(padded[0], padded[1], PASSWORD_MAX) == 0 && password.len == plain.len;
    sodium_memzero(padded, sizeof padded);
    return same;
}

enum status password_verify_plain(
    struct span password, struct span plain, char out[PASSWORD_HASH_CAP])
{
    char made[PASSWORD_HASH_CAP];
    enum status status = password_hash(password, made);
    if (status == STATUS_INVALID)
        return STATUS_AUTH_FAILED; /* told by its length alone, whoever the user is */
    if (status != STATUS_OK)
        return STATUS_OVERLOADED;
    bool same = is_same(password, plain);
    if (same)
        memcpy(out, made, sizeof made);
    sodium_memzero(made, sizeof made);
    return same ? STATUS_OK : STATUS_AUTH_FAILED;
}

void password_wipe(void *at, size_t len)
{
    sodium_memzero(at, len);
}
