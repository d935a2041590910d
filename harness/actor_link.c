#include "harness/actor_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "harness/knock.h"
#include "harness/must.h"
#include "harness/pump.h"
#include "harness/wire.h"

/* Between bind and listen of a program there is no event to wait for. */
static const double RETRY_S = 0.001;

struct relay {
    struct relay *prev, *next;
    struct actor_link *link;
    int caller;
    int callee; /* -1: not connected yet */
    unsigned order;
    struct pump *forth; /* NULL: not connected yet */
    struct pump *back;
    bool end_told;  /* who ended it */
    bool end_forth; /* it was the caller */
};

struct actor_link {
    const struct setting *setting;
    int from;
    int to;
    struct place *front;
    const struct place *back;
    enum edge_kind forth_kind;
    enum edge_kind back_kind;
    bool shows;       /* nobody else tells the timeline */
    bool sealed;      /* TLS: there are no frames to see */
    ev_io acceptable; /* .fd does not listen while connections are refused */
    bool refuses;
    struct knock *knock; /* who is refused; NULL: nobody is, or can be seen */
    ev_timer retry;
    struct relay *relays;
    unsigned calls;
};

/* ---- the end of a relay ---------------------------------------------------------------------- */

static void relay_free(struct relay *self)
{
    if (self->callee >= 0) {
        pump_free(self->forth);
        pump_free(self->back);
        close(self->callee);
    }
    close(self->caller);
    DL_DELETE(self->link->relays, self);
    free(self);
}

/* Who says the end first is the one who ended it. */
static void tell_end(struct relay *self, bool forth, const char *how)
{
    const struct actor_link *link = self->link;

    if (self->end_told)
        return;
    self->end_told = true;
    self->end_forth = forth;
    if (link->shows)
        timeline_end(link->setting->timeline, forth ? link->from : link->to,
            forth ? link->to : link->from, forth ? link->forth_kind : link->back_kind, how,
            self->order)
            ->optional = true;
}

/* A caller may end what it says and still hear, or be gone: then what was sent to it
 * since was in vain, which is told by one more end. */
static void tell_gone(struct relay *self, bool broken)
{
    const struct actor_link *link = self->link;
    int error = 0;

    getsockopt(self->caller, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof(error)});
    if (link->shows && self->end_told && self->end_forth && (broken || error))
        timeline_end(link->setting->timeline, link->from, link->to, link->forth_kind, "(is gone)",
            self->order)
            ->optional = true;
}

static void relay_end(struct relay *self, const char *how)
{
    tell_gone(self, how != NULL);
    tell_end(self, true, how);
    relay_free(self);
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* A program logs in by itself; what comes of a good login is nobody's line. */
static bool is_login(enum edge_kind kind, struct span payload)
{
    if (kind != EDGE_CLIENT_SERVER && kind != EDGE_SERVER_CLIENT)
        return false;
    json_t *json = json_loadb(payload.at, payload.len, 0, NULL);
    const json_t *header = json_object_get(json, "header");
    const char *status = json_string_value(json_object_get(header, "status"));
    const char *id = json_string_value(json_object_get(json_object_get(json, "payload"), "id"));
    bool found = kind == EDGE_CLIENT_SERVER
                     ? json_object_get(header, "authentication") != NULL
                     : status && id && !strcmp(status, "good") && !strcmp(id, "auth_special");

    json_decref(json);
    return found;
}

static void on_frame(struct pump *pump, struct span payload, void *user)
{
    const struct relay *relay = user;
    struct actor_link *link = relay->link;
    bool forth = pump == relay->forth;
    int from = forth ? link->from : link->to;
    int to = forth ? link->to : link->from;
    enum edge_kind kind = forth ? link->forth_kind : link->back_kind;

    if (!link->shows)
        return;
    if (is_login(kind, payload))
        timeline_seen(link->setting->timeline, from, to, kind, payload)->order = relay->order;
    else
        timeline_frame(link->setting->timeline, from, to, kind, payload, relay->order);
}

static void on_passed(struct pump *pump, void *user)
{
    struct relay *relay = user;

    tell_end(relay, pump == relay->forth, "(closed the connection)");
    if (pump_has_passed(relay->forth) && pump_has_passed(relay->back))
        relay_end(relay, NULL);
}

static void on_broken(struct pump *pump, const char *how, void *user)
{
    (void)pump;
    relay_end(user, how);
}

static const struct pump_callbacks pump_callbacks = {
    .on_frame = on_frame, .on_passed = on_passed, .on_broken = on_broken};

/* ---- connections ----------------------------------------------------------------------------- */

/* false: nobody listens there. */
static bool relay_connect(struct relay *self, struct fault *fault)
{
    self->callee = wire_connect(self->link->back, fault);
    if (self->callee < 0)
        return false;
    setsockopt(self->caller, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(self->callee, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    self->forth = pump_new(self->link->setting, self->link->from, self->link->to, self->caller,
        self->callee, self->link->sealed, &pump_callbacks, self);
    self->back = pump_new(self->link->setting, self->link->to, self->link->from, self->callee,
        self->caller, self->link->sealed, &pump_callbacks, self);
    return true;
}

void actor_link_retry(struct actor_link *self, bool waits)
{
    struct relay *relay;
    struct relay *after;
    bool soon = false;

    DL_FOREACH_SAFE (self->relays, relay, after) {
        struct fault fault = {.text = ""};

        if (relay->callee >= 0 || relay_connect(relay, &fault))
            continue;
        /* The file is there, but nobody listens: it is about to, or has ended. */
        soon = soon || fault.offset == ECONNREFUSED;
        if (!waits)
            relay_end(relay, "(nobody listens there)");
    }
    if (waits && soon)
        ev_timer_start(self->setting->loop, &self->retry);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    ev_timer_set(watcher, RETRY_S, 0.);
    actor_link_retry(watcher->data, true);
}

bool actor_link_waits(const struct actor_link *self)
{
    return self->setting->scenario->members[self->to].kind == MEMBER_HANDLER ||
           self->forth_kind == EDGE_CLIENT_INFORMER;
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct actor_link *self = watcher->data;
    int fd;

    (void)loop, (void)events;
    while ((fd = accept(watcher->fd, NULL, NULL)) >= 0) {
        struct relay *relay = must_alloc(sizeof(*relay));
        struct fault fault = {.text = ""};

        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        *relay = (struct relay){.link = self, .caller = fd, .callee = -1, .order = ++self->calls};
        DL_APPEND(self->relays, relay);
        if (!relay_connect(relay, &fault) && !actor_link_waits(self))
            relay_end(relay, "(nobody listens there)");
    }
    if (actor_link_waits(self))
        self->setting->on_change(self->to, self->setting->user);
}

/* ---- disturbances ---------------------------------------------------------------------------- */

static void on_knock(bool seen, void *user)
{
    struct actor_link *self = user;
    struct disturbances *disturbances = self->setting->disturbances;
    struct active *active =
        disturbances_find(disturbances, DISTURBANCE_REFUSE, self->from, self->to);

    if (seen && active)
        disturbances_touch(disturbances, active, "a connection");
    else if (!seen)
        disturbances->refusals_unseen = true;
}

static void watch_refused(struct actor_link *self)
{
    self->knock = knock_new(self->setting->loop, self->front, on_knock, self);
    if (!self->knock)
        self->setting->disturbances->refusals_unseen = true;
}

/* From listening to a bound socket at the same address at which nobody listens, or
 * back. */
static void set_refusing(struct actor_link *self, bool refuses)
{
    struct ev_loop *loop = self->setting->loop;
    struct fault fault;

    if (self->refuses == refuses)
        return;
    self->refuses = refuses;
    knock_free(self->knock);
    self->knock = NULL;
    ev_io_stop(loop, &self->acceptable);
    /* A child of ours that has not called exec yet may hold it, too. */
    shutdown(self->acceptable.fd, SHUT_RDWR);
    close(self->acceptable.fd);
    if (topology_listen(self->front, refuses, &fault) != STATUS_OK)
        self->setting->on_trouble(self->to, CAUSE_NOT_STARTED, fault.text, self->setting->user);
    ev_io_set(&self->acceptable, self->front->fd, EV_READ);
    self->front->fd = -1;
    if (refuses && self->acceptable.fd >= 0)
        watch_refused(self);
    if (!refuses && self->acceptable.fd >= 0)
        ev_io_start(loop, &self->acceptable);
}

/* A pump that looks again may end its relay, and with it the other pump. */
static bool is_there(const struct actor_link *self, unsigned order)
{
    const struct relay *relay;

    DL_FOREACH (self->relays, relay)
        if (relay->order == order)
            return true;
    return false;
}

void actor_link_forget(struct actor_link *self)
{
    struct relay *relay;

    DL_FOREACH (self->relays, relay)
        if (relay->callee >= 0) {
            pump_forget(relay->forth);
            pump_forget(relay->back);
        }
}

void actor_link_disturb(struct actor_link *self)
{
    struct relay *relay;
    struct relay *after;

    set_refusing(self, disturbances_find(self->setting->disturbances, DISTURBANCE_REFUSE,
                           self->from, self->to) != NULL);
    DL_FOREACH_SAFE (self->relays, relay, after) {
        unsigned order = relay->order;

        if (relay->callee < 0)
            continue;
        pump_look_again(relay->forth);
        if (is_there(self, order))
            pump_look_again(relay->back);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

struct actor_link *actor_link_new(const struct setting *setting, int from, int to,
    struct place *front, const struct place *back, enum edge_kind forth, enum edge_kind reply)
{
    const struct member *members = setting->scenario->members;
    struct actor_link *self = must_alloc(sizeof(*self));

    *self = (struct actor_link){.setting = setting,
        .from = from,
        .to = to,
        .front = front,
        .back = back,
        .sealed = members_are_pinned(&members[from], &members[to]),
        .shows = !member_is_played(&members[from]) && !member_is_played(&members[to]),
        .forth_kind = forth,
        .back_kind = reply};
    ev_io_init(&self->acceptable, on_acceptable, front->fd, EV_READ);
    ev_timer_init(&self->retry, on_retry, RETRY_S, 0.);
    self->acceptable.data = self->retry.data = self;
    front->fd = -1;
    ev_io_start(setting->loop, &self->acceptable);
    return self;
}

void actor_link_free(struct actor_link *self)
{
    struct relay *relay;
    struct relay *after;

    if (!self)
        return;
    ev_io_stop(self->setting->loop, &self->acceptable);
    ev_timer_stop(self->setting->loop, &self->retry);
    knock_free(self->knock);
    if (self->acceptable.fd >= 0)
        close(self->acceptable.fd);
    DL_FOREACH_SAFE (self->relays, relay, after)
        relay_free(relay);
    free(self);
}

int actor_link_to(const struct actor_link *self)
{
    return self->to;
}
