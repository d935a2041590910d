#include "harness/actor_foreign.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/wire.h"

/* No event tells that another process has bound a port. */
static const double LOOK_S = 0.005;

struct actor_foreign {
    const struct setting *setting;
    int member;
    void (*on_serves)(void *user);
    void *user;
    bool serves;
    bool moved;
    ev_timer look;
};

static char *with_config(const char *word, const char *config)
{
    const char *at = strstr(word, "{config}");

    if (!at)
        return must_copy(word);
    return must_print("%.*s%s%s", (int)(at - word), word, config, at + strlen("{config}"));
}

char **actor_foreign_words(const struct setting *setting, int member)
{
    const json_t *words = setting->topology->programs->foreign;
    char **out = must_alloc((json_array_size(words) + 1) * sizeof(*out));
    char config[256];

    topology_config_path(setting->topology, member, config, sizeof(config));
    for (size_t i = 0; i < json_array_size(words); i++)
        out[i] = with_config(json_string_value(json_array_get(words, i)), config);
    return out;
}

/* ---- does it serve? -------------------------------------------------------------------------- */

/* On the loopback a connection is made or refused at once. */
static bool takes_connections(const struct place *place)
{
    struct fault fault;
    int fd = wire_connect(place, &fault);
    int wrong = 0;

    if (fd < 0)
        return false;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    bool answered = poll(&ready, 1, 0) == 1 &&
                    getsockopt(fd, SOL_SOCKET, SO_ERROR, &wrong, &(socklen_t){sizeof(wrong)}) == 0;
    close(fd);
    return answered && wrong == 0;
}

void actor_foreign_look(struct actor_foreign *self)
{
    if (self->serves || !ev_is_active(&self->look))
        return;
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        const struct place *home =
            topology_home(self->setting->topology, self->member, (enum transport)i);

        if (home->text[0] && !takes_connections(home))
            return;
    }
    self->serves = true;
    ev_timer_stop(self->setting->loop, &self->look);
    self->on_serves(self->user);
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    actor_foreign_look(watcher->data);
}

void actor_foreign_started(struct actor_foreign *self)
{
    ev_timer_again(self->setting->loop, &self->look);
}

bool actor_foreign_serves(const struct actor_foreign *self)
{
    return self->serves;
}

bool actor_foreign_again(struct actor_foreign *self)
{
    struct fault fault;

    ev_timer_stop(self->setting->loop, &self->look);
    if (self->serves || self->moved)
        return false;
    self->moved = true;
    return topology_move(self->setting->topology, self->member, &fault) == STATUS_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct actor_foreign *actor_foreign_new(
    const struct setting *setting, int member, void (*on_serves)(void *user), void *user)
{
    struct actor_foreign *self = must_alloc(sizeof(*self));

    *self = (struct actor_foreign){
        .setting = setting, .member = member, .on_serves = on_serves, .user = user};
    ev_timer_init(&self->look, on_look, LOOK_S, LOOK_S);
    self->look.data = self;
    return self;
}

void actor_foreign_free(struct actor_foreign *self)
{
    if (!self)
        return;
    ev_timer_stop(self->setting->loop, &self->look);
    free(self);
}
