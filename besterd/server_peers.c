/* The server's part in talking to other servers. */
#include "besterd/server_internal.h"

static void on_peer_done(uint64_t tag, enum status status, const char *detail, void *server)
{
    struct server *self = server;

    delivery_took(&self->pipeline.deliveries, tag, status, detail);
}

static enum status on_lodger(struct session *lodger, void *server)
{
    struct server *self = server;

    return roster_enter(&self->roster, lodger);
}

static void on_quiet(void *server)
{
    struct server *self = server;

    ev_feed_event(self->loop, &self->afterwards, EV_CUSTOM);
}

enum status server_open_peers(struct server *self, struct fault *fault)
{
    self->peers_context = (struct peers_context){
        .streams = self->streams,
        .resolver = self->resolver,
        .config = self->config,
        .on_done = on_peer_done,
        .server = self,
        .metrics = self->metrics,
    };
    self->peers = peers_new(&self->peers_context);
    if (!self->peers)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    self->links_context = (struct links_context){
        .streams = self->streams,
        .resolver = self->resolver,
        .config = self->config,
        .sessions = &self->session_context,
        .metrics = self->metrics,
        .enter = on_lodger,
        .on_done = on_peer_done,
        .on_quiet = on_quiet,
        .server = self,
    };
    return links_new(&self->links, &self->links_context, fault);
}
