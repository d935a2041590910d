/*
 * json_scan: the innermost loops of json.c and json_string.c. Private to them.
 */
#ifndef BESTER_JSON_SCAN_H
#define BESTER_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t json_each_byte(unsigned char byte)
{
    return UINT64_C(0x0101010101010101) * byte;
}

/* Eight bytes with the first one in memory lowest, whatever the machine. */
static inline uint64_t json_load(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The top bit of each byte that ends a run of plain string bytes: '"', '\\',
 * below 0x20, over 0x7F. Each subtraction borrows from the top bit of the bytes
 * it looks for; where that bit was set before, the byte is over 0x7F, which
 * counts too. A borrow can mark a wrong byte next to a right one, but only above
 * it, so that zero and the lowest bit can be trusted. */
static inline uint64_t json_special_bytes(uint64_t word)
{
    const uint64_t ones = json_each_byte(0x01);
    uint64_t quote = (word ^ json_each_byte('"')) - ones;
    uint64_t backslash = (word ^ json_each_byte('\\')) - ones;
    uint64_t below = word - json_each_byte(0x20);
    return (quote | backslash | below | word) & json_each_byte(0x80);
}

static inline int json_is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* The first byte from `at` on that is not plain, or end. */
static inline const char *json_plain_end(const char *at, const char *end)
{
    while (end - at >= (ptrdiff_t)sizeof(uint64_t)) {
        uint64_t special = json_special_bytes(json_load(at));
        if (special != 0)
            return at + __builtin_ctzll(special) / 8;
        at += sizeof(uint64_t);
    }
    while (at < end && json_is_plain((unsigned char)*at))
        at++;
    return at;
}

/* Four hexadecimal digits; -1 if they are not. */
static inline int json_hex4(const char *at)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)at[i];
        unsigned char letter = c | 0x20;
        int digit = c >= '0' && c <= '9'             ? c - '0'
                    : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
                                                     : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Halves of a surrogate pair, as escapes name them. */
static inline int json_is_high_half(int code)
{
    return code >= 0xD800 && code <= 0xDBFF;
}

static inline int json_is_low_half(int code)
{
    return code >= 0xDC00 && code <= 0xDFFF;
}

#endif
