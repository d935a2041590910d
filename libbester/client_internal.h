/*
 * client_internal: what the files of the module client share.
 *
 * client.c is the life of a connection and sending; client_stream.c is its stream;
 * client_receive.c is what comes from the server. All calls from outside (stream, dial, timers)
 * enter and leave, so that client_free in a callback frees only when nobody is inside.
 */
#ifndef BESTER_CLIENT_INTERNAL_H
#define BESTER_CLIENT_INTERNAL_H

#include "libbester/bytes.h"
#include "libbester/client.h"
#include "libbester/dial.h"
#include "libbester/flights.h"

enum client_state {
    STATE_DIALLING,
    STATE_SECURING, /* TLS is being agreed on */
    STATE_LOGIN,
    STATE_READY,
    STATE_FINISHING,
    STATE_OVER
};

struct client {
    struct streams *streams;
    struct ev_loop *loop;
    const struct client_callbacks *callbacks;
    void *user;
    enum client_state state;
    unsigned depth; /* callbacks of ours that are under way */
    bool doomed;    /* client_free came during one of them */

    struct client_options options; /* texts: not to be used after client_new */
    struct dial *dial;
    struct stream *stream;
    struct tls *tls; /* NULL: none, or not yet; the stream's own */
    struct tls_pin pin;
    struct blob *login; /* the login frame, kept so that it can be wiped */
    struct client_server server;

    struct flights flights;
    uint64_t tickets;    /* given out so far */
    uint64_t frames;     /* given to the stream so far */
    uint64_t frames_out; /* of those, how many had left when the stream ended */
    char prefix[16];     /* of the ids that are made here */

    ev_timer connect_timer; /* dialling and login; or the end that client_finish wants */
    ev_timer report_timer;
    ev_timer heart;
    double heard_s;      /* when the last frame came */
    bool asked;          /* for a sign of life, since then */
    struct bytes detail; /* a text of a report, decoded */
};

void client_enter(struct client *self);
void client_leave(struct client *self);
/* Gives the flight its result and frees it. */
void client_land(struct client *self, struct flight *flight, struct client_result *result);
/* Ends: results for what is in flight, then on_end. */
void client_end(struct client *self, enum client_end why, const struct fault *fault);
void client_end_text(struct client *self, enum client_end why, enum status status, const char *text,
    const char *detail);
/* The login frame is not needed any more. */
void client_forget_login(struct client *self);
/* The server is heard for the first time. */
void client_heart_start(struct client *self);
/* The callback of dial. */
void client_on_dialled(int fd, const struct fault *fault, void *user);
/* One frame of the server, in any state. */
void client_receive(struct client *self, struct span payload);

#endif
