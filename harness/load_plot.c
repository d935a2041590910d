/* The plot of a load: how long reports took, by percentile, and how many came over
 * time, with the slow ones beside them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/load_report.h"
#include "harness/must.h"
#include "harness/plot.h"

static const double WIDTH = 900;
static const double HEIGHT = 760;
static const struct plot_panel by_share = {80, 120, 790, 150};
static const struct plot_panel by_time = {80, 340, 790, 150};
static const struct plot_panel slow_by_time = {80, 560, 790, 150};

enum { POINTS = LOAD_INTERVALS, SHARE_DECADES_MAX = 6 };

/* ---- durations on a logarithmic axis --------------------------------------------------------- */

struct span_ns {
    double least, most; /* powers of ten */
};

static struct span_ns span_of_ns(uint64_t least, uint64_t most)
{
    struct span_ns span = {
        floor(log10(least > 0 ? (double)least : 1)), ceil(log10(most > 0 ? (double)most : 1))};

    if (span.most <= span.least)
        span.most = span.least + 1;
    return span;
}

static double height_of(const struct span_ns *span, uint64_t ns)
{
    return (log10(ns > 0 ? (double)ns : 1) - span->least) / (span->most - span->least);
}

static void mark_durations(FILE *out, const struct plot_panel *panel, const struct span_ns *span)
{
    char text[32];

    for (int power = (int)span->least; power <= (int)span->most; power++) {
        uint64_t ns = (uint64_t)pow(10, power);

        plot_mark_y(out, panel, height_of(span, ns), load_duration_text(ns, text));
    }
}

/* ---- by percentile --------------------------------------------------------------------------- */

/* 0 for the median's half, one further for each nine: 90 %, 99 %, 99.9 % … */
static double decades_of(double share)
{
    return -log10(1 - share);
}

static void put_shares(FILE *out, const struct histogram *latencies)
{
    double(*points)[2] = must_alloc(POINTS * sizeof(*points));
    struct span_ns span = span_of_ns(latencies->least, latencies->greatest);
    double most = latencies->count > 1 ? log10((double)latencies->count) : 1;
    static const char *const names[] = {
        "0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"};

    if (most > SHARE_DECADES_MAX)
        most = SHARE_DECADES_MAX;
    plot_panel(out, &by_share, "Latency by percentile");
    mark_durations(out, &by_share, &span);
    for (int i = 0; i <= (int)most && i <= SHARE_DECADES_MAX; i++)
        plot_mark_x(out, &by_share, i / most, names[i]);
    plot_mark_x(out, &by_share, decades_of(0.5) / most, "50 %");
    for (size_t i = 0; i < POINTS; i++) {
        double decades = most * (double)i / (POINTS - 1);

        points[i][0] = decades / most;
        points[i][1] = height_of(&span, histogram_at(latencies, 1 - pow(10, -decades)));
    }
    plot_line(out, &by_share, PLOT_GOOD, (const double(*)[2])points, POINTS);
    free(points);
}

/* ---- over time ------------------------------------------------------------------------------- */

static double time_of(const struct load_figures *figures, size_t interval)
{
    return ((double)interval + 0.5) /
           (double)(figures->interval_count ? figures->interval_count : 1);
}

static void mark_time(FILE *out, const struct plot_panel *panel, const struct load_figures *figures)
{
    double all_s = (double)figures->interval_count * (double)figures->interval_ns / 1e9;
    double step = plot_step(all_s, 10);
    char text[32];

    for (int i = 0; i * step <= all_s * 1.0001; i++) {
        snprintf(text, sizeof(text), "%g s", i * step);
        plot_mark_x(out, panel, all_s > 0 ? i * step / all_s : 0, text);
    }
}

static double rate_in(const struct load_figures *figures, uint64_t count)
{
    return (double)count * 1e9 / (double)figures->interval_ns;
}

static void put_rates(FILE *out, const struct load_figures *figures)
{
    double(*good)[2] = must_alloc(POINTS * sizeof(*good));
    double(*bad)[2] = must_alloc(POINTS * sizeof(*bad));
    double most = 1;
    char text[32];

    for (size_t i = 0; i < figures->interval_count; i++) {
        const struct load_interval *at = &figures->intervals[i];
        most = fmax(most, rate_in(figures, at->good > at->bad ? at->good : at->bad));
    }
    double step = plot_step(most, 5);
    double top = ceil(most / step) * step;
    plot_panel(out, &by_time, "Reports per second");
    mark_time(out, &by_time, figures);
    for (int i = 0; i * step <= top * 1.0001; i++) {
        snprintf(text, sizeof(text), "%.6g", i * step);
        plot_mark_y(out, &by_time, i * step / top, text);
    }
    for (size_t i = 0; i < figures->interval_count; i++) {
        good[i][0] = bad[i][0] = time_of(figures, i);
        good[i][1] = rate_in(figures, figures->intervals[i].good) / top;
        bad[i][1] = rate_in(figures, figures->intervals[i].bad) / top;
    }
    plot_line(out, &by_time, PLOT_GOOD, (const double(*)[2])good, figures->interval_count);
    plot_key(out, &by_time, 1, PLOT_GOOD, "good");
    if (figures->bad > 0) {
        plot_line(out, &by_time, PLOT_BAD, (const double(*)[2])bad, figures->interval_count);
        plot_key(out, &by_time, 0, PLOT_BAD, "bad");
    }
    free(good);
    free(bad);
}

/* An interval without a report has no latency: the line goes on to the next. */
static size_t slow_points(const struct load_figures *figures, const struct span_ns *span,
    bool greatest, double (*points)[2])
{
    size_t count = 0;

    for (size_t i = 0; i < figures->interval_count; i++) {
        const struct load_interval *at = &figures->intervals[i];

        if (at->greatest_ns == 0)
            continue;
        points[count][0] = time_of(figures, i);
        points[count++][1] = height_of(span, greatest ? at->greatest_ns : at->p50_ns);
    }
    return count;
}

static void put_slow(FILE *out, const struct load_figures *figures)
{
    const struct histogram *latencies = &figures->latencies;
    struct span_ns span = span_of_ns(latencies->least, latencies->greatest);
    double(*points)[2] = must_alloc(POINTS * sizeof(*points));

    plot_panel(out, &slow_by_time, "Latency over time");
    mark_durations(out, &slow_by_time, &span);
    mark_time(out, &slow_by_time, figures);
    size_t count = slow_points(figures, &span, true, points);
    plot_line(out, &slow_by_time, PLOT_SLOW, (const double(*)[2])points, count);
    plot_key(out, &slow_by_time, 0, PLOT_SLOW, "slowest");
    count = slow_points(figures, &span, false, points);
    plot_line(out, &slow_by_time, PLOT_GOOD, (const double(*)[2])points, count);
    plot_key(out, &slow_by_time, 1, PLOT_GOOD, "median");
    free(points);
}

/* ---- the picture ----------------------------------------------------------------------------- */

void load_report_svg(FILE *out, const struct load_result *result)
{
    const struct load_options *options = result->options;
    const struct histogram *latencies = &result->figures.latencies;
    char *title = must_print("Load of %s", result->server);
    char p50[32];
    char p99[32];
    char max[32];
    char *rate =
        options->rate > 0 ? must_print(", %.6g/s asked for", options->rate) : must_copy("");
    char *line = must_print("%u client%s, window %u%s, type %s, %zu to %zu bytes", result->clients,
        result->clients == 1 ? "" : "s", result->window, rate, options->type, result->least_bytes,
        result->most_bytes);
    char *figures = must_print("%.0f reports/s; %llu good, %llu bad; p50 %s, p99 %s, max %s%s",
        load_result_rate(result), (unsigned long long)result->figures.good,
        (unsigned long long)result->figures.bad,
        load_duration_text(histogram_at(latencies, 0.5), p50),
        load_duration_text(histogram_at(latencies, 0.99), p99),
        load_duration_text(latencies->greatest, max),
        options->rate > 0 ? ", from when each was due" : "");

    plot_begin(out, WIDTH, HEIGHT, title);
    plot_title(out, 34, title, false);
    plot_title(out, 56, line, true);
    plot_title(out, 74, figures, true);
    put_shares(out, latencies);
    put_rates(out, &result->figures);
    put_slow(out, &result->figures);
    plot_end(out);
    free(title);
    free(rate);
    free(line);
    free(figures);
}
