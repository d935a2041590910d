/*
 * chat: lines of text from people to people, on this server and on others.
 *
 *   in   {"to": "G" | "G@S2" | ["G", "H@S2"], "text": "…"}
 *   out  {"from": "T@S1", "to": as it came, "text": as it came}
 *
 * `from` is always made from the origin that the server vouches for; a member
 * "from" of the data, which anybody can write, is passed over.
 *
 * The same message, as it goes out, goes to the other servers, whose chat
 * handlers deliver it to those of `to` that are named as theirs ("H@S2" at S2).
 * A name without a server belongs to the server of whoever wrote. So the name
 * behind the '@' must be what a server calls itself. What came from another
 * server is never passed on to a third.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "libbester/address.h"
#include "libbester/bytes.h"
#include "libbester/handler_sdk.h"
#include "libbester/json.h"

enum { ANSWER_BYTES_MAX = 64 << 20, FROM_MAX = 520, MEMBER_MAX = 40, SENTENCE_MAX = 300 };

/* ---- a set of names, in the order in which they came ---- */

struct name {
    UT_hash_handle hh;
    char text[];
};

static bool name_add(struct name **set, const char *text)
{
    struct name *found = NULL;
    size_t len = strlen(text);
    HASH_FIND(hh, *set, text, len, found);
    if (found != NULL)
        return true;
    struct name *made = malloc(sizeof *made + len + 1);
    if (made == NULL)
        return false;
    memcpy(made->text, text, len + 1);
    HASH_ADD_KEYPTR(hh, *set, made->text, len, made);
    return true;
}

static void names_free(struct name **set)
{
    struct name *name;
    struct name *next;
    HASH_ITER (hh, *set, name, next) {
        HASH_DEL(*set, name);
        free(name);
    }
}

/* An array that ends with NULL, for the SDK; NULL when out of memory. */
static const char **names_array(struct name *set)
{
    const char **array = calloc(HASH_COUNT(set) + 1, sizeof *array);
    size_t count = 0;
    if (array != NULL) {
        for (struct name *name = set; name != NULL; name = name->hh.next)
            array[count++] = name->text;
    }
    return array;
}

/* ---- what was said ---- */

struct chat {
    const struct handler_request *request;
    struct handler_reply *reply;
    struct span to; /* values as they came */
    struct span text;
    struct name *users;   /* to deliver to here */
    struct name *servers; /* to pass it on to */
};

/* Tells the sender; false, so that "return refuse(...)" reads well. */
static bool refuse(struct chat *self, const char *format, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct chat *self, const char *format, ...)
{
    char sentence[SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    reply_refuse(self->reply, "1", "%s", sentence);
    return false;
}

static bool is_from_client(const struct handler_request *request)
{
    return strcmp(request->scope, "client") == 0;
}

static bool take_once(struct chat *self, const char *name, struct span *place, struct span value)
{
    if (place->at != NULL)
        return refuse(self, "%s: is there twice", name);
    *place = value;
    return true;
}

static bool take_member(struct chat *self, struct span name, struct span value)
{
    char text[MEMBER_MAX] = "";
    if (json_string_is(name, "to"))
        return take_once(self, "to", &self->to, value);
    if (json_string_is(name, "text"))
        return take_once(self, "text", &self->text, value);
    if (json_string_is(name, "from"))
        return true;
    if (json_decode(name, text, sizeof text, NULL) != STATUS_OK)
        return refuse(self, "data: has a member that a chat message does not have");
    return refuse(self, "%s: a chat message has only \"to\" and \"text\"", text);
}

static bool read_members(struct chat *self)
{
    struct json_cursor cursor;
    struct span name;
    struct span value;
    if (json_kind_of(self->request->data) != JSON_KIND_OBJECT)
        return refuse(self, "data: must be an object with \"to\" and \"text\"");
    json_begin(&cursor, self->request->data, JSON_DEPTH_MAX);
    if (json_enter_object(&cursor, NULL) != STATUS_OK)
        return refuse(self, "data: cannot be read");
    while (json_next_member(&cursor, &name, NULL) == PULL_READY) {
        if (json_skip(&cursor, &value, NULL) != STATUS_OK)
            return refuse(self, "data: cannot be read");
        if (!take_member(self, name, value))
            return false;
    }
    if (self->to.at == NULL)
        return refuse(self, "to: is missing; who is to get it?");
    if (self->text.at == NULL)
        return refuse(self, "text: is missing");
    if (json_kind_of(self->text) != JSON_KIND_STRING)
        return refuse(self, "text: must be a text");
    return true;
}

/* ---- to whom ---- */

/* where: "to", or "to[2]". */
static bool take_recipient(struct chat *self, struct span token, const char *where)
{
    const struct handler_request *request = self->request;
    char text[USER_NAME_MAX + SERVER_NAME_MAX];
    struct user_address address;
    size_t len;
    if (json_kind_of(token) != JSON_KIND_STRING)
        return refuse(self, "%s: must be a name, such as \"G\" or \"G@S2\"", where);
    if (json_decode(token, text, sizeof text, &len) != STATUS_OK)
        return refuse(self, "%s: is no name that a user can have", where);
    if (user_address_parse(&address, (struct span){.at = text, .len = len}) != STATUS_OK)
        return refuse(self, "%s: \"%s\" is not NAME or NAME@SERVER", where, text);
    const char *server = address.server[0] != '\0' ? address.server : request->server;
    bool good = true;
    if (strcmp(server, request->via) == 0)
        good = name_add(&self->users, address.user);
    else if (is_from_client(request))
        good = name_add(&self->servers, address.server);
    return good || refuse(self, "the handler has no memory");
}

static bool read_list(struct chat *self)
{
    struct json_cursor cursor;
    char where[32];
    json_begin(&cursor, self->to, JSON_DEPTH_MAX);
    if (json_enter_array(&cursor, NULL) != STATUS_OK)
        return refuse(self, "to: cannot be read");
    for (size_t i = 0; json_next_element(&cursor, NULL) == PULL_READY; i++) {
        struct span token;
        snprintf(where, sizeof where, "to[%zu]", i);
        if (json_skip(&cursor, &token, NULL) != STATUS_OK)
            return refuse(self, "%s: cannot be read", where);
        if (!take_recipient(self, token, where))
            return false;
    }
    return true;
}

static bool read_recipients(struct chat *self)
{
    bool is_list = json_kind_of(self->to) == JSON_KIND_ARRAY;
    if (!(is_list ? read_list(self) : take_recipient(self, self->to, "to")))
        return false;
    if (self->users != NULL || self->servers != NULL)
        return true;
    if (is_from_client(self->request))
        return refuse(self, "to: names nobody");
    return refuse(self, "to: names nobody at this server, \"%s\"", self->request->via);
}

/* ---- who said it ---- */

/* The question must tell, and a server may speak for its own users alone. */
static bool check_origin(struct chat *self)
{
    const struct handler_request *request = self->request;
    if (request->via[0] == '\0')
        return refuse(self, "origin: is not told; the handler needs the protocol \"stream\"");
    if (request->user[0] == '\0' || request->server[0] == '\0')
        return refuse(self, "origin: the other server does not say who wrote this");
    if (!is_from_client(request) && strcmp(request->server, request->via) == 0)
        return refuse(
            self, "origin: another server may not speak for the users of \"%s\"", request->via);
    return true;
}

/* ---- what is answered ---- */

/* {"from": "T@S1", "to": …, "text": …} */
static enum status build(const struct chat *self, struct bytes *data)
{
    char from[FROM_MAX];
    snprintf(from, sizeof from, "%s@%s", self->request->user, self->request->server);
    enum status status = bytes_append_text(data, "{\"from\":");
    if (status == STATUS_OK)
        status = json_quote(data, span_of(from));
    if (status == STATUS_OK)
        status = bytes_append_text(data, ",\"to\":");
    if (status == STATUS_OK)
        status = bytes_append_span(data, self->to);
    if (status == STATUS_OK)
        status = bytes_append_text(data, ",\"text\":");
    if (status == STATUS_OK)
        status = bytes_append_span(data, self->text);
    return status == STATUS_OK ? bytes_append_text(data, "}") : status;
}

static void answer(struct chat *self)
{
    struct bytes data;
    bytes_init(&data, ANSWER_BYTES_MAX);
    const char **users = names_array(self->users);
    const char **servers = names_array(self->servers);
    if (users == NULL || servers == NULL || build(self, &data) != STATUS_OK) {
        (void)refuse(self, "the handler has no memory");
    } else {
        reply_data(self->reply, bytes_span(&data));
        if (users[0] != NULL)
            reply_send_clients(self->reply, users, NO_MESSAGE);
        if (servers[0] != NULL)
            reply_send_servers(self->reply, servers, NO_MESSAGE);
    }
    free(users);
    free(servers);
    bytes_release(&data);
}

static void handle(const struct handler_request *request, struct handler_reply *reply, void *user)
{
    struct chat self = {.request = request, .reply = reply};
    (void)user;
    if (check_origin(&self) && read_members(&self) && read_recipients(&self))
        answer(&self);
    names_free(&self.users);
    names_free(&self.servers);
}

int main(int argc, char **argv)
{
    return handler_sdk_main(argc, argv, handle, NULL);
}
