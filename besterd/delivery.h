/*
 * delivery: to users' sessions and to other servers, and what became of it.
 *
 * A delivery is one message for one recipient (all sessions of a user) or one
 * server. It resolves by itself, later: a user's when the first of his sessions
 * has taken the whole message, or when none can any more; a server's when its
 * report is in. Each is told once through on_resolved, never from within
 * deliver_*; what is known at once is noted in the ticket right away.
 */
#ifndef BESTERD_DELIVERY_H
#define BESTERD_DELIVERY_H

#include "besterd/accounts.h"
#include "besterd/command.h"
#include "besterd/lane.h"
#include "besterd/limits.h"
#include "besterd/link.h"
#include "besterd/metrics.h"
#include "besterd/peer.h"
#include "besterd/roster.h"
#include "besterd/slots.h"

struct deliveries {
    struct roster *roster;
    struct peers *peers;
    struct links *links;
    struct accounts *accounts;
    const struct config *config;
    struct ev_loop *loop;
    struct metrics *metrics;
    struct limits *limits; /* or NULL */
    /* The ticket's open count and outcomes are up to date when this is called. */
    void (*on_resolved)(struct ticket *ticket, void *pipeline);
    struct ticket *(*find_ticket)(uint64_t number, void *pipeline);
    void *pipeline;

    struct slots drops;
    double stamped_s;     /* of time_token */
    char time_token[40];  /* now, as a JSON string */
    uint64_t forward_ids; /* for messages that came without an id */
};

/* The caller has filled in the members above the drops. */
void deliveries_init(struct deliveries *self);
void deliveries_release(struct deliveries *self);

/* Carries out a command of the handler of config, whose type is type_token. Whom it may
 * not send to, it is not told whether he exists. */
void deliver_to_clients(struct deliveries *self, struct ticket *ticket,
    const struct command *command, const struct config_handler *config, struct span type_token);
void deliver_to_servers(struct deliveries *self, struct ticket *ticket,
    const struct command *command, const struct config_handler *config, struct span type_token);

/* One of the ways a delivery went: a session took it or did not, the accounts
 * know the user or not, a server reported. detail may be NULL. */
void delivery_took(
    struct deliveries *self, uint64_t number, enum status status, const char *detail);

/* The status report of a ticket that is done. NULL when out of memory. */
MUST_CHECK struct blob *delivery_report(const struct ticket *ticket);

#endif
