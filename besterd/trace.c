#include "besterd/trace.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "libbester/json.h"

void trace_source_init(struct trace_source *self)
{
    struct timespec now;
    self->count = 0;
    if (getrandom(&self->key, sizeof self->key, GRND_NONBLOCK) == (ssize_t)sizeof self->key)
        return;
    /* A kernel without entropy: traces tell messages apart, they keep no secret. */
    clock_gettime(CLOCK_REALTIME, &now);
    self->key =
        (uint64_t)now.tv_sec * 1000000007U + (uint64_t)now.tv_nsec * 31U + (uint64_t)getpid();
}

/* The finalizer of splitmix64: a bijection, so that no number comes twice. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

void trace_make(struct trace *self, struct trace_source *source)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = mix(source->key + ++source->count * 0x9e3779b97f4a7c15U);
    for (int i = 15; i >= 0; i--) {
        self->text[i] = digits[number & 15];
        number >>= 4;
    }
    self->text[16] = '\0';
}

bool trace_take(struct trace *self, struct span token)
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
    char text[TRACE_MAX + 1];
    size_t len;
    if (token.at == NULL || json_decode(token, text, sizeof text, &len) != STATUS_OK)
        return false;
    if (len == 0 || strspn(text, alphabet) != len)
        return false;
    memcpy(self->text, text, len + 1);
    return true;
}
