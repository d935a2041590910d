/*
 * informer: the server's question-and-answer socket for handlers. Part I,
 * "Informer".
 *
 * Owns its listening socket and its connections. It knows nothing of the server
 * but the facts it asks for through struct informer_facts. Invariant: an asker
 * that is slow, silent or wrong costs at most its own connection.
 */
#ifndef BESTERD_INFORMER_H
#define BESTERD_INFORMER_H

#include <jansson.h>

#include "libbester/address.h"
#include "libbester/status.h"
#include "libbester/stream.h"

struct informer;

struct informer_list; /* what the answer collects names into */

/* What the server tells. Called on the loop, answers at once. */
struct informer_facts {
    /* Calls informer_list_add for each user that is logged in. */
    void (*list_clients)(void *server, struct informer_list *list);
    bool (*is_client)(void *server, const char *username);
    size_t (*client_count)(void *server); /* sessions that are logged in */
    size_t (*listener_count)(void *server);
    /* The address really listened on; index < listener_count. */
    void (*listener_address)(void *server, size_t index, struct address *out);
    /* New objects, or NULL when out of memory: handlers and other servers, each with its
     * state; servers that came and are not known; the pin of this one; what it has taken
     * away from itself. */
    json_t *(*handlers)(void *server);
    json_t *(*peers)(void *server);
    json_t *(*strangers)(void *server);
    json_t *(*identity)(void *server);
    json_t *(*sandbox)(void *server);
    /* Borrowed; any JSON value. */
    json_t *(*admin_info)(void *server);
};

void informer_list_add(struct informer_list *list, const char *username);

/* Listens on path, a UNIX socket (mode 0600). A socket file on which nobody
 * listens is replaced. facts must outlive the informer.
 * STATUS_IO or STATUS_INVALID: *fault says why; STATUS_NO_MEMORY. */
MUST_CHECK enum status informer_new(struct informer **out, struct streams *streams,
    const char *path, const struct informer_facts *facts, void *server, struct fault *fault);
/* Closes every connection, removes the socket. NULL is legal. */
void informer_free(struct informer *self);

#endif
