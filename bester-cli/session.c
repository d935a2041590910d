#include "bester-cli/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bester-cli/session_internal.h"
#include "libbester/json_find.h"
#include "libbester/visible.h"

enum {
    RECEIVE_BYTES = 64 << 20,
    QUEUED_BYTES = 16 << 20,
    LATEST_BYTES = 1 << 20, /* a longer message cannot be shown by /raw */
    SHOWN_BYTES = 256 << 20
};

/* ---- ending ---------------------------------------------------------------------------------- */

size_t session_waiting(const struct session *self)
{
    /* of the lines that were sent the connection knows, of the queued ones we do */
    return (self->client == NULL ? 0 : client_in_flight(self->client)) +
           self->outbox.counts[LINE_QUEUED];
}

void session_end(struct session *self, enum client_exit exit_status)
{
    if (self->ended)
        return;
    self->ended = true;
    client_free(self->client);
    self->client = NULL;
    ev_timer_stop(self->loop, &self->retry);
    self->callbacks->on_end(exit_status, self->user);
}

/* A person at the terminal has seen the fates; a script needs them in its status. */
static enum client_exit finished_exit(const struct session *self)
{
    if (!self->is_script)
        return EXIT_ALL_GOOD;
    return self->refused_input ? EXIT_BAD_INPUT : client_tally_exit(&self->tally);
}

void session_check_end(struct session *self)
{
    if (self->finishing && session_waiting(self) == 0)
        session_end(self, finished_exit(self));
}

void session_finish(struct session *self)
{
    bool may_send = self->link == LINK_WAITING || self->link == LINK_REFUSED;
    self->finishing = true;
    dialogue_stop(&self->dialogue);
    if (may_send && self->outbox.counts[LINE_QUEUED] > 0)
        session_connect(self); /* nobody can ask for it any more, or wants to wait */
    session_check_end(self);
}

/* ---- what the server says -------------------------------------------------------------------- */

const struct type_template *session_template(struct session *self, const char *type)
{
    struct fault fault = {0};
    const struct type_template *sheet = book_template(&self->book, type, &fault);
    char shown[300];
    if (fault.text[0] != '\0')
        screen_say(self->screen, STYLE_BAD, "your template: %s",
            visible_into(shown, sizeof shown, span_of(fault.text)));
    return sheet;
}

static void become_ready(struct session *self)
{
    const struct client_server *server = client_server(self->client);
    bool again = self->ready;
    char user[160];
    char name[160];
    visible_into(user, sizeof user, span_of(self->name));
    visible_into(name, sizeof name, span_of(server->name[0] == '\0' ? "the server" : server->name));
    self->ready = true;
    session_link_up(self);
    talks_set_server(&self->talks, server->name);
    if (again)
        screen_say(self->screen, STYLE_NOTE, "connected again to %s as %s", name, user);
    else if (!self->is_script)
        screen_say(self->screen, STYLE_NOTE, "logged in at %s as %s; /help lists the commands",
            name, user);
    if (!again)
        self->callbacks->on_ready(self->user);
    session_flush(self);
    if (again)
        self->callbacks->on_settled(self->user);
}

static void on_ready(struct client *client, void *user)
{
    struct session *self = user;
    /* a server of Part I may never answer */
    if (client_server(client)->name[0] == '\0' ||
        client_ask(client, "types", (struct span){0}, &self->types_ticket, NULL) != STATUS_OK)
        become_ready(self);
}

static void on_types(struct session *self, const struct client_result *result)
{
    struct fault fault = {0};
    char text[300];
    if (result->fate == CLIENT_ANSWERED) {
        if (book_learn_types(&self->book, result->answer->data, &fault) != STATUS_OK)
            screen_say(self->screen, STYLE_NOTE, "%s",
                visible_into(text, sizeof text, span_of(fault.text)));
    } else if (result->fate != CLIENT_UNKNOWN && result->fate != CLIENT_UNSENT) {
        screen_say(self->screen, STYLE_NOTE, "the server's types: %s",
            client_result_text(result, text, sizeof text));
    } else {
        return; /* the connection is ending, which is told elsewhere */
    }
    if (self->link == LINK_CONNECTING)
        become_ready(self);
}

static void decode(struct span token, char *out, size_t cap)
{
    if (token.at == NULL || json_decode(token, out, cap, NULL) != STATUS_OK)
        out[0] = '\0';
}

static void on_whoami(struct session *self, const struct client_result *result)
{
    char user[160];
    char server[160];
    char shown[2][200];
    if (result->fate != CLIENT_ANSWERED) {
        screen_say(self->screen, STYLE_BAD, "whoami: %s",
            client_result_text(result, shown[0], sizeof shown[0]));
        return;
    }
    decode(json_find(result->answer->data, SPAN_LITERAL("user")), user, sizeof user);
    decode(json_find(result->answer->data, SPAN_LITERAL("server")), server, sizeof server);
    screen_say(self->screen, STYLE_PLAIN, "you are %s at %s",
        visible_into(shown[0], sizeof shown[0], span_of(user)),
        visible_into(shown[1], sizeof shown[1], span_of(server)));
}

static void on_result(struct client *client, const struct client_result *result, void *user)
{
    struct session *self = user;
    char text[1000];
    unsigned long number = outbox_number(&self->outbox, result->id);
    (void)client;
    if (result->ticket != 0 && result->ticket == self->types_ticket) {
        on_types(self, result);
    } else if (result->ticket != 0 && result->ticket == self->whoami_ticket) {
        on_whoami(self, result);
    } else if (number > 0) {
        session_fate(self, result, number);
    } else {
        screen_say(self->screen, STYLE_BAD, "the server says: %s",
            client_result_text(result, text, sizeof text));
    }
    session_flush(self); /* there may be room now */
    if (!self->ended)
        self->callbacks->on_settled(self->user);
    if (!self->ended && result->fate != CLIENT_UNKNOWN && result->fate != CLIENT_UNSENT)
        session_check_end(self);
}

void session_go_on(struct session *self)
{
    if (self->client != NULL)
        client_resume(self->client);
}

static void on_message(
    struct client *client, const struct message *message, struct span text, void *user)
{
    struct session *self = user;
    struct received_text received;
    struct bytes line;
    (void)client;
    bytes_reset(&self->latest);
    (void)!bytes_append_span(&self->latest, text); /* one that is too long is not kept */
    render_read(&received, message);
    snprintf(self->latest_from, sizeof self->latest_from, "%s", received.from);
    snprintf(self->latest_type, sizeof self->latest_type, "%s", received.type);
    bytes_init(&line, SHOWN_BYTES);
    if (render_received(&received, session_template(self, received.type), time(NULL), &line) ==
        STATUS_OK)
        screen_put(self->screen, STYLE_MESSAGE, bytes_span(&line));
    else
        screen_say(self->screen, STYLE_BAD, "a message came that is too long to show");
    journal_keep(&self->journal, bytes_span(&line));
    bytes_release(&line);
    session_log_received(self, text);
    if (screen_is_full(self->screen))
        client_pause(client);
    book_meet(&self->book, received.from);
    talks_received(&self->talks, received.from, received.type);
    self->callbacks->on_settled(self->user); /* the prompt tells what is unread */
}

static void on_noise(struct client *client, const struct fault *fault, void *user)
{
    struct session *self = user;
    char text[300];
    (void)client;
    screen_say(
        self->screen, STYLE_BAD, "%s", visible_into(text, sizeof text, span_of(fault->text)));
}

static void on_end(
    struct client *client, enum client_end why, const struct fault *fault, void *user)
{
    struct session *self = user;
    (void)client;
    client_free(self->client);
    self->client = NULL;
    session_link_down(self, why, fault);
}

const struct client_callbacks session_client_callbacks = {.on_ready = on_ready,
    .on_message = on_message,
    .on_result = on_result,
    .on_noise = on_noise,
    .on_end = on_end};

/* ---- life ------------------------------------------------------------------------------------ */

static void session_init(struct session *self, const struct session_options *options)
{
    unsigned char random[6] = {0};
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memset(random, 0, sizeof random); /* never with so few bytes, says getrandom(2) */
    *self = (struct session){
        .is_script = options->is_script, .backoff = {.first_s = options->reconnect_s}};
    book_init(&self->book);
    outbox_init(&self->outbox, random);
    bytes_init(&self->latest, LATEST_BYTES);
    bytes_init(&self->compose, SHOWN_BYTES);
    snprintf(self->type, sizeof self->type, "%s", options->type);
    snprintf(self->to, sizeof self->to, "%s", options->to == NULL ? "" : options->to);
    talks_init(&self->talks);
    journal_init(&self->journal);
    if (self->to[0] != '\0')
        talks_go(&self->talks, self->to, self->type);
    session_meet(self, self->to);
}

enum status session_start(struct session *self, struct ev_loop *loop, struct screen *screen,
    const struct login *login, const struct session_options *options,
    const struct session_callbacks *callbacks, void *user)
{
    static const char *const features[] = {"receipts", NULL};
    struct sockaddr_storage known;
    socklen_t len = sizeof known;
    session_init(self, options);
    self->login = *login;
    if (login->tls != NULL)
        tls_context_ref(login->tls);
    self->client_options = (struct client_options){.features = features,
        .report_s = options->report_s,
        .heartbeat_s = options->heartbeat_s,
        .max_frame = RECEIVE_BYTES,
        .max_queued_bytes = QUEUED_BYTES};
    login_options(&self->login, &self->client_options);
    self->loop = loop;
    self->screen = screen;
    self->callbacks = callbacks;
    self->user = user;
    snprintf(self->name, sizeof self->name, "%s", login->user);
    self->streams = streams_new(loop);
    if (address_to_sockaddr(&login->address, &known, &len) != STATUS_OK)
        self->resolver = worker_new(loop, 1, 4); /* a thread only for a name */
    if (self->streams != NULL && session_dial(self) == STATUS_OK)
        return STATUS_OK;
    session_release(self);
    return STATUS_NO_MEMORY;
}

void session_release(struct session *self)
{
    client_free(self->client);
    self->client = NULL;
    if (self->loop != NULL)
        ev_timer_stop(self->loop, &self->retry);
    login_release(&self->login);
    outbox_release(&self->outbox);
    journal_release(&self->journal);
    if (self->streams != NULL)
        streams_flush(self->streams);
    streams_free(self->streams);
    self->streams = NULL;
    worker_free(self->resolver);
    self->resolver = NULL;
    dialogue_stop(&self->dialogue);
    book_release(&self->book);
    bytes_release(&self->latest);
    bytes_release(&self->compose);
}
