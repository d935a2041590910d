#include "besterd/delivery.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "besterd/username.h"
#include "libbester/clock.h"
#include "libbester/message.h"

enum { OUTCOMES_MAX = 1 << 20 }; /* bytes of the outcomes of one report */

/* One delivery under way. */
struct drop {
    uint64_t ticket;
    size_t target;
    unsigned waiting; /* sessions, or the one server, that may still take it */
    enum status failure;
};

/* ---- noting outcomes ---- */

static void target_fail(struct ticket *ticket, size_t index, enum status status, const char *detail)
{
    struct target *target = &ticket->targets[index];
    char text[300];
    char name[160];

    if (target->status == STATUS_OK)
        target->status = status;
    if (ticket->failure != STATUS_OK)
        return;
    if (detail) {
        ticket_fail(ticket, status, detail);
        return;
    }
    if (json_decode(target->token, name, sizeof(name), NULL) != STATUS_OK)
        snprintf(name, sizeof(name), "a recipient");
    snprintf(text, sizeof(text), "%s: %s", name, status_help(status));
    ticket_fail(ticket, status, text);
}

/* Opens a delivery to the named target. 0: the same command has named it before,
 * and each is told once; or (and then the ticket has failed) there is no memory. */
static uint64_t drop_open(
    struct deliveries *self, struct ticket *ticket, enum target_kind kind, struct span token)
{
    size_t index;
    enum status status = ticket_target(ticket, kind, token, &index);

    if (status == STATUS_OK && ticket->targets[index].told_by == ticket->told)
        return 0;
    struct drop *drop = status == STATUS_OK ? calloc(1, sizeof(*drop)) : NULL;
    uint64_t number = drop ? slots_add(&self->drops, drop) : 0;
    if (!number) {
        free(drop);
        ticket_fail(ticket, STATUS_INTERNAL, status_help(STATUS_NO_MEMORY));
        return 0;
    }
    drop->ticket = ticket->number;
    drop->target = index;
    ticket->targets[index].told_by = ticket->told;
    ticket->targets[index].open++;
    ticket->open++;
    return number;
}

/* status: STATUS_OK, or why nobody took it. */
static void drop_close(struct deliveries *self, struct ticket *ticket, uint64_t number,
    enum status status, const char *detail)
{
    struct drop *drop = slots_remove(&self->drops, number);

    assert(drop && ticket->open > 0);
    struct target *target = &ticket->targets[drop->target];
    bool is_user = target->kind == TARGET_USER;
    metrics_count(self->metrics, METRIC_DELIVERIES, is_user ? TOLD_USER : TOLD_SERVER,
        metrics_result(status));
    target->open--;
    ticket->open--;
    ticket_log(ticket, "to %s %.*s: %s", is_user ? "user" : "server", (int)target->token.len,
        target->token.at,
        status == STATUS_OK ? outcome_text(OUTCOME_DELIVERED) : status_text(status));
    if (status != STATUS_OK)
        target_fail(ticket, drop->target, status, detail);
    free(drop);
}

void delivery_took(struct deliveries *self, uint64_t number, enum status status, const char *detail)
{
    struct drop *drop = slots_find(&self->drops, number);
    struct ticket *ticket = drop ? self->find_ticket(drop->ticket, self->pipeline) : NULL;

    if (!ticket)
        return; /* resolved already: another session of the user was faster */
    drop->waiting--;
    if (status != STATUS_OK) {
        drop->failure = status;
        if (drop->waiting > 0)
            return;
    }
    drop_close(self, ticket, number, status, detail);
    self->on_resolved(ticket, self->pipeline);
}

/* ---- to users ---- */

static struct span now_token(struct deliveries *self)
{
    double now = ev_now(self->loop);

    if (now != self->stamped_s) {
        char text[CLOCK_TEXT_MAX];

        self->stamped_s = now;
        snprintf(self->time_token, sizeof(self->time_token), "\"%s\"", clock_format(now, text));
    }
    return span_of(self->time_token);
}

static struct blob *received_frame(
    struct deliveries *self, const struct ticket *ticket, struct span data, struct span type_token)
{
    const struct origin *origin = ticket->origin;

    return message_received(&(struct received){
        .type_token = type_token,
        .data = data,
        .from_token = origin->from ? blob_span(origin->from) : (struct span){0},
        .id_token = ticket->id_token,
        .time_token = now_token(self),
        .unauthenticated = !origin->authenticated,
    });
}

/* Nobody is here under that name: is it somebody at all? */
static void ask_accounts(
    struct deliveries *self, struct ticket *ticket, uint64_t number, const char *name)
{
    enum status status = accounts_exists(self->accounts, name, number);

    if (status == STATUS_OK)
        ((struct drop *)slots_find(&self->drops, number))->waiting = 1;
    else
        drop_close(
            self, ticket, number, status == STATUS_NO_MEMORY ? STATUS_INTERNAL : status, NULL);
}

/* Whether the handler may; otherwise the delivery is closed. */
static bool may_be_sent(struct deliveries *self, struct ticket *ticket, uint64_t number,
    const struct config_handler *config, const char *name)
{
    const struct drop *drop = slots_find(&self->drops, number);
    bool is_user = ticket->targets[drop->target].kind == TARGET_USER;
    char detail[300];

    if (command_may_name(is_user ? COMMAND_SEND_CLIENTS : COMMAND_SEND_SERVERS, config, name))
        return true;
    snprintf(detail, sizeof(detail), "%.50s may not send to the %s %.200s (mayCommand)",
        config->type, is_user ? "user" : "server", name);
    drop_close(self, ticket, number, STATUS_NOT_ALLOWED, detail);
    return false;
}

static void deliver_to_user(struct deliveries *self, struct ticket *ticket, struct span token,
    struct blob *frame, const struct config_handler *config)
{
    char given[USER_NAME_MAX];
    char name[USERNAME_CAP];
    size_t len;
    uint64_t number = drop_open(self, ticket, TARGET_USER, token);

    if (!number)
        return;
    if (json_decode(token, given, sizeof(given), &len) != STATUS_OK ||
        username_normalise((struct span){given, len}, name, NULL) != STATUS_OK) {
        drop_close(self, ticket, number, STATUS_UNKNOWN_USER, NULL);
        return;
    }
    if (!may_be_sent(self, ticket, number, config, name))
        return;
    struct drop *drop = slots_find(&self->drops, number);
    struct session *session = roster_sessions(self->roster, name);
    if (!session) {
        ask_accounts(self, ticket, number, name);
        return;
    }
    for (; session; session = session->next_of_user) {
        enum status status = stream_send(session->stream, frame, number);

        if (status == STATUS_OK)
            drop->waiting++;
        else
            drop->failure = status == STATUS_CLOSED ? STATUS_OFFLINE : STATUS_OVERLOADED;
        if (status == STATUS_OVERLOADED)
            limits_hit(self->limits, LIMIT_QUEUED, "delivery",
                "a message for %s was refused: %zu bytes wait for this session", name,
                stream_queued_bytes(session->stream));
    }
    if (drop->waiting == 0)
        drop_close(self, ticket, number, drop->failure, NULL);
}

static bool count_is_allowed(
    const struct deliveries *self, struct ticket *ticket, const struct command *command)
{
    struct json_cursor cursor = command_targets(command);
    unsigned limit = self->config->limits.recipients;
    struct span token;
    unsigned count = 0;
    char detail[80];

    while (count <= limit && command_next_target(&cursor, &token) == PULL_READY)
        count++;
    if (count <= limit)
        return true;
    snprintf(detail, sizeof(detail), "more than %u recipients in one command", limit);
    ticket_fail(ticket, STATUS_NOT_ALLOWED, detail);
    return false;
}

void deliver_to_clients(struct deliveries *self, struct ticket *ticket,
    const struct command *command, const struct config_handler *config, struct span type_token)
{
    struct json_cursor cursor = command_targets(command);
    struct span token;

    if (!count_is_allowed(self, ticket, command))
        return;
    struct blob *frame = received_frame(self, ticket, command->message, type_token);
    if (!frame) {
        ticket_fail(ticket, STATUS_INTERNAL, status_help(STATUS_NO_MEMORY));
        return;
    }
    ticket->told++;
    while (command_next_target(&cursor, &token) == PULL_READY)
        deliver_to_user(self, ticket, token, frame, config);
    blob_unref(frame);
}

/* ---- to servers ---- */

/* A message for other servers. */
struct parcel {
    const struct config_handler *config; /* who sends it */
    struct forward forward;
    struct blob *frame; /* for legacy ones, made with the first */
};

static enum status send_legacy(struct deliveries *self, const char *name, uint64_t order,
    uint64_t number, struct parcel *parcel)
{
    if (!parcel->frame)
        parcel->frame = message_forward(&parcel->forward);
    return parcel->frame ? peers_send(self->peers, name, order, number, parcel->frame)
                         : STATUS_NO_MEMORY;
}

static void deliver_to_server(
    struct deliveries *self, struct ticket *ticket, struct span token, struct parcel *parcel)
{
    char name[SERVER_NAME_MAX];
    uint64_t number = drop_open(self, ticket, TARGET_SERVER, token);
    enum status status = STATUS_UNKNOWN_SERVER;

    if (!number)
        return;
    /* What has no lane waits for nobody: a key of its own. */
    uint64_t order = ticket->lane ? (uint64_t)(uintptr_t)ticket->lane : number << 1 | 1;
    if (json_decode(token, name, sizeof(name), NULL) == STATUS_OK) {
        if (!may_be_sent(self, ticket, number, parcel->config, name))
            return;
        status = links_send(self->links, name, order, number, &parcel->forward);
    }
    if (status == STATUS_NOT_FOUND)
        status = send_legacy(self, name, order, number, parcel);
    if (status == STATUS_OK)
        ((struct drop *)slots_find(&self->drops, number))->waiting = 1;
    else
        drop_close(
            self, ticket, number, status == STATUS_NO_MEMORY ? STATUS_INTERNAL : status, NULL);
}

void deliver_to_servers(struct deliveries *self, struct ticket *ticket,
    const struct command *command, const struct config_handler *config, struct span type_token)
{
    struct json_cursor cursor = command_targets(command);
    const struct origin *origin = ticket->origin;
    struct span token;
    char own_id[40];

    if (!count_is_allowed(self, ticket, command))
        return;
    if (ticket->server_hops >= self->config->limits.hops) {
        ticket_fail(ticket, STATUS_LOOP, "the message went through too many servers");
        return;
    }
    snprintf(own_id, sizeof(own_id), "\"forward-%llu\"", (unsigned long long)++self->forward_ids);
    struct parcel parcel = {.config = config,
        .forward = {
            .type_token = type_token,
            .data = command->message,
            .id_token = ticket->id_token.at ? ticket->id_token : span_of(own_id),
            .origin = origin->forward ? blob_span(origin->forward) : (struct span){0},
            .hops = ticket->server_hops + 1,
            .trace = ticket->trace.text,
        }};
    ticket->told++;
    while (command_next_target(&cursor, &token) == PULL_READY)
        deliver_to_server(self, ticket, token, &parcel);
    blob_unref(parcel.frame);
}

/* ---- the report ---- */

/* {"G":"delivered","H":"unknownUser"}; absent when there are none, or when they do
 * not fit: then the status and the reason must do. So it is with what cannot be
 * the name of anything, and might not even be the name of a member. */
static struct span outcomes(const struct ticket *ticket, enum target_kind kind, struct bytes *text)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < ticket->target_count && status == STATUS_OK; i++) {
        const struct target *target = &ticket->targets[i];
        char name[SERVER_NAME_MAX];

        if (target->kind != kind ||
            json_decode(target->token, name, sizeof(name), NULL) != STATUS_OK)
            continue;
        const char *outcome = target->status == STATUS_OK ? outcome_text(OUTCOME_DELIVERED)
                                                          : status_text(target->status);
        status = bytes_append(text, text->len ? "," : "{", 1);
        if (status == STATUS_OK)
            status = bytes_append_span(text, target->token);
        if (status == STATUS_OK)
            status = bytes_printf(text, ":\"%s\"", outcome);
    }
    if (text->len == 0 || status != STATUS_OK || bytes_append(text, "}", 1) != STATUS_OK)
        return (struct span){0};
    return bytes_span(text);
}

struct blob *delivery_report(const struct ticket *ticket)
{
    struct bytes users, servers;
    bool good = ticket->failure == STATUS_OK;

    bytes_init(&users, OUTCOMES_MAX);
    bytes_init(&servers, OUTCOMES_MAX);
    struct blob *frame = message_report(&(struct report){
        .id_token = ticket->id_token,
        .exchange = ticket->exchange,
        .good = good,
        .outcome = good ? OUTCOME_DELIVERED : OUTCOME_NONE,
        .reason = ticket->failure,
        .detail = ticket->detail,
        .recipients = outcomes(ticket, TARGET_USER, &users),
        .servers = outcomes(ticket, TARGET_SERVER, &servers),
    });
    bytes_release(&users);
    bytes_release(&servers);
    return frame;
}

/* ---- */

void deliveries_init(struct deliveries *self)
{
    slots_init(&self->drops);
}

void deliveries_release(struct deliveries *self)
{
    uint32_t cursor = 0;
    struct drop *drop;

    while ((drop = slots_next(&self->drops, &cursor)) != NULL)
        free(drop);
    slots_release(&self->drops);
}
