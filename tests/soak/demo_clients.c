/*
 * clients: ten thousand are logged in, a thousand of them talk, and some come and go:
 * nothing is lost, memory stays, descriptors stay.
 */
#include <stdio.h>

#include "tests/soak/callers.h"
#include "tests/soak/crowd.h"

enum {
    CLIENTS = 10000,
    ACTIVE_SHARE = 10, /* one of so many */
    RATE = 5000,
    CALLERS = 4,
    CALLS_PER_SECOND = 20,
    WARM_UP_MAX_S = 60,
    WINDOW_MAX_S = 10, /* for the means that are compared */
    JUDGED_FROM_S = 20
};
static const double GROWTH_MAX = 0.02;

struct show {
    struct soak *soak;
    struct subject *subject;
    struct crowd *crowd;
    struct callers *callers;
    unsigned clients;
    unsigned warm_up_s, window_s, seconds;
    double first_bytes, last_bytes; /* sums of a window of seconds each */
    uint64_t most_bytes;
    uint64_t warm_up; /* messages */
};

static void on_second(unsigned passed, void *user)
{
    struct show *self = user;
    struct usage usage = subject_usage(self->subject);
    const struct judge *judge = crowd_judge(self->crowd);

    if (passed > self->warm_up_s && passed <= self->warm_up_s + self->window_s)
        self->first_bytes += (double)usage.own_bytes;
    if (passed > self->seconds - self->window_s)
        self->last_bytes += (double)usage.own_bytes;
    if (usage.own_bytes > self->most_bytes)
        self->most_bytes = usage.own_bytes;
    soak_progress(self->soak, "clients: %u of %u s, %llu sent, %.1f MiB, %u descriptors", passed,
        self->seconds, (unsigned long long)judge->count, (double)usage.own_bytes / 1048576,
        usage.descriptors);
}

static bool visitors_have_gone(void *user)
{
    const struct show *self = user;

    return subject_metric(self->subject, "bester_connections_open") == self->clients;
}

static void check_memory(struct show *self)
{
    double first = self->first_bytes / self->window_s, last = self->last_bytes / self->window_s;
    double growth = last / first - 1;

    soak_say(self->soak, "memory",
        "%.2f MiB after %u s, %.2f MiB after %u s: %+.2f %%; at most %.2f MiB", first / 1048576,
        self->warm_up_s, last / 1048576, self->seconds, growth * 100,
        (double)self->most_bytes / 1048576);
    if (self->seconds < JUDGED_FROM_S)
        soak_say(self->soak, "", "too short to judge its growth: that begins with SECONDS=%d",
            JUDGED_FROM_S);
    else if (growth > GROWTH_MAX)
        soak_fail(self->soak, "memory grew by %.2f %%, more than %.0f %%", growth * 100,
            GROWTH_MAX * 100);
}

static void tell(struct show *self, double processor_s)
{
    const struct judge *judge = crowd_judge(self->crowd);
    const struct histogram *latencies = crowd_latencies(self->crowd);

    soak_say(self->soak, "messages", "%llu sent, %llu reported good, %llu received, %u s at %.0f/s",
        (unsigned long long)judge->count, (unsigned long long)judge->good,
        (unsigned long long)judge->received, self->seconds,
        (double)(judge->count - self->warm_up) / self->seconds);
    soak_say(self->soak, "latency", "p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, max %.2f ms",
        (double)histogram_at(latencies, 0.5) / 1e6, (double)histogram_at(latencies, 0.99) / 1e6,
        (double)histogram_at(latencies, 0.999) / 1e6, (double)latencies->greatest / 1e6);
    soak_say(self->soak, "besides", "%llu clients came and went; besterd took %.2f of a processor",
        (unsigned long long)callers_calls(self->callers), processor_s / self->seconds);
}

static void load(struct show *self)
{
    struct soak *soak = self->soak;
    if (!crowd_warm_up(self->crowd))
        return;
    self->warm_up = crowd_judge(self->crowd)->count;
    unsigned descriptors = subject_usage(self->subject).descriptors;
    double processor_s = subject_usage(self->subject).processor_s;

    self->callers = callers_new(soak, self->subject, CALLERS, CALLS_PER_SECOND);
    crowd_send(self->crowd, (double)soak_size(soak, RATE, 100), 0);
    if (soak_for(soak, self->seconds, on_second, self) && crowd_settle(self->crowd) &&
        callers_settle(self->callers) &&
        soak_until(soak, visitors_have_gone, self, "the last visitor has gone")) {
        tell(self, subject_usage(self->subject).processor_s - processor_s);
        check_memory(self);
        (void)subject_await_descriptors(self->subject, descriptors, 0);
    }
    callers_free(self->callers);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void run(struct soak *soak)
{
    static const char *const types[] = {"chat"};
    struct show self = {.soak = soak,
        .clients = soak_size(soak, CLIENTS, 20),
        .seconds = soak->seconds,
        .warm_up_s = least(WARM_UP_MAX_S, soak->seconds / 4),
        .window_s = least(WINDOW_MAX_S, soak->seconds / 10 + 1)};
    double began = (double)soak_now_ns() / 1e9;

    self.subject = subject_start(soak, &(struct subject_config){.handlers = SUBJECT_CHAT});
    if (self.subject)
        self.crowd = crowd_new(soak, self.subject,
            &(struct crowd_options){.clients = self.clients,
                .active = self.clients / ACTIVE_SHARE,
                .types = types,
                .type_count = 1,
                .recipients = ACTIVE_SHARE});
    if (self.crowd) {
        soak_say(soak, "clients", "%u, %u of them active; all in after %.1f s", self.clients,
            self.clients / ACTIVE_SHARE, (double)soak_now_ns() / 1e9 - began);
        load(&self);
    }
    crowd_free(self.crowd);
    subject_end(self.subject);
}

const struct demonstration demo_clients = {
    .name = "clients", .help = "10,000 clients, 1,000 of them active", .run = run};
