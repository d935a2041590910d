/*
 * slow: five thousand connections that send one byte a second, and a thousand that
 * never read: the 99th percentile of honest clients stays under twice what it is
 * without them.
 *
 * Rounds of one half without and one half with them: what the machine does besides
 * falls upon both.
 */
#include <stdio.h>

#include "tests/soak/crowd.h"
#include "tests/soak/drip.h"
#include "tests/soak/helper.h"

enum { SLOW = 5000, DEAF = 1000, HONEST = 100, RATE = 2000, ROUNDS = 3, JUDGED_FROM_S = 20 };
static const double RATIO_MAX = 2;

struct show {
    struct soak *soak;
    struct subject *subject;
    struct helper *helper;
    struct crowd *crowd;
    struct drip_plan plan;
    struct histogram alone, beside;
    double most_open;
    const char *half;
};

static void on_second(unsigned passed, void *user)
{
    struct show *self = user;

    soak_progress(self->soak, "slow: %s, second %u, %llu messages", self->half, passed,
        (unsigned long long)crowd_judge(self->crowd)->count);
}

static bool measure(struct show *self, const char *half, struct histogram *into)
{
    struct soak *soak = self->soak;

    self->half = half;
    crowd_send(self->crowd, (double)soak_size(soak, RATE, 100), 0);
    if (!soak_for(soak, (double)soak->seconds / (2 * ROUNDS), on_second, self) ||
        !crowd_settle(self->crowd))
        return false;
    histogram_add_all(into, crowd_latencies(self->crowd));
    return true;
}

static bool honest_ones_are_alone(void *user)
{
    const struct show *self = user;

    return subject_metric(self->subject, "bester_connections_open") == HONEST;
}

static bool all_are_there(void *user)
{
    struct show *self = user;
    double open = subject_metric(self->subject, "bester_connections_open");

    self->most_open = open > self->most_open ? open : self->most_open;
    return open >= HONEST + self->plan.slow + self->plan.deaf;
}

static bool round_of(struct show *self)
{
    if (!measure(self, "alone", &self->alone))
        return false;
    helper_say(self->helper, 'b');
    if (!helper_await(self->helper, 'r', "the slow ones are there") ||
        !soak_until(self->soak, all_are_there, self, "the server has accepted all") ||
        !measure(self, "beside the slow ones", &self->beside))
        return false;
    helper_say(self->helper, 'e');
    return helper_await(self->helper, 'd', "the slow ones have gone") &&
           soak_until(
               self->soak, honest_ones_are_alone, self, "the server has seen that they went");
}

static void tell(struct soak *soak, const char *name, const struct histogram *latencies)
{
    soak_say(soak, name, "%llu messages: p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms, max %.2f ms",
        (unsigned long long)latencies->count, (double)histogram_at(latencies, 0.5) / 1e6,
        (double)histogram_at(latencies, 0.99) / 1e6, (double)histogram_at(latencies, 0.999) / 1e6,
        (double)latencies->greatest / 1e6);
}

static void judge_ratio(struct show *self)
{
    struct soak *soak = self->soak;
    double ratio =
        (double)histogram_at(&self->beside, 0.99) / (double)histogram_at(&self->alone, 0.99);

    tell(soak, "alone", &self->alone);
    tell(soak, "beside", &self->beside);
    soak_say(soak, "ratio",
        "%.2f of the 99th percentiles; %u slow and %u that never read, %.0f put out", ratio,
        self->plan.slow, self->plan.deaf,
        subject_metric(self->subject, "bester_connections_total") - HONEST -
            ROUNDS * (double)(self->plan.slow + self->plan.deaf));
    if (soak->seconds < JUDGED_FROM_S || soak->part > 1)
        soak_say(soak, "",
            "too short or too small to judge it: that is done with SECONDS=%d or more",
            JUDGED_FROM_S);
    else if (ratio >= RATIO_MAX)
        soak_fail(soak, "the 99th percentile is %.2f times what it is alone", ratio);
}

static void run(struct soak *soak)
{
    static const char *const types[] = {"chat"};
    struct show self = {.soak = soak};
    bool good = false;

    self.subject = subject_start(soak, &(struct subject_config){.handlers = SUBJECT_CHAT});
    self.plan = (struct drip_plan){.subject = self.subject,
        .slow = soak_size(soak, SLOW, 20),
        .deaf = soak_size(soak, DEAF, 4)};
    if (self.subject) {
        self.helper = helper_new(soak, drip_run, &self.plan); /* before there are clients */
        self.crowd = crowd_new(soak, self.subject,
            &(struct crowd_options){.clients = HONEST,
                .active = HONEST,
                .types = types,
                .type_count = 1,
                .recipients = 4});
    }
    good = self.crowd && crowd_warm_up(self.crowd);
    unsigned descriptors = good ? subject_usage(self.subject).descriptors : 0;
    for (int i = 0; i < ROUNDS && good; i++)
        good = round_of(&self);
    if (good && crowd_settle(self.crowd)) {
        judge_ratio(&self);
        (void)subject_await_descriptors(self.subject, descriptors, 0);
    }
    crowd_free(self.crowd);
    helper_free(self.helper);
    subject_end(self.subject);
}

const struct demonstration demo_slow = {.name = "slow",
    .help = "5,000 connections of a byte a second, 1,000 that never read",
    .run = run};
