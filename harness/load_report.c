#include "harness/load_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/markup.h"
#include "libbester/json.h"

enum { FORM_VERSION = 1, NUMBER_MAX = 40 };

/* Above this the processor that we run on is the limit, not the server. */
static const double OUR_SHARE_MAX = 0.9;

const double load_shares[] = {0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1};
const size_t load_share_count = sizeof(load_shares) / sizeof(load_shares[0]);

/* ---- figures --------------------------------------------------------------------------------- */

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

static double per_second(double count, uint64_t ns)
{
    return ns ? count / seconds(ns) : 0;
}

double load_result_rate(const struct load_result *self)
{
    return per_second((double)(self->figures.good + self->figures.bad), self->all_ns);
}

static double our_share(const struct load_result *self)
{
    return per_second(self->own_s, self->all_ns);
}

bool load_result_is_ours(const struct load_result *self)
{
    return our_share(self) > OUR_SHARE_MAX;
}

const char *load_duration_text(uint64_t ns, char out[32])
{
    static const struct {
        uint64_t below;
        double unit;
        const char *name;
    } units[] = {
        {1000, 1, "ns"}, {1000000, 1e3, "µs"}, {1000000000, 1e6, "ms"}, {UINT64_MAX, 1e9, "s"}};
    size_t i = 0;

    while (ns >= units[i].below && units[i].below != UINT64_MAX)
        i++;
    snprintf(out, 32, "%.3g %s", (double)ns / units[i].unit, units[i].name);
    if ((double)ns / units[i].unit >= 1000) /* %.3g would write 1e+03 */
        snprintf(out, 32, "%.0f %s", (double)ns / units[i].unit, units[i].name);
    return out;
}

/* "1,234,567" */
static const char *number(uint64_t value, char out[NUMBER_MAX])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, value);
    size_t used = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

/* "99.9" of 0.999 */
static const char *share_text(double share, char out[32])
{
    snprintf(out, 32, "%.6g", share * 100);
    return out;
}

/* ---- for people ------------------------------------------------------------------------------ */

static void put_what(FILE *out, const struct load_result *result)
{
    const struct load_options *options = result->options;
    char a[NUMBER_MAX];
    char b[NUMBER_MAX];

    fprintf(out, "load of ");
    markup_terminal(out, span_of(result->server));
    if (result->name[0]) {
        fprintf(out, " (");
        markup_terminal(out, span_of(result->name));
        fputc(')', out);
    }
    fprintf(out, ": %u client%s, ", result->clients, result->clients == 1 ? "" : "s");
    if (options->rate > 0)
        fprintf(out, "%.6g/s, ", options->rate);
    fprintf(out, "window %u, type ", result->window);
    markup_terminal(out, span_of(options->type));
    fprintf(out, ", %s", number(result->least_bytes, a));
    if (result->most_bytes != result->least_bytes)
        fprintf(out, " to %s", number(result->most_bytes, b));
    fprintf(out, " bytes\n");
}

static void put_sent(FILE *out, const struct load_result *result)
{
    const struct load_figures *figures = &result->figures;
    char a[NUMBER_MAX];

    fprintf(out, "  sent       %s in %.2f s: %.0f/s, %.3g MB/s of data\n", number(figures->sent, a),
        seconds(result->sending_ns), per_second((double)figures->sent, result->sending_ns),
        per_second((double)figures->sent_bytes, result->sending_ns) / 1e6);
    if (figures->unsent > 0)
        fprintf(out, "  not sent   %s that were due when the time was over\n",
            number(figures->unsent, a));
    fprintf(out, "  good       %s\n", number(figures->good, a));
    if (figures->bad > 0)
        fprintf(out, "  bad        %s:", number(figures->bad, a));
    for (size_t i = 0; i < figures->reason_count; i++) {
        fputs(i ? ", " : " ", out);
        markup_terminal(out, span_of(figures->reasons[i].text));
        fprintf(out, " %s", number(figures->reasons[i].count, a));
    }
    fputs(figures->bad > 0 ? "\n" : "", out);
    if (figures->received > 0)
        fprintf(out, "  received   %s messages: %.0f/s\n", number(figures->received, a),
            per_second((double)figures->received, result->all_ns));
    if (result->lost > 0)
        fprintf(out, "  lost       %u connection%s\n", result->lost, result->lost == 1 ? "" : "s");
}

static void put_latency(FILE *out, const struct load_result *result)
{
    const struct histogram *latencies = &result->figures.latencies;
    char share[32];
    char text[32];

    if (latencies->count == 0)
        return;
    fprintf(out, "  latency    ");
    for (size_t i = 0; i < load_share_count; i++)
        if (load_shares[i] < 1)
            fprintf(out, "p%s %s, ", share_text(load_shares[i], share),
                load_duration_text(histogram_at(latencies, load_shares[i]), text));
    fprintf(out, "max %s; mean %s\n", load_duration_text(latencies->greatest, text),
        load_duration_text((uint64_t)histogram_mean(latencies), share));
    if (result->options->rate > 0)
        fprintf(out, "             counted from when each message was due\n");
}

static void put_processes(FILE *out, const struct load_result *result)
{
    const struct load_figures *figures = &result->figures;
    uint64_t results = figures->good + figures->bad;
    char each[32];

    if (result->pid)
        fprintf(out,
            "  server     process %d: %.2f of a processor, %s for each message, %.1f MiB at most\n",
            (int)result->pid, per_second(result->server_s, result->all_ns),
            load_duration_text(
                results ? (uint64_t)(result->server_s * 1e9 / (double)results) : 0, each),
            (double)result->memory_bytes / (1 << 20));
    fprintf(out, "  ourselves  %.2f of a processor%s\n", our_share(result),
        load_result_is_ours(result) ? ": we were the limit, not the server" : "");
    if (result->interrupted)
        fprintf(out, "  interrupted\n");
}

void load_report_text(FILE *out, const struct load_result *result)
{
    put_what(out, result);
    put_sent(out, result);
    put_latency(out, result);
    put_processes(out, result);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void put_json_text(FILE *out, const char *text)
{
    struct bytes token;
    struct span span = span_of(text);

    bytes_init(&token, span.len * 6 + 2);
    if (json_quote(&token, span) == STATUS_OK)
        fwrite(bytes_span(&token).at, 1, token.len, out);
    else
        fputs("null", out);
    bytes_release(&token);
}

static void put_json_head(FILE *out, const struct load_result *result)
{
    const struct load_options *options = result->options;
    struct tm parts;
    char started[32];

    gmtime_r(&result->started, &parts);
    strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(out,
        "{\"form\":\"bester-harness-load\",\"version\":%d,\"harness\":\"%s\",\"started\":\"%s\","
        "\"interrupted\":%s,\n\"server\":",
        FORM_VERSION, BESTER_VERSION, started, result->interrupted ? "true" : "false");
    put_json_text(out, result->server);
    fputs(",\"name\":", out);
    put_json_text(out, result->name);
    fputs(",\"type\":", out);
    put_json_text(out, options->type);
    if (options->rate > 0)
        fprintf(out, ",\"rate\":%.9g", options->rate);
    fprintf(out, ",\"clients\":%u,\"window\":%u,\"leastBytes\":%zu,\"mostBytes\":%zu,\n",
        result->clients, result->window, result->least_bytes, result->most_bytes);
}

static void put_json_counts(FILE *out, const struct load_result *result)
{
    const struct load_figures *figures = &result->figures;

    fprintf(out,
        "\"sendingMs\":%.3f,\"ms\":%.3f,\"sent\":%" PRIu64 ",\"sentBytes\":%" PRIu64
        ",\"notSent\":%" PRIu64 ",\"good\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"received\":%" PRIu64
        ",\"receivedBytes\":%" PRIu64 ",\"lostConnections\":%u,\"perSecond\":%.3f,\n\"reasons\":{",
        (double)result->sending_ns / 1e6, (double)result->all_ns / 1e6, figures->sent,
        figures->sent_bytes, figures->unsent, figures->good, figures->bad, figures->received,
        figures->received_bytes, result->lost, load_result_rate(result));
    for (size_t i = 0; i < figures->reason_count; i++) {
        fputs(i ? "," : "", out);
        put_json_text(out, figures->reasons[i].text);
        fprintf(out, ":%" PRIu64, figures->reasons[i].count);
    }
    fputs("},\n", out);
}

static void put_json_latency(FILE *out, const struct histogram *latencies)
{
    uint64_t up_to;
    uint64_t count;
    size_t cell = 0;
    const char *comma = "";

    fprintf(out, "\"latency\":{\"count\":%" PRIu64 ",\"leastUs\":%.3f,\"meanUs\":%.3f,\"us\":{",
        latencies->count, (double)latencies->least / 1e3, histogram_mean(latencies) / 1e3);
    for (size_t i = 0; i < load_share_count; i++)
        fprintf(out, "%s\"%.6g\":%.3f", i ? "," : "", load_shares[i] * 100,
            (double)histogram_at(latencies, load_shares[i]) / 1e3);
    fputs("},\n\"histogram\":[", out);
    while (histogram_next(latencies, &cell, &up_to, &count)) {
        fprintf(out, "%s[%.3f,%" PRIu64 "]", comma, (double)up_to / 1e3, count);
        comma = ",";
    }
    fputs("]},\n", out);
}

static void put_json_course(FILE *out, const struct load_figures *figures)
{
    fprintf(
        out, "\"course\":{\"intervalMs\":%.3f,\"intervals\":[", (double)figures->interval_ns / 1e6);
    for (size_t i = 0; i < figures->interval_count; i++) {
        const struct load_interval *at = &figures->intervals[i];

        fprintf(out,
            "%s\n{\"sent\":%" PRIu64 ",\"good\":%" PRIu64 ",\"bad\":%" PRIu64
            ",\"p50Us\":%.3f,\"p99Us\":%.3f,\"maxUs\":%.3f,\"memoryBytes\":%" PRIu64 "}",
            i ? "," : "", at->sent, at->good, at->bad, (double)at->p50_ns / 1e3,
            (double)at->p99_ns / 1e3, (double)at->greatest_ns / 1e3, at->memory_bytes);
    }
    fputs("]},\n", out);
}

void load_report_json(FILE *out, const struct load_result *result)
{
    put_json_head(out, result);
    put_json_counts(out, result);
    put_json_latency(out, &result->figures.latencies);
    put_json_course(out, &result->figures);
    if (result->pid)
        fprintf(out, "\"process\":{\"pid\":%d,\"processorMs\":%.3f,\"memoryBytes\":%" PRIu64 "},\n",
            (int)result->pid, result->server_s * 1e3, result->memory_bytes);
    fprintf(out, "\"ourselves\":{\"processorMs\":%.3f,\"limit\":%s}}\n", result->own_s * 1e3,
        load_result_is_ours(result) ? "true" : "false");
}
