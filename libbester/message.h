/*
 * message: the payload of a frame <-> struct message. Pure.
 *
 * Parsing is one pass: the members of the envelope become spans into the text,
 * `data` is validated and stepped over, never taken apart. A struct message
 * owns nothing and is valid as long as the text it was parsed from.
 *
 * The builders write every kind of message that Part I and II name. They return
 * a whole frame, NULL when out of memory. All spans named *_token are JSON
 * tokens, passed on as they came; `const char *` texts are quoted here.
 */
#ifndef BESTER_MESSAGE_H
#define BESTER_MESSAGE_H

#include <stdint.h>

#include "libbester/frame.h"
#include "libbester/json.h"
#include "libbester/status.h"

/* Members that are known: level, JSON name, field of struct message. Any other
 * member is validated and ignored. One table makes struct and parser. */
#define MESSAGE_HEADER_TABLE(X)         \
    X("scope", scope)                   \
    X("authentication", authentication) \
    X("features", features)             \
    X("ack", ack)                       \
    X("messageType", message_type)      \
    X("status", status)                 \
    X("seq", seq)                       \
    X("from", from)                     \
    X("id", header_id)                  \
    X("time", time)                     \
    X("authenticated", authenticated)   \
    X("exchange", exchange)             \
    X("origin", origin)                 \
    X("deadlineMs", deadline_ms)        \
    X("hops", hops)                     \
    X("order", order)                   \
    X("instance", instance)             \
    X("trace", trace)                   \
    X("command", command)               \
    X("commandData", command_data)      \
    X("commands", commands)             \
    X("detail", header_detail)

#define MESSAGE_PAYLOAD_TABLE(X) \
    X("type", type)              \
    X("data", data)              \
    X("id", id)                  \
    X("outcome", outcome)        \
    X("recipients", recipients)  \
    X("servers", servers)        \
    X("reason", reason)          \
    X("detail", detail)          \
    X("server", server)

struct message {
    struct span header;   /* the value of "header"; absent if there is none */
    struct span payload;  /* the value of "payload" */
    struct span top_data; /* "data" at the top: a handler's answer */
#define X(name, field) struct span field;
    MESSAGE_HEADER_TABLE(X)
    MESSAGE_PAYLOAD_TABLE(X)
#undef X
};

/* Members that one object of the envelope may have, and bytes of the token that
 * names one (quotes and escapes included); more is refused as STATUS_TOO_LARGE.
 * Together they bound the work of finding a name that stands twice. */
enum { MESSAGE_MEMBERS_MAX = 64, MESSAGE_NAME_MAX = 256 };

/* Parses text into *self. The top must be an object; "header" and "payload", if
 * present, objects; no object of the envelope may name a member twice (compared
 * after decoding). On failure *self holds what had been found until then, for
 * whoever must say whose message it was, and *fault says what and where. */
MUST_CHECK enum status message_parse(
    struct message *self, struct span text, unsigned max_depth, struct fault *fault);
/* The same of a stranger, who may send at most max_values values (members, elements
 * and what holds them): STATUS_TOO_LARGE. */
MUST_CHECK enum status message_parse_bounded(struct message *self, struct span text,
    unsigned max_depth, size_t max_values, struct fault *fault);

/* {"header": {"messageType": "statusReport", "status": …}, "payload": {"id": …, …}} */
struct report {
    struct span id_token; /* absent: the report has no id */
    uint64_t exchange;    /* between pinned servers; 0: none */
    bool good;
    enum outcome outcome;   /* good only; OUTCOME_NONE: not told */
    enum status reason;     /* bad only; STATUS_OK: not told */
    const char *detail;     /* or NULL; plain text */
    struct span recipients; /* JSON object text, or absent */
    struct span servers;    /* JSON object text, or absent */
    struct span server;     /* JSON object text of the login answer, or absent */
};
MUST_CHECK struct blob *message_report(const struct report *report);

/* {"header": {"messageType": "receivedMessage", …}, "payload": {"type", "data"}} */
struct received {
    struct span type_token;
    struct span data;
    struct span from_token; /* each of these may be absent */
    struct span id_token;
    struct span time_token;
    bool unauthenticated; /* writes "authenticated": false */
};
MUST_CHECK struct blob *message_received(const struct received *received);

/* The answer to `dummy`; an absent id is left out. */
MUST_CHECK struct blob *message_dummy_answer(struct span id_token);

/* To another server. origin (JSON object text), hops and trace are extra members that
 * a Part I peer ignores; hops is left out when it is 0. exchange and order are for
 * pinned servers, which know each other's messages by the first and keep those of the
 * same second in order; left out when they are 0. */
struct forward {
    struct span type_token;
    struct span data;
    struct span id_token;
    struct span origin; /* or absent */
    unsigned hops;
    const char *trace; /* of letters and digits, or NULL */
    uint64_t exchange;
    uint64_t order;
};
MUST_CHECK struct blob *message_forward(const struct forward *forward);

/* To a handler that stays connected (Part II). */
struct question {
    uint64_t exchange;
    struct span origin;   /* JSON object text */
    struct span id_token; /* or absent */
    const char *trace;    /* of letters and digits, or NULL */
    unsigned deadline_ms;
    struct span type_token;
    struct span data;
};
MUST_CHECK struct blob *message_question(const struct question *question);

/* From a client: the login (features: a list that ends with NULL, or NULL), and
 * a message. */
MUST_CHECK struct blob *message_login(
    const char *username, const char *password, const char *const *features);
MUST_CHECK struct blob *message_from_client(
    const char *type, struct span data, struct span id_token);

#endif
