/*
 * client: one connection of a user to a server: connecting, login, sending
 * messages with ids, and what became of each.
 *
 * One struct client is one connection from its birth to its end; whoever wants
 * to connect again makes another. Invariants: on_ready comes at most once, and
 * before any message or result; every message that client_send took gets
 * exactly one result with its ticket; on_end comes exactly once, after all of
 * them, unless client_free came first; after it only client_free is left to do.
 * No callback is made from within client_new or client_send.
 *
 * Callbacks may call anything of this header, client_free included.
 */
#ifndef BESTER_CLIENT_H
#define BESTER_CLIENT_H

#include <ev.h>

#include "libbester/address.h"
#include "libbester/message.h"
#include "libbester/status.h"
#include "libbester/stream.h"
#include "libbester/tls.h"
#include "libbester/worker.h"

struct client;

enum {
    CLIENT_ID_MAX = 128, /* bytes of an id, with its zero byte */
    CLIENT_NAME_MAX = 256
};

struct client_options {
    struct address address;
    const char *user; /* copied, as is the password; wiped when login is over */
    const char *password;
    const char *const *features; /* for the login header, ends with NULL; or NULL */
    struct tls_context *tls;     /* NULL: none; kept */
    const struct tls_pin *pin; /* that the server must have; copied; NULL: any that tls believes */
    double connect_s;          /* for connecting and login together */
    double report_s;           /* for each message's report; 0: as long as it takes */
    double heartbeat_s;        /* a dummy when the server has been silent so long, the
                                * end after twice that; 0: never */
    size_t max_frame;          /* bytes accepted from the server */
    size_t max_queued_bytes;   /* bytes waiting to be written; one message may exceed it */
};

/* What the login answer told. A server of Part I tells nothing: then the texts
 * are empty and max_frame is 0. */
struct client_server {
    char name[CLIENT_NAME_MAX];
    char version[CLIENT_NAME_MAX];
    uint64_t max_frame;
};

enum client_fate {
    CLIENT_GOOD,     /* reported good; outcome says what that means */
    CLIENT_BAD,      /* reported bad */
    CLIENT_ANSWERED, /* the server answered itself (builtin, dummy): see answer */
    CLIENT_TIMEOUT,  /* no report within report_s; it may still come, as a later one */
    CLIENT_UNKNOWN,  /* sent, and the connection ended before the report */
    CLIENT_UNSENT    /* the connection ended before all of it had left */
};

/* Spans and pointers are valid during the call only. */
struct client_result {
    uint64_t ticket; /* of client_send; 0: a later report, for a message that has
                      * had its result, or for none that we know */
    const char *id;  /* decoded; "" if the report has none */
    enum client_fate fate;
    enum outcome outcome;
    enum status reason;      /* STATUS_COUNT: reason_text is one that we don't know */
    const char *reason_text; /* decoded; "" if the server told none */
    const char *detail;      /* decoded; "" if there is none */
    struct span recipients;  /* {"G": "delivered"}, or absent */
    struct span servers;
    const struct message *answer; /* CLIENT_ANSWERED only */
    double rtt_s;                 /* from client_send to now */
};

enum client_end {
    CLIENT_END_UNREACHABLE, /* no connection, or no answer to the login in time */
    CLIENT_END_TLS,         /* no TLS, or the server is not believed to be who it should be */
    CLIENT_END_REFUSED,     /* the server said no to the login */
    CLIENT_END_LOST,        /* it was up, and ended without our asking */
    CLIENT_END_FINISHED     /* client_finish */
};

struct client_callbacks {
    void (*on_ready)(struct client *client, void *user);
    /* text is the whole JSON text that message was parsed from. */
    void (*on_message)(
        struct client *client, const struct message *message, struct span text, void *user);
    void (*on_result)(struct client *client, const struct client_result *result, void *user);
    /* A frame that makes no sense; it was left out. May be NULL. */
    void (*on_noise)(struct client *client, const struct fault *fault, void *user);
    /* fault: a sentence for people. */
    void (*on_end)(
        struct client *client, enum client_end why, const struct fault *fault, void *user);
};

/* Starts to connect. callbacks, streams and resolver must outlive the client.
 * NULL when out of memory. */
struct client *client_new(struct streams *streams, struct worker *resolver,
    const struct client_options *options, const struct client_callbacks *callbacks, void *user);
/* Drops the connection at once; no callback follows. NULL is legal. */
void client_free(struct client *self);
/* Waits no longer: what is in flight has CLIENT_TIMEOUT as its result, now. */
void client_expire(struct client *self);
/* Sends what is queued and says goodbye. What has no report yet is UNKNOWN. */
void client_finish(struct client *self);

/* Sends a message; data is valid JSON. id NULL: one is made that no other
 * message of this process has. ticket (may be NULL) becomes a number, never 0.
 * STATUS_TOO_LARGE: over the server's limit, *fault says both sizes;
 * STATUS_OVERLOADED: too much is queued, try again after a result;
 * STATUS_INVALID: the id is too long, or in flight already; STATUS_CLOSED: not
 * ready, or over; STATUS_NO_MEMORY. */
MUST_CHECK enum status client_send(struct client *self, const char *type, struct span data,
    const char *id, uint64_t *ticket, struct fault *fault);
/* The same for one of the server's built-in commands; args is JSON, or absent. */
MUST_CHECK enum status client_ask(struct client *self, const char *command, struct span args,
    uint64_t *ticket, struct fault *fault);

/* Takes nothing more from the server, neither messages nor reports, until resumed. */
void client_pause(struct client *self);
void client_resume(struct client *self);
const struct client_server *client_server(const struct client *self);
size_t client_in_flight(const struct client *self);
/* The descriptor of its connection, to be asked, not to be used; -1: there is none. */
int client_fd(const struct client *self);

/* ---- a result as text and as exit status (client_result.c) ---------------------------------- */

/* "delivered", "failed: offline (G): detail"; made visible, cut if it does not
 * fit. cap is at least 16. Returns out. */
const char *client_result_text(const struct client_result *result, char *out, size_t cap);
/* What a program ends with whose only message ended so. */
enum client_exit client_result_exit(const struct client_result *result);
enum client_exit client_end_exit(enum client_end why);
/* The exit status of a program that sent many: connection lost, no report in
 * time, the common one if all failed alike, else EXIT_SOME_FAILED. */
struct client_tally {
    uint64_t good;
    uint64_t by_exit[EXIT_LOCAL_IO + 1]; /* of those that were not good */
};
void client_tally_add(struct client_tally *self, const struct client_result *result);
enum client_exit client_tally_exit(const struct client_tally *self);

/* "good", "bad", "unknown", "unsent": for machines. */
const char *client_fate_text(enum client_fate fate);

#endif
