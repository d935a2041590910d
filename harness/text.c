#include "harness/text.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "libbester/bytes.h"

/* ---- captures -------------------------------------------------------------------------------- */

static bool is_int(const json_t *value)
{
    return json_is_integer(value);
}
static bool is_number(const json_t *value)
{
    return json_is_number(value);
}
static bool is_string(const json_t *value)
{
    return json_is_string(value);
}
static bool is_bool(const json_t *value)
{
    return json_is_boolean(value);
}
static bool is_object(const json_t *value)
{
    return json_is_object(value);
}
static bool is_array(const json_t *value)
{
    return json_is_array(value);
}

static const struct capture_type {
    const char *name;
    bool (*admits)(const json_t *value);
} capture_types[] = {
    {"int", is_int},
    {"number", is_number},
    {"string", is_string},
    {"bool", is_bool},
    {"object", is_object},
    {"array", is_array},
};
enum { CAPTURE_TYPE_COUNT = sizeof(capture_types) / sizeof(capture_types[0]) };

static bool name_char(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

    return letter || (!first && c >= '0' && c <= '9');
}

static size_t name_length(struct span text)
{
    size_t len = 0;

    while (len < text.len && name_char(text.at[len], len == 0))
        len++;
    return len;
}

static enum text_kind read_regex(struct span text, struct capture *capture, struct fault *fault)
{
    regex_t compiled;
    char why[128];
    char *copy = must_copy_bytes(text.at, text.len);
    int failed = regcomp(&compiled, copy, REG_EXTENDED | REG_NOSUB);

    free(copy);
    if (failed) {
        regerror(failed, &compiled, why, sizeof(why));
        fault_set(fault, STATUS_INVALID, 0, "the regular expression /%.*s/ is wrong: %s",
            (int)text.len, text.at, why);
        return TEXT_BAD;
    }
    regfree(&compiled);
    capture->type = "string";
    capture->regex = text;
    return TEXT_CAPTURE;
}

static enum text_kind read_type(struct span text, struct capture *capture, struct fault *fault)
{
    if (text.len >= 2 && text.at[0] == '/' && text.at[text.len - 1] == '/')
        return read_regex((struct span){text.at + 1, text.len - 2}, capture, fault);
    for (size_t i = 0; i < CAPTURE_TYPE_COUNT; i++)
        if (span_is(text, capture_types[i].name)) {
            capture->type = capture_types[i].name;
            return TEXT_CAPTURE;
        }
    fault_set(fault, STATUS_INVALID, 0,
        "%.*s is no type: int, number, string, bool, object, array or /regular expression/",
        (int)text.len, text.at);
    return TEXT_BAD;
}

enum text_kind text_read(struct span text, struct capture *capture, struct fault *fault)
{
    *capture = (struct capture){.name = ""};
    if (text.len == 0 || text.at[0] != '<' || (text.len > 1 && text.at[1] == '<'))
        return TEXT_PLAIN;

    struct span rest = {text.at + 1, text.len - 1};
    size_t len = name_length(rest);
    if (len >= CAPTURE_NAME_MAX || rest.len < len + 1 || text.at[text.len - 1] != '>' ||
        (rest.at[len] != '>' && rest.at[len] != ':') || (rest.at[len] == '>' && len == 0) ||
        (rest.at[len] == '>' && rest.len != len + 1)) {
        fault_set(fault, STATUS_INVALID, 0,
            "\"%.*s\" is no capture such as <x> or <x:int>; a text that begins with < is written "
            "with <<",
            (int)text.len, text.at);
        return TEXT_BAD;
    }
    if (!(len == 3 && memcmp(rest.at, "any", 3) == 0))
        memcpy(capture->name, rest.at, len);
    if (rest.at[len] == '>')
        return TEXT_CAPTURE;
    return read_type((struct span){rest.at + len + 1, rest.len - len - 2}, capture, fault);
}

static bool regex_finds(struct span regex, const char *text)
{
    regex_t compiled;
    char *copy = must_copy_bytes(regex.at, regex.len);
    bool ok = regcomp(&compiled, copy, REG_EXTENDED | REG_NOSUB) == 0;

    free(copy);
    if (!ok)
        return false;
    bool found = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return found;
}

bool capture_admits(const struct capture *self, const json_t *value)
{
    if (!self->type)
        return true;
    for (size_t i = 0; i < CAPTURE_TYPE_COUNT; i++)
        if (strcmp(capture_types[i].name, self->type) == 0 && !capture_types[i].admits(value))
            return false;
    return !self->regex.at || regex_finds(self->regex, json_string_value(value));
}

/* ---- ${names} -------------------------------------------------------------------------------- */

/* What stands at the front of a text. */
enum piece_kind { PIECE_PLAIN, PIECE_NAME, PIECE_FILL, PIECE_BAD };
struct piece {
    enum piece_kind kind;
    struct span text; /* PIECE_PLAIN: to be copied */
    size_t used;
    size_t fill;
    char name[CAPTURE_NAME_MAX];
};

static bool read_fill(struct span inner, size_t *out)
{
    size_t n = 0;

    if (inner.len < 6 || inner.len > 14 || memcmp(inner.at, "fill ", 5) != 0)
        return false;
    for (size_t i = 5; i < inner.len; i++) {
        if (inner.at[i] < '0' || inner.at[i] > '9')
            return false;
        n = n * 10 + (size_t)(inner.at[i] - '0');
    }
    *out = n;
    return n <= FILL_MAX;
}

static struct piece read_name(struct span text, struct fault *fault)
{
    const char *end = memchr(text.at, '}', text.len);
    struct piece piece = {.kind = PIECE_BAD};

    if (!end) {
        fault_set(fault, STATUS_INVALID, 0, "a ${ has no }; a literal ${ is written $${");
        return piece;
    }
    struct span inner = {text.at + 2, (size_t)(end - text.at) - 2};
    piece.used = inner.len + 3;
    if (read_fill(inner, &piece.fill)) {
        piece.kind = PIECE_FILL;
    } else if (inner.len > 0 && inner.len < CAPTURE_NAME_MAX && !memchr(inner.at, ' ', inner.len)) {
        piece.kind = PIECE_NAME;
        memcpy(piece.name, inner.at, inner.len);
    } else {
        fault_set(fault, STATUS_INVALID, 0, "${%.*s} is neither ${name} nor ${fill NUMBER}",
            (int)inner.len, inner.at);
    }
    return piece;
}

static struct piece next_piece(struct span text, struct fault *fault)
{
    size_t len = 0;

    if (text.len >= 3 && memcmp(text.at, "$${", 3) == 0)
        return (struct piece){.text = {text.at + 1, 2}, .used = 3};
    if (text.len >= 2 && memcmp(text.at, "${", 2) == 0)
        return read_name(text, fault);
    do
        len++;
    while (len < text.len && text.at[len] != '$');
    return (struct piece){.text = {text.at, len}, .used = len};
}

/* A doubled < at the start counts once. */
static struct span without_escape(struct span text)
{
    if (text.len >= 2 && text.at[0] == '<' && text.at[1] == '<')
        return (struct span){text.at + 1, text.len - 1};
    return text;
}

static char *named_text(const char *name, const struct scope *scope)
{
    json_t *bound = bindings_get(&scope->bindings, name);

    if (json_is_string(bound))
        return must_copy_bytes(json_string_value(bound), json_string_length(bound));
    if (bound)
        return must_dump(bound);
    return scope->expand ? scope->expand(name, scope->user) : NULL;
}

static enum status append_piece(
    struct bytes *out, const struct piece *piece, const struct scope *scope, struct fault *fault)
{
    char *room;

    if (piece->kind == PIECE_PLAIN)
        return bytes_append_span(out, piece->text);
    if (piece->kind == PIECE_FILL) {
        enum status status = bytes_reserve(out, piece->fill + 1, &room);
        if (status == STATUS_OK) {
            memset(room, 'x', piece->fill);
            bytes_commit(out, piece->fill);
        }
        return status;
    }
    char *text = named_text(piece->name, scope);
    if (!text)
        return fault_set(fault, STATUS_NOT_FOUND, 0, "${%s} stands for nothing", piece->name);
    enum status status = bytes_append_text(out, text);
    free(text);
    return status;
}

char *text_expand(struct span text, const struct scope *scope, size_t *len, struct fault *fault)
{
    struct bytes out;
    enum status status = STATUS_OK;
    char *result = NULL;

    text = without_escape(text);
    bytes_init(&out, (size_t)4 * FILL_MAX);
    fault_set(fault, STATUS_TOO_LARGE, 0, "the text becomes too large");
    while (text.len > 0 && status == STATUS_OK) {
        struct piece piece = next_piece(text, fault);

        if (piece.kind == PIECE_BAD)
            goto out;
        status = append_piece(&out, &piece, scope, fault);
        text = (struct span){text.at + piece.used, text.len - piece.used};
    }
    if (status == STATUS_OK) {
        struct span all = bytes_span(&out);
        result = must_copy_bytes(all.at, all.len);
        if (len)
            *len = all.len;
    }
out:
    bytes_release(&out);
    return result;
}

bool text_names(
    struct span text, bool (*found)(const char *name, void *user), void *user, struct fault *fault)
{
    while (text.len > 0) {
        struct piece piece = next_piece(text, fault);

        if (piece.kind == PIECE_BAD || (piece.kind == PIECE_NAME && !found(piece.name, user)))
            return false;
        text = (struct span){text.at + piece.used, text.len - piece.used};
    }
    return true;
}
