/*
 * server_facts: what the server tells about itself to those who ask (informer).
 * Looks, changes nothing.
 */
#ifndef BESTERD_SERVER_FACTS_H
#define BESTERD_SERVER_FACTS_H

#include "besterd/informer.h"
#include "besterd/link.h"
#include "besterd/listener.h"
#include "besterd/roster.h"
#include "besterd/route.h"

struct server_facts {
    const struct roster *roster;
    const struct route *route;
    const struct links *links;
    const struct listeners *listeners;
    const struct config *config;
};

/* Its functions take a struct server_facts. */
extern const struct informer_facts server_facts_for_informer;

#endif
