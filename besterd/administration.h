/*
 * administration: built-in commands that change something or tell much: what a
 * user may do with his own account, and administrators with the server.
 *
 * A command is one row of a table {name, who may, arguments, run}. It is asked
 * with a ticket, a number that the asker chose, and answered once with that
 * ticket, later on the loop, never from within the call: accounts are changed on
 * a thread, all else is done at the end of the turn, when nothing is in the
 * middle of anything.
 *
 * Owns what is under way, a thread and a connection to the accounts of its own.
 * Passwords are wiped as soon as they were used. What it does to the server, it
 * does through a table of functions that server.c sets.
 */
#ifndef BESTERD_ADMINISTRATION_H
#define BESTERD_ADMINISTRATION_H

#include <ev.h>
#include <jansson.h>
#include <stdint.h>

#include "besterd/config.h"

struct administration;

/* The server, as administrators see it. Called at the end of a turn. */
struct administration_deeds {
    /* data: a JSON object, valid during the call; absent unless status is
     * STATUS_OK. detail: why not, or NULL. */
    void (*answer)(
        uint64_t ticket, enum status status, struct span data, const char *detail, void *server);
    /* Of administration_register. */
    void (*registered)(uint64_t session, enum status status, const char *detail, void *server);
    /* Ends sessions with a report: those of user (NULL: of anybody) but `except`, or
     * only the one of that number (0: all). How many. */
    size_t (*end_sessions)(void *server, const char *user, uint64_t only, uint64_t except,
        enum status reason, const char *detail);
    /* A new object each; NULL when out of memory. user: NULL, or only his. from: only
     * sessions of at least this number. */
    json_t *(*sessions)(void *server, const char *user, uint64_t from);
    json_t *(*queue)(void *server);
    /* STATUS_OK: *ignored is a new list of {where, sentence}. */
    enum status (*reload)(void *server, json_t **ignored, struct fault *fault);
    void (*shutdown)(void *server);
};

/* NULL when out of memory. deeds and server must outlive it. */
struct administration *administration_new(struct ev_loop *loop, const struct config *config,
    const struct administration_deeds *deeds, void *server);
/* What is under way is not answered. NULL is legal. */
void administration_free(struct administration *self);
/* Another configuration; must outlive it, or the next call of this. */
void administration_reconfigure(struct administration *self, const struct config *config);

struct administration_row;
/* NULL: it is none of these commands. */
const struct administration_row *administration_find(const char *name);

struct administration_question {
    const struct administration_row *row;
    struct span args; /* JSON, or absent */
    const char *user; /* who asks, in which session */
    uint64_t session;
    uint64_t ticket;
};

/* STATUS_OK: it is answered later. STATUS_NOT_ALLOWED, STATUS_MALFORMED,
 * STATUS_OVERLOADED: no answer comes, *fault says why. STATUS_NO_MEMORY. */
MUST_CHECK enum status administration_ask(struct administration *self,
    const struct administration_question *question, struct fault *fault);

/* A new account for who is not logged in yet; the configuration must allow it.
 * username as username_normalise gave it. STATUS_OK: registered is called later;
 * otherwise as administration_ask. */
MUST_CHECK enum status administration_register(struct administration *self, uint64_t session,
    const char *username, struct span password, struct fault *fault);

#endif
