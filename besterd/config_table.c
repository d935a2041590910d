#include "besterd/config_table.h"

#include <string.h>

#define IN_CONFIG(member) .offset = offsetof(struct raw_config, member)
#define IN_PEER(member) .offset = offsetof(struct raw_peer, member)

static const char *const listener_choices[] = {
    "tcp4", "tcp6", "tls4", "tls6", "peer4", "peer6", "unix", NULL};
static const char *const database_choices[] = {[DATABASE_SQLITE] = "sqlite",
    [DATABASE_REDIS] = "redis",
    [DATABASE_OPEN] = "open",
    [DATABASE_OPEN + 1] = NULL};
static const char *const registration_choices[] = {[REGISTRATION_CLOSED] = "closed",
    [REGISTRATION_USERS] = "users",
    [REGISTRATION_ANYBODY] = "anybody",
    [REGISTRATION_ANYBODY + 1] = NULL};
static const char *const level_choices[] = {
#define X(name, text) [name] = text,
    LOG_LEVEL_TABLE(X)
#undef X
        NULL};

static const char *const format_choices[] = {
#define X(name, text) [name] = text,
    LOG_FORMAT_TABLE(X)
#undef X
        NULL};

static const struct config_member server_members[] = {
    {.name = "name",
        .kind = CONFIG_TEXT,
        IN_CONFIG(server.name),
        .fallback = "the name of the host",
        .help = "What this server is called: the part of a user's address behind the '@'. Other "
                "servers name it so among their peers."},
    {.name = "identity",
        .kind = CONFIG_TEXT,
        IN_CONFIG(server.identity),
        .fallback = "identity.pem in the state directory",
        .help = "File with the key and the certificate that this server shows to pinned servers, "
                "PEM. It is made where it is missing; \"besterd identity\" tells its pin."},
    {.name = "user",
        .kind = CONFIG_TEXT,
        IN_CONFIG(server.user),
        .fallback = "whoever started it",
        .help = "User of this machine that besterd and its handlers become, for good, once what "
                "only root may do is done: listeners are open, certificate and identity are read. "
                "It must be started by root then, or by this user."},
    {.name = "group",
        .kind = CONFIG_TEXT,
        IN_CONFIG(server.group),
        .fallback = "the user's own group",
        .help = "Group of this machine to go with server.user."},
    {.name = "sandbox",
        .kind = CONFIG_FLAG,
        IN_CONFIG(server.sandbox),
        .preset = 1,
        .help = "Whether besterd, once it has started, takes away from itself what it does not "
                "need: files but those named here, other programs, most system calls. Handlers "
                "are not confined by it."},
    {.name = NULL},
};

#define ENDPOINT_MEMBERS(member, host, number, what) \
    {                                                \
        {.name = "address",                          \
            .kind = CONFIG_TEXT,                     \
            .part1 = true,                           \
            IN_CONFIG(network.member.address),       \
            .fallback = (host),                      \
            .help = (what)},                         \
            {.name = "port",                         \
                .kind = CONFIG_PORT,                 \
                .part1 = true,                       \
                IN_CONFIG(network.member.port),      \
                .fallback = (number),                \
                .help = "TCP port."},                \
        {                                            \
            .name = NULL                             \
        }                                            \
    }

static const struct config_member tcp4_members[] =
    ENDPOINT_MEMBERS(tcp4, "127.0.0.1", "2223", "IPv4 address to listen on.");
static const struct config_member tcp6_members[] =
    ENDPOINT_MEMBERS(tcp6, "::1", "2223", "IPv6 address to listen on, for IPv6 only.");
static const struct config_member tls4_members[] =
    ENDPOINT_MEMBERS(tls4, "127.0.0.1", "2224", "IPv4 address to listen on with TLS 1.3.");
static const struct config_member tls6_members[] =
    ENDPOINT_MEMBERS(tls6, "::1", "2224", "IPv6 address to listen on with TLS 1.3, IPv6 only.");
static const struct config_member peer4_members[] = ENDPOINT_MEMBERS(
    peer4, "127.0.0.1", "2225", "IPv4 address where pinned servers are listened to.");
static const struct config_member peer6_members[] = ENDPOINT_MEMBERS(
    peer6, "::1", "2225", "IPv6 address where pinned servers are listened to, IPv6 only.");

static const struct config_member tls_members[] = {
    {.name = "certificate",
        .kind = CONFIG_TEXT,
        IN_CONFIG(network.tls.certificate),
        .fallback = "certificate.pem in the state directory",
        .help = "File with the certificate and its chain, PEM."},
    {.name = "key",
        .kind = CONFIG_TEXT,
        IN_CONFIG(network.tls.key),
        .fallback = "key.pem in the state directory",
        .help = "File with the certificate's private key, PEM."},
    {.name = "selfSigned",
        .kind = CONFIG_FLAG,
        IN_CONFIG(network.tls.self_signed),
        .help = "Make both files at the start where they are missing: a certificate that vouches "
                "for itself. Clients must be given it, or its pin."},
    {.name = NULL},
};

static const struct config_member unix_members[] = {
    {.name = "address",
        .kind = CONFIG_TEXT,
        .part1 = true,
        IN_CONFIG(network.unix_socket.address),
        .fallback = "bester.sock in the runtime directory",
        .help = "Path of the UNIX socket to listen on."},
    {.name = NULL},
};

static const struct config_member network_members[] = {
    {.name = "types",
        .kind = CONFIG_TEXTS,
        .part1 = true,
        .choices = listener_choices,
        IN_CONFIG(network.types),
        .fallback = "tcp4 and unix where there is no network member at all",
        .help = "Which listeners are opened. The members of those not named here are ignored."},
    {.name = "insecure",
        .kind = CONFIG_FLAG,
        IN_CONFIG(network.insecure),
        .help = "Whether tcp4 and tcp6 may listen on addresses that are not on loopback: "
                "passwords and messages then cross the network in plain text. Without it such an "
                "address is a mistake; in a configuration that has members of the reference "
                "alone, 127.0.0.1 or ::1 is listened on instead, with a warning."},
    {.name = "tcp4",
        .kind = CONFIG_OBJECT,
        .part1 = true,
        .inside = tcp4_members,
        IN_CONFIG(network.tcp4.given)},
    {.name = "tcp6",
        .kind = CONFIG_OBJECT,
        .part1 = true,
        .inside = tcp6_members,
        IN_CONFIG(network.tcp6.given)},
    {.name = "tls4", .kind = CONFIG_OBJECT, .inside = tls4_members, IN_CONFIG(network.tls4.given)},
    {.name = "tls6", .kind = CONFIG_OBJECT, .inside = tls6_members, IN_CONFIG(network.tls6.given)},
    {.name = "peer4",
        .kind = CONFIG_OBJECT,
        .inside = peer4_members,
        IN_CONFIG(network.peer4.given)},
    {.name = "peer6",
        .kind = CONFIG_OBJECT,
        .inside = peer6_members,
        IN_CONFIG(network.peer6.given)},
    {.name = "tls", .kind = CONFIG_OBJECT, .inside = tls_members, IN_CONFIG(network.tls.given)},
    {.name = "unix",
        .kind = CONFIG_OBJECT,
        .part1 = true,
        .inside = unix_members,
        IN_CONFIG(network.unix_socket.given)},
    {.name = NULL},
};

static const struct config_member handlers_members[] = {
    {.name = "availableTypes",
        .kind = CONFIG_TEXTS,
        .part1 = true,
        IN_CONFIG(handlers.available),
        .fallback = "chat where there is no handlers member at all",
        .help = "The types that are served. Each needs a member in typeMap."},
    {.name = "typeMap",
        .kind = CONFIG_MAP,
        .part1 = true,
        .inside = config_handler_members,
        .element_size = sizeof(struct raw_handler),
        .element_name = "TYPE",
        IN_CONFIG(handlers.map)},
    {.name = NULL},
};

static const struct config_member sqlite_members[] = {
    {.name = "path",
        .kind = CONFIG_TEXT,
        IN_CONFIG(database.sqlite.path),
        .fallback = "accounts.db in the state directory",
        .help = "The file with the accounts. It is made when it is not there."},
    {.name = NULL},
};

static const struct config_member redis_members[] = {
    {.name = "address",
        .kind = CONFIG_TEXT,
        .part1 = true,
        IN_CONFIG(database.redis.address),
        .fallback = "127.0.0.1",
        .help = "Where Redis listens: a host, or the path of a UNIX socket (with a '/' in it, or "
                "with unix: before it)."},
    {.name = "port",
        .kind = CONFIG_PORT,
        .part1 = true,
        IN_CONFIG(database.redis.port),
        .fallback = "6379",
        .help = "Its TCP port."},
    {.name = "user",
        .kind = CONFIG_TEXT,
        IN_CONFIG(database.redis.user),
        .fallback = "the default user of Redis",
        .help = "The user of Redis (ACL) to log in as. Needs passwordFile."},
    {.name = "passwordFile",
        .kind = CONFIG_TEXT,
        IN_CONFIG(database.redis.password_file),
        .fallback = "none: Redis asks for no password",
        .help = "File whose first line is the password for Redis. It is read at each connection "
                "and refused when everybody may read it."},
    {.name = "index",
        .kind = CONFIG_COUNT,
        .preset = 0,
        .least = 0,
        .most = 1000000,
        IN_CONFIG(database.redis.index),
        .help = "Number of the database in Redis."},
    {.name = "prefix",
        .kind = CONFIG_TEXT,
        IN_CONFIG(database.redis.prefix),
        .fallback = "none: the key is the user's name alone, as the reference has it",
        .help = "What stands before the user's name in the key of an account. Needed where others "
                "keep keys in the same database."},
    {.name = "timeoutMs",
        .kind = CONFIG_COUNT,
        .preset = 2000,
        .least = 10,
        .most = 60000,
        IN_CONFIG(database.redis.timeout_ms),
        .help = "How long Redis may take to accept a connection, and over one answer. Then who "
                "logs in is told \"overloaded\", and a new connection is made."},
    {.name = NULL},
};

static const struct config_member database_members[] = {
    {.name = "type",
        .kind = CONFIG_CHOICE,
        .part1 = true,
        .choices = database_choices,
        .preset = DATABASE_SQLITE,
        IN_CONFIG(database.type),
        .help = "Where the accounts are. open: there are none, every password is taken; only "
                "where all listeners are on loopback or UNIX sockets. redis: a hash for each user; "
                "the field argon2id is the hash of the password. The reference's field password, "
                "plain text, is accepted once and replaced by it."},
    {.name = "register",
        .kind = CONFIG_CHOICE,
        .choices = registration_choices,
        .preset = REGISTRATION_CLOSED,
        IN_CONFIG(database.registration),
        .help = "Who may make accounts with the built-in command register, besides administrators. "
                "closed: nobody. users: whoever is logged in. anybody: who is not logged in as "
                "well, by a login whose payload is that command."},
    {.name = "sqlite",
        .kind = CONFIG_OBJECT,
        .inside = sqlite_members,
        IN_CONFIG(database.sqlite.given)},
    {.name = "redis",
        .kind = CONFIG_OBJECT,
        .part1 = true,
        .inside = redis_members,
        IN_CONFIG(database.redis.given)},
    {.name = NULL},
};

static const struct config_member informer_members[] = {
    {.name = "address",
        .kind = CONFIG_TEXT,
        IN_CONFIG(informer.address),
        .fallback = "bInformer; without a configuration, informer in the runtime directory",
        .help = "Path of the UNIX socket where handlers ask about clients and the server."},
    {.name = NULL},
};

static const struct config_member peer_members[] = {
    {.name = "address",
        .kind = CONFIG_TEXT,
        IN_PEER(address),
        .fallback = "must be given where legacy is true; else the other server is waited for",
        .help = "host:port, [IPv6]:port or unix:path of the other server."},
    {.name = "pin",
        .kind = CONFIG_TEXT,
        IN_PEER(pin),
        .fallback = "must be given, or pins, or legacy",
        .help = "What the other server's key must be: \"sha256:\" and 64 digits, as its "
                "\"besterd identity\" prints it."},
    {.name = "pins",
        .kind = CONFIG_TEXTS,
        IN_PEER(pins),
        .fallback = "none",
        .help = "Instead of pin while the other server changes its key: the old one and the new "
                "one."},
    {.name = "relaysFor",
        .kind = CONFIG_TEXTS,
        IN_PEER(relays_for),
        .fallback = "none: it speaks for its own users only",
        .help = "Names of further servers, or \"*\": what their users say is believed when it "
                "comes from this one."},
    {.name = "legacy",
        .kind = CONFIG_FLAG,
        IN_PEER(legacy),
        .help = "Talk to it as Part I has it: a connection for each message, without "
                "authentication. The name \"*\", with this and nothing else, stands for any "
                "server; so it is too in a configuration without peers."},
    {.name = NULL},
};

static const struct config_member log_members[] = {
    {.name = "level",
        .kind = CONFIG_CHOICE,
        .choices = level_choices,
        .preset = LOG_LEVEL_INFO,
        IN_CONFIG(log.level),
        .help = "The least important lines that are still written to stderr."},
    {.name = "format",
        .kind = CONFIG_CHOICE,
        .choices = format_choices,
        .preset = LOG_FORMAT_TEXT,
        IN_CONFIG(log.format),
        .help = "text: for people. json: an object on each line, with the members time, level, "
                "subject, trace (where a line is about one message) and message."},
    {.name = NULL},
};

static const struct config_member metrics_members[] = {
    {.name = "address",
        .kind = CONFIG_TEXT,
        IN_CONFIG(metrics.address),
        .fallback = "none: nothing is told",
        .help = "Where GET /metrics, /healthz and /readyz are answered: tcp4://127.0.0.1:PORT, "
                "tcp6://[::1]:PORT or unix:PATH."},
    {.name = NULL},
};

static const struct config_member admin_members[] = {
    {.name = "info",
        .kind = CONFIG_ANY,
        .part1 = true,
        IN_CONFIG(admin.info),
        .fallback = "{}",
        .help = "Any JSON value about who runs the server; the informer tells it."},
    {.name = "users",
        .kind = CONFIG_TEXTS,
        IN_CONFIG(admin.users),
        .fallback = "none",
        .help = "The users who may give the built-in commands for administrators: sessions, kick, "
                "addUser, removeUser, queue, reload, shutdown."},
    {.name = NULL},
};

#define OBJECT(text, table, member, known)                                          \
    {                                                                               \
        .name = (text), .kind = CONFIG_OBJECT, .part1 = (known), .inside = (table), \
        IN_CONFIG(member.given)                                                     \
    }

const struct config_member config_members[] = {
    OBJECT("server", server_members, server, false),
    OBJECT("network", network_members, network, true),
    OBJECT("handlers", handlers_members, handlers, true),
    OBJECT("database", database_members, database, true),
    OBJECT("informer", informer_members, informer, false),
    {.name = "peers",
        .kind = CONFIG_MAP,
        .inside = peer_members,
        .element_size = sizeof(struct raw_peer),
        .element_name = "NAME",
        IN_CONFIG(peers)},
    OBJECT("limits", config_limit_members, limits, false),
    OBJECT("log", log_members, log, false),
    OBJECT("metrics", metrics_members, metrics, false),
    OBJECT("admin", admin_members, admin, true),
    {.name = NULL},
};

bool config_is_own_type(const char *type)
{
    return strcmp(type, "dummy") == 0 || strcmp(type, "builtin") == 0;
}
