/* Rules that span several members, defaults that depend on the surroundings, and
 * the making of struct config out of what was read. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "besterd/config_table.h"
#include "besterd/paths.h"
#include "besterd/username.h"
#include "libbester/character.h"

enum { DEFAULT_PORT = 2223, DEFAULT_TLS_PORT = 2224, DEFAULT_PEER_PORT = 2225, WHERE_BYTES = 400 };

struct checker {
    struct config *config;
    struct raw_config *raw;
    struct mistakes *mistakes;
    bool has_file;
};

/* Moves a text from raw to the configuration. */
static char *take(char **text)
{
    char *taken = *text;
    *text = NULL;
    return taken;
}

/* A path that the configuration leaves to us, and the directory that it needs. */
static char *default_path(struct checker *self, char **directory, char *(*find)(void),
    const char *name, const char *where)
{
    if (*directory == NULL)
        *directory = find();
    char *path = *directory != NULL ? paths_join(*directory, name) : NULL;
    if (path == NULL)
        mistakes_add(self->mistakes, where,
            "must be given: neither HOME nor an XDG variable says where it could be");
    return path;
}

static char *runtime_path(struct checker *self, const char *name, const char *where)
{
    return default_path(self, &self->config->runtime_directory, paths_runtime, name, where);
}

static char *state_path(struct checker *self, const char *name, const char *where)
{
    return default_path(self, &self->config->state_directory, paths_state, name, where);
}

/* ---- server ---- */

static void check_server(struct checker *self)
{
    char host[SERVER_NAME_MAX] = "";
    if (self->raw->server.name == NULL) {
        if (gethostname(host, sizeof host) != 0)
            host[0] = '\0';
        host[sizeof host - 1] = '\0';
        bool usable = host[0] != '\0' && config_server_name_fault(host) == NULL;
        self->config->server_name = strdup(usable ? host : "localhost");
        return;
    }
    const char *fault = config_server_name_fault(self->raw->server.name);
    if (fault != NULL)
        mistakes_add(self->mistakes, "server.name", "%s", fault);
    self->config->server_name = take(&self->raw->server.name);
}

/* ---- network ---- */

/* Part I has the path alone; "unix:" in front of it makes it an address. */
static bool unix_address(
    struct checker *self, const char *path, const char *where, struct address *address)
{
    if (strlen(path) >= ADDRESS_PATH_MAX) {
        mistakes_add(self->mistakes, where,
            "is too long for a UNIX socket: %zu bytes, at most %d are possible", strlen(path),
            ADDRESS_PATH_MAX - 1);
        return false;
    }
    *address = (struct address){.kind = ADDRESS_UNIX};
    memcpy(address->path, path, strlen(path) + 1);
    return true;
}

static bool tcp_address(struct checker *self, const struct raw_endpoint *raw, int family,
    const char *fallback, unsigned fallback_port, const char *where, struct address *address)
{
    const char *host = raw->address != NULL ? raw->address : fallback;
    unsigned char parsed[sizeof(struct in6_addr)];
    if (inet_pton(family, host, parsed) != 1) {
        mistakes_add(self->mistakes, where, "must be an IPv%d address, is \"%s\"",
            family == AF_INET ? 4 : 6, host);
        return false;
    }
    *address = (struct address){.kind = family == AF_INET ? ADDRESS_TCP4 : ADDRESS_TCP6,
        .port = (uint16_t)(raw->port != 0 ? raw->port : fallback_port)};
    memcpy(address->host, host, strlen(host) + 1);
    return true;
}

static bool listen_tcp4(struct checker *self, struct address *address)
{
    return tcp_address(self, &self->raw->network.tcp4, AF_INET, "127.0.0.1", DEFAULT_PORT,
        "network.tcp4.address", address);
}

static bool listen_tcp6(struct checker *self, struct address *address)
{
    return tcp_address(self, &self->raw->network.tcp6, AF_INET6, "::1", DEFAULT_PORT,
        "network.tcp6.address", address);
}

static bool listen_tls4(struct checker *self, struct address *address)
{
    return tcp_address(self, &self->raw->network.tls4, AF_INET, "127.0.0.1", DEFAULT_TLS_PORT,
        "network.tls4.address", address);
}

static bool listen_tls6(struct checker *self, struct address *address)
{
    return tcp_address(self, &self->raw->network.tls6, AF_INET6, "::1", DEFAULT_TLS_PORT,
        "network.tls6.address", address);
}

static bool listen_peer4(struct checker *self, struct address *address)
{
    return tcp_address(self, &self->raw->network.peer4, AF_INET, "127.0.0.1", DEFAULT_PEER_PORT,
        "network.peer4.address", address);
}

static bool listen_peer6(struct checker *self, struct address *address)
{
    return tcp_address(self, &self->raw->network.peer6, AF_INET6, "::1", DEFAULT_PEER_PORT,
        "network.peer6.address", address);
}

static bool listen_unix(struct checker *self, struct address *address)
{
    static const char where[] = "network.unix.address";
    char *path = self->raw->network.unix_socket.address != NULL
                     ? take(&self->raw->network.unix_socket.address)
                     : runtime_path(self, "bester.sock", where);
    bool good = path != NULL && unix_address(self, path, where, address);
    free(path);
    return good;
}

static const struct listener {
    const char *type;
    bool (*make)(struct checker *self, struct address *address);
    bool tls;
    bool peer;
} listeners[] = {
    {.type = "tcp4", .make = listen_tcp4},
    {.type = "tcp6", .make = listen_tcp6},
    {.type = "tls4", .make = listen_tls4, .tls = true},
    {.type = "tls6", .make = listen_tls6, .tls = true},
    {.type = "peer4", .make = listen_peer4, .peer = true},
    {.type = "peer6", .make = listen_peer6, .peer = true},
    {.type = "unix", .make = listen_unix},
};

enum { LISTENER_KINDS = sizeof listeners / sizeof listeners[0] };

/* ---- plain text ---- */

/* The values that Part I does not know, where it knows the member. */
static bool has_own_values(const struct raw_config *raw)
{
    bool own = raw->database.given && raw->database.type != DATABASE_REDIS;
    for (size_t i = 0; raw->network.types != NULL && raw->network.types[i] != NULL; i++) {
        const char *type = raw->network.types[i];
        own = own || strncmp(type, "tls", 3) == 0 || strncmp(type, "peer", 4) == 0;
    }
    return own;
}

static const char *family_of(const struct address *address)
{
    return address->kind == ADDRESS_TCP6 ? "6" : "4";
}

/* Who could read the passwords on their way must not be let in by mistake. A
 * configuration that was written for the reference starts all the same, for this
 * machine alone; one that was written for us is told what it lacks. */
static void check_plain_text(struct checker *self)
{
    bool own = self->raw->own || has_own_values(self->raw);
    self->config->insecure = self->raw->network.insecure;
    for (size_t i = 0; i < self->config->listener_count && !self->config->insecure; i++) {
        struct config_listener *listener = &self->config->listeners[i];
        const char *family = family_of(&listener->address);
        char where[64];
        if (listener->tls || listener->peer || address_is_local(&listener->address))
            continue;
        if (own) {
            snprintf(where, sizeof where, "network.tcp%s.address", family);
            mistakes_add(self->mistakes, where,
                "is not on loopback, is \"%s\": passwords would cross the network in plain text; "
                "listen with TLS (\"tls%s\" in network.types), or say \"insecure\": true in "
                "network",
                listener->address.host, family);
            continue;
        }
        listener->narrowed = true;
        listener->asked = listener->address;
        snprintf(listener->address.host, sizeof listener->address.host, "%s",
            *family == '6' ? "::1" : "127.0.0.1");
    }
}

const char *config_narrowed(const struct config_listener *self, char out[CONFIG_WARNING_MAX])
{
    const char *family = family_of(&self->asked);
    snprintf(out, CONFIG_WARNING_MAX,
        "network.tcp%s.address: \"%.64s\" is not on loopback, and passwords would cross the "
        "network "
        "in plain text: %.64s alone is listened on; to serve other machines, listen with TLS "
        "(\"tls%s\" in network.types), or say \"insecure\": true in network",
        family, self->asked.host, self->address.host, family);
    return out;
}

/* ---- TLS ---- */

/* The certificate, where a listener needs one. Whether the files can be used is
 * found out at the start: they may be another user's. */
static void check_certificate(struct checker *self)
{
    struct config *config = self->config;
    bool needed = false;
    for (size_t i = 0; i < config->listener_count; i++)
        needed = needed || config->listeners[i].tls;
    if (!needed)
        return;
    char **certificate = &self->raw->network.tls.certificate;
    char **key = &self->raw->network.tls.key;
    if ((*certificate == NULL) != (*key == NULL))
        mistakes_add(self->mistakes, "network.tls", "names a %s, but no %s",
            *key == NULL ? "certificate" : "key", *key == NULL ? "key" : "certificate");
    config->self_signed = self->raw->network.tls.self_signed;
    config->certificate_path = *certificate != NULL
                                   ? take(certificate)
                                   : state_path(self, "certificate.pem", "network.tls.certificate");
    config->key_path = *key != NULL ? take(key) : state_path(self, "key.pem", "network.tls.key");
}

static void check_network(struct checker *self)
{
    static const char *const embedded[] = {"tcp4", "unix", NULL};
    const char *const *types =
        self->raw->network.given ? (const char *const *)self->raw->network.types : embedded;
    self->config->listeners = calloc(LISTENER_KINDS, sizeof(struct config_listener));
    if (self->config->listeners == NULL)
        return;
    for (size_t i = 0; types != NULL && types[i] != NULL; i++) {
        for (size_t kind = 0; kind < LISTENER_KINDS; kind++) {
            struct config_listener *next = &self->config->listeners[self->config->listener_count];
            if (strcmp(listeners[kind].type, types[i]) != 0 ||
                !listeners[kind].make(self, &next->address))
                continue;
            next->tls = listeners[kind].tls;
            next->peer = listeners[kind].peer;
            self->config->listener_count++;
        }
    }
    if (types == NULL || types[0] == NULL)
        mistakes_add(self->mistakes, "network.types", "names no listener to open");
    check_plain_text(self);
    check_certificate(self);
}

/* ---- accounts ---- */

static void check_database(struct checker *self)
{
    struct config *config = self->config;
    config->database = (enum config_database)self->raw->database.type;
    config->registration = (enum config_registration)self->raw->database.registration;
    if (config->database == DATABASE_REDIS)
        config_check_redis(config, self->raw, self->mistakes);
    if (config->database == DATABASE_SQLITE)
        config->database_path = self->raw->database.sqlite.path != NULL
                                    ? take(&self->raw->database.sqlite.path)
                                    : state_path(self, "accounts.db", "database.sqlite.path");
    for (size_t i = 0; config->database == DATABASE_OPEN && i < config->listener_count; i++) {
        char text[ADDRESS_TEXT_MAX];
        if (!address_is_local(&config->listeners[i].address))
            mistakes_add(self->mistakes, "database.type",
                "\"open\" takes any password, so every listener must be on loopback or a UNIX "
                "socket; %s is not",
                address_format(&config->listeners[i].address, text, sizeof text));
    }
}

/* ---- the rest ---- */

static void check_informer(struct checker *self)
{
    static const char where[] = "informer.address";
    struct address address;
    char *path = NULL;
    if (self->raw->informer.address != NULL)
        path = take(&self->raw->informer.address);
    else if (self->has_file)
        path = strdup("bInformer");
    else
        path = runtime_path(self, "informer", where);
    self->config->informer_path = path;
    if (path != NULL)
        (void)unix_address(self, path, where, &address);
}

static void check_limits(struct checker *self)
{
    const struct config_limits *limits = &self->raw->limits.values;
    size_t least = limits->max_frame_bytes + 65536; /* the envelope around data */
    if (limits->queued_bytes_per_session < least)
        mistakes_add(self->mistakes, "limits.queuedBytesPerSession",
            "must be at least limits.maxFrame and 65536, together %zu, is %zu; a message of "
            "the full size could never be delivered",
            least, limits->queued_bytes_per_session);
    if (limits->total_bytes < 2 * least)
        mistakes_add(self->mistakes, "limits.totalBytes",
            "must be at least twice limits.maxFrame and 65536, together %zu, is %zu; a message of "
            "the full size could not get through",
            2 * least, limits->total_bytes);
    self->config->limits = *limits;
}

/* Whoever reaches it learns how busy the server is, without a password. */
static void check_metrics(struct checker *self)
{
    static const char where[] = "metrics.address";
    const char *text = self->raw->metrics.address;
    struct address *address = &self->config->metrics_address;
    struct fault fault;
    if (text == NULL)
        return;
    if (address_parse(address, span_of(text), &fault) != STATUS_OK)
        mistakes_add(self->mistakes, where, "%s, is \"%s\"", fault.text, text);
    else if (!address_is_local(address))
        mistakes_add(
            self->mistakes, where, "must be on loopback or a UNIX socket, is \"%s\"", text);
    self->config->has_metrics = true;
}

static void check_admin(struct checker *self)
{
    self->config->log_level = (enum log_level)self->raw->log.level;
    self->config->log_format = (enum log_format)self->raw->log.format;
    self->config->admin_info =
        self->raw->admin.info != NULL ? json_incref(self->raw->admin.info) : json_object();
}

static void check_administrators(struct checker *self)
{
    char name[USERNAME_CAP];
    struct fault fault;
    char **users = self->raw->admin.users;
    for (size_t i = 0; users != NULL && users[i] != NULL; i++) {
        if (username_normalise(span_of(users[i]), name, &fault) != STATUS_OK)
            mistakes_add(self->mistakes, "admin.users", "%s, is \"%s\"", fault.text, users[i]);
        else if (strcmp(name, users[i]) != 0)
            mistakes_add(self->mistakes, "admin.users",
                "white space around a name is stripped at a login, is \"%s\"", users[i]);
    }
    if (self->config->database == DATABASE_OPEN && users != NULL && users[0] != NULL)
        mistakes_add(self->mistakes, "admin.users",
            "with database.type \"open\" anybody can log in under any name");
    self->config->administrators = users;
    self->raw->admin.users = NULL;
}

static bool is_complete(const struct config *config)
{
    return config->server_name != NULL && config->listeners != NULL && config->peers != NULL &&
           config->handlers != NULL && config->informer_path != NULL &&
           config->admin_info != NULL &&
           (config->database != DATABASE_SQLITE || config->database_path != NULL) &&
           (config->database != DATABASE_REDIS || config->redis.prefix != NULL);
}

enum status config_check(
    struct config **out, struct raw_config *raw, bool has_file, struct mistakes *mistakes)
{
    struct config *config = calloc(1, sizeof *config);
    if (config == NULL)
        return STATUS_NO_MEMORY;
    config->refs = 1;
    struct checker self = {
        .config = config, .raw = raw, .mistakes = mistakes, .has_file = has_file};
    check_server(&self);
    config_check_user(config, raw, mistakes);
    check_network(&self);
    config_check_handlers(config, raw, mistakes);
    check_database(&self);
    check_informer(&self);
    config_check_peers(config, raw, has_file, mistakes);
    check_limits(&self);
    check_metrics(&self);
    check_admin(&self);
    check_administrators(&self);
    enum status status = STATUS_OK;
    if (mistakes->count > 0)
        status = STATUS_INVALID;
    else if (!is_complete(config))
        status = STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        *out = config;
    else
        config_unref(config);
    return status;
}
