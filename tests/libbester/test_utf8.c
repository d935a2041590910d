#include "libbester/utf8.h"

#include "tests/libbester/support.h"

/* The definition of RFC 3629 by decoding, where utf8.h goes by ranges of bytes. */
static size_t length_by_decoding(const unsigned char *at, size_t avail)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (avail == 0)
        return 0;
    size_t len = at[0] < 0x80       ? 1
                 : at[0] >> 5 == 6  ? 2
                 : at[0] >> 4 == 14 ? 3
                 : at[0] >> 3 == 30 ? 4
                                    : 0;
    if (len <= 1 || len > avail)
        return len > avail ? 0 : len;
    uint32_t code = at[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        code = code << 6 | (at[i] & 0x3F);
    }
    if (code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    return len;
}

static void compare(const unsigned char *bytes, size_t len)
{
    const char *at = (const char *)bytes;
    if (utf8_length(at, at + len) != length_by_decoding(bytes, len))
        fail_msg("%02x %02x %02x %02x, %zu bytes", bytes[0], bytes[1], bytes[2], bytes[3], len);
}

static void every_two_and_three_bytes(void **state)
{
    (void)state;
    unsigned char bytes[4] = {0};
    for (unsigned i = 0; i < 1u << 24; i++) {
        bytes[0] = (unsigned char)(i >> 16);
        bytes[1] = (unsigned char)(i >> 8);
        bytes[2] = (unsigned char)i;
        compare(bytes, 3);
        if (bytes[2] == 0)
            compare(bytes, 2);
    }
}

/* Of four bytes: every first, every second, and the edges of the others. */
static void four_bytes(void **state)
{
    (void)state;
    static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0x81, 0xBE, 0xBF, 0xC0, 0xFF};
    unsigned char bytes[4];
    for (unsigned i = 0; i < 1u << 16; i++)
        for (unsigned j = 0; j < 64; j++) {
            bytes[0] = (unsigned char)(i >> 8);
            bytes[1] = (unsigned char)i;
            bytes[2] = edges[j / 8];
            bytes[3] = edges[j % 8];
            for (size_t len = 0; len <= 4; len++)
                compare(bytes, len);
        }
}

static void every_code_point_is_written_and_read(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        char out[4];
        if (code >= 0xD800 && code <= 0xDFFF)
            continue;
        size_t len = utf8_put(out, code);
        assert_int_equal(len, code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
        if (utf8_length(out, out + len) != len)
            fail_msg("U+%04X", (unsigned)code);
    }
    char out[4];
    assert_int_equal(utf8_put(out, 0x20AC), 3);
    assert_memory_equal(out, "\xE2\x82\xAC", 3);
    assert_int_equal(utf8_put(out, 0x1F600), 4);
    assert_memory_equal(out, "\xF0\x9F\x98\x80", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_two_and_three_bytes),
        cmocka_unit_test(four_bytes),
        cmocka_unit_test(every_code_point_is_written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
