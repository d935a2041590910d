/*
 * handler_sdk: what a handler's author needs. This is a whole handler, which
 * gives back to the sender what it got:
 *
 *   static void handle(
 *       const struct handler_request *request, struct handler_reply *reply, void *user)
 *   {
 *       const char *names[] = {request->user, NULL};
 *       (void)user;
 *       reply_data(reply, request->data);
 *       reply_send_clients(reply, names, NO_MESSAGE);
 *   }
 *
 *   int main(int argc, char **argv)
 *   {
 *       return handler_sdk_main(argc, argv, handle, NULL);
 *   }
 *
 * besterd starts it with the path of the socket to listen on as its first
 * argument and the protocol in BESTER_PROTOCOL. It serves any number of
 * connections. SIGTERM and SIGINT end it cleanly and remove the socket.
 *
 * A request belongs to the SDK and ends when handle returns, unless reply_keep
 * was called: then both request and reply live until reply_send. Each reply is
 * sent exactly once: by reply_send, or by itself when handle returns.
 *
 * Mistakes in building a reply (data that is not JSON, no memory) need no check
 * at each call: the first one is kept, and the reply becomes a refusal that
 * tells it.
 */
#ifndef BESTER_HANDLER_SDK_H
#define BESTER_HANDLER_SDK_H

#include <ev.h>

#include "libbester/blob.h"
#include "libbester/status.h"

/* stream: one connection, many messages in flight (Part II). oneshot: a
 * connection for each message, which arrives as its bare data (Part I). */
enum handler_sdk_protocol { HANDLER_SDK_STREAM, HANDLER_SDK_ONESHOT };

struct handler_request {
    struct span data; /* valid JSON; what the message is about */
    /* Who says so. All empty in oneshot, which does not tell. */
    const char *user;     /* "T" */
    const char *server;   /* the user's server, "S1" */
    const char *via;      /* this handler's server */
    const char *scope;    /* "client": of via itself; "server": came from another */
    bool authenticated;   /* the user's own server vouches for the name, and is known */
    const char *type;     /* the handler's type; "" in oneshot */
    struct span id;       /* the message's id, a JSON string; or absent */
    const char *trace;    /* what the servers' logs call the message; "": not told */
    unsigned deadline_ms; /* the server waits no longer; 0: not told */
};

struct handler_reply;

typedef void handler_function(
    const struct handler_request *request, struct handler_reply *reply, void *user);

/* ---- the reply ---- */

#define NO_MESSAGE ((struct span){.at = NULL, .len = 0})

/* The message, a JSON value, that every command sends unless it has its own.
 * Copied. null until set. */
void reply_data(struct handler_reply *self, struct span data);
/* Commands; several are carried out together (in oneshot only one can be told).
 * names end with NULL and are copied; message is a JSON value, or NO_MESSAGE. */
void reply_send_clients(struct handler_reply *self, const char *const *names, struct span message);
void reply_send_servers(struct handler_reply *self, const char *const *names, struct span message);
void reply_send_handler(struct handler_reply *self, const char *type, struct span message);
/* Nothing is done; the sender is told handlerError and the sentence. status:
 * digits, not "0". Commands given so far are dropped. */
void reply_refuse(struct handler_reply *self, const char *status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* To answer later: returns the request, now valid until reply_send. NULL when
 * out of memory; then the reply is a refusal and is sent by itself. */
const struct handler_request *reply_keep(struct handler_reply *self);
/* Sends a kept reply and frees it and its request. If the server has gone
 * meanwhile nothing is sent. */
void reply_send(struct handler_reply *self);

/* For tests of a handler without a socket: what would be sent for this request,
 * as JSON text. handle must not keep the reply. NULL when out of memory. */
struct blob *handler_sdk_answer(const struct handler_request *request,
    enum handler_sdk_protocol protocol, handler_function *handle, void *user);

/* ---- the handler ---- */

struct handler_sdk;

struct handler_sdk_options {
    const char *path; /* of the UNIX socket; a stale one is replaced */
    enum handler_sdk_protocol protocol;
    size_t max_frame; /* 0: 64 MiB */
    handler_function *handle;
    void *user;
};

/* Listens on loop. STATUS_IO or STATUS_INVALID: *fault says why;
 * STATUS_NO_MEMORY. */
MUST_CHECK enum status handler_sdk_new(struct handler_sdk **out, struct ev_loop *loop,
    const struct handler_sdk_options *options, struct fault *fault);
/* Sends what is ready to be sent, closes all, removes the socket. Kept replies
 * stay the handler's: reply_send still frees them. NULL is legal. */
void handler_sdk_free(struct handler_sdk *self);

/* A whole program: path from argv[1] (or BESTER_SOCKET), protocol from
 * --protocol stream|oneshot (or BESTER_PROTOCOL; stream if neither is given);
 * runs until SIGTERM or SIGINT. Returns the exit status: 0; 2 wrong arguments;
 * 74 the socket cannot be used, after a line to stderr. */
int handler_sdk_main(int argc, char **argv, handler_function *handle, void *user);

#endif
