#include "tests/besterd/visit.h"

#include "besterd/log.h"

static enum status verify(struct accounts *accounts, const char *username, struct span password,
    uint64_t from, uint64_t ticket)
{
    (void)from;
    struct visit *self = accounts->user;
    assert_int_equal(ticket, 7);
    snprintf(self->asked, sizeof self->asked, "%s/%.*s", username, (int)password.len, password.at);
    return self->accounts_status;
}

static const struct accounts_kind played = {.name = "played", .verify = verify};

static enum status on_login(struct session *session, struct fault *fault, void *user)
{
    struct visit *self = user;
    (void)fault;
    assert_non_null(session->user);
    assert_non_null(session->origin);
    self->logins++;
    return STATUS_OK;
}

static void on_message(struct session *session, const struct message *message, void *user)
{
    struct visit *self = user;
    assert_true(session->state == SESSION_CLIENT || session->state == SESSION_PEER);
    self->messages++;
    snprintf(self->last, sizeof self->last, "%.*s", (int)message->data.len, message->data.at);
    if (self->hold > 0) {
        self->hold--;
        session_enter_flight(session);
    }
}

static void on_leave(struct session *session, void *user)
{
    struct visit *self = user;
    assert_ptr_equal(session, self->session);
    self->leaves++;
}

/* As the roster does: freed at the end of the turn, by whoever waits. */
static void on_gone(struct session *session, void *user)
{
    struct visit *self = user;
    assert_ptr_equal(session, self->session);
    assert_null(session->stream);
    self->goings++;
}

static void on_sent(uint64_t tag, enum status status, void *user)
{
    (void)tag, (void)status, (void)user;
}

static const struct session_callbacks callbacks = {.on_login = on_login,
    .on_message = on_message,
    .on_leave = on_leave,
    .on_gone = on_gone,
    .on_sent = on_sent};

static void open_session(struct visit *self)
{
    int ends[2];
    ev_now_update(self->loop); /* the time to log in counts from now */
    unix_pair(ends);
    self->session = session_new(ends[0], NULL, NULL, &self->context);
    assert_non_null(self->session);
    self->session->number = 7;
    wire_open(&self->far, self->loop, ends[1]);
}

int visit_set_up(void **state)
{
    struct visit *self = calloc(1, sizeof *self);
    assert_non_null(self);
    log_set_level(LOG_LEVEL_ERROR);
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    self->config = config_of(
        "{\"server\":{\"name\":\"S1\"},\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":"
        "\"/nowhere\"}},\"database\":{\"type\":\"open\"},\"limits\":{\"maxFrame\":2000,"
        "\"loginMs\":1000,\"inFlightPerSession\":4,\"hops\":3,\"jsonDepth\":10,"
        "\"queuedBytesPerSession\":200000}}");
    self->accounts = (struct accounts){.kind = &played, .user = self};
    self->context = (struct session_context){.config = self->config,
        .streams = self->streams,
        .accounts = &self->accounts,
        .callbacks = &callbacks,
        .server = self};
    open_session(self);
    *state = self;
    return 0;
}

static void close_session(struct visit *self)
{
    session_free(self->session);
    self->session = NULL;
    wire_close(&self->far);
}

int visit_tear_down(void **state)
{
    struct visit *self = *state;
    close_session(self);
    assert_in_range(self->leaves, 0, 1);
    assert_in_range(self->goings, 0, 1);
    streams_free(self->streams);
    config_unref(self->config);
    free(self);
    return 0;
}

void visit_log_in(struct visit *self)
{
    wire_send(&self->far, "%s", T_LOGIN);
    RUN_UNTIL(self->loop, self->asked[0]);
    session_verified(self->session, STATUS_OK);
    wire_expect(&self->far, GOOD_LOGIN);
}

void visit_expect_refused(struct visit *self, const char *report)
{
    wire_expect(&self->far, report);
    wire_expect_end(&self->far);
    wire_hang_up(&self->far);
    RUN_UNTIL(self->loop, self->goings == 1);
    assert_int_equal(self->leaves, 1);
}

void visit_start_anew(struct visit *self)
{
    close_session(self);
    self->leaves = self->goings = self->logins = self->messages = 0;
    self->asked[0] = '\0';
    open_session(self);
}
