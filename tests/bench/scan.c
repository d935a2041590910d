/*
 * scan: how fast json_check and message_parse are, on one processor, in memory.
 *
 *   build/bench/scan
 *
 * Each figure is the best of several rounds: what else the machine does can only
 * make one slower.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libbester/message.h"

enum { MESSAGE_BYTES = 1024, ROUNDS = 15 };
static const double ROUND_S = 0.03;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_check(struct span text)
{
    if (json_check(text, JSON_DEPTH_DEFAULT, NULL) != STATUS_OK)
        exit(EXIT_FAILURE);
}

static void run_parse(struct span text)
{
    struct message message;
    if (message_parse(&message, text, JSON_DEPTH_DEFAULT, NULL) != STATUS_OK ||
        message.data.at == NULL)
        exit(EXIT_FAILURE);
}

/* Seconds for one call. */
static double measure(void (*run)(struct span text), struct span text)
{
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_s();
        double end;
        long calls = 0;
        do {
            for (int i = 0; i < 200; i++)
                run(text);
            calls += 200;
            end = now_s();
        } while (end - start < ROUND_S);
        if ((end - start) / (double)calls < best)
            best = (end - start) / (double)calls;
    }
    return best;
}

/* A message whose data is `open`, then `piece` again and again, then `close`;
 * within MESSAGE_BYTES. */
static struct span compose(
    char *out, const char *open, const char *piece, const char *between, const char *close)
{
    static const char head[] = "{\"header\":{},\"payload\":{\"type\":\"chat\",\"data\":";
    static const char tail[] = ",\"id\":\"42\"}}";
    size_t end = MESSAGE_BYTES - strlen(close) - strlen(tail);
    size_t len = (size_t)snprintf(out, MESSAGE_BYTES + 1, "%s%s%s", head, open, piece);
    while (len + strlen(between) + strlen(piece) <= end)
        len += (size_t)snprintf(out + len, MESSAGE_BYTES + 1 - len, "%s%s", between, piece);
    len += (size_t)snprintf(out + len, MESSAGE_BYTES + 1 - len, "%s%s", close, tail);
    return (struct span){.at = out, .len = len};
}

int main(void)
{
    static const struct {
        const char *name, *open, *piece, *between, *close;
    } kinds[] = {
        {"English", "{\"to\":\"G\",\"text\":\"", "The harbour was quiet that morning.", " ", "\"}"},
        {"Portuguese", "{\"to\":\"G\",\"text\":\"",
            "A manh\xC3\xA3 come\xC3\xA7ou calma no porto de Set\xC3\xBA"
            "bal.",
            " ", "\"}"},
        {"Russian", "{\"to\":\"G\",\"text\":\"",
            "\xD0\x94\xD0\xBE\xD0\xB1\xD1\x80\xD0\xBE\xD0\xB5 \xD1\x83\xD1\x82\xD1\x80\xD0\xBE",
            ", ", "\"}"},
        {"lines with \\n and \\\"", "{\"to\":\"G\",\"text\":\"",
            "he said \\\"yes\\\" twice,\\n and left", " ", "\"}"},
        {"small members", "[", "{\"id\":17,\"ok\":true,\"name\":\"G\",\"at\":[51.5,-0.1]}", ",",
            "]"},
        {"numbers", "[", "3.14159,-17,6.02e23", ",", "]"},
    };
    printf("%-22s %8s %12s %14s\n", "1 KiB message", "bytes", "json_check", "message_parse");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char text[MESSAGE_BYTES + 1];
        struct span span =
            compose(text, kinds[i].open, kinds[i].piece, kinds[i].between, kinds[i].close);
        double check_s = measure(run_check, span);
        double parse_s = measure(run_parse, span);
        printf("%-22s %8zu %7.2f GB/s %11.0f ns\n", kinds[i].name, span.len,
            (double)span.len / check_s / 1e9, parse_s * 1e9);
    }
    return 0;
}
