/* Pins as text. */
#include <stdio.h>
#include <string.h>

#include "libbester/tls.h"

const char *tls_pin_format(const struct tls_pin *pin, char out[TLS_PIN_TEXT])
{
    int used = snprintf(out, TLS_PIN_TEXT, "sha256:");

    for (size_t i = 0; i < TLS_PIN_BYTES; i++)
        used += snprintf(out + used, (size_t)(TLS_PIN_TEXT - used), "%02x", pin->sha256[i]);
    return out;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

enum status tls_pin_parse(struct tls_pin *out, struct span text, struct fault *fault)
{
    struct tls_pin pin;
    bool ok = text.len == TLS_PIN_TEXT - 1 && memcmp(text.at, "sha256:", 7) == 0;

    for (size_t i = 0; ok && i < TLS_PIN_BYTES; i++) {
        int high = hex_digit(text.at[7 + 2 * i]);
        int low = hex_digit(text.at[8 + 2 * i]);

        ok = high >= 0 && low >= 0;
        if (ok)
            pin.sha256[i] = (unsigned char)(high * 16 + low);
    }
    if (!ok)
        return fault_set(fault, STATUS_INVALID, 0,
            "a pin is \"sha256:\" and 64 hexadecimal digits, as `besterd identity` prints it");
    *out = pin;
    return STATUS_OK;
}

bool tls_pin_equal(const struct tls_pin *a, const struct tls_pin *b)
{
    return memcmp(a->sha256, b->sha256, TLS_PIN_BYTES) == 0;
}
