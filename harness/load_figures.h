/*
 * load_figures: what a load has measured: counts, latencies, reasons, and how it
 * went over time. Memory of a fixed size, however long it takes.
 *
 * Time is told in nanoseconds since the load began. The intervals of the course
 * get twice as long whenever there is no room for more. Pure.
 */
#ifndef HARNESS_LOAD_FIGURES_H
#define HARNESS_LOAD_FIGURES_H

#include "harness/histogram.h"
#include "libbester/client.h"

enum { LOAD_INTERVALS = 512, LOAD_REASONS = 32, LOAD_REASON_BYTES = 48 };

struct load_interval {
    uint64_t sent;
    uint64_t good;
    uint64_t bad;
    uint64_t p50_ns;
    uint64_t p99_ns; /* of two that were put together: the greater */
    uint64_t greatest_ns;
    uint64_t memory_bytes; /* of the server, the most; 0: not known */
};

struct load_reason {
    char text[LOAD_REASON_BYTES];
    uint64_t count;
};

struct load_figures {
    uint64_t sent, sent_bytes; /* bytes: of the data alone */
    uint64_t good, bad;
    uint64_t received, received_bytes;
    uint64_t unsent;            /* due by the rate, and never sent */
    struct histogram latencies; /* of what was reported, good or bad, in intervals that are over */
    struct histogram in_interval; /* the same, of the interval that is not over */
    struct load_reason reasons[LOAD_REASONS];
    size_t reason_count;
    struct client_tally tally;
    struct load_interval intervals[LOAD_INTERVALS];
    size_t interval_count; /* that are over */
    uint64_t interval_ns;
    struct load_interval now;
    uint64_t now_began_ns;
    uint64_t last_ns; /* when the last result came */
};

void load_figures_init(struct load_figures *self, uint64_t interval_ns);
void load_figures_sent(struct load_figures *self, size_t bytes);
/* from_ns: what the latency is counted from. */
void load_figures_result(struct load_figures *self, const struct client_result *result,
    uint64_t from_ns, uint64_t now_ns);
void load_figures_received(struct load_figures *self, size_t bytes);
/* As time passes; memory_bytes of the server, or 0. true: an interval is over. */
bool load_figures_tick(struct load_figures *self, uint64_t now_ns, uint64_t memory_bytes);
/* The last interval, however short. */
void load_figures_end(struct load_figures *self, uint64_t now_ns);

#endif
