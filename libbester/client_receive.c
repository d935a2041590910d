/* What comes from the server: the answer to the login, reports, messages. */
#include <string.h>

#include "libbester/client_internal.h"
#include "libbester/json_find.h"

enum { WORD_BYTES = 64 };

static void client_noise(struct client *self, const char *text, const char *detail)
{
    struct fault fault = {0};
    fault_set(&fault, STATUS_MALFORMED, 0, "%s%s%s", text, detail[0] == '\0' ? "" : ": ", detail);
    if (self->callbacks->on_noise != NULL)
        self->callbacks->on_noise(self, &fault, self->user);
}

/* ---- reports ---- */

/* A short text of a report; "" if it is absent, is no string or does not fit. */
static const char *word(struct span token, char *out, size_t cap)
{
    if (token.at == NULL || json_decode(token, out, cap, NULL) != STATUS_OK)
        out[0] = '\0';
    return out;
}

/* A text of any length; valid until the next call. */
static const char *sentence(struct client *self, struct span token)
{
    char *room;
    bytes_reset(&self->detail);
    if (token.at == NULL || bytes_reserve(&self->detail, token.len + 1, &room) != STATUS_OK)
        return "";
    return word(token, room, token.len + 1);
}

struct words {
    char id[CLIENT_ID_MAX];
    char reason[WORD_BYTES];
    char outcome[WORD_BYTES];
};

static void result_read(struct client *self, const struct message *message, struct words *words,
    struct client_result *result)
{
    bool good = message->status.at != NULL && json_string_is(message->status, "good");
    word(message->reason, words->reason, sizeof words->reason);
    word(message->outcome, words->outcome, sizeof words->outcome);
    *result = (struct client_result){
        .id = word(message->id, words->id, sizeof words->id),
        .fate = good ? CLIENT_GOOD : CLIENT_BAD,
        .outcome = outcome_from_text(span_of(words->outcome)),
        .reason = words->reason[0] == '\0' ? STATUS_OK : status_from_text(span_of(words->reason)),
        .reason_text = words->reason,
        .detail = sentence(self, message->detail),
        .recipients = message->recipients,
        .servers = message->servers,
    };
}

static void on_report(struct client *self, const struct message *message)
{
    struct words words;
    struct client_result result;
    result_read(self, message, &words, &result);
    struct flight *flight = words.id[0] == '\0' ? NULL : flights_find(&self->flights, words.id);
    if (flight != NULL)
        client_land(self, flight, &result);
    else
        self->callbacks->on_result(self, &result, self->user);
}

/* An answer of the server itself to a message that waits for one; false: it is none. */
static bool on_answer(struct client *self, const struct message *message, struct span id_token)
{
    char id[CLIENT_ID_MAX];
    struct flight *flight = flights_find(&self->flights, word(id_token, id, sizeof id));
    if (flight == NULL || !flight->self_answered)
        return false;
    client_land(self, flight,
        &(struct client_result){
            .fate = CLIENT_ANSWERED, .reason_text = "", .detail = "", .answer = message});
    return true;
}

static void on_frame_ready(struct client *self, const struct message *message, struct span text)
{
    bool of_server = message->type.at != NULL && (json_string_is(message->type, "builtin") ||
                                                     json_string_is(message->type, "dummy"));
    if (message->message_type.at == NULL && of_server)
        (void)on_answer(self, message, message->id); /* or a beat of our own heart */
    else if (message->message_type.at == NULL)
        client_noise(self, "the server sent what is neither a report nor a message", "");
    else if (json_string_is(message->message_type, "statusReport"))
        on_report(self, message);
    else if (!json_string_is(message->message_type, "receivedMessage"))
        client_noise(self, "the server sent a message of an unknown kind", "");
    else if (!of_server || !on_answer(self, message, message->header_id))
        self->callbacks->on_message(self, message, text, self->user);
}

/* ---- login ---- */

static void login_done(struct client *self, const struct message *message)
{
    struct client_server *server = &self->server;
    word(json_find(message->server, SPAN_LITERAL("name")), server->name, sizeof server->name);
    word(json_find(message->server, SPAN_LITERAL("version")), server->version,
        sizeof server->version);
    struct span max_frame = json_find(message->server, SPAN_LITERAL("limits.maxFrame"));
    if (max_frame.at == NULL || json_u64(max_frame, &server->max_frame) != STATUS_OK)
        server->max_frame = 0;
    client_forget_login(self);
    ev_timer_stop(self->loop, &self->connect_timer);
    client_heart_start(self);
    self->state = STATE_READY;
    self->callbacks->on_ready(self, self->user);
}

static void on_frame_login(struct client *self, const struct message *message)
{
    struct words words;
    struct client_result result;
    if (message->message_type.at == NULL ||
        !json_string_is(message->message_type, "statusReport")) {
        client_end_text(self, CLIENT_END_UNREACHABLE, STATUS_MALFORMED,
            "what answers there is no Bester server", "");
        return;
    }
    result_read(self, message, &words, &result);
    if (result.fate == CLIENT_GOOD && strcmp(result.id, "auth_special") == 0) {
        login_done(self, message);
        return;
    }
    struct fault fault = {0};
    const char *why = result.reason_text;
    if (why[0] == '\0')
        why = "the server refused the login";
    fault_set(&fault, result.reason == STATUS_OK ? STATUS_AUTH_FAILED : result.reason, 0, "%s%s%s",
        why, result.detail[0] == '\0' ? "" : ": ", result.detail);
    client_end(self, CLIENT_END_REFUSED, &fault);
}

void client_receive(struct client *self, struct span payload)
{
    struct message message;
    struct fault fault = {0};
    enum status status = message_parse(&message, payload, JSON_DEPTH_MAX, &fault);
    if (self->state == STATE_LOGIN && status != STATUS_OK)
        client_end_text(self, CLIENT_END_UNREACHABLE, STATUS_MALFORMED,
            "what answers there is no Bester server", fault.text);
    else if (status != STATUS_OK)
        client_noise(self, "the server sent what is no message", fault.text);
    else if (self->state == STATE_LOGIN)
        on_frame_login(self, &message);
    else if (self->state == STATE_READY)
        on_frame_ready(self, &message, payload);
}
