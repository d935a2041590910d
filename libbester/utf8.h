/*
 * utf8: one character of UTF-8 at a time. RFC 3629: no overlong forms, no
 * surrogates, nothing over U+10FFFF. Pure; in the header because it is on the
 * way of every byte.
 */
#ifndef BESTER_UTF8_H
#define BESTER_UTF8_H

#include <stddef.h>
#include <stdint.h>

static inline int utf8_is_tail(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Bytes of the character at `at`, 1 to 4; 0 when at == end or the bytes are not
 * a whole, valid character. */
static inline size_t utf8_length(const char *at, const char *end)
{
    const unsigned char *byte = (const unsigned char *)at;
    size_t avail = (size_t)(end - at);
    if (avail == 0)
        return 0;
    if (byte[0] < 0x80)
        return 1;
    if (byte[0] < 0xC2)
        return 0;
    if (byte[0] < 0xE0)
        return avail >= 2 && utf8_is_tail(byte[1]) ? 2 : 0;
    if (byte[0] < 0xF0) {
        if (avail < 3 || !utf8_is_tail(byte[1]) || !utf8_is_tail(byte[2]))
            return 0;
        if (byte[0] == 0xE0 && byte[1] < 0xA0) /* overlong */
            return 0;
        return byte[0] == 0xED && byte[1] >= 0xA0 ? 0 : 3; /* surrogate */
    }
    if (byte[0] > 0xF4 || avail < 4 || !utf8_is_tail(byte[1]) || !utf8_is_tail(byte[2]) ||
        !utf8_is_tail(byte[3]))
        return 0;
    if (byte[0] == 0xF0 && byte[1] < 0x90) /* overlong */
        return 0;
    return byte[0] == 0xF4 && byte[1] >= 0x90 ? 0 : 4; /* over U+10FFFF */
}

/* Writes a code point (at most U+10FFFF, no surrogate); returns its bytes. */
static inline size_t utf8_put(char out[4], uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

#endif
