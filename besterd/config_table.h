/*
 * config_table: the members that a configuration may have, in one table, and
 * what reading them gives: struct raw_config, typed but not yet looked at as a
 * whole. Inside of config; others include config.h.
 *
 * raw_config owns its texts. raw_init sets what the table presets, raw_read
 * reads, raw_release frees, all three driven by the table alone.
 */
#ifndef BESTERD_CONFIG_TABLE_H
#define BESTERD_CONFIG_TABLE_H

#include <jansson.h>
#include <stdint.h>

#include "besterd/config.h"
#include "besterd/mistakes.h"

/* `given`: the object was there. */
struct raw_endpoint {
    bool given;
    char *address;
    unsigned port; /* 0: not given */
};

/* An object with names of the user's own: an array of structs that begin with
 * struct raw_element. */
struct raw_element {
    char *name;
    bool given;
};

/* What a list names, or an object with a list of whom for each (`to`: in the order of
 * enum config_may; NULL: not given). */
struct raw_rights {
    bool given; /* the object */
    char **list;
    char **to[MAY_COUNT];
};

/* Presets that the shipped handler has as well. */
enum { CONFIG_BREAKER_FAILURES = 10, CONFIG_BREAKER_PAUSE_MS = 1000 };

struct raw_handler {
    struct raw_element element; /* its name is the type */
    char *binary;
    char **arguments;
    char *path;
    unsigned protocol;    /* of enum config_protocol */
    unsigned connections; /* 0: not given, as the next */
    unsigned pipelined;
    unsigned timeout_ms;
    unsigned breaker_failures;
    unsigned breaker_pause_ms;
    struct raw_rights may_command;
    unsigned words_per_s; /* 0: not given, as the next two */
    unsigned word_burst;
    unsigned words_in_flight;
    char **environment;
    size_t memory_bytes;
    unsigned cpu_s;
    unsigned files;
    unsigned processes;
    char *socket_owner;
    char *template_path;
};

struct raw_peer {
    struct raw_element element;
    char *address;
    bool legacy;
    char *pin;
    char **pins;
    char **relays_for;
};

struct raw_map {
    bool given;
    void *at;
    size_t count;
};

struct raw_config {
    bool own; /* there is a member that Part I does not know */
    struct {
        bool given;
        char *name;
        char *identity;
        char *user;
        char *group;
        bool sandbox;
    } server;
    struct {
        bool given;
        char **types;
        bool insecure;
        struct raw_endpoint tcp4, tcp6, tls4, tls6, peer4, peer6, unix_socket;
        struct {
            bool given;
            char *certificate;
            char *key;
            bool self_signed;
        } tls;
    } network;
    struct {
        bool given;
        char **available;
        struct raw_map map; /* of struct raw_handler */
    } handlers;
    struct {
        bool given;
        unsigned type;         /* of enum config_database */
        unsigned registration; /* of enum config_registration */
        struct {
            bool given;
            char *path;
        } sqlite;
        struct {
            bool given;
            char *address;
            unsigned port; /* 0: not given */
            char *user;
            char *password_file;
            char *prefix;
            unsigned index;
            unsigned timeout_ms;
        } redis;
    } database;
    struct {
        bool given;
        char *address;
    } informer;
    struct raw_map peers; /* of struct raw_peer */
    struct {
        bool given;
        struct config_limits values;
    } limits;
    struct {
        bool given;
        unsigned level;
        unsigned format;
    } log;
    struct {
        bool given;
        char *address;
    } metrics;
    struct {
        bool given;
        json_t *info;
        char **users;
    } admin;
};

enum config_kind {
    CONFIG_OBJECT, /* members: those of `inside`, in the same struct; bool given */
    CONFIG_MAP,    /* members of any name: each an object of `inside`; struct raw_map */
    CONFIG_TEXT,   /* not empty; char * */
    CONFIG_TEXTS,  /* list of texts, of `choices` if there are any; char ** */
    CONFIG_RIGHTS, /* list of `choices`, or an object of `inside`; struct raw_rights */
    CONFIG_CHOICE, /* one of `choices`; unsigned, its index */
    CONFIG_PORT,   /* number, or text of digits; unsigned */
    CONFIG_COUNT,  /* least to most; unsigned */
    CONFIG_SIZE,   /* the same; size_t */
    CONFIG_FLAG,   /* bool */
    CONFIG_ANY,    /* json_t * */
    CONFIG_KIND_COUNT
};

struct config_member {
    const char *name; /* NULL ends a table */
    enum config_kind kind;
    bool part1;    /* the reference has it, too */
    size_t offset; /* in struct raw_config, or in the struct of a map's element */
    const struct config_member *inside;
    size_t element_size;        /* of a map */
    const char *element_name;   /* of a map, for the documentation: "TYPE" */
    const char *const *choices; /* ended by NULL */
    uint64_t preset, least, most;
    const char *fallback; /* where the default is not the preset: what happens */
    const char *help;
};

extern const struct config_member config_members[];
extern const struct config_member config_limit_members[];   /* of "limits" */
extern const struct config_member config_handler_members[]; /* of a type of "handlers" */

/* The path of a member named by the user, "peers.S2" or `peers["a b"]`, and of a
 * member of that; member may be NULL. Cut where it does not fit. Returns out. */
const char *config_where(
    char *out, size_t cap, const char *map, const char *name, const char *member);

/* All of a file of at most max bytes; the caller's to free. NULL: errno says why
 * not (EFBIG: it is larger). */
char *config_read_file(const char *file, size_t max, size_t *len);

/* Of a member of CONFIG_RIGHTS: the list alone, CONFIG_TEXTS. */
struct config_member config_rights_list(const struct config_member *member);

/* "dummy" and "builtin": types that the server answers itself. */
bool config_is_own_type(const char *type);

void raw_init(struct raw_config *self);
/* root: the parsed text. What is wrong goes to mistakes. */
void raw_read(struct raw_config *self, const json_t *root, struct mistakes *mistakes);
void raw_release(struct raw_config *self);

/* Looks at it as a whole, opens templates, fills in defaults that depend on the
 * surroundings, and makes the configuration; takes what it needs out of raw.
 * has_file: a configuration was named, so that Part I's defaults hold.
 * STATUS_OK with *out set, or STATUS_INVALID (mistakes tell), STATUS_NO_MEMORY. */
MUST_CHECK enum status config_check(
    struct config **out, struct raw_config *raw, bool has_file, struct mistakes *mistakes);

/* The part of it that is about "handlers". */
void config_check_handlers(
    struct config *config, struct raw_config *raw, struct mistakes *mistakes);
/* The part about "peers" and the identity; the listeners and the name are there.
 * has_file: as above. */
void config_check_peers(
    struct config *config, struct raw_config *raw, bool has_file, struct mistakes *mistakes);
/* What keeps a text from naming a server, or NULL. */
const char *config_server_name_fault(const char *name);
/* The part about "server.user" and "server.group". */
void config_check_user(struct config *config, struct raw_config *raw, struct mistakes *mistakes);
/* The part about "database.redis"; only where the accounts are there. */
void config_check_redis(struct config *config, struct raw_config *raw, struct mistakes *mistakes);

#endif
