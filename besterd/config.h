/*
 * config: what besterd was told to be, read once and then only looked at.
 *
 * struct config owns everything it points to. It is shared by counted references
 * and never changes once it is: a reload makes a new one, and the old one goes
 * with the last who looks at it. Part I,
 * "Configuration", plus docs/architecture.md. One table (config_table.c) drives
 * reading, checking and the documentation; rules that span several members are
 * in config_check.c.
 *
 * Loading never stops at the first mistake: all of them are collected, each with
 * the path of the JSON member and a sentence.
 */
#ifndef BESTERD_CONFIG_H
#define BESTERD_CONFIG_H

#include <jansson.h>
#include <stdint.h>

#include "besterd/log.h"
#include "besterd/mistakes.h"
#include "besterd/nameset.h"
#include "libbester/address.h"
#include "libbester/status.h"
#include "libbester/tls.h"

/* How a handler is asked: a connection for each message (Part I), or one that
 * stays (Part II). */
enum config_protocol { CONFIG_ONESHOT, CONFIG_STREAM };

enum { CONFIG_CONNECTIONS_MAX = 64 };

enum config_may {
    MAY_SEND_CLIENTS = 1u << 0,
    MAY_SEND_SERVERS = 1u << 1,
    MAY_SEND_HANDLER = 1u << 2,
    MAY_ALL = (1u << 3) - 1
};
enum { MAY_COUNT = 3 };

struct config_handler {
    char *type;
    char *binary;     /* NULL: never started here */
    char **arguments; /* ended by NULL; NULL: none */
    char *path;       /* of its UNIX socket */
    enum config_protocol protocol;
    unsigned connections; /* CONFIG_STREAM */
    unsigned pipelined;   /* CONFIG_STREAM: questions under way on each */
    unsigned timeout_ms;
    unsigned breaker_failures; /* in a row; 0: any number */
    unsigned breaker_pause_ms;
    unsigned may_command; /* of enum config_may */
    /* And to whom: of 1 << i, or NULL: to everybody. */
    struct nameset *may_name[MAY_COUNT];
    unsigned words_per_s; /* CONFIG_STREAM: of its own accord */
    unsigned word_burst;
    unsigned words_in_flight;
    char **environment;  /* names of variables to pass on; ended by NULL; NULL: none */
    size_t memory_bytes; /* limits of the program; 0: none */
    unsigned cpu_s;
    unsigned files;
    unsigned processes;
    char *socket_owner;  /* who may listen on path besides root and us; NULL: nobody */
    unsigned socket_uid; /* of socket_owner */
    char *template_path; /* or NULL */
    char *template_text; /* JSON object, compact; NULL: no template */
};

struct config_listener {
    struct address address;
    bool tls;
    bool peer; /* for pinned servers */
    /* A configuration of the reference has another address, which others than this
     * machine reach: it is not listened on, address is. */
    bool narrowed;
    struct address asked;
};

enum { CONFIG_PINS_MAX = 2 };

/* Another server: pinned by its keys, or legacy (Part I). */
struct config_peer {
    char *name;
    bool has_address; /* a legacy one always has; a pinned one may be who dials */
    struct address address;
    bool legacy;
    struct tls_pin pins[CONFIG_PINS_MAX];
    size_t pin_count;
    char **relays_for; /* ended by NULL; NULL: it speaks for its own users only */
};

struct config_limits {
    size_t max_frame_bytes;
    size_t login_frame_bytes;
    unsigned json_depth;
    unsigned json_values;
    unsigned login_ms;
    size_t strangers_bytes;
    unsigned drain_ms;
    unsigned hops;
    unsigned stall_ms;
    size_t stall_bytes;
    size_t queued_bytes_per_session;
    size_t total_bytes;
    unsigned in_flight_per_session;
    size_t kept_bytes;
    unsigned in_flight_per_handler;
    unsigned recipients;
    unsigned oneshot_connections;
    unsigned peer_connections;
    unsigned peer_ms;
    unsigned sessions_per_user;
    unsigned sessions_per_address;
    unsigned connects_per_s;
    unsigned connect_burst;
    unsigned address_messages_per_s;
    unsigned address_message_burst;
    unsigned user_messages_per_s;
    unsigned user_message_burst;
    unsigned failed_logins_per_min; /* of a user from one address */
    unsigned failed_login_burst;
    unsigned address_failed_logins_per_min;
    unsigned address_failed_login_burst;
    unsigned user_failed_logins_per_min;
    unsigned user_failed_login_burst;
    bool also_local; /* those on addresses and rates hold on loopback and UNIX, too */
    unsigned peer_in_flight;
    unsigned peer_heartbeat_ms;
};

enum { CONFIG_REDIS_PREFIX_MAX = 128 };

/* Where Redis is and how accounts are kept there. Owns its texts. */
struct config_redis {
    struct address address;
    char *user;          /* NULL: the default one */
    char *password_file; /* NULL: none is asked for */
    char *prefix;        /* stands before each name; at most CONFIG_REDIS_PREFIX_MAX */
    unsigned index;      /* of the database */
    unsigned timeout_ms;
};

/* Who may make new accounts, besides administrators. */
enum config_registration { REGISTRATION_CLOSED, REGISTRATION_USERS, REGISTRATION_ANYBODY };
enum config_database { DATABASE_SQLITE, DATABASE_REDIS, DATABASE_OPEN };

struct config {
    size_t refs;
    char *file; /* it was read from; NULL: none, the embedded default */
    char *server_name;
    char *user; /* to become; NULL: none. The next three are of it */
    char *user_home;
    unsigned uid;
    unsigned gid;
    bool sandbox;
    struct config_listener *listeners;
    size_t listener_count;
    bool insecure;          /* what others than this machine reach may be without TLS */
    char *certificate_path; /* PEM, for the listeners with TLS; NULL: there are none */
    char *key_path;
    bool self_signed;                /* both are made at the start where they are missing */
    struct config_handler *handlers; /* those of availableTypes, in that order */
    size_t handler_count;
    struct config_peer *peers;
    size_t peer_count;
    bool legacy_any;     /* Part I with any server, named or not */
    char *identity_path; /* what this server shows to pinned ones; NULL: nobody says where */
    struct config_limits limits;
    enum config_database database;
    char *database_path;       /* DATABASE_SQLITE */
    struct config_redis redis; /* DATABASE_REDIS */
    enum config_registration registration;
    char *informer_path;
    enum log_level log_level;
    enum log_format log_format;
    bool has_metrics;
    struct address metrics_address; /* on loopback, or UNIX */
    json_t *admin_info;             /* any JSON value, never NULL */
    char **administrators;          /* usernames; ended by NULL */
    /* Directories that are ours to make, because the configuration left a path
     * to us; NULL: none. */
    char *state_directory;
    char *runtime_directory;
};

/* Loads file, or the embedded default when file is NULL: loopback TCP port 2223,
 * a UNIX socket, SQLite under the XDG directories, the chat handler.
 * STATUS_OK; STATUS_INVALID: wrong, *mistakes says how; STATUS_IO: cannot be
 * read, *mistakes holds one that says why; STATUS_NO_MEMORY.
 * mistakes must have been initialised. Touches nothing on the disk. */
MUST_CHECK enum status config_load(
    struct config **out, const char *file, struct mistakes *mistakes);
/* The same from a text; for tests. */
MUST_CHECK enum status config_parse(
    struct config **out, struct span text, struct mistakes *mistakes);
const struct config *config_ref(const struct config *self);
void config_unref(const struct config *self); /* NULL is legal */

/* What a server that runs cannot change stays as it is in old: self, not yet
 * shared, gets it from there, and each member of self that was another is told to
 * ignored. Nothing of old is shared: it may go. STATUS_NO_MEMORY. */
MUST_CHECK enum status config_inherit(
    struct config *self, const struct config *old, struct mistakes *ignored);

/* For who outlives the configuration. STATUS_NO_MEMORY: out is untouched. */
MUST_CHECK enum status config_redis_copy(struct config_redis *out, const struct config_redis *from);
/* What is all zero is legal. */
void config_redis_release(struct config_redis *self);

/* Makes the directories that the embedded default needs, mode 0700. */
MUST_CHECK enum status config_make_directories(const struct config *self, struct fault *fault);

/* Room for config_narrowed. */
enum { CONFIG_WARNING_MAX = 500 };
/* What there is to say of a listener that is narrowed: its member and a sentence. */
const char *config_narrowed(const struct config_listener *self, char out[CONFIG_WARNING_MAX]);

/* NULL when there is none. */
const struct config_handler *config_find_handler(const struct config *self, struct span type);
const struct config_peer *config_find_peer(const struct config *self, struct span name);
/* The peer that lives at an address. */
const struct config_peer *config_find_peer_at(
    const struct config *self, const struct address *address);
/* Whether there is anybody who may use the listeners for pinned servers, or whom to
 * call: then the identity is needed. */
bool config_has_pinned(const struct config *self);
/* Whether Part I's messages of other servers are taken at all. */
bool config_takes_legacy(const struct config *self);
/* Whether a pinned peer is believed about users of that server; of our own only where
 * they are named. */
bool config_peer_speaks_for(
    const struct config_peer *self, const char *server, const char *own_server);

/* The members that there are, their defaults and meanings, from the table. */
enum config_help { CONFIG_HELP_TEXT, CONFIG_HELP_MAN };
void config_print_help(FILE *out, enum config_help form);

#endif
