#include "besterd/siphash.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static uint64_t little_endian(const unsigned char *bytes, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

static void rounds(struct state *self, unsigned count)
{
    while (count-- > 0) {
        self->v0 += self->v1;
        self->v1 = rotate(self->v1, 13) ^ self->v0;
        self->v0 = rotate(self->v0, 32);
        self->v2 += self->v3;
        self->v3 = rotate(self->v3, 16) ^ self->v2;
        self->v0 += self->v3;
        self->v3 = rotate(self->v3, 21) ^ self->v0;
        self->v2 += self->v1;
        self->v1 = rotate(self->v1, 17) ^ self->v2;
        self->v2 = rotate(self->v2, 32);
    }
}

static void take(struct state *self, uint64_t word)
{
    self->v3 ^= word;
    rounds(self, 2);
    self->v0 ^= word;
}

uint64_t siphash(const unsigned char key[SIPHASH_KEY_BYTES], const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t k0 = little_endian(key, 8), k1 = little_endian(key + 8, 8);
    struct state state = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
        k1 ^ 0x7465646279746573};
    size_t left = len;

    for (; left >= 8; left -= 8, at += 8)
        take(&state, little_endian(at, 8));
    take(&state, little_endian(at, left) | (uint64_t)len << 56);
    state.v2 ^= 0xff;
    rounds(&state, 4);
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
