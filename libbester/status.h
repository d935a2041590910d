/*
 * status: every way things end, in one table.
 *
 * A row gives the enumerator, the text on the wire (Part II, "Truthful
 * reports"), the exit status of the clients when this is why a message failed,
 * and a sentence for people. Rows from STATUS_MALFORMED to STATUS_INTERNAL may
 * travel in a status report; those behind it are local to a process. Docs and
 * --help are generated from this table, never written beside it.
 *
 * Nothing here allocates.
 */
#ifndef BESTER_STATUS_H
#define BESTER_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* A function so marked returns an expected failure that must be looked at. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(__printf__, text, first)))

/* A run of bytes that somebody else owns. {NULL, 0} means "absent". */
struct span {
    const char *at;
    size_t len;
};

#define SPAN_LITERAL(text) ((struct span){.at = (text), .len = sizeof(text) - 1})

/* Exit statuses of bester-cli and bester-send, one table for code and help. */
#define EXIT_TABLE(X)                                                                           \
    X(EXIT_ALL_GOOD, 0, "every message was reported good")                                      \
    X(EXIT_INTERNAL, 1, "a fault of the program itself")                                        \
    X(EXIT_USAGE, 2, "wrong options or arguments")                                              \
    X(EXIT_SOME_FAILED, 3, "some messages were reported bad, others good or for other reasons") \
    X(EXIT_NO_CONNECTION, 4, "the server could not be reached")                                 \
    X(EXIT_LOGIN_REFUSED, 5, "the server refused the login")                                    \
    X(EXIT_REJECTED, 6, "the message was reported bad, or stored where delivery was asked for") \
    X(EXIT_NO_HANDLER, 7, "the server has no handler for the type")                             \
    X(EXIT_REPORT_TIMEOUT, 8, "no status report in time")                                       \
    X(EXIT_REPLY_TIMEOUT, 9, "no reply in time")                                                \
    X(EXIT_CONNECTION_LOST, 10, "the connection was lost; the fate of a message is unknown")    \
    X(EXIT_TLS, 11, "TLS failed")                                                               \
    X(EXIT_BAD_INPUT, 65, "bad input: not JSON, or not what the template asks for")             \
    X(EXIT_LOCAL_IO, 74, "a local file or stream could not be read or written")

enum client_exit {
#define X(name, value, help) name = (value),
    EXIT_TABLE(X)
#undef X
};

/* enumerator, wire text, exit status of the clients, sentence */
#define STATUS_TABLE(X)                                                                       \
    X(STATUS_OK, "ok", EXIT_ALL_GOOD, "all went well")                                        \
    X(STATUS_MALFORMED, "malformed", EXIT_REJECTED, "the bytes are not a valid message")      \
    X(STATUS_TOO_LARGE, "tooLarge", EXIT_REJECTED, "the message is over a limit of size")     \
    X(STATUS_AUTH_REQUIRED, "authRequired", EXIT_LOGIN_REFUSED, "log in first")               \
    X(STATUS_AUTH_FAILED, "authFailed", EXIT_LOGIN_REFUSED, "wrong username or password")     \
    X(STATUS_NO_HANDLER, "noHandler", EXIT_NO_HANDLER, "no handler for this type")            \
    X(STATUS_HANDLER_DOWN, "handlerDown", EXIT_REJECTED, "the handler is not running")        \
    X(STATUS_HANDLER_TIMEOUT, "handlerTimeout", EXIT_REJECTED, "the handler did not answer")  \
    X(STATUS_HANDLER_ERROR, "handlerError", EXIT_REJECTED, "the handler refused the message") \
    X(STATUS_BAD_REPLY, "badReply", EXIT_REJECTED, "the handler's answer made no sense")      \
    X(STATUS_NOT_ALLOWED, "notAllowed", EXIT_REJECTED, "this may not be done here")           \
    X(STATUS_LOOP, "loop", EXIT_REJECTED, "the message went through too many hops")           \
    X(STATUS_UNKNOWN_USER, "unknownUser", EXIT_REJECTED, "there is no such user")             \
    X(STATUS_OFFLINE, "offline", EXIT_REJECTED, "the user is not connected")                  \
    X(STATUS_MAILBOX_FULL, "mailboxFull", EXIT_REJECTED, "the user's mailbox is full")        \
    X(STATUS_UNKNOWN_SERVER, "unknownServer", EXIT_REJECTED, "there is no such server")       \
    X(STATUS_SERVER_UNREACHABLE, "serverUnreachable", EXIT_REJECTED,                          \
        "the other server could not be reached")                                              \
    X(STATUS_SERVER_REFUSED, "serverRefused", EXIT_REJECTED,                                  \
        "the other server refused the message")                                               \
    X(STATUS_RATE_LIMITED, "rateLimited", EXIT_REJECTED, "too many messages in a short time") \
    X(STATUS_OVERLOADED, "overloaded", EXIT_REJECTED, "a queue on the way is full")           \
    X(STATUS_SHUTTING_DOWN, "shuttingDown", EXIT_REJECTED, "the server is shutting down")     \
    X(STATUS_INTERNAL, "internal", EXIT_REJECTED, "a fault of the server itself")             \
    X(STATUS_NO_MEMORY, "noMemory", EXIT_INTERNAL, "out of memory")                           \
    X(STATUS_IO, "io", EXIT_LOCAL_IO, "input or output failed")                               \
    X(STATUS_INVALID, "invalid", EXIT_BAD_INPUT, "the input is not valid")                    \
    X(STATUS_NOT_FOUND, "notFound", EXIT_BAD_INPUT, "there is no such thing")                 \
    X(STATUS_TIMEOUT, "timeout", EXIT_NO_CONNECTION, "it took too long")                      \
    X(STATUS_CLOSED, "closed", EXIT_CONNECTION_LOST, "the other side closed the connection")

enum status {
#define X(name, wire, exit_status, help) name,
    STATUS_TABLE(X)
#undef X
        STATUS_COUNT
};

/* What became of a message that was reported good. */
#define OUTCOME_TABLE(X)              \
    X(OUTCOME_NONE, "")               \
    X(OUTCOME_DELIVERED, "delivered") \
    X(OUTCOME_STORED, "stored")       \
    X(OUTCOME_QUEUED, "queued")

enum outcome {
#define X(name, wire) name,
    OUTCOME_TABLE(X)
#undef X
        OUTCOME_COUNT
};

/* What a pull parser answers: here it is; more bytes are needed; give up. */
enum pull { PULL_READY, PULL_MORE, PULL_BAD };

/* A failure told to a person: what kind, where (bytes from the start), and a
 * sentence. Lives with the caller; text is always ended by a zero byte. */
struct fault {
    enum status status;
    size_t offset;
    char text[240];
};

/* The wire text, e.g. "handlerTimeout". Never NULL. */
const char *status_text(enum status status);
/* The sentence. Never NULL. */
const char *status_help(enum status status);
/* The status whose wire text this is; STATUS_COUNT if there is none. */
enum status status_from_text(struct span text);
/* Whether it may travel in a report. */
bool status_on_wire(enum status status);
/* The exit status of a client whose message ended so. */
enum client_exit status_exit(enum status status);

const char *outcome_text(enum outcome outcome);
/* OUTCOME_NONE if there is none of that text. */
enum outcome outcome_from_text(struct span text);

/* Fills *fault (may be NULL) and returns status, so that "return fault_set(…)"
 * reads well. Too long a text is cut. */
enum status fault_set(struct fault *fault, enum status status, size_t offset, const char *format,
    ...) PRINTF_LIKE(4, 5);

/* A span of a zero-ended string (NULL gives the absent span). */
struct span span_of(const char *text);
bool span_is(struct span span, const char *text);
bool span_equal(struct span a, struct span b);

#endif
