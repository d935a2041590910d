/*
 * hash_watch: stands before libsodium's Argon2id, in the one program that includes it:
 * counts what is hashed, notes the passwords in order, and holds up those that begin
 * with 'h' ("held") until it is told to let them go.
 */
#ifndef TESTS_BESTERD_HASH_WATCH_H
#define TESTS_BESTERD_HASH_WATCH_H

#include <dlfcn.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { HASH_WATCH_MAX = 4096 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool holds;
    size_t count;
    char initials[HASH_WATCH_MAX]; /* of the passwords that were begun, in order */
} hash_watch = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void hash_watch_note(const char *password)
{
    pthread_mutex_lock(&hash_watch.lock);
    if (hash_watch.count < HASH_WATCH_MAX)
        hash_watch.initials[hash_watch.count++] = password[0];
    pthread_cond_broadcast(&hash_watch.changed);
    while (hash_watch.holds && password[0] == 'h')
        pthread_cond_wait(&hash_watch.changed, &hash_watch.lock);
    pthread_mutex_unlock(&hash_watch.lock);
}

int crypto_pwhash(unsigned char *const out, unsigned long long outlen, const char *const passwd,
    unsigned long long passwdlen, const unsigned char *const salt, unsigned long long opslimit,
    size_t memlimit, int alg)
{
    int (*real)(unsigned char *, unsigned long long, const char *, unsigned long long,
        const unsigned char *, unsigned long long, size_t, int);
    hash_watch_note(passwd);
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_pwhash");
    return real(out, outlen, passwd, passwdlen, salt, opslimit, memlimit, alg);
}

int crypto_pwhash_str_verify(
    const char str[crypto_pwhash_STRBYTES], const char *const passwd, unsigned long long passwdlen)
{
    int (*real)(const char *, const char *, unsigned long long);
    hash_watch_note(passwd);
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_pwhash_str_verify");
    return real(str, passwd, passwdlen);
}

int crypto_pwhash_str_alg(char out[crypto_pwhash_STRBYTES], const char *const passwd,
    unsigned long long passwdlen, unsigned long long opslimit, size_t memlimit, int alg)
{
    int (*real)(char *, const char *, unsigned long long, unsigned long long, size_t, int);
    hash_watch_note(passwd);
    *(void **)&real = dlsym(RTLD_NEXT, "crypto_pwhash_str_alg");
    return real(out, passwd, passwdlen, opslimit, memlimit, alg);
}

/* How many there were since the last call. */
static inline size_t hash_watch_count(void)
{
    pthread_mutex_lock(&hash_watch.lock);
    size_t count = hash_watch.count;
    hash_watch.count = 0;
    pthread_mutex_unlock(&hash_watch.lock);
    return count;
}

static inline void hash_watch_hold(bool holds)
{
    pthread_mutex_lock(&hash_watch.lock);
    hash_watch.holds = holds;
    pthread_cond_broadcast(&hash_watch.changed);
    pthread_mutex_unlock(&hash_watch.lock);
}

/* Waits until one whose password begins so was begun; its place among all. */
static inline size_t hash_watch_await(char initial)
{
    const char *at;
    pthread_mutex_lock(&hash_watch.lock);
    while (!(at = memchr(hash_watch.initials, initial, hash_watch.count)))
        pthread_cond_wait(&hash_watch.changed, &hash_watch.lock);
    size_t place = (size_t)(at - hash_watch.initials);
    pthread_mutex_unlock(&hash_watch.lock);
    return place;
}

#endif
