/*
 * feature: what a server can do beyond Part I of the wire contract, each by one
 * word. `besterd --features` prints the words of those it has; a play of the
 * harness names those it needs.
 *
 * Pure.
 */
#ifndef BESTER_FEATURE_H
#define BESTER_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

/* enumerator, word, what a server that has it does */
#define FEATURE_TABLE(X)                                                                     \
    X(FEATURE_LOGIN_ANSWER, "loginAnswer", "tells a good login its name, a bad one why")     \
    X(FEATURE_REASONS, "reasons", "a bad report says why: reason, detail")                   \
    X(FEATURE_OUTCOMES, "outcomes", "a report says what became of it: recipients, servers")  \
    X(FEATURE_TRUTH, "truth", "good is said of what was done, and of nothing else")          \
    X(FEATURE_MISSING_ID, "missingId", "takes a message without an id")                      \
    X(FEATURE_BAD_INPUT, "badInput", "reports what is no message, and stays if it can")      \
    X(FEATURE_ORDER, "order", "keeps a session's messages of one type in order")             \
    X(FEATURE_STAMPS, "stamps", "a received message says who sent it: from, id, time")       \
    X(FEATURE_BUILTINS, "builtins", "answers whoami, types, ping")                           \
    X(FEATURE_STREAM, "stream", "asks handlers that stay connected")                         \
    X(FEATURE_HANDLER_START, "handlerStart", "starts the handlers that it is told of")       \
    X(FEATURE_PEER_ID, "peerId", "sends every message to another server with an id")         \
    X(FEATURE_ORIGIN, "origin", "tells other servers who wrote a message: origin, hops")     \
    X(FEATURE_INFORMER_TRUTH, "informerTruth", "isClient says the truth")                    \
    X(FEATURE_CONFIGURATION, "configuration", "knows the members that Part I does not have") \
    X(FEATURE_RELOAD, "reload", "reads its configuration again on SIGHUP")                   \
    X(FEATURE_LOG, "log", "writes the log lines of besterd")                                 \
    X(FEATURE_METRICS, "metrics", "counts what docs/operations.md lists")                    \
    X(FEATURE_EXIT, "exit", "ends with status 0 on SIGTERM")                                 \
    X(FEATURE_ACKS, "acks", "numbers what a client receives, and keeps it until it says so") \
    X(FEATURE_RECEIPTS, "receipts", "reports again when what was stored is delivered")       \
    X(FEATURE_PINNED, "pinned", "talks to other servers over TLS with pinned keys")          \
    X(FEATURE_ADMINISTRATION, "administration", "obeys commands about accounts, and administrators")

enum feature {
#define X(name, word, meaning) name,
    FEATURE_TABLE(X)
#undef X
        FEATURE_COUNT
};

const char *feature_word(enum feature feature);
const char *feature_meaning(enum feature feature);
/* false: there is no such word. */
bool feature_find(const char *word, size_t len, enum feature *out);

#endif
