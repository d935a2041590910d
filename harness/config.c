/* The configurations of the servers of a cast. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/pattern.h"
#include "harness/topology.h"
#include "libbester/tls.h"

/* RFC 7396: null takes a member away, objects are merged, all else replaces. */
static void merge(json_t *into, const json_t *patch)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)patch, name, value) {
        json_t *there = json_object_get(into, name);

        if (json_is_null(value)) {
            json_object_del(into, name);
        } else if (json_is_object(value) && json_is_object(there)) {
            merge(there, value);
        } else if (json_is_object(value)) {
            json_t *fresh = must_json(json_object());
            merge(fresh, value);
            json_object_set_new(into, name, fresh);
        } else {
            json_object_set_new(into, name, must_json(json_deep_copy(value)));
        }
    }
}

static const char *const transport_names[TRANSPORT_COUNT] = {"tcp4", "tcp6", "unix", "peer4"};

static json_t *network_of_place(const struct place *place, enum transport transport)
{
    char host[sizeof(place->text)];
    char *colon;

    if (transport == TRANSPORT_UNIX)
        return must_json(json_pack("{s:s}", "address", place->text));
    memcpy(host, place->text + (transport == TRANSPORT_TCP6), sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    colon = strrchr(host, ':');
    char *port = must_copy(colon + 1);
    colon[transport == TRANSPORT_TCP6 ? -1 : 0] = '\0';
    json_t *network = must_json(json_pack("{s:s, s:s}", "address", host, "port", port));
    free(port);
    return network;
}

static json_t *network_of(const struct topology *self, int server)
{
    json_t *types = must_json(json_array());
    json_t *network = must_json(json_pack("{s:o}", "types", types));

    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        const struct place *home = topology_home(self, server, (enum transport)i);

        if (!home->text[0])
            continue;
        json_array_append_new(types, json_string(transport_names[i]));
        json_object_set_new(network, transport_names[i], network_of_place(home, (enum transport)i));
    }
    return network;
}

static bool add_program(
    const struct topology *self, int handler, json_t *config, struct fault *fault)
{
    char **words = topology_run_words(self, handler, fault);
    json_t *arguments = must_json(json_array());

    if (!words) {
        json_decref(arguments);
        return false;
    }
    for (size_t i = 1; words[i]; i++)
        json_array_append_new(arguments, must_json(json_string(words[i])));
    json_object_set_new(config, "handlerBinary", must_json(json_string(words[0])));
    json_object_set_new(config, "handlerArguments", arguments);
    words_free(words);
    return true;
}

/* Part I wants a program, which is never started. */
static json_t *handler_of(const struct topology *self, int server, int handler)
{
    bool stream = self->scenario->members[handler].handler.stream;
    json_t *config = must_json(
        json_pack("{s:s}", "unixDomainSocketPath", topology_front(self, server, handler)->text));

    if (self->programs->foreign)
        json_object_set_new(config, "handlerBinary", must_json(json_string("/bin/false")));
    if (stream || !self->programs->foreign)
        json_object_set_new(
            config, "protocol", must_json(json_string(stream ? "stream" : "oneshot")));
    return config;
}

static json_t *handlers_of(const struct topology *self, int server, struct fault *fault)
{
    json_t *types = must_json(json_array());
    json_t *map = must_json(json_object());
    json_t *handlers = must_json(json_pack("{s:o, s:o}", "availableTypes", types, "typeMap", map));

    for (int i = 0; i < (int)self->scenario->member_count; i++) {
        const struct member *member = &self->scenario->members[i];

        if (member->kind != MEMBER_HANDLER || member->on != server)
            continue;
        json_t *config = handler_of(self, server, i);
        json_array_append_new(types, must_json(json_string(member->handler.type)));
        json_object_set_new(map, member->handler.type, config);
        if (member->handler.by_server && !add_program(self, i, config, fault)) {
            json_decref(handlers);
            return NULL;
        }
        if (member->handler.config)
            merge(config, member->handler.config);
    }
    return handlers;
}

/* The key of a pinned server. */
static char *identity_path(const struct topology *self, int server)
{
    char dir[200];

    topology_server_dir(self, server, dir, sizeof(dir));
    return must_print("%s/identity.pem", dir);
}

static enum status make_identity(const struct topology *self, int server, struct fault *fault)
{
    char dir[200];
    char *path = identity_path(self, server);

    topology_server_dir(self, server, dir, sizeof(dir));
    enum status status =
        mkdir(dir, 0700) != 0 && errno != EEXIST
            ? fault_set(fault, STATUS_IO, 0, "no directory %s: %s", dir, strerror(errno))
            : tls_make_identity_file(path, self->scenario->members[server].name, fault);
    free(path);
    return status;
}

static json_t *pinned_peer(const struct topology *self, int server, int other)
{
    char *path = identity_path(self, other);
    char text[TLS_PIN_TEXT] = "";
    struct tls_pin pin;
    struct fault fault;

    /* It was made before; where it cannot be read, besterd will not like its pin. */
    if (tls_file_pin(path, &pin, &fault) == STATUS_OK)
        tls_pin_format(&pin, text);
    free(path);
    return must_json(
        json_pack("{s:s, s:s}", "address", topology_front(self, server, other)->text, "pin", text));
}

static json_t *peers_of(const struct topology *self, int server)
{
    json_t *peers = must_json(json_object());

    for (int i = 0; i < (int)self->scenario->member_count; i++) {
        const struct member *member = &self->scenario->members[i];
        bool other = member->kind == MEMBER_PEER || (member->kind == MEMBER_SERVER && i != server);

        if (other && members_are_pinned(member, &self->scenario->members[server]))
            json_object_set_new(peers, member->name, pinned_peer(self, server, i));
        else if (other && !member->peer.unknown)
            json_object_set_new(peers, member->name,
                must_json(json_pack(
                    "{s:s, s:b}", "address", topology_front(self, server, i)->text, "legacy", 1)));
    }
    return peers;
}

struct expander {
    const struct topology *topology;
    int server;
};

static char *expand(const char *name, void *user)
{
    const struct expander *self = user;

    return topology_expand(self->topology, name, self->server);
}

/* The configuration with its ${names} filled in; takes config over. */
static json_t *expanded(
    const struct topology *self, int server, json_t *config, struct fault *fault)
{
    struct expander expander = {.topology = self, .server = server};
    struct scope scope = {.expand = expand, .user = &expander};
    json_t *filled = pattern_fill(config, &scope, fault);

    bindings_release(&scope.bindings);
    json_decref(config);
    return filled;
}

/* Part I, and nothing else. */
static json_t *foreign_config(const struct topology *self, int server, json_t *handlers)
{
    const struct place *database = topology_database(self, server);

    return must_json(json_pack("{s:o, s:o, s:{s:s, s:o}, s:{s:{}}}", "network",
        network_of(self, server), "handlers", handlers, "database", "type", "redis", "redis",
        network_of_place(database, TRANSPORT_TCP4), "admin", "info"));
}

static json_t *besterd_config(const struct topology *self, int server, json_t *handlers)
{
    const struct member *member = &self->scenario->members[server];
    char dir[200];

    topology_server_dir(self, server, dir, sizeof(dir));
    json_t *database = member->server.accounts
                           ? must_json(json_pack("{s:s, s:{s:s+}}", "type", "sqlite", "sqlite",
                                 "path", dir, "/accounts.db"))
                           : must_json(json_pack("{s:s}", "type", "open"));
    return must_json(json_pack("{s:{s:s}, s:o, s:o, s:o, s:{s:s+}, s:o}", "server", "name",
        member->name, "network", network_of(self, server), "handlers", handlers, "database",
        database, "informer", "address", dir, "/" INFORMER_FILE, "peers", peers_of(self, server)));
}

static json_t *config_of(const struct topology *self, int server, struct fault *fault)
{
    const struct member *member = &self->scenario->members[server];
    json_t *handlers = handlers_of(self, server, fault);
    char dir[200];

    if (!handlers)
        return NULL;
    topology_server_dir(self, server, dir, sizeof(dir));
    json_t *config = self->programs->foreign ? foreign_config(self, server, handlers)
                                             : besterd_config(self, server, handlers);
    if (member->server.pinned) {
        char *path = identity_path(self, server);
        json_object_set_new(
            json_object_get(config, "server"), "identity", must_json(json_string(path)));
        free(path);
    }
    if (member->server.config)
        merge(config, member->server.config);
    if (member->server.tells_metrics)
        json_object_set_new(config, "metrics",
            must_json(json_pack("{s:s++}", "address", "unix:", dir, "/" METRICS_FILE)));
    return expanded(self, server, config, fault);
}

enum status config_write(const struct topology *self, int server, struct fault *fault)
{
    char path[256];
    json_t *config;

    topology_server_dir(self, server, path, sizeof(path));
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fault_set(fault, STATUS_IO, 0, "no directory %s: %s", path, strerror(errno));
    config = config_of(self, server, fault);
    if (!config)
        return STATUS_NOT_FOUND;
    topology_config_path(self, server, path, sizeof(path));
    int failed = json_dump_file(config, path, JSON_INDENT(2));
    json_decref(config);
    return failed ? fault_set(fault, STATUS_IO, 0, "no file %s", path) : STATUS_OK;
}

/* The first password of a name is the one that counts. */
static void password_write(const struct topology *self, const char *name, const char *password)
{
    char *path = must_print("%s/%s.password", self->dir, name);
    int fd = strchr(name, '/') ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0) {
        dprintf(fd, "%s\n", password);
        close(fd);
    }
    free(path);
}

static void passwords_write(const struct topology *self)
{
    for (size_t i = 0; i < self->scenario->member_count; i++) {
        const struct member *member = &self->scenario->members[i];
        const char *name;
        json_t *password;

        json_object_foreach (member->server.accounts, name, password)
            password_write(self, name, json_string_value(password));
        if (member->client.run)
            password_write(self, member->client.user, member->client.password);
    }
}

enum status config_write_all(const struct topology *self, struct fault *fault)
{
    enum status status = STATUS_OK;

    for (int i = 0; status == STATUS_OK && i < (int)self->scenario->member_count; i++)
        if (self->scenario->members[i].server.pinned)
            status = make_identity(self, i, fault);
    for (int i = 0; status == STATUS_OK && i < (int)self->scenario->member_count; i++)
        if (self->scenario->members[i].kind == MEMBER_SERVER)
            status = config_write(self, i, fault);
    passwords_write(self);
    return status;
}
