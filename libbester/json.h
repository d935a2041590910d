/*
 * json: one validating pass over a JSON text, no tree. RFC 8259, strict, UTF-8
 * checked (no overlong forms, no surrogates), depth bounded.
 *
 * A cursor walks the text and hands out spans of it. Every byte is looked at
 * once: json_skip both validates a value and tells where it ends. What the
 * cursor has handed out is valid JSON; what lies ahead is not known yet.
 *
 * Two rules beyond RFC 8259, so that whoever parses the value later with an
 * ordinary library meets no surprise: an escaped surrogate must have its other
 * half, and the name of a member must not hold \u0000.
 */
#ifndef BESTER_JSON_H
#define BESTER_JSON_H

#include <stdint.h>

#include "libbester/bytes.h"
#include "libbester/status.h"

enum { JSON_DEPTH_MAX = 512, JSON_DEPTH_DEFAULT = 128 };

enum json_kind {
    JSON_KIND_ABSENT, /* the absent span, or no value here */
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_STRING,
    JSON_KIND_NUMBER,
    JSON_KIND_TRUE,
    JSON_KIND_FALSE,
    JSON_KIND_NULL
};

struct json_cursor {
    const char *start; /* of the whole text */
    const char *at;
    const char *end;
    unsigned depth;     /* containers entered and not yet left */
    unsigned max_depth; /* at most JSON_DEPTH_MAX */
    bool first;         /* no member or element of the innermost container seen */
    size_t values;      /* that json_skip has stepped over */
    size_t max_values;  /* SIZE_MAX, unless the caller sets it after json_begin */
};

/* Starts at the first byte of text. max_depth counts nested containers: 1
 * allows {} but not {"a":{}}. */
void json_begin(struct json_cursor *self, struct span text, unsigned max_depth);

/* The kind of the value that comes next, told by its first byte alone. */
enum json_kind json_peek(struct json_cursor *self);

/* Validates the value that comes next, whatever it is, and steps over it.
 * *value (may be NULL) becomes its bytes, without white space around it.
 * STATUS_MALFORMED, with *fault (may be NULL) saying what and where;
 * STATUS_TOO_LARGE when it is nested too deep, or there are too many values. */
MUST_CHECK enum status json_skip(struct json_cursor *self, struct span *value, struct fault *fault);

/* Steps into the object or array that comes next. */
MUST_CHECK enum status json_enter_object(struct json_cursor *self, struct fault *fault);
MUST_CHECK enum status json_enter_array(struct json_cursor *self, struct fault *fault);

/* In an object: PULL_READY with *name the raw token of the next member (quotes
 * included), the cursor at its value, which must then be skipped or entered;
 * PULL_MORE when the object has ended and the cursor has left it; PULL_BAD. */
enum pull json_next_member(struct json_cursor *self, struct span *name, struct fault *fault);
/* In an array: PULL_READY with the cursor at the next element; PULL_MORE when
 * the array has ended and the cursor has left it; PULL_BAD. */
enum pull json_next_element(struct json_cursor *self, struct fault *fault);

/* Nothing but white space may be left. */
MUST_CHECK enum status json_end(struct json_cursor *self, struct fault *fault);

/* The whole text is one value and nothing else. */
MUST_CHECK enum status json_check(struct span text, unsigned max_depth, struct fault *fault);

/* The kind of a value span as json_skip gave it. */
enum json_kind json_kind_of(struct span value);

/* Decodes a string token (quotes included, already validated) to UTF-8 into
 * out, with a zero byte behind it. *len (may be NULL): bytes without it.
 * STATUS_INVALID: not a string, or it holds \u0000; STATUS_TOO_LARGE: does not
 * fit in cap with its zero byte. out is then unspecified. */
MUST_CHECK enum status json_decode(struct span token, char *out, size_t cap, size_t *len);
/* Whether a string token, decoded, is this text. */
bool json_string_is(struct span token, const char *text);
/* Whether two string tokens decode to the same text. */
bool json_string_equal(struct span a, struct span b);

/* Appends text (UTF-8) as a string token, quotes included. What is not UTF-8
 * becomes U+FFFD, so that the result is always valid JSON. */
MUST_CHECK enum status json_quote(struct bytes *out, struct span text);
/* The same into a fixed buffer; a text that does not fit is cut (at a character)
 * and the token still closed. cap must be at least 3. Returns the token. */
struct span json_quote_into(char *out, size_t cap, struct span text);

/* 0 to UINT64_MAX written plainly ("7", or as a string token "\"7\""). */
MUST_CHECK enum status json_u64(struct span value, uint64_t *out);

#endif
