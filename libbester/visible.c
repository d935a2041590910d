#include "libbester/visible.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "libbester/character.h"

enum { PIECE_MAX = 16 };

/* How the first character of text is shown; returns the bytes taken. */
static size_t show_one(struct span text, enum visible_form form, char out[PIECE_MAX])
{
    uint32_t point = 0;
    size_t len = character_next(text, &point);
    if (len == 0)
        snprintf(out, PIECE_MAX, "\\x%02x", (unsigned char)text.at[0]);
    else if (point == '\n')
        snprintf(out, PIECE_MAX, "%s", form == VISIBLE_LINES ? "\n    " : "\\n");
    else if (point == '\r' || point == '\t')
        snprintf(out, PIECE_MAX, "%s", point == '\r' ? "\\r" : "\\t");
    else if (point < 0x20 || point == 0x7f)
        snprintf(out, PIECE_MAX, "\\x%02x", (unsigned)point);
    else if (character_is_treacherous(point))
        snprintf(out, PIECE_MAX, "\\u{%x}", (unsigned)point);
    else {
        memcpy(out, text.at, len);
        out[len] = '\0';
    }
    return len == 0 ? 1 : len;
}

static size_t plain_run(struct span text)
{
    size_t len = 0;
    while (
        len < text.len && (unsigned char)text.at[len] >= 0x20 && (unsigned char)text.at[len] < 0x7f)
        len++;
    return len;
}

enum status visible_append(struct bytes *out, struct span text, enum visible_form form)
{
    while (text.len > 0) {
        char piece[PIECE_MAX];
        struct span shown = {text.at, plain_run(text)};
        size_t taken = shown.len;
        if (taken == 0) {
            taken = show_one(text, form, piece);
            shown = span_of(piece);
        }
        enum status status = bytes_append_span(out, shown);
        if (status != STATUS_OK)
            return status;
        text = (struct span){text.at + taken, text.len - taken};
    }
    return STATUS_OK;
}

const char *visible_into(char *out, size_t cap, struct span text)
{
    static const char cut[] = "...";
    size_t used = 0;
    size_t fits = 0; /* where a cut text may end */
    while (text.len > 0) {
        char piece[PIECE_MAX];
        size_t taken = show_one(text, VISIBLE_LINE, piece);
        size_t len = strlen(piece);
        if (used + len >= cap) {
            memcpy(out + fits, cut, sizeof cut);
            return out;
        }
        memcpy(out + used, piece, len);
        used += len;
        if (used + sizeof cut <= cap)
            fits = used;
        text = (struct span){text.at + taken, text.len - taken};
    }
    out[used] = '\0';
    return out;
}
