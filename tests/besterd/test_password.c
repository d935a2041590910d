/* password: whose hash it is, and that nothing else passes for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "besterd/password.h"

static const struct span secret = SPAN_LITERAL("secret");
static const struct span wrong = SPAN_LITERAL("wrong");

static int set_up(void **state)
{
    (void)state;
    return password_init() == STATUS_OK ? 0 : -1;
}

static void test_its_own_hash(void **state)
{
    char hash[PASSWORD_HASH_CAP];
    (void)state;
    assert_int_equal(password_hash(secret, hash), STATUS_OK);
    assert_int_equal(password_verify(secret, hash), STATUS_OK);
    assert_int_equal(password_verify(wrong, hash), STATUS_AUTH_FAILED);
    assert_int_equal(password_verify((struct span){.at = "", .len = 0}, hash), STATUS_AUTH_FAILED);
    assert_int_equal(password_verify(secret, NULL), STATUS_AUTH_FAILED);
}

/* What another program has made, with less work, is Argon2id all the same; one letter that
 * differs makes it another hash, or none. */
static void test_hashes_of_others(void **state)
{
    char hash[crypto_pwhash_STRBYTES];
    (void)state;
    assert_int_equal(
        crypto_pwhash_str_alg(hash, secret.at, secret.len, crypto_pwhash_argon2id_OPSLIMIT_MIN,
            crypto_pwhash_argon2id_MEMLIMIT_MIN, crypto_pwhash_ALG_ARGON2ID13),
        0);
    assert_int_equal(password_verify(secret, hash), STATUS_OK);
    assert_int_equal(password_verify(wrong, hash), STATUS_AUTH_FAILED);
    for (size_t i = 0; i < strlen(hash); i++) {
        char kept = hash[i];
        hash[i] = kept == 'A' ? 'E' : 'A';
        assert_int_not_equal(password_verify(secret, hash), STATUS_OK);
        hash[i] = '\0';
        assert_int_not_equal(password_verify(secret, hash), STATUS_OK);
        hash[i] = kept;
    }
    assert_int_equal(password_verify(secret, hash), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_its_own_hash),
        cmocka_unit_test(test_hashes_of_others),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
