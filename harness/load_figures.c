#include "harness/load_figures.h"

#include <stdio.h>
#include <string.h>

void load_figures_init(struct load_figures *self, uint64_t interval_ns)
{
    *self = (struct load_figures){.interval_ns = interval_ns};
}

void load_figures_sent(struct load_figures *self, size_t bytes)
{
    self->sent++;
    self->sent_bytes += bytes;
    self->now.sent++;
}

void load_figures_received(struct load_figures *self, size_t bytes)
{
    self->received++;
    self->received_bytes += bytes;
}

/* ---- results --------------------------------------------------------------------------------- */

static const char *reason_of(const struct client_result *result)
{
    switch (result->fate) {
    case CLIENT_TIMEOUT:
        return "no report in time";
    case CLIENT_UNKNOWN:
        return "connection lost before the report";
    case CLIENT_UNSENT:
        return "connection lost before it was sent";
    default:
        return result->reason_text[0] ? result->reason_text : "bad, without a reason";
    }
}

/* The last one stands for all that there is no room for: servers make up reasons. */
static void count_reason(struct load_figures *self, const char *text)
{
    size_t i = 0;

    while (
        i < self->reason_count && strncmp(self->reasons[i].text, text, LOAD_REASON_BYTES - 1) != 0)
        i++;
    if (i == LOAD_REASONS - 1)
        text = "other reasons";
    if (i == LOAD_REASONS)
        i--;
    if (i == self->reason_count)
        snprintf(self->reasons[self->reason_count++].text, LOAD_REASON_BYTES, "%s", text);
    self->reasons[i].count++;
}

void load_figures_result(struct load_figures *self, const struct client_result *result,
    uint64_t from_ns, uint64_t now_ns)
{
    bool good = result->fate == CLIENT_GOOD || result->fate == CLIENT_ANSWERED;
    bool reported = good || result->fate == CLIENT_BAD;

    client_tally_add(&self->tally, result);
    self->last_ns = now_ns;
    self->good += good;
    self->bad += !good;
    self->now.good += good;
    self->now.bad += !good;
    if (!good)
        count_reason(self, reason_of(result));
    if (reported)
        histogram_add(&self->in_interval, now_ns > from_ns ? now_ns - from_ns : 0);
}

/* ---- the course ------------------------------------------------------------------------------ */

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static struct load_interval together(const struct load_interval *a, const struct load_interval *b)
{
    return (struct load_interval){.sent = a->sent + b->sent,
        .good = a->good + b->good,
        .bad = a->bad + b->bad,
        .p50_ns = greater(a->p50_ns, b->p50_ns),
        .p99_ns = greater(a->p99_ns, b->p99_ns),
        .greatest_ns = greater(a->greatest_ns, b->greatest_ns),
        .memory_bytes = greater(a->memory_bytes, b->memory_bytes)};
}

static void make_room(struct load_figures *self)
{
    for (size_t i = 0; i < LOAD_INTERVALS / 2; i++)
        self->intervals[i] = together(&self->intervals[2 * i], &self->intervals[2 * i + 1]);
    self->interval_count = LOAD_INTERVALS / 2;
    self->interval_ns *= 2;
}

static void close_interval(struct load_figures *self)
{
    const struct histogram *latencies = &self->in_interval;

    self->now.p50_ns = histogram_at(latencies, 0.5);
    self->now.p99_ns = histogram_at(latencies, 0.99);
    self->now.greatest_ns = latencies->greatest;
    self->intervals[self->interval_count++] = self->now;
    histogram_add_all(&self->latencies, latencies);
    histogram_clear(&self->in_interval);
    self->now_began_ns += self->interval_ns;
    self->now = (struct load_interval){0};
    if (self->interval_count == LOAD_INTERVALS)
        make_room(self);
}

/* While nothing could look, time has passed: those intervals are there, and empty. */
bool load_figures_tick(struct load_figures *self, uint64_t now_ns, uint64_t memory_bytes)
{
    bool over = false;

    self->now.memory_bytes = greater(self->now.memory_bytes, memory_bytes);
    while (now_ns >= self->now_began_ns + self->interval_ns) {
        close_interval(self);
        over = true;
    }
    return over;
}

void load_figures_end(struct load_figures *self, uint64_t now_ns)
{
    load_figures_tick(self, now_ns, 0);
    if (self->now.sent + self->now.good + self->now.bad > 0)
        close_interval(self);
}
