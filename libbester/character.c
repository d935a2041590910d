#include "libbester/character.h"

#include "libbester/utf8.h"

size_t character_next(struct span text, uint32_t *code)
{
    /* The bits that the first byte of a character of so many bytes gives. */
    static const unsigned char first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t len = text.len > 0 ? utf8_length(text.at, text.at + text.len) : 0;
    if (len == 0)
        return 0;
    uint32_t value = (unsigned char)text.at[0] & first_bits[len];
    for (size_t i = 1; i < len; i++)
        value = value << 6 | ((unsigned char)text.at[i] & 0x3f);
    *code = value;
    return len;
}

struct range {
    uint32_t first, last;
};

static bool is_in(const struct range *ranges, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    }
    return false;
}

bool character_is_treacherous(uint32_t code)
{
    static const struct range ranges[] = {{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c},
        {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200b}, {0x200e, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
        {0xfff0, 0xfffb}, {0xe0000, 0xe0fff}};
    return is_in(ranges, sizeof ranges / sizeof ranges[0], code);
}

bool character_is_space(uint32_t code)
{
    static const struct range ranges[] = {{0x9, 0xd}, {0x20, 0x20}, {0x85, 0x85}, {0xa0, 0xa0},
        {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
        {0x3000, 0x3000}};
    return is_in(ranges, sizeof ranges / sizeof ranges[0], code);
}
