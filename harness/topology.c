#include "harness/topology.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/must.h"

/* A path of a socket has at most 107 bytes; ours are the directory's and ten more. */
enum { DIR_BYTES_MAX = 80, BACKLOG = 512 };

/* ---- sockets --------------------------------------------------------------------------------- */

static enum status place_listen(struct place *self, bool silent, struct fault *fault)
{
    struct sockaddr *address = (struct sockaddr *)&self->address;

    self->fd = socket(self->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Connections of the one before may still be ending at this port; but of a port that the
     * kernel chooses, we want to be the only ones. */
    if (self->fd >= 0 && self->text[0])
        setsockopt(self->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (self->fd < 0 || bind(self->fd, address, self->address_len) != 0 ||
        setsockopt(self->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
        (!silent && listen(self->fd, BACKLOG) != 0) ||
        getsockname(self->fd, address, &(socklen_t){sizeof(self->address)}) != 0)
        return fault_set(fault, STATUS_IO, 0, "no socket: %s", strerror(errno));
    return STATUS_OK;
}

/* silent: the port is ours, so that nobody else gets it, but nobody listens. */
static enum status listen_tcp4(
    const struct topology *self, struct place *place, bool silent, struct fault *fault)
{
    struct sockaddr_in *address = (struct sockaddr_in *)&place->address;
    char host[INET_ADDRSTRLEN];

    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(self->loopback), .sin_port = 0};
    place->address_len = sizeof(*address);
    enum status status = place_listen(place, silent, fault);
    if (status != STATUS_OK)
        return status;
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
    snprintf(place->text, sizeof(place->text), "%s:%u", host, ntohs(address->sin_port));
    return STATUS_OK;
}

static enum status listen_tcp6(struct place *place, bool silent, struct fault *fault)
{
    struct sockaddr_in6 *address = (struct sockaddr_in6 *)&place->address;

    *address = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    place->address_len = sizeof(*address);
    enum status status = place_listen(place, silent, fault);
    if (status != STATUS_OK)
        return status;
    snprintf(place->text, sizeof(place->text), "[::1]:%u", ntohs(address->sin6_port));
    return STATUS_OK;
}

static void name_unix(struct topology *self, struct place *place)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&place->address;

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(place->text, sizeof(place->text), "%s/%u", self->dir, self->files++);
    snprintf(address->sun_path, sizeof(address->sun_path), "%.*s", DIR_BYTES_MAX + 16, place->text);
    place->address_len = sizeof(*address);
}

static enum status listen_unix(struct topology *self, struct place *place, struct fault *fault)
{
    name_unix(self, place);
    return place_listen(place, false, fault);
}

/* ---- who listens where ----------------------------------------------------------------------- */

struct place *topology_home(const struct topology *self, int server, enum transport transport)
{
    return &self->homes[server * TRANSPORT_COUNT + (int)transport];
}

struct place *topology_front(const struct topology *self, int from, int to)
{
    return &self->fronts[(size_t)from * self->scenario->member_count + (size_t)to];
}

struct place *topology_desk(const struct topology *self, int server, int member)
{
    struct place *mid = &self->mids[(size_t)server * self->scenario->member_count + (size_t)member];

    return mid->text[0] ? mid : topology_front(self, server, member);
}

struct place *topology_database(const struct topology *self, int server)
{
    return &self->databases[server];
}

struct place *topology_back(const struct topology *self, int member)
{
    return &self->backs[member];
}

/* A foreign server listens by itself: its ports are held, no more. */
static enum status open_home(struct topology *self, int server, struct fault *fault)
{
    unsigned wanted = self->scenario->members[server].server.listeners;
    bool held = self->programs->foreign != NULL;
    enum status status = STATUS_OK;

    if (wanted & (1U << TRANSPORT_TCP4))
        status = listen_tcp4(self, topology_home(self, server, TRANSPORT_TCP4), held, fault);
    if (status == STATUS_OK && (wanted & (1U << TRANSPORT_TCP6)))
        status = listen_tcp6(topology_home(self, server, TRANSPORT_TCP6), held, fault);
    if (wanted & (1U << TRANSPORT_UNIX) && held)
        name_unix(self, topology_home(self, server, TRANSPORT_UNIX));
    else if (status == STATUS_OK && (wanted & (1U << TRANSPORT_UNIX)))
        status = listen_unix(self, topology_home(self, server, TRANSPORT_UNIX), fault);
    if (status == STATUS_OK && self->scenario->members[server].server.pinned)
        status = listen_tcp4(self, topology_home(self, server, TRANSPORT_PEER), held, fault);
    if (status == STATUS_OK && held && !topology_database(self, server)->text[0])
        status = listen_tcp4(self, topology_database(self, server), false, fault);
    return status;
}

void topology_let_go(const struct topology *self, int server)
{
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        struct place *home = topology_home(self, server, (enum transport)i);

        if (home->fd >= 0)
            close(home->fd);
        home->fd = -1;
    }
}

enum status topology_move(const struct topology *self, int server, struct fault *fault)
{
    struct place *tcp4 = topology_home(self, server, TRANSPORT_TCP4);
    struct place *tcp6 = topology_home(self, server, TRANSPORT_TCP6);
    enum status status = STATUS_OK;

    if (tcp4->text[0]) {
        tcp4->text[0] = '\0';
        status = listen_tcp4(self, tcp4, true, fault);
    }
    if (status == STATUS_OK && tcp6->text[0]) {
        tcp6->text[0] = '\0';
        status = listen_tcp6(tcp6, true, fault);
    }
    return status == STATUS_OK ? config_write(self, server, fault) : status;
}

static struct place *mid_of(const struct topology *self, int server, int member)
{
    return &self->mids[(size_t)server * self->scenario->member_count + (size_t)member];
}

static enum status open_handler(struct topology *self, int index, struct fault *fault)
{
    const struct member *member = &self->scenario->members[index];
    struct place *front = topology_front(self, member->on, index);

    if (member->handler.absent || member->handler.by_server) {
        name_unix(self, front);
        return STATUS_OK;
    }
    if (member->handler.run)
        name_unix(self, topology_back(self, index));
    else if (scenario_disturbs(self->scenario, index, member->on) &&
             listen_unix(self, mid_of(self, member->on, index), fault) != STATUS_OK)
        return fault->status;
    return listen_unix(self, front, fault);
}

/* The server makes its informer's socket itself: whoever asks it is relayed there. */
static void name_informer(struct topology *self, int index)
{
    struct place *back = topology_back(self, index);
    struct sockaddr_un *address = (struct sockaddr_un *)&back->address;
    char dir[sizeof(back->text) - sizeof("/bInformer")];

    topology_server_dir(self, self->scenario->members[index].on, dir, sizeof(dir));
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    /* One that was not told of a place has the reference's. */
    snprintf(back->text, sizeof(back->text), "%s/%s", dir,
        self->programs->foreign ? "bInformer" : INFORMER_FILE);
    snprintf(address->sun_path, sizeof(address->sun_path), "%.107s", back->text);
    back->address_len = sizeof(*address);
}

/* Where a client that is a real program, or a guest, thinks that its server is. */
static enum status open_client(struct topology *self, int index, struct fault *fault)
{
    const struct member *member = &self->scenario->members[index];
    struct place *front = topology_front(self, index, member->on);
    bool to_peer = self->scenario->members[member->on].kind == MEMBER_PEER;

    if (member->client.informer)
        name_informer(self, index);
    if (to_peer && scenario_disturbs(self->scenario, index, member->on) &&
        listen_unix(self, mid_of(self, index, member->on), fault) != STATUS_OK)
        return fault->status;
    switch (member->client.via) {
    case TRANSPORT_UNIX:
        return listen_unix(self, front, fault);
    case TRANSPORT_TCP6:
        return listen_tcp6(front, false, fault);
    default:
        return listen_tcp4(
            self, front, to_peer && self->scenario->members[member->on].peer.refuses, fault);
    }
}

/* Where a server finds another, or a peer; and where a disturbed peer finds it. */
static enum status open_front(struct topology *self, int server, int other, struct fault *fault)
{
    const struct member *member = &self->scenario->members[other];
    bool disturbed =
        member->kind == MEMBER_PEER && scenario_disturbs(self->scenario, server, other);
    enum status status =
        listen_tcp4(self, topology_front(self, server, other), member->peer.refuses, fault);

    if (status == STATUS_OK && disturbed)
        status = listen_tcp4(self, mid_of(self, server, other), member->peer.refuses, fault);
    if (status == STATUS_OK && disturbed)
        status = listen_tcp4(self, topology_front(self, other, server), false, fault);
    return status;
}

static enum status open_member(struct topology *self, int index, struct fault *fault)
{
    const struct scenario *scenario = self->scenario;
    const struct member *member = &scenario->members[index];
    enum status status = STATUS_OK;

    if (member->kind == MEMBER_HANDLER)
        return open_handler(self, index, fault);
    if (member->kind == MEMBER_CLIENT)
        return member->client.run || member->client.guest || member->client.informer ||
                       scenario_disturbs(scenario, index, member->on)
                   ? open_client(self, index, fault)
                   : STATUS_OK;
    if (member->kind == MEMBER_STDIO)
        return STATUS_OK;
    if (member->kind == MEMBER_SERVER)
        status = open_home(self, index, fault);
    /* Every other server knows it by an address at which we watch or play. */
    for (int i = 0; status == STATUS_OK && i < (int)scenario->member_count; i++)
        if (i != index && scenario->members[i].kind == MEMBER_SERVER)
            status = open_front(self, i, index, fault);
    return status;
}

enum status topology_listen(struct place *place, bool silent, struct fault *fault)
{
    if (place->address.ss_family == AF_UNIX)
        unlink(place->text);
    return place_listen(place, silent, fault);
}

enum status topology_listen_again(const struct topology *self, int member, struct fault *fault)
{
    enum status status = STATUS_OK;

    for (int i = 0; status == STATUS_OK && i < TRANSPORT_COUNT; i++) {
        struct place *home = topology_home(self, member, (enum transport)i);

        if (!home->text[0] || home->fd >= 0 || self->programs->foreign)
            continue;
        status = topology_listen(home, false, fault);
    }
    return status;
}

/* ---- the directory --------------------------------------------------------------------------- */

static enum status open_dir(struct topology *self, struct fault *fault)
{
    const char *base = getenv("TMPDIR");

    if (!base || !*base || strlen(base) > DIR_BYTES_MAX - sizeof("/bester-XXXXXX"))
        base = "/tmp";
    snprintf(self->dir, sizeof(self->dir), "%s/bester-XXXXXX", base);
    if (mkdtemp(self->dir))
        return STATUS_OK;
    enum status status =
        fault_set(fault, STATUS_IO, 0, "no directory %s: %s", self->dir, strerror(errno));
    self->dir[0] = '\0';
    return status;
}

static void remove_tree(char *dir)
{
    char *roots[] = {dir, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;

    while (walk && (entry = fts_read(walk)))
        if (entry->fts_info != FTS_D) /* a directory comes again when it is empty */
            remove(entry->fts_path);
    if (walk)
        fts_close(walk);
}

/* Of this harness: process and count make it unlikely, not impossible, that two
 * casts share an address; ports are the kernel's, so that sharing does no harm. */
static uint32_t loopback_of_our_own(void)
{
    static unsigned count;
    unsigned n = (unsigned)getpid() * 251U + count++;

    return 0x7F000000U | (1 + n / 64516 % 254) << 16 | (n / 254 % 254 + 1) << 8 | (n % 254 + 1);
}

enum status topology_open(struct topology *self, const struct scenario *scenario,
    const struct programs *programs, struct fault *fault)
{
    size_t n = scenario->member_count;
    size_t homes = n * TRANSPORT_COUNT;

    *self = (struct topology){
        .scenario = scenario, .programs = programs, .loopback = loopback_of_our_own()};
    self->homes = must_alloc(homes * sizeof(*self->homes));
    self->fronts = must_alloc(n * n * sizeof(*self->fronts));
    self->backs = must_alloc(n * sizeof(*self->backs));
    self->mids = must_alloc(n * n * sizeof(*self->mids));
    self->databases = must_alloc(n * sizeof(*self->databases));
    for (size_t i = 0; i < homes; i++)
        self->homes[i].fd = -1;
    for (size_t i = 0; i < n * n; i++)
        self->fronts[i].fd = self->mids[i].fd = -1;
    for (size_t i = 0; i < n; i++)
        self->backs[i].fd = self->databases[i].fd = -1;
    enum status status = open_dir(self, fault);
    for (size_t i = 0; status == STATUS_OK && i < n; i++)
        status = open_member(self, (int)i, fault);
    if (status == STATUS_OK)
        status = config_write_all(self, fault);
    if (status != STATUS_OK)
        topology_close(self);
    return status;
}

static void places_close(struct place *places, size_t count)
{
    for (size_t i = 0; places && i < count; i++)
        if (places[i].fd >= 0)
            close(places[i].fd);
    free(places);
}

void topology_close(struct topology *self)
{
    size_t n = self->scenario ? self->scenario->member_count : 0;

    places_close(self->homes, n * TRANSPORT_COUNT);
    places_close(self->fronts, n * n);
    places_close(self->backs, n);
    places_close(self->mids, n * n);
    places_close(self->databases, n);
    if (self->dir[0])
        remove_tree(self->dir);
    *self = (struct topology){0};
}

void topology_server_dir(const struct topology *self, int server, char *out, size_t cap)
{
    snprintf(out, cap, "%s/server%d", self->dir, server);
}

void topology_config_path(const struct topology *self, int server, char *out, size_t cap)
{
    snprintf(out, cap, "%s/server%d/config.json", self->dir, server);
}
