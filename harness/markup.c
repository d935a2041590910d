#include "harness/markup.h"

#include <stdint.h>
#include <string.h>

#include "libbester/character.h"
#include "libbester/visible.h"

/* What a character is written as where that is not itself. */
static const char *entity(uint32_t code, bool attribute)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return attribute ? "&quot;" : "\"";
    case '\'':
        return attribute ? "&#39;" : "'";
    case '\n': /* as itself it would become a blank in an attribute */
        return attribute ? "&#10;" : "\n";
    case '\t':
        return attribute ? "&#9;" : "\t";
    default:
        return NULL;
    }
}

/* The last two code points of each plane are no characters: XML knows none of
 * them, neither do people. */
static bool is_forbidden(uint32_t code)
{
    return character_is_treacherous(code) || (code & 0xFFFE) == 0xFFFE;
}

/* Writes the first character; returns the bytes taken. */
static size_t write_one(FILE *out, struct span text, bool attribute)
{
    uint32_t code = 0;
    size_t len = character_next(text, &code);
    const char *written = len ? entity(code, attribute) : NULL;

    if (len == 0)
        fprintf(out, "\\x%02x", (unsigned char)text.at[0]);
    else if (written)
        fputs(written, out);
    else if (is_forbidden(code))
        fprintf(out, code < 0x80 ? "\\x%02x" : "\\u{%x}", (unsigned)code);
    else
        fwrite(text.at, 1, len, out);
    return len ? len : 1;
}

static size_t plain_run(struct span text)
{
    size_t len = 0;

    while (len < text.len && text.at[len] >= ' ' && text.at[len] < 0x7f &&
           !memchr("&<>\"'", text.at[len], 5))
        len++;
    return len;
}

static void write_all(FILE *out, struct span text, bool attribute)
{
    while (text.len > 0) {
        size_t taken = plain_run(text);

        if (taken > 0)
            fwrite(text.at, 1, taken, out);
        else
            taken = write_one(out, text, attribute);
        text = (struct span){text.at + taken, text.len - taken};
    }
}

void markup_text(FILE *out, struct span text)
{
    write_all(out, text, false);
}

void markup_string(FILE *out, const char *text)
{
    write_all(out, span_of(text), false);
}

void markup_attribute(FILE *out, const char *text)
{
    write_all(out, span_of(text), true);
}

void markup_terminal(FILE *out, struct span text)
{
    struct bytes shown;

    /* Nothing grows to more than eight bytes for one; out of memory, nothing is shown. */
    bytes_init(&shown, text.len * 8 + 1);
    if (visible_append(&shown, text, VISIBLE_LINE) == STATUS_OK && shown.len > 0)
        fwrite(bytes_span(&shown).at, 1, shown.len, out);
    bytes_release(&shown);
}

struct span markup_cut(struct span text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.at[max] & 0xC0) == 0x80)
        max--;
    return (struct span){text.at, max};
}

/* ---- how wide a text is ---------------------------------------------------------------------- */

static const struct {
    uint32_t first, last;
    unsigned char columns;
} widths[] = {
    {0x0300, 0x036F, 0},
    {0x1100, 0x115F, 2},
    {0x200C, 0x200D, 0},
    {0x2E80, 0xA4CF, 2},
    {0xAC00, 0xD7A3, 2},
    {0xF900, 0xFAFF, 2},
    {0xFE00, 0xFE0F, 0},
    {0xFE30, 0xFE6F, 2},
    {0xFF00, 0xFF60, 2},
    {0xFFE0, 0xFFE6, 2},
    {0x1F300, 0x1FAFF, 2},
    {0x20000, 0x3FFFD, 2},
};

static size_t columns_of(uint32_t code)
{
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
        if (code >= widths[i].first && code <= widths[i].last)
            return widths[i].columns;
    return 1;
}

size_t markup_fit(const char *text, size_t columns)
{
    struct span rest = span_of(text);

    while (rest.len > 0) {
        uint32_t code = 0;
        size_t len = character_next(rest, &code);
        size_t wide = len ? columns_of(code) : 1;

        if (wide > columns)
            break;
        columns -= wide;
        len += len == 0;
        rest = (struct span){rest.at + len, rest.len - len};
    }
    return strlen(text) - rest.len;
}

size_t markup_columns(const char *text)
{
    struct span rest = span_of(text);
    size_t columns = 0;

    while (rest.len > 0) {
        uint32_t code = 0;
        size_t len = character_next(rest, &code);

        columns += len ? columns_of(code) : 1;
        len += len == 0;
        rest = (struct span){rest.at + len, rest.len - len};
    }
    return columns;
}
