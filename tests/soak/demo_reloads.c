/*
 * reloads: the configuration is read again a thousand times under load. Limits change
 * each time, handlers come, go, move and are started with other arguments; every
 * message is reported good and comes once, no session ends, nobody who connects is
 * refused.
 */
#include <stdio.h>
#include <stdlib.h>

#include "harness/must.h"
#include "tests/soak/callers.h"
#include "tests/soak/crowd.h"
#include "tests/soak/loner.h"

enum {
    RELOADS = 1000,
    CLIENTS = 200,
    WINDOW = 4,
    CALLERS = 4,
    PROGRAM_CHANGES_EVERY = 20, /* reloads: its process is another then */
    POOL_MAX = 4,
    LONERS = 5
};

static const char *const types[] = {"stays", "moves", "once", "program"};
static const char *const loners[LONERS][2] = {{"stays", "stream"}, {"moves0", "stream"},
    {"moves1", "stream"}, {"once", "oneshot"}, {"guest", "stream"}};

struct show {
    struct soak *soak;
    struct subject *subject;
    struct crowd *crowd;
    struct callers *callers;
    struct loner *loners[LONERS];
    unsigned wanted, asked;
};

static bool guest_is_there(unsigned number)
{
    return number % 3 == 2;
}

/* To the handler that stays. */
static unsigned connections(unsigned number)
{
    return 1 + number % POOL_MAX;
}

/* The configuration of reload `number`: handlers and limits, the caller's to free. */
static void write_config(unsigned number, char *handlers[1], char *limits[1])
{
    unsigned program = number / PROGRAM_CHANGES_EVERY;

    *handlers = must_print(
        "\"stays\": {\"unixDomainSocketPath\": \"${folder}/stays\", \"protocol\": \"stream\", "
        "\"connections\": %u, \"pipelined\": %u, \"timeoutMs\": %u}, "
        "\"moves\": {\"unixDomainSocketPath\": \"${folder}/moves%u\", \"protocol\": \"stream\", "
        "\"timeoutMs\": 30000}, "
        "\"once\": {\"unixDomainSocketPath\": \"${folder}/once\", \"protocol\": \"oneshot\", "
        "\"timeoutMs\": 30000}, "
        "\"program\": {\"handlerBinary\": \"${build}/soak/echo\", \"handlerArguments\": [%s], "
        "\"unixDomainSocketPath\": \"${folder}/program%u\", \"protocol\": \"stream\", "
        "\"timeoutMs\": 30000}%s",
        connections(number), 1 + number % 50, 30000 + number, number % 2,
        program % 2 ? "\"--protocol\", \"stream\"" : "", program % 2,
        guest_is_there(number) ? ", \"guest\": {\"unixDomainSocketPath\": \"${folder}/guest\", "
                                 "\"protocol\": \"stream\"}"
                               : "");
    *limits = must_print("\"maxFrame\": %u, \"inFlightPerSession\": %u, \"recipients\": %u",
        65536 + number, 1 + number % 300, 10 + number % 100);
}

static void ask(struct show *self)
{
    char *handlers, *limits;

    write_config(++self->asked, &handlers, &limits);
    subject_reload(self->subject, &(struct subject_config){.handlers = handlers, .limits = limits});
    free(handlers);
    free(limits);
}

/* The next is asked for when the last has been carried out. */
static bool all_are_done(void *user)
{
    struct show *self = user;

    if (self->subject->reloads < self->asked)
        return false;
    soak_progress(self->soak, "reloads: %u of %u, %llu messages, %llu calls", self->asked,
        self->wanted, (unsigned long long)crowd_judge(self->crowd)->count,
        (unsigned long long)callers_calls(self->callers));
    if (self->asked == self->wanted)
        return true;
    ask(self);
    return false;
}

static bool settled_connections(void *user)
{
    const struct show *self = user;

    return subject_metric(self->subject, "bester_connections_open") == CLIENTS;
}

static void check_counts(struct show *self, unsigned descriptors)
{
    struct soak *soak = self->soak;
    double good = subject_metric(self->subject, "bester_reloads_total{result=\"good\"}");
    double sessions = subject_metric(self->subject, "bester_sessions");

    soak_say(soak, "sessions", "%.0f from beginning to end", sessions);
    if (good != self->wanted)
        soak_fail(soak, "%.0f reloads were good, not %u", good, self->wanted);
    if (sessions != CLIENTS)
        soak_fail(soak, "there are %.0f sessions, not %d", sessions, CLIENTS);
    (void)subject_await_descriptors(self->subject, descriptors,
        guest_is_there(self->wanted) + connections(self->wanted) - connections(0));
}

static void load(struct show *self)
{
    struct soak *soak = self->soak;

    if (!crowd_warm_up(self->crowd))
        return;
    unsigned descriptors = subject_usage(self->subject).descriptors;
    uint64_t began = soak_now_ns();
    crowd_send(self->crowd, 0, WINDOW);
    self->callers = callers_new(soak, self->subject, CALLERS, 0);
    if (!soak_until(soak, all_are_done, self, "all reloads are done"))
        return;
    double took_s = (double)(soak_now_ns() - began) / 1e9;
    if (!callers_settle(self->callers) || !crowd_settle(self->crowd) ||
        !soak_until(soak, settled_connections, self, "the last caller has gone"))
        return;
    const struct judge *judge = crowd_judge(self->crowd);
    const struct histogram *latencies = crowd_latencies(self->crowd);
    soak_say(soak, "reloads", "%u in %.1f s, the program changed %u times", self->wanted, took_s,
        self->wanted / PROGRAM_CHANGES_EVERY);
    soak_say(soak, "messages", "%llu sent, %llu reported good, %llu received",
        (unsigned long long)judge->count, (unsigned long long)judge->good,
        (unsigned long long)judge->received);
    soak_say(soak, "calls", "%llu connected, logged in and were answered, none refused",
        (unsigned long long)callers_calls(self->callers));
    soak_say(soak, "reports", "p50 %.2f ms, p99 %.2f ms, max %.0f ms after the message",
        (double)histogram_at(latencies, 0.5) / 1e6, (double)histogram_at(latencies, 0.99) / 1e6,
        (double)latencies->greatest / 1e6);
    check_counts(self, descriptors);
}

static void run(struct soak *soak)
{
    struct show self = {.soak = soak, .wanted = soak_size(soak, RELOADS, 10)};
    char *handlers, *limits;

    write_config(0, &handlers, &limits);
    self.subject =
        subject_start(soak, &(struct subject_config){.handlers = handlers, .limits = limits});
    free(handlers);
    free(limits);
    for (size_t i = 0; i < LONERS && self.subject && !soak->failed; i++)
        self.loners[i] = loner_new(soak, self.subject, loners[i][0], loners[i][1]);
    if (self.subject && !soak->failed)
        self.crowd = crowd_new(soak, self.subject,
            &(struct crowd_options){.clients = CLIENTS,
                .active = CLIENTS,
                .types = types,
                .type_count = sizeof(types) / sizeof(types[0]),
                .recipients = 2});
    if (self.crowd)
        load(&self);
    callers_free(self.callers);
    crowd_free(self.crowd);
    for (size_t i = 0; i < LONERS; i++)
        loner_free(self.loners[i]);
    subject_end(self.subject);
}

const struct demonstration demo_reloads = {
    .name = "reloads", .help = "1,000 reloads under load", .run = run};
