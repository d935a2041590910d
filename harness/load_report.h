/*
 * load_report: what came of a load: for people, for programs, as a plot.
 */
#ifndef HARNESS_LOAD_REPORT_H
#define HARNESS_LOAD_REPORT_H

#include <time.h>

#include "harness/load.h"
#include "harness/load_figures.h"
#include "harness/load_process.h"

struct load_result {
    const struct load_options *options;
    const char *server;         /* as it was named */
    char name[CLIENT_NAME_MAX]; /* as it calls itself; "" */
    unsigned clients;
    unsigned window;
    size_t least_bytes, most_bytes; /* of the data; as they were, not as they were to be */
    time_t started;
    uint64_t sending_ns; /* as long as something was sent */
    uint64_t all_ns;     /* until the last result came */
    unsigned lost;       /* connections that ended */
    bool interrupted;
    pid_t pid;             /* of the server; 0: not known */
    double server_s;       /* of its processor time */
    uint64_t memory_bytes; /* the most of it that was seen */
    double own_s;          /* of our processor time */
    struct load_figures figures;
};

/* Results per second. */
double load_result_rate(const struct load_result *self);
/* Whether we ourselves were the limit, or close to it. */
bool load_result_is_ours(const struct load_result *self);
/* "184 µs", "1.25 s". Returns out. */
const char *load_duration_text(uint64_t ns, char out[32]);

/* The percentiles that are told. */
extern const double load_shares[];
extern const size_t load_share_count;

void load_report_text(FILE *out, const struct load_result *result);
void load_report_json(FILE *out, const struct load_result *result);
/* Latency by percentile, and throughput over time (load_plot.c). */
void load_report_svg(FILE *out, const struct load_result *result);

#endif
