#include "harness/record_play.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "harness/record_line.h"
#include "harness/record_once.h"

enum { NAME_BYTES_MAX = 60 };

struct writer {
    struct scribe scribe;
    struct tellings tellings;
    bool *implied; /* by telling: no line */
};

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_taken(const struct talk *talk, const struct person *person, const char *name)
{
    for (size_t i = 0; i < talk->scenario->member_count; i++)
        if ((int)i != person->seat && !talk->scenario->members[i].client.guest &&
            strcmp(talk->scenario->members[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < talk->person_count; i++)
        if (talk->people[i]->name && strcmp(talk->people[i]->name, name) == 0)
            return true;
    return false;
}

/* The user's name, without what a name in a play can't hold. */
static char *base_name(const struct person *person)
{
    const char *user = person->user[strspn(person->user, " ")] ? person->user : "client";
    struct span cut = {user, strnlen(user, NAME_BYTES_MAX)};

    while (cut.len > 0 && ((unsigned char)user[cut.len] & 0xC0) == 0x80)
        cut.len--;
    char *name = must_copy_bytes(cut.at, cut.len);
    for (char *at = name; *at; at++)
        if ((unsigned char)*at <= ' ' || strchr(">/${}\"", *at))
            *at = '_';
    return name;
}

static void name_people(struct talk *talk)
{
    for (size_t i = 0; i < talk->person_count; i++) {
        struct person *person = talk->people[i];
        char *base = person->seat >= 0 ? must_copy(talk->scenario->members[person->seat].name)
                                       : base_name(person);
        char *name = must_copy(base);

        for (unsigned n = 2; is_taken(talk, person, name); n++) {
            free(name);
            name = must_print("%s%u", base, n);
        }
        person->name = name;
        free(base);
    }
}

/* ---- what a play implies --------------------------------------------------------------------- */

/* Commands whose answer is the same whoever is there. */
static bool is_harmless_builtin(const struct node *node)
{
    static const char *const harmless[] = {"types", "whoami", "ping", "close", "changePassword"};
    const json_t *command = json_object_get(node->data, "command");
    const char *type = json_string_value(json_object_get(command, "type"));

    for (size_t i = 0; type && i < sizeof(harmless) / sizeof(harmless[0]); i++)
        if (strcmp(type, harmless[i]) == 0)
            return true;
    return false;
}

/* Whether it makes a difference to this line that the person is there. */
static bool concerns(const struct node *node, const struct person *person)
{
    if (node->event->to != person->server)
        return false;
    if (node->kind == NODE_ANSWER)
        return !node->event->json || node_names_user(node, person->user);
    return node->kind == NODE_MESSAGE && node->type && strcmp(node->type, "builtin") == 0 &&
           !is_harmless_builtin(node);
}

static bool concerned(
    const struct writer *self, const struct person *person, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (!self->tellings.items[i].silence && concerns(self->tellings.items[i].node, person))
            return true;
    return false;
}

static bool is_of(const struct node *node, const struct person *person)
{
    return node->session && node->session->person == person;
}

static bool has_line(const struct writer *self, const struct person *person, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (is_of(self->tellings.items[i].node, person))
            return true;
    return false;
}

static void imply_login(struct writer *self, size_t at)
{
    const struct node *login = self->tellings.items[at].node;
    const struct person *person = login->session->person;

    if (!scribe_is_usual_login(&self->scribe, login) || has_line(self, person, 0, at) ||
        concerned(self, person, 0, at))
        return;
    self->implied[at] = true;
    for (size_t i = at + 1; i < self->tellings.count; i++) {
        const struct node *node = self->tellings.items[i].node;

        if (node->parent == login && node->kind == NODE_REPLY)
            self->implied[i] = true;
    }
}

static void imply_close(struct writer *self, size_t at)
{
    const struct node *node = self->tellings.items[at].node;
    const struct person *person = node->session->person;
    size_t count = self->tellings.count;

    self->implied[at] =
        !has_line(self, person, at + 1, count) && !concerned(self, person, at + 1, count);
}

/* A client that hung up before its reports came must do so in the play. */
static bool hurried(const struct writer *self, const struct node *closing)
{
    for (size_t i = 0; i < self->tellings.count; i++) {
        const struct node *node = self->tellings.items[i].node;

        if (node->session == closing->session && node->kind == NODE_MESSAGE && !node->done)
            return true;
    }
    return false;
}

static void find_implied(struct writer *self)
{
    self->implied = must_alloc((self->tellings.count + 1) * sizeof(*self->implied));
    for (size_t i = 0; i < self->tellings.count; i++) {
        const struct telling *telling = &self->tellings.items[i];

        if (telling->silence)
            continue;
        if (telling->node->kind == NODE_LOGIN)
            imply_login(self, i);
        else if (telling->node->kind == NODE_CLOSE && !hurried(self, telling->node))
            imply_close(self, i);
    }
}

/* ---- the cast -------------------------------------------------------------------------------- */

static json_t *accounts_of(struct writer *self, const json_t *accounts)
{
    json_t *shown = must_json(json_object());
    const char *user;
    json_t *password;

    json_object_foreach ((json_t *)accounts, user, password) {
        const char *secret = values_secret(&self->scribe.values, json_string_value(password));

        json_object_set_new(shown, user, json_string(secret));
    }
    return shown;
}

static json_t *server_of(struct writer *self, const json_t *server)
{
    json_t *shown = values_config(&self->scribe.values, server);
    const json_t *accounts = json_object_get(server, "accounts");

    if (accounts)
        json_object_set_new(shown, "accounts", accounts_of(self, accounts));
    return shown;
}

/* Its lines say what it does: no rules; and the harness sees it, so it starts it. */
static json_t *handler_of(struct writer *self, const json_t *handler)
{
    json_t *shown = values_config(&self->scribe.values, handler);

    json_object_del(shown, "rules");
    json_object_del(shown, "startedBy");
    if (!self->scribe.talk->real_handlers)
        json_object_del(shown, "run");
    return shown;
}

static json_t *peer_of(struct writer *self, const json_t *peer)
{
    (void)self;
    return must_json(json_deep_copy(peer));
}

static const struct section {
    const char *name;
    json_t *(*show)(struct writer *self, const json_t *member);
} sections[] = {
    {"servers", server_of},
    {"handlers", handler_of},
    {"peers", peer_of},
};

static json_t *section_of(struct writer *self, const struct section *section, const json_t *members)
{
    json_t *shown = must_json(json_object());
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)members, name, member)
        json_object_set_new(shown, name,
            json_is_object(member) ? section->show(self, member) : json_deep_copy(member));
    return shown;
}

static bool logs_in(const struct writer *self, const struct person *person)
{
    for (size_t i = 0; i < self->tellings.count; i++)
        if (self->tellings.items[i].node->kind == NODE_LOGIN &&
            is_of(self->tellings.items[i].node, person))
            return true;
    return false;
}

static const char *const transport_names[TRANSPORT_COUNT] = {"tcp4", "tcp6", "unix"};

static json_t *client_of(const struct writer *self, const struct person *person)
{
    const char *server = self->scribe.talk->scenario->members[person->server].name;
    json_t *client = must_json(json_pack("{s:s}", "on", server));

    if (person->user[0] && strcmp(person->user, person->name) != 0)
        json_object_set_new(client, "user", json_string(person->user));
    if (person->via != TRANSPORT_TCP4)
        json_object_set_new(client, "via", json_string(transport_names[person->via]));
    if (!logs_in(self, person))
        json_object_set_new(client, "logsIn", json_false());
    if (json_object_size(client) > 1)
        return client;
    json_decref(client);
    return must_json(json_string(server));
}

static json_t *clients_of(const struct writer *self)
{
    const struct talk *talk = self->scribe.talk;
    json_t *clients = must_json(json_object());

    for (size_t i = 0; i < talk->person_count; i++)
        if (has_line(self, talk->people[i], 0, self->tellings.count))
            json_object_set_new(clients, talk->people[i]->name, client_of(self, talk->people[i]));
    return clients;
}

/* ---- the play -------------------------------------------------------------------------------- */

static json_t *steps_of(struct writer *self)
{
    json_t *steps = must_json(json_array());

    for (size_t i = 0; i < self->tellings.count; i++) {
        json_t *step =
            self->implied[i] ? NULL : scribe_step(&self->scribe, &self->tellings.items[i]);

        if (step)
            json_array_append_new(steps, step);
    }
    record_once(steps);
    return steps;
}

static json_t *write_play(struct writer *self)
{
    const struct scenario *scenario = self->scribe.talk->scenario;
    const json_t *root = scenario->source.root;
    json_t *play = must_json(json_pack("{s:s+}", "play", "Recorded: ", scenario->name));

    if (json_object_get(root, "deadlineMs"))
        json_object_set(play, "deadlineMs", json_object_get(root, "deadlineMs"));
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        const json_t *members = json_object_get(root, sections[i].name);

        if (members)
            json_object_set_new(play, sections[i].name, section_of(self, &sections[i], members));
    }
    json_t *clients = clients_of(self);
    if (json_object_size(clients) > 0)
        json_object_set(play, "clients", clients);
    json_decref(clients);
    json_object_set_new(play, "steps", steps_of(self));
    return play;
}

json_t *record_play(const struct timeline *timeline, const struct topology *topology, uint64_t last,
    const struct record_choice *choice, size_t *lines)
{
    struct talk talk;
    struct writer writer = {.scribe = {.talk = &talk}};

    talk_read(&talk, timeline, topology, last);
    values_init(&writer.scribe.values, topology);
    talk.real_handlers = choice->real_handlers;
    talk_order(&talk, &writer.tellings);
    name_people(&talk);
    find_implied(&writer);
    json_t *play = write_play(&writer);
    *lines = json_array_size(json_object_get(play, "steps"));
    free(writer.implied);
    free(writer.tellings.items);
    values_release(&writer.scribe.values);
    talk_release(&talk);
    return play;
}
