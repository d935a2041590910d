#include "tests/besterd/asker.h"

#include "besterd/log.h"

static void note(struct asker *self, struct outcome_of *outcome)
{
    outcome->place = self->answer_count + self->failure_count;
    outcome->at = ev_now(self->loop);
}

static bool on_answer(uint64_t ticket, struct handler *handler, const struct message *answer,
    struct span payload, void *user)
{
    struct asker *self = user;
    struct outcome_of *outcome = &self->outcomes[ticket];
    assert_ptr_equal(handler, self->handler);
    assert_true(payload.len > 0);
    assert_in_range(ticket, 1, ASKER_TICKETS - 1);
    outcome->answers++;
    self->answer_count++;
    snprintf(outcome->data, sizeof outcome->data, "%.*s", (int)answer->top_data.len,
        answer->top_data.at);
    note(self, outcome);
    return !self->is_nonsense;
}

static void on_failure(uint64_t ticket, enum status reason, const char *detail, void *user)
{
    struct asker *self = user;
    struct outcome_of *outcome = &self->outcomes[ticket];
    assert_in_range(ticket, 1, ASKER_TICKETS - 1);
    outcome->failures++;
    outcome->reason = reason;
    self->failure_count++;
    snprintf(outcome->data, sizeof outcome->data, "%s", detail);
    note(self, outcome);
    if (self->at_failure)
        self->at_failure(self, ticket);
}

static void on_word(struct handler *handler, const struct message *word, void *user)
{
    struct asker *self = user;
    assert_ptr_equal(handler, self->handler);
    assert_true(word->command.at || word->commands.at);
    self->word_count++;
    if (self->keeps_words)
        handler_word_begins(handler);
}

static void on_ended(void *user)
{
    ((struct asker *)user)->end_count++;
}

static const struct handler_callbacks callbacks = {
    .on_answer = on_answer, .on_failure = on_failure, .on_word = on_word, .on_ended = on_ended};

static void expand(const struct asker *self, const char *more, char *text, size_t cap)
{
    size_t used = 0;
    text[0] = '\0';
    for (; more && *more; more++)
        used +=
            (size_t)(*more == '%' ? snprintf(text + used, cap - used, "%s", self->place.directory)
                                  : snprintf(text + used, cap - used, "%c", *more));
    assert_true(used < cap);
}

static void on_lost(void *user)
{
    (void)user;
    fail_msg("the spawner has ended");
}

int asker_open(void **state, const char *protocol, unsigned timeout_ms, const char *more)
{
    struct asker *self = calloc(1, sizeof *self);
    char text[1024];
    assert_non_null(self);
    self->outcomes = calloc(ASKER_TICKETS, sizeof *self->outcomes);
    assert_non_null(self->outcomes);
    log_set_level(LOG_LEVEL_ERROR);
    self->metrics = metrics_new();
    assert_non_null(self->metrics);
    place_open(&self->place);
    self->path = strdup(place_path(&self->place, "h"));
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    bool is_bounded = strcmp(protocol, "oneshot") == 0 || (more && strstr(more, "pipelined"));
    const char *many = is_bounded ? "" : ",\"pipelined\":20000";
    expand(self, more, text, sizeof text);
    self->config = config_of(
        "{\"handlers\":{\"availableTypes\":[\"chat\"],\"typeMap\":{\"chat\":{"
        "\"unixDomainSocketPath\":\"%s\",\"protocol\":\"%s\",\"timeoutMs\":%u%s%s}}},"
        "\"limits\":{\"oneshotConnections\":4,\"maxFrame\":1000000,\"inFlightPerHandler\":5000},"
        "\"database\":{\"type\":\"open\"},"
        "\"network\":{\"types\":[\"unix\"],\"unix\":{\"address\":\"/nowhere\"}}}",
        self->path, protocol, timeout_ms, many, text);
    self->context = (struct handler_context){.streams = self->streams,
        .limits = &self->config->limits,
        .callbacks = &callbacks,
        .server = self,
        .metrics = self->metrics};
    if (self->config->handlers[0].binary != NULL) {
        struct fault fault = {0};
        assert_int_equal(spawner_new(&self->context.spawner, self->config, &fault), STATUS_OK);
        spawner_attach(self->context.spawner, self->loop, on_lost, self);
    }
    self->handler = handler_new(&self->config->handlers[0], &self->context);
    assert_non_null(self->handler);
    self->origin = origin_new_client("T", "S1");
    self->post.fd = self->far.fd = -1;
    *state = self;
    return 0;
}

int asker_set_up(void **state, const char *protocol, unsigned timeout_ms)
{
    return asker_open(state, protocol, timeout_ms, NULL);
}

int asker_tear_down(void **state)
{
    struct asker *self = *state;
    unsigned before = self->answer_count + self->failure_count;
    handler_free(self->handler);
    spawner_free(self->context.spawner);
    assert_int_equal(self->answer_count + self->failure_count, before);
    streams_free(self->streams);
    wire_close(&self->far);
    post_close(&self->post);
    origin_unref(self->origin);
    metrics_free(self->metrics);
    config_unref(self->config);
    place_close(&self->place);
    free((char *)self->path);
    free(self->outcomes);
    free(self);
    return 0;
}

enum status ask(struct asker *self, uint64_t ticket, const char *format, ...)
{
    static char data[900000];
    char id[32];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(data, sizeof data, format, list);
    va_end(list);
    assert_in_range(len, 1, (int)sizeof data - 1);
    assert_in_range(ticket, 0, ASKER_TICKETS - 1);
    snprintf(id, sizeof id, "\"m%u\"", (unsigned)ticket);
    unsigned before = self->answer_count + self->failure_count;
    ev_now_update(self->loop); /* deadlines are counted by the loop's clock */
    self->outcomes[ticket].asked_at = ev_now(self->loop);
    struct fault fault = {.text = ""};
    enum status status = handler_ask(self->handler,
        &(struct handler_question){.ticket = ticket,
            .asker = self->asker,
            .origin = self->origin,
            .id_token = span_of(id),
            .data = {data, (size_t)len}},
        &fault);
    if (status != STATUS_OK)
        snprintf(self->refusal, sizeof self->refusal, "%s", fault.text);
    /* Callbacks come from the loop, never from within handler_ask. */
    assert_int_equal(self->answer_count + self->failure_count, before);
    return status;
}

void expect_outcomes(const struct asker *self, unsigned answers, unsigned failures)
{
    run_turns(self->loop, 3);
    assert_int_equal(self->answer_count, answers);
    assert_int_equal(self->failure_count, failures);
    for (size_t i = 0; i < ASKER_TICKETS; i++)
        assert_in_range(self->outcomes[i].answers + self->outcomes[i].failures, 0, 1);
}
