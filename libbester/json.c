#include "libbester/json.h"

#include <assert.h>
#include <stdio.h>

#include "libbester/json_scan.h"
#include "libbester/utf8.h"

/* Which of the containers that json_skip has entered are objects, a bit each:
 * what a parser by recursion would keep on the stack. */
struct nest {
    uint64_t is_object[JSON_DEPTH_MAX / 64];
    unsigned depth;
};

static inline const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

/* ---- faults: far from the hot path ---- */

__attribute__((cold, noinline)) static enum status wrong(
    const struct json_cursor *self, const char *at, struct fault *fault, const char *what)
{
    size_t offset = (size_t)(at - self->start);
    return fault_set(fault, STATUS_MALFORMED, offset, "byte %zu: %s", offset, what);
}

__attribute__((cold, noinline)) static enum status expected(
    const struct json_cursor *self, const char *at, struct fault *fault, const char *what)
{
    char found[32] = "the end of the text";
    if (at < self->end) {
        unsigned char c = (unsigned char)*at;
        snprintf(found, sizeof found, c > ' ' && c < 0x7F ? "'%c'" : "byte 0x%02X", c);
    }
    size_t offset = (size_t)(at - self->start);
    return fault_set(
        fault, STATUS_MALFORMED, offset, "byte %zu: %s is expected, not %s", offset, what, found);
}

__attribute__((cold, noinline)) static enum status too_deep(
    const struct json_cursor *self, struct fault *fault)
{
    size_t offset = (size_t)(self->at - self->start);
    return fault_set(fault, STATUS_TOO_LARGE, offset,
        "byte %zu: objects and arrays are nested more than %u deep", offset, self->max_depth);
}

__attribute__((cold, noinline)) static enum status too_many(
    const struct json_cursor *self, struct fault *fault)
{
    size_t offset = (size_t)(self->at - self->start);
    return fault_set(fault, STATUS_TOO_LARGE, offset, "byte %zu: more than %zu values", offset,
        self->max_values);
}

/* ---- tokens ---- */

/* Bytes of the escape at `at` (a backslash), or 0 and *why. A pair of surrogates
 * is one escape of twelve bytes. */
static size_t escape_length(const char *at, const char *end, bool is_name, const char **why)
{
    *why = "this escape is not JSON";
    if (end - at < 2)
        return 0;
    if (at[1] != 'u')
        return at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) != NULL ? 2 : 0;
    int code = end - at < 6 ? -1 : json_hex4(at + 2);
    if (code < 0)
        return 0;
    if (code == 0 && is_name) {
        *why = "the name of a member holds \\u0000";
        return 0;
    }
    *why = "half of a surrogate pair stands alone";
    if (json_is_low_half(code))
        return 0;
    if (!json_is_high_half(code))
        return 6;
    if (end - at < 12 || at[6] != '\\' || at[7] != 'u' || !json_is_low_half(json_hex4(at + 8)))
        return 0;
    return 12;
}

/* Steps over the string whose opening quote the cursor is at. */
static enum status scan_string(struct json_cursor *self, bool is_name, struct fault *fault)
{
    const char *end = self->end;
    const char *at = self->at + 1;
    for (;;) {
        at = json_plain_end(at, end);
        if (at == end)
            return wrong(self, self->at, fault, "this string is not closed");
        unsigned char c = (unsigned char)*at;
        if (c == '"') {
            self->at = at + 1;
            return STATUS_OK;
        }
        if (c >= 0x80) {
            /* Text that is not English stays in here from letter to letter. */
            do {
                size_t len = utf8_length(at, end);
                if (len == 0)
                    return wrong(self, at, fault, "this is not UTF-8");
                at += len;
            } while (at < end && (unsigned char)*at >= 0x80);
        } else if (c == '\\') {
            const char *why;
            size_t len = escape_length(at, end, is_name, &why);
            if (len == 0)
                return wrong(self, at, fault, why);
            at += len;
        } else {
            return wrong(self, at, fault, "a control character in a string must be escaped");
        }
    }
}

static inline const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static enum status scan_number(struct json_cursor *self, struct fault *fault)
{
    const char *end = self->end;
    const char *at = self->at + (*self->at == '-');
    const char *from = at;
    /* One zero, or digits of which the first is not zero. */
    at = at < end && *at == '0' ? at + 1 : skip_digits(at, end);
    if (at == from)
        return expected(self, at, fault, "a digit");
    if (at < end && *at == '.') {
        from = at + 1;
        at = skip_digits(from, end);
        if (at == from)
            return expected(self, at, fault, "a digit");
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        from = at + (at < end && (*at == '+' || *at == '-'));
        at = skip_digits(from, end);
        if (at == from)
            return expected(self, at, fault, "a digit");
    }
    self->at = at;
    return STATUS_OK;
}

static enum status scan_word(struct json_cursor *self, const char *word, struct fault *fault)
{
    size_t len = strlen(word);
    if ((size_t)(self->end - self->at) < len || memcmp(self->at, word, len) != 0)
        return expected(self, self->at, fault, "a value");
    self->at += len;
    return STATUS_OK;
}

/* A value is told by its first byte. */
static const unsigned char kinds[256] = {
    ['{'] = JSON_KIND_OBJECT,
    ['['] = JSON_KIND_ARRAY,
    ['"'] = JSON_KIND_STRING,
    ['-'] = JSON_KIND_NUMBER,
    ['0' ... '9'] = JSON_KIND_NUMBER,
    ['t'] = JSON_KIND_TRUE,
    ['f'] = JSON_KIND_FALSE,
    ['n'] = JSON_KIND_NULL,
};

static inline enum json_kind kind_at(const char *at, const char *end)
{
    return at == end ? JSON_KIND_ABSENT : (enum json_kind)kinds[(unsigned char)*at];
}

static inline enum status scan_scalar(
    struct json_cursor *self, enum json_kind kind, struct fault *fault)
{
    switch (kind) {
    case JSON_KIND_STRING:
        return scan_string(self, false, fault);
    case JSON_KIND_NUMBER:
        return scan_number(self, fault);
    case JSON_KIND_TRUE:
        return scan_word(self, "true", fault);
    case JSON_KIND_FALSE:
        return scan_word(self, "false", fault);
    case JSON_KIND_NULL:
        return scan_word(self, "null", fault);
    default:
        return expected(self, self->at, fault, "a value");
    }
}

/* The name of a member, the colon, and the space on both sides. */
static enum status scan_name(struct json_cursor *self, struct span *name, struct fault *fault)
{
    const char *from = self->at;
    if (from == self->end || *from != '"')
        return expected(self, from, fault, "the name of a member");
    enum status status = scan_string(self, true, fault);
    if (status != STATUS_OK)
        return status;
    *name = (struct span){.at = from, .len = (size_t)(self->at - from)};
    const char *at = skip_space(self->at, self->end);
    if (at == self->end || *at != ':')
        return expected(self, at, fault, "':'");
    self->at = skip_space(at + 1, self->end);
    return STATUS_OK;
}

/* ---- values ---- */

/* Steps into a container: to its first value or, if it is empty, to its end. */
static enum status open_container(struct json_cursor *self, struct nest *nest, bool is_object,
    bool *is_empty, struct fault *fault)
{
    struct span name;
    unsigned depth = nest->depth;
    if (self->depth + depth >= self->max_depth)
        return too_deep(self, fault);
    uint64_t bit = UINT64_C(1) << depth % 64;
    if (is_object)
        nest->is_object[depth / 64] |= bit;
    else
        nest->is_object[depth / 64] &= ~bit;
    nest->depth = depth + 1;
    self->at = skip_space(self->at + 1, self->end);
    *is_empty = self->at < self->end && *self->at == (is_object ? '}' : ']');
    return is_object && !*is_empty ? scan_name(self, &name, fault) : STATUS_OK;
}

/* Behind a value: leaves what ends here, and steps to the next value if there is
 * one. Depth 0: nothing is open any more. */
static enum status after_value(struct json_cursor *self, struct nest *nest, struct fault *fault)
{
    struct span name;
    while (nest->depth > 0) {
        unsigned top = nest->depth - 1;
        bool is_object = nest->is_object[top / 64] >> top % 64 & 1;
        const char *at = skip_space(self->at, self->end);
        if (at < self->end && *at == ',') {
            self->at = skip_space(at + 1, self->end);
            return is_object ? scan_name(self, &name, fault) : STATUS_OK;
        }
        if (at == self->end || *at != (is_object ? '}' : ']'))
            return expected(self, at, fault, is_object ? "',' or '}'" : "',' or ']'");
        self->at = at + 1;
        nest->depth = top;
    }
    return STATUS_OK;
}

static enum status skip_container(struct json_cursor *self, struct fault *fault)
{
    struct nest nest = {.depth = 0};
    enum status status;
    do {
        enum json_kind kind = kind_at(self->at, self->end);
        bool more_inside = false;
        if (++self->values > self->max_values)
            return too_many(self, fault);
        if (kind == JSON_KIND_OBJECT || kind == JSON_KIND_ARRAY) {
            bool is_empty = true;
            status = open_container(self, &nest, kind == JSON_KIND_OBJECT, &is_empty, fault);
            more_inside = !is_empty;
        } else {
            status = scan_scalar(self, kind, fault);
        }
        if (status == STATUS_OK && !more_inside)
            status = after_value(self, &nest, fault);
    } while (status == STATUS_OK && nest.depth > 0);
    return status;
}

void json_begin(struct json_cursor *self, struct span text, unsigned max_depth)
{
    /* The absent span must not be counted from a null pointer. */
    const char *start = text.at == NULL ? "" : text.at;
    *self = (struct json_cursor){
        .start = start,
        .at = start,
        .end = start + text.len,
        .max_depth = max_depth < JSON_DEPTH_MAX ? max_depth : JSON_DEPTH_MAX,
        .first = true,
        .max_values = SIZE_MAX,
    };
}

enum json_kind json_peek(struct json_cursor *self)
{
    self->at = skip_space(self->at, self->end);
    return kind_at(self->at, self->end);
}

static enum status scan_one(struct json_cursor *self, enum json_kind kind, struct fault *fault)
{
    return ++self->values > self->max_values ? too_many(self, fault)
                                             : scan_scalar(self, kind, fault);
}

enum status json_skip(struct json_cursor *self, struct span *value, struct fault *fault)
{
    enum json_kind kind = json_peek(self);
    const char *from = self->at;
    enum status status = kind == JSON_KIND_OBJECT || kind == JSON_KIND_ARRAY
                             ? skip_container(self, fault)
                             : scan_one(self, kind, fault);
    if (status == STATUS_OK && value != NULL)
        *value = (struct span){.at = from, .len = (size_t)(self->at - from)};
    return status;
}

static enum status enter(
    struct json_cursor *self, enum json_kind kind, const char *what, struct fault *fault)
{
    if (json_peek(self) != kind)
        return expected(self, self->at, fault, what);
    if (self->depth >= self->max_depth)
        return too_deep(self, fault);
    self->at++;
    self->depth++;
    self->first = true;
    return STATUS_OK;
}

enum status json_enter_object(struct json_cursor *self, struct fault *fault)
{
    return enter(self, JSON_KIND_OBJECT, "an object", fault);
}

enum status json_enter_array(struct json_cursor *self, struct fault *fault)
{
    return enter(self, JSON_KIND_ARRAY, "an array", fault);
}

/* To the first byte of the next member or element, over the comma before it. */
static enum pull next(struct json_cursor *self, char close, const char *what, struct fault *fault)
{
    assert(self->depth > 0);
    const char *at = skip_space(self->at, self->end);
    if (at < self->end && *at == close) {
        self->at = at + 1;
        self->depth--;
        self->first = false;
        return PULL_MORE;
    }
    if (!self->first) {
        if (at == self->end || *at != ',') {
            (void)expected(self, at, fault, what);
            return PULL_BAD;
        }
        at = skip_space(at + 1, self->end);
    }
    self->at = at;
    self->first = false;
    return PULL_READY;
}

enum pull json_next_member(struct json_cursor *self, struct span *name, struct fault *fault)
{
    enum pull pull = next(self, '}', "',' or '}'", fault);
    if (pull != PULL_READY)
        return pull;
    return scan_name(self, name, fault) == STATUS_OK ? PULL_READY : PULL_BAD;
}

enum pull json_next_element(struct json_cursor *self, struct fault *fault)
{
    enum pull pull = next(self, ']', "',' or ']'", fault);
    if (pull == PULL_READY && kind_at(self->at, self->end) == JSON_KIND_ABSENT) {
        (void)expected(self, self->at, fault, "a value");
        return PULL_BAD;
    }
    return pull;
}

enum status json_end(struct json_cursor *self, struct fault *fault)
{
    assert(self->depth == 0);
    self->at = skip_space(self->at, self->end);
    if (self->at < self->end)
        return expected(self, self->at, fault, "the end of the text");
    return STATUS_OK;
}

enum status json_check(struct span text, unsigned max_depth, struct fault *fault)
{
    struct json_cursor cursor;
    json_begin(&cursor, text, max_depth);
    enum status status = json_skip(&cursor, NULL, fault);
    return status == STATUS_OK ? json_end(&cursor, fault) : status;
}

enum json_kind json_kind_of(struct span value)
{
    return value.at == NULL ? JSON_KIND_ABSENT : kind_at(value.at, value.at + value.len);
}
