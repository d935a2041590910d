/* "peers", the identity that is shown to them, and what may be asked about them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "besterd/config_table.h"
#include "besterd/paths.h"
#include "libbester/character.h"

enum { WHERE_BYTES = 400 };

/* A name under which nobody can be found: any server, in Part I's way. */
static const char ANYBODY[] = "*";

const char *config_server_name_fault(const char *name)
{
    if (strlen(name) >= SERVER_NAME_MAX)
        return "is too long for a server's name";
    struct span rest = span_of(name);
    while (rest.len > 0) {
        uint32_t code = 0;
        size_t taken = character_next(rest, &code);
        if (taken == 0 || character_is_treacherous(code) || character_is_space(code) || code == '@')
            return "must not hold '@', spaces or control characters";
        rest.at += taken;
        rest.len -= taken;
    }
    return NULL;
}

/* ---- one peer ---- */

struct subject {
    struct config *config;
    struct raw_peer *raw;
    struct config_peer *peer;
    struct mistakes *mistakes;
};

static const char *where(const struct subject *self, char out[WHERE_BYTES], const char *member)
{
    return config_where(out, WHERE_BYTES, "peers", self->raw->element.name, member);
}

static void check_name(const struct subject *self)
{
    char at[WHERE_BYTES];
    const char *name = self->raw->element.name;
    const char *fault =
        name[0] == '\0' ? "a peer must have a name" : config_server_name_fault(name);
    if (fault != NULL)
        mistakes_add(self->mistakes, where(self, at, NULL), "%s", fault);
    if (self->config->server_name != NULL && strcmp(name, self->config->server_name) == 0)
        mistakes_add(self->mistakes, where(self, at, NULL), "is this server's own name");
}

static void check_address(const struct subject *self)
{
    char at[WHERE_BYTES];
    struct fault fault;
    const char *text = self->raw->address;
    struct address *address = &self->peer->address;
    where(self, at, "address");
    if (text == NULL) {
        if (self->raw->legacy)
            mistakes_add(self->mistakes, at, "must be given");
        return;
    }
    if (address_parse(address, span_of(text), &fault) != STATUS_OK)
        mistakes_add(self->mistakes, at, "%s, is \"%s\"", fault.text, text);
    else if (address->kind != ADDRESS_UNIX && address->port == 0)
        mistakes_add(self->mistakes, at, "needs a port, is \"%s\"", text);
    self->peer->has_address = true;
}

/* Of one key one peer only: who calls is known by it. */
static const char *owner_of(const struct config *config, const struct tls_pin *pin)
{
    for (size_t i = 0; i < config->peer_count; i++) {
        for (size_t j = 0; j < config->peers[i].pin_count; j++) {
            if (tls_pin_equal(&config->peers[i].pins[j], pin))
                return config->peers[i].name;
        }
    }
    return NULL;
}

static void add_pin(const struct subject *self, const char *text, const char *member)
{
    char at[WHERE_BYTES];
    struct config_peer *peer = self->peer;
    struct tls_pin pin;
    struct fault fault;
    where(self, at, member);
    if (tls_pin_parse(&pin, span_of(text), &fault) != STATUS_OK) {
        mistakes_add(self->mistakes, at, "%s, is \"%s\"", fault.text, text);
        return;
    }
    const char *owner = owner_of(self->config, &pin);
    if (owner != NULL)
        mistakes_add(self->mistakes, at, "is the pin of %s too", owner);
    else if (peer->pin_count == CONFIG_PINS_MAX)
        mistakes_add(self->mistakes, at, "at most %d can be given", CONFIG_PINS_MAX);
    else
        peer->pins[peer->pin_count++] = pin;
}

static void check_pins(const struct subject *self)
{
    char at[WHERE_BYTES];
    char **pins = self->raw->pins;
    bool pinned = self->raw->pin != NULL || pins != NULL;
    if (self->raw->pin != NULL && pins != NULL)
        mistakes_add(self->mistakes, where(self, at, "pins"), "and pin: one of them is enough");
    else if (self->raw->pin != NULL)
        add_pin(self, self->raw->pin, "pin");
    for (size_t i = 0; self->raw->pin == NULL && pins != NULL && pins[i] != NULL; i++)
        add_pin(self, pins[i], "pins");
    if (pins != NULL && pins[0] == NULL)
        mistakes_add(self->mistakes, where(self, at, "pins"), "names no key");
    if (pinned == self->raw->legacy)
        mistakes_add(self->mistakes, where(self, at, NULL), "%s",
            pinned ? "is pinned and legacy: it can be only one of them"
                   : "needs a pin (what \"besterd identity\" prints there), or \"legacy\": true");
}

static void check_relays(const struct subject *self)
{
    char at[WHERE_BYTES];
    char **names = self->raw->relays_for;
    where(self, at, "relaysFor");
    if (names != NULL && self->raw->legacy)
        mistakes_add(self->mistakes, at, "is for pinned servers: nobody is believed otherwise");
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        const char *fault = config_server_name_fault(names[i]);
        if (fault != NULL)
            mistakes_add(self->mistakes, at, "\"%s\" %s", names[i], fault);
    }
    self->peer->relays_for = names;
    self->raw->relays_for = NULL;
}

static void check_anybody(const struct subject *self)
{
    char at[WHERE_BYTES];
    const struct raw_peer *raw = self->raw;
    if (!raw->legacy || raw->address != NULL || raw->pin != NULL || raw->pins != NULL ||
        raw->relays_for != NULL)
        mistakes_add(self->mistakes, where(self, at, NULL),
            "stands for any server, and can only be {\"legacy\": true}");
    self->config->legacy_any = true;
}

static void check_peer(struct config *config, struct raw_peer *raw, struct mistakes *mistakes)
{
    struct subject self = {.config = config,
        .raw = raw,
        .peer = &config->peers[config->peer_count],
        .mistakes = mistakes};
    if (strcmp(raw->element.name, ANYBODY) == 0) {
        check_anybody(&self);
        return;
    }
    check_name(&self);
    if (!raw->element.given)
        return;
    check_address(&self);
    check_pins(&self);
    check_relays(&self);
    self.peer->legacy = raw->legacy;
    self.peer->name = raw->element.name;
    raw->element.name = NULL;
    config->peer_count++;
}

/* ---- all ---- */

/* Where nobody needs it, it may be that there is no place for it. */
static void check_identity(struct config *config, struct raw_config *raw, struct mistakes *mistakes)
{
    config->identity_path = raw->server.identity;
    raw->server.identity = NULL;
    if (config->identity_path == NULL) {
        char *directory = paths_state();
        config->identity_path = directory != NULL ? paths_join(directory, "identity.pem") : NULL;
        free(directory);
    }
    if (config->identity_path == NULL && config_has_pinned(config))
        mistakes_add(mistakes, "server.identity",
            "must be given: neither HOME nor an XDG variable says where it could be");
}

void config_check_peers(
    struct config *config, struct raw_config *raw, bool has_file, struct mistakes *mistakes)
{
    struct raw_map *map = &raw->peers;
    config->peers = calloc(map->count + 1, sizeof(struct config_peer));
    for (size_t i = 0; config->peers != NULL && i < map->count; i++)
        check_peer(config, (struct raw_peer *)map->at + i, mistakes);
    /* The reference knows no peers: it talks to any server. */
    if (has_file && !map->given)
        config->legacy_any = true;
    check_identity(config, raw, mistakes);
}

/* ---- using ---- */

const struct config_peer *config_find_peer(const struct config *self, struct span name)
{
    for (size_t i = 0; i < self->peer_count; i++) {
        if (span_is(name, self->peers[i].name))
            return &self->peers[i];
    }
    return NULL;
}

const struct config_peer *config_find_peer_at(
    const struct config *self, const struct address *address)
{
    for (size_t i = 0; i < self->peer_count; i++) {
        const struct config_peer *peer = &self->peers[i];
        if (peer->has_address && peer->address.port == address->port &&
            strcasecmp(peer->address.host, address->host) == 0 &&
            strcmp(peer->address.path, address->path) == 0)
            return peer;
    }
    return NULL;
}

bool config_has_pinned(const struct config *self)
{
    bool has = false;
    for (size_t i = 0; self->peers != NULL && i < self->peer_count; i++)
        has = has || !self->peers[i].legacy;
    for (size_t i = 0; self->listeners != NULL && i < self->listener_count; i++)
        has = has || self->listeners[i].peer;
    return has;
}

bool config_takes_legacy(const struct config *self)
{
    bool takes = self->legacy_any;
    for (size_t i = 0; i < self->peer_count; i++)
        takes = takes || self->peers[i].legacy;
    return takes;
}

bool config_peer_speaks_for(
    const struct config_peer *self, const char *server, const char *own_server)
{
    bool own = strcmp(server, own_server) == 0;
    if (strcmp(self->name, server) == 0)
        return true;
    for (size_t i = 0; self->relays_for != NULL && self->relays_for[i] != NULL; i++) {
        const char *name = self->relays_for[i];
        if (strcmp(name, server) == 0 || (strcmp(name, ANYBODY) == 0 && !own))
            return true;
    }
    return false;
}
