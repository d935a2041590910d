/*
 * template: what the messages of a type look like, so that a person or a script
 * can build one without writing JSON. docs/templates.md is for authors.
 *
 *   {"type": "chat", "summary": "…",
 *    "fields": [{"name": "to", "kind": "recipients", "required": true, "help": "…"},
 *               {"name": "text", "kind": "text", "required": true, "rest": true}],
 *    "show": "{from}: {text}"}
 *
 * struct type_template is made from JSON text and constant from then on. struct form
 * is one message under construction; it holds each field's value as the JSON
 * text it will be, so that nothing is rounded or rewritten on the way.
 */
#ifndef BESTER_TEMPLATE_H
#define BESTER_TEMPLATE_H

#include "libbester/bytes.h"
#include "libbester/json.h"
#include "libbester/status.h"

/* enumerator, JSON name, what a person is told about it */
#define FIELD_KIND_TABLE(X)                                                       \
    X(FIELD_RECIPIENTS, "recipients", "one name, or several separated by commas") \
    X(FIELD_STRING, "string", "text on one line")                                 \
    X(FIELD_TEXT, "text", "any text")                                             \
    X(FIELD_INT, "int", "a whole number")                                         \
    X(FIELD_NUMBER, "number", "a number")                                         \
    X(FIELD_BOOL, "bool", "true or false")                                        \
    X(FIELD_JSON, "json", "a JSON value")

enum field_kind {
#define X(name, text, help) name,
    FIELD_KIND_TABLE(X)
#undef X
        FIELD_KIND_COUNT
};
const char *field_kind_text(enum field_kind kind);
const char *field_kind_help(enum field_kind kind);

struct template_field {
    char *name;
    char *help; /* or NULL */
    enum field_kind kind;
    bool required;
    bool rest; /* takes the rest of a plain line; at most one field */
};

enum {
    TEMPLATE_FIELDS_MAX = 64,
    TEMPLATE_BYTES_MAX = 64 * 1024,
    TEMPLATE_NAME_MAX = 128 /* bytes of a field's or a type's name, with its zero byte */
};

struct type_template {
    char *type;
    char *summary; /* or NULL */
    char *show;    /* or NULL: show the JSON */
    struct template_field *fields;
    size_t field_count;
};

/* STRICT is for an author's file: a member that is not known is a mistake.
 * LENIENT is for what a newer server may send. */
enum template_care { TEMPLATE_STRICT, TEMPLATE_LENIENT };

/* STATUS_INVALID: *fault says where ("fields[1].kind") and what. */
MUST_CHECK enum status template_parse(
    struct type_template **out, struct span text, enum template_care care, struct fault *fault);
/* The same from a file; STATUS_NOT_FOUND or STATUS_IO when it cannot be read. */
MUST_CHECK enum status template_load(
    struct type_template **out, const char *path, struct fault *fault);
/* The user's own template of a type: $XDG_CONFIG_HOME/bester/templates/TYPE.json.
 * STATUS_NOT_FOUND: there is none. */
MUST_CHECK enum status template_load_own(
    struct type_template **out, const char *type, struct fault *fault);
void template_free(struct type_template *self); /* NULL is legal */

/* Whether text is a strict template; type (may be NULL) is what it must be for. */
MUST_CHECK enum status template_check(struct span text, const char *type, struct fault *fault);

/* NULL if there is none. */
const struct template_field *template_field(const struct type_template *self, const char *name);
const struct template_field *template_rest(const struct type_template *self);
const struct template_field *template_recipients(const struct type_template *self);

/* Walks through the data of an answer to `types`, {"command": "types", "types":
 * {TYPE: {"template": {…}}, TYPE: {}}}. data must be valid JSON. After a start
 * that is STATUS_OK: PULL_READY with the type and its template's text (absent if
 * it has none); PULL_MORE at the end. A type of an impossible name is left out. */
MUST_CHECK enum status template_types_begin(struct json_cursor *self, struct span data);
enum pull template_types_next(
    struct json_cursor *self, char type[TEMPLATE_NAME_MAX], struct span *text);

/* ---- building ------------------------------------------------------------------------------- */

struct form {
    const struct type_template *sheet; /* must outlive the form */
    char **values;                     /* JSON text by field, NULL: not set; malloc'd */
};

MUST_CHECK enum status form_init(struct form *self, const struct type_template *sheet);
void form_release(struct form *self);

/* Sets a field from what a person wrote ("true" for a bool, "G, H" for
 * recipients); replaces what it held. STATUS_INVALID, *fault says why. */
MUST_CHECK enum status form_set_text(
    struct form *self, const struct template_field *field, struct span text, struct fault *fault);
/* Sets a field from a JSON value, which must suit its kind. */
MUST_CHECK enum status form_set_json(
    struct form *self, const struct template_field *field, struct span text, struct fault *fault);
/* "name=value" and "name=JSON" as on a command line; an unknown name is told
 * with the names that are known. */
MUST_CHECK enum status form_set_pair(
    struct form *self, const char *pair, bool is_json, struct fault *fault);
bool form_has(const struct form *self, const struct template_field *field);
/* Appends the data, {"to": …, "text": …}. STATUS_INVALID: a required field is
 * not set, *fault names it. */
MUST_CHECK enum status form_data(const struct form *self, struct bytes *out, struct fault *fault);

/* ---- showing -------------------------------------------------------------------------------- */

/* What the server said about a message; NULL or "": not told. */
struct shown_envelope {
    const char *from;
    const char *type;
    const char *time;
};

/* Appends data as `show` says, on possibly several lines, made visible. {from},
 * {type} and {time} are the envelope's, which the sender cannot forge; only what
 * it does not tell is taken from data, and {data.from} always is. If self is
 * NULL, or data has nothing of what `show` names, it is the sender and the JSON:
 * nothing is ever hidden. data must be valid JSON. */
MUST_CHECK enum status template_show(const struct type_template *self, struct span data,
    const struct shown_envelope *envelope, struct bytes *out);

#endif
