/* Who comes in: what the listeners accept, and what is turned away. */
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "besterd/log.h"
#include "besterd/server_internal.h"

/* Descriptors that strangers cannot take: handlers and other servers need some. */
enum { RESERVED_DESCRIPTORS = 128 };

static size_t max_sessions(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    size_t all = (size_t)limit.rlim_cur;
    return all - (all / 2 < RESERVED_DESCRIPTORS ? all / 2 : RESERVED_DESCRIPTORS);
}

void server_door_look(struct server *self)
{
    size_t connections = self->roster.numbers.count - links_lodgers(self->links);
    bool full = connections >= self->max_sessions;

    if (full == self->full)
        return;
    self->full = full;
    listeners_pause(&self->listeners, full);
    if (full)
        log_sparingly(&self->full_lines, LOG_LEVEL_WARNING, "listener", NULL,
            "%zu connections are all that descriptors allow: more must wait", connections);
}

/* Says why and closes, at no more cost than that: there is no session, and nobody
 * waits for what the other side does. Where TLS would have to be spoken first, it
 * is not worth its cost. */
static void turn_away(int fd, bool tls, const struct fault *fault)
{
    char unread[4096];
    struct blob *frame =
        tls ? NULL
            : message_report(&(struct report){
                  .id_token = SPAN_LITERAL("\"auth_special\""),
                  .reason = status_on_wire(fault->status) ? fault->status : STATUS_INTERNAL,
                  .detail = fault->text,
              });

    if (frame) {
        (void)send(fd, frame->data, frame->len, MSG_DONTWAIT | MSG_NOSIGNAL);
        /* With bytes unread the kernel would reset the connection, and what was said
         * might be lost. */
        (void)shutdown(fd, SHUT_WR);
        (void)recv(fd, unread, sizeof(unread), MSG_DONTWAIT);
    }
    blob_unref(frame);
    close(fd);
}

/* NULL: there is no memory for it, and it is closed. */
static struct session *enter(struct server *self, int fd, bool tls, struct guest *guest)
{
    struct tls *secured = tls ? tls_new(self->tls, NULL) : NULL;

    if (tls && !secured) {
        limits_leave(self->limits, guest);
        close(fd);
        return NULL;
    }
    struct session *session =
        session_new(fd, tls ? tls_filter(secured) : NULL, guest, &self->session_context);
    if (session && roster_enter(&self->roster, session) != STATUS_OK) {
        session_free(session);
        return NULL;
    }
    return session;
}

/* Pinned servers are few, but anybody may knock: what counts is how often. */
static void on_peer_accepted(struct server *self, int fd)
{
    struct guest *guest;
    struct fault fault;

    if (limits_admit(self->limits, fd, &guest, &fault) != STATUS_OK) {
        close(fd);
        return;
    }
    limits_leave(self->limits, guest);
    links_accept(self->links, fd);
}

static void on_accepted(int fd, bool tls, bool peer, void *user)
{
    struct server *self = user;
    struct guest *guest;
    struct fault fault;

    metrics_count(self->metrics, METRIC_CONNECTIONS, 0, 0);
    if (peer) {
        on_peer_accepted(self, fd);
        return;
    }
    if (limits_admit(self->limits, fd, &guest, &fault) != STATUS_OK) {
        turn_away(fd, tls, &fault);
        return;
    }
    if (!enter(self, fd, tls, guest))
        limits_log(
            self->limits, LOG_LEVEL_ERROR, "listener", "a connection was refused: out of memory");
    server_door_look(self);
}

enum status server_door_open(struct server *self, struct fault *fault)
{
    self->max_sessions = max_sessions();
    return listeners_open(&self->listeners, self->config, self->loop, on_accepted, self, fault);
}

enum status server_door_log_in(struct session *session, struct fault *fault, void *server)
{
    struct server *self = server;
    enum status status =
        limits_log_in(self->limits, roster_count(&self->roster, session->user), fault);

    if (status != STATUS_OK)
        return status;
    status = roster_log_in(&self->roster, session);
    return status == STATUS_OK ? STATUS_OK : fault_set(fault, status, 0, "%s", status_help(status));
}
