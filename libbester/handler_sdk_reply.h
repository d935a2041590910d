/*
 * handler_sdk_reply: a request with the reply that is being built for it. The
 * inside of handler_sdk; handlers include handler_sdk.h. No sockets here.
 *
 * A reply is made by reply_new_stream or reply_new_oneshot, borrows the payload
 * that it was made of until reply_hold copies it, and ends with reply_free.
 */
#ifndef BESTER_HANDLER_SDK_REPLY_H
#define BESTER_HANDLER_SDK_REPLY_H

#include <stdint.h>

#include "libbester/bytes.h"
#include "libbester/handler_sdk.h"

enum { REPLY_NAME_MAX = 256, REPLY_STATUS_MAX = 16, REPLY_DETAIL_MAX = 512 };

struct handler_reply {
    struct handler_request request; /* its texts are those below */
    char user[REPLY_NAME_MAX];
    char server[REPLY_NAME_MAX];
    char via[REPLY_NAME_MAX];
    char scope[REPLY_NAME_MAX];
    char type[REPLY_NAME_MAX];
    char trace[REPLY_NAME_MAX];

    enum handler_sdk_protocol protocol;
    struct span exchange; /* JSON token; absent in oneshot */
    struct span payload;  /* what the spans point into */
    char *held;           /* our copy of it, or NULL */

    struct bytes data;
    struct bytes commands; /* JSON objects, separated by commas */
    unsigned command_count;
    char status[REPLY_STATUS_MAX]; /* "0", or the refusal's */
    char detail[REPLY_DETAIL_MAX];
    bool broken; /* a mistake was made in building it: detail tells */

    /* The socket's side. */
    struct handler_sdk *sdk; /* NULL: none, or gone */
    uint64_t connection;
    bool running; /* handle has not returned yet */
    bool kept;
    bool sent;
    struct handler_reply *next, *prev; /* of the kept ones */
};

/* Of a frame's payload. NULL: out of memory. A payload that is not a question is
 * told by reply->broken; without an exchange it cannot even be answered. */
struct handler_reply *reply_new_stream(struct span payload);
struct handler_reply *reply_new_oneshot(struct span payload);
/* For tests: request's texts are borrowed. */
struct handler_reply *reply_new_of(
    const struct handler_request *request, enum handler_sdk_protocol protocol);
void reply_free(struct handler_reply *self);

/* Copies the payload, so that request stays valid. */
MUST_CHECK enum status reply_hold(struct handler_reply *self);
/* The reply as JSON text; as a frame if is_frame. NULL: out of memory. */
MUST_CHECK struct blob *reply_blob(const struct handler_reply *self, bool is_frame);

#endif
