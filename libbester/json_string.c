/* The half of json.h that is about the insides of tokens. */
#include <assert.h>

#include "libbester/json.h"
#include "libbester/json_scan.h"
#include "libbester/utf8.h"

/* Escapes of one letter, both ways. */
static const struct {
    char letter;
    char byte;
} short_escapes[] = {{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'b', '\b'}, {'f', '\f'}, {'n', '\n'},
    {'r', '\r'}, {'t', '\t'}};

enum { SHORT_ESCAPES = sizeof short_escapes / sizeof short_escapes[0] };

static bool is_string(struct span token)
{
    return token.len >= 2 && token.at[0] == '"' && token.at[token.len - 1] == '"';
}

static struct span without_quotes(struct span token)
{
    return (struct span){.at = token.at + 1, .len = token.len - 2};
}

static bool has_escape(struct span inside)
{
    return memchr(inside.at, '\\', inside.len) != NULL;
}

/* ---- decoding ---- */

/* Gives the bytes of a string token, decoded, one after the other. */
struct unescape {
    const char *at;
    const char *end;
    char pending[4]; /* what an escape stands for */
    size_t pending_at;
    size_t pending_len;
};

static void unescape_begin(struct unescape *self, struct span token)
{
    struct span inside = without_quotes(token);
    *self = (struct unescape){.at = inside.at, .end = inside.at + inside.len};
}

/* The code point of the \u escape at self->at, which json_skip has validated. */
static uint32_t unescape_code(struct unescape *self)
{
    int code = json_hex4(self->at + 2);
    self->at += 6;
    if (!json_is_high_half(code))
        return (uint32_t)code;
    int low = json_hex4(self->at + 2);
    self->at += 6;
    return 0x10000 + ((uint32_t)(code - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
}

/* The next byte, 0 to 255; -1 at the end. */
static int unescape_next(struct unescape *self)
{
    if (self->pending_at < self->pending_len)
        return (unsigned char)self->pending[self->pending_at++];
    if (self->at == self->end)
        return -1;
    if (*self->at != '\\')
        return (unsigned char)*self->at++;
    assert(self->end - self->at >= 2);
    if (self->at[1] == 'u') {
        self->pending_len = utf8_put(self->pending, unescape_code(self));
        self->pending_at = 1;
        return (unsigned char)self->pending[0];
    }
    char letter = self->at[1];
    self->at += 2;
    for (int i = 0; i < SHORT_ESCAPES; i++)
        if (short_escapes[i].letter == letter)
            return (unsigned char)short_escapes[i].byte;
    assert(!"the token was validated");
    return -1;
}

enum status json_decode(struct span token, char *out, size_t cap, size_t *len)
{
    if (!is_string(token))
        return STATUS_INVALID;
    struct span inside = without_quotes(token);
    size_t used = 0;
    if (!has_escape(inside)) {
        if (inside.len >= cap)
            return STATUS_TOO_LARGE;
        memcpy(out, inside.at, inside.len);
        used = inside.len;
    } else {
        struct unescape from;
        unescape_begin(&from, token);
        for (int byte; (byte = unescape_next(&from)) >= 0; used++) {
            if (byte == 0)
                return STATUS_INVALID;
            if (used + 1 >= cap)
                return STATUS_TOO_LARGE;
            out[used] = (char)byte;
        }
    }
    out[used] = '\0';
    if (len != NULL)
        *len = used;
    return STATUS_OK;
}

bool json_string_is(struct span token, const char *text)
{
    if (!is_string(token))
        return false;
    struct span inside = without_quotes(token);
    if (!has_escape(inside))
        return span_is(inside, text);
    struct unescape from;
    unescape_begin(&from, token);
    for (int byte; (byte = unescape_next(&from)) >= 0; text++)
        if (byte == 0 || byte != (unsigned char)*text)
            return false;
    return *text == '\0';
}

bool json_string_equal(struct span a, struct span b)
{
    if (!is_string(a) || !is_string(b))
        return false;
    if (!has_escape(without_quotes(a)) && !has_escape(without_quotes(b)))
        return span_equal(a, b);
    struct unescape from_a;
    struct unescape from_b;
    unescape_begin(&from_a, a);
    unescape_begin(&from_b, b);
    int byte;
    do {
        byte = unescape_next(&from_a);
        if (byte != unescape_next(&from_b))
            return false;
    } while (byte >= 0);
    return true;
}

/* ---- quoting ---- */

/* Takes the next piece of a text: a run of plain bytes as it is, or else one
 * character, of which *piece becomes the form that stands in a token. */
static void next_piece(struct span *text, struct span *piece, char room[7])
{
    static const char hex[] = "0123456789abcdef";
    const char *end = text->at + text->len;
    const char *run_end = json_plain_end(text->at, end);
    size_t taken = (size_t)(run_end - text->at);
    *piece = (struct span){.at = text->at, .len = taken};
    if (taken == 0) {
        unsigned char c = (unsigned char)*text->at;
        taken = utf8_length(text->at, end);
        piece->len = taken;
        if (taken == 0) {
            *piece = SPAN_LITERAL("\xEF\xBF\xBD"); /* U+FFFD */
            taken = 1;
        } else if (taken == 1) {
            *piece = (struct span){.at = room, .len = 6};
            memcpy(room, "\\u00", 4);
            room[4] = hex[c >> 4];
            room[5] = hex[c & 0xF];
            for (int i = 0; i < SHORT_ESCAPES; i++)
                if ((unsigned char)short_escapes[i].byte == c) {
                    room[1] = short_escapes[i].letter;
                    piece->len = 2;
                }
        }
    }
    text->at += taken;
    text->len -= taken;
}

static char *put(char *to, struct span piece)
{
    memcpy(to, piece.at, piece.len);
    return to + piece.len;
}

enum status json_quote(struct bytes *out, struct span text)
{
    struct span piece;
    char escape[7];
    size_t len = 2;
    for (struct span rest = text; rest.len > 0; len += piece.len)
        next_piece(&rest, &piece, escape);
    char *to;
    enum status status = bytes_reserve(out, len, &to);
    if (status != STATUS_OK)
        return status;
    *to++ = '"';
    while (text.len > 0) {
        next_piece(&text, &piece, escape);
        to = put(to, piece);
    }
    *to = '"';
    bytes_commit(out, len);
    return STATUS_OK;
}

/* The longest start of a run of plain bytes or of one character that fits. */
static size_t fitting(struct span piece, const char *escape, size_t room)
{
    if (piece.len <= room)
        return piece.len;
    bool is_run = piece.at != escape && (unsigned char)piece.at[0] < 0x80;
    return is_run ? room : 0;
}

struct span json_quote_into(char *out, size_t cap, struct span text)
{
    assert(cap >= 3);
    struct span piece;
    char escape[7];
    char *to = out;
    char *last = out + cap - 2; /* the closing quote and a zero byte */
    *to++ = '"';
    while (text.len > 0) {
        next_piece(&text, &piece, escape);
        size_t len = fitting(piece, escape, (size_t)(last - to));
        to = put(to, (struct span){.at = piece.at, .len = len});
        if (len < piece.len)
            break;
    }
    *to++ = '"';
    *to = '\0';
    return (struct span){.at = out, .len = (size_t)(to - out)};
}

enum status json_u64(struct span value, uint64_t *out)
{
    struct span digits = is_string(value) ? without_quotes(value) : value;
    uint64_t number = 0;
    if (digits.len == 0 || (digits.len > 1 && digits.at[0] == '0'))
        return STATUS_INVALID;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return STATUS_INVALID;
        unsigned digit = (unsigned)(digits.at[i] - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return STATUS_INVALID;
        number = number * 10 + digit;
    }
    *out = number;
    return STATUS_OK;
}
