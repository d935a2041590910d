/*
 * http: the head of an HTTP/1.x request (RFC 9110, RFC 9112), strictly. Pure.
 *
 * Knows what a server needs that answers GET and closes: method, path, Accept.
 * Bodies are not read. Lines end with CR LF and nothing else; what RFC 9112 lets
 * a server refuse is refused.
 */
#ifndef BESTERD_HTTP_H
#define BESTERD_HTTP_H

#include "libbester/status.h"

enum { HTTP_HEAD_MAX = 8192 }; /* bytes of the request line and all fields */

struct http_request {
    struct span method;
    struct span path;   /* without the query */
    struct span accept; /* the first Accept field; absent if there is none */
};

/* text: all that has come so far. PULL_READY: *out holds spans of it. PULL_MORE.
 * PULL_BAD: *code is what to answer (400, 431 or 505). */
enum pull http_parse(struct span text, struct http_request *out, int *code);

/* Whether a list of media ranges (the value of Accept) names this type. */
bool http_accepts(struct span accept, const char *type);

/* "404 Not Found"; the codes that are used here. Never NULL. */
const char *http_status(int code);

#endif
