#include "besterd/username.h"

#include <string.h>

#include "libbester/character.h"

/* What is left of text without the white space around it. */
static struct span strip(struct span text)
{
    uint32_t code;
    size_t taken;
    while ((taken = character_next(text, &code)) > 0 && character_is_space(code)) {
        text.at += taken;
        text.len -= taken;
    }
    for (;;) {
        size_t last = text.len; /* where the last code point begins */
        while (last > 0 && text.len - last < 4) {
            last--;
            if (((unsigned char)text.at[last] & 0xc0) != 0x80)
                break;
        }
        struct span tail = {.at = text.at + last, .len = text.len - last};
        if (character_next(tail, &code) != tail.len || tail.len == 0 || !character_is_space(code))
            return text;
        text.len = last;
    }
}

enum status username_normalise(struct span given, char out[USERNAME_CAP], struct fault *fault)
{
    struct span name = strip(given);
    if (name.len == 0)
        return fault_set(fault, STATUS_INVALID, 0, "the username is empty");
    size_t taken = 0;
    for (size_t at = 0; at < name.len; at += taken) {
        uint32_t code = 0;
        struct span rest = {.at = name.at + at, .len = name.len - at};
        taken = character_next(rest, &code);
        if (taken == 0)
            return fault_set(fault, STATUS_INVALID, at, "the username is not valid UTF-8");
        if (code == '@')
            return fault_set(fault, STATUS_INVALID, at,
                "the username holds an '@', which stands between a user and a server");
        if (character_is_treacherous(code))
            return fault_set(fault, STATUS_INVALID, at,
                "the username holds a character that cannot be seen (U+%04X)", (unsigned)code);
    }
    if (name.len > USERNAME_MAX)
        return fault_set(fault, STATUS_INVALID, 0,
            "the username has %zu bytes, at most %d are allowed", name.len, USERNAME_MAX);
    memcpy(out, name.at, name.len);
    out[name.len] = '\0';
    return STATUS_OK;
}
