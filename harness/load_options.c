/* The options of `harness load`. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/load.h"
#include "harness/load_text.h"
#include "harness/must.h"
#include "harness/performance.h"
#include "harness/run.h"

static const double RATE_MAX = 1e6;

/* ---- what the kinds of options.h can't say --------------------------------------------------- */

static enum status set_rate(void *settings, const char *argument, struct fault *fault)
{
    struct load_options *options = settings;
    char *end;

    errno = 0;
    double rate = strtod(argument, &end);
    if (end == argument || errno || (*end && strcmp(end, "/s") != 0) || !isfinite(rate) ||
        rate <= 0 || rate > RATE_MAX)
        return fault_set(
            fault, STATUS_INVALID, 0, "\"%.40s\" is not like 500/s, at most 1000000/s", argument);
    options->rate = rate;
    return STATUS_OK;
}

static enum status set_size(void *settings, const char *argument, struct fault *fault)
{
    struct load_options *options = settings;
    const char *dash = strchr(argument, '-');
    char first[16] = "";
    unsigned least;
    unsigned most;

    if (dash && (size_t)(dash - argument) >= sizeof(first))
        return fault_set(fault, STATUS_INVALID, 0, "\"%.40s\" is not like 100-2000", argument);
    if (dash)
        memcpy(first, argument, (size_t)(dash - argument));
    enum status status = options_count(dash ? dash + 1 : argument, 1, LOAD_SIZE_MAX, &most, fault);
    least = most;
    if (status == STATUS_OK && dash)
        status = options_count(first, 1, most, &least, fault);
    if (status == STATUS_OK) {
        options->least_bytes = least;
        options->most_bytes = most;
    }
    return status;
}

/* ---- the table ------------------------------------------------------------------------------- */

#define ROW(word, letter_, kind_, argument_, member, text)                         \
    .name = (word), .letter = (letter_), .kind = (kind_), .argument = (argument_), \
    .offset = offsetof(struct load_options, member), .help = (text)

static const struct option_row rows[] = {
    {.name = "rate",
        .letter = 'r',
        .kind = OPTION_CALL,
        .argument = "N/S",
        .apply = set_rate,
        .help = "messages per second, of all clients together; each is due at its time, whatever "
                "has become of those before"},
    {ROW("window", 'w', OPTION_COUNT, "N", window,
         "messages of a client that wait for their reports; otherwise 16, with --rate 1024"),
        .min = 1, .max = LOAD_WINDOW_MAX},
    {ROW("clients", 'c', OPTION_COUNT, "N", clients, "otherwise as many as there are users, or 1"),
        .min = 1, .max = LOAD_CLIENTS_MAX},
    {ROW("duration", 'd', OPTION_SECONDS, "TIME", duration_s, "otherwise 10s"), .min = 0.01,
        .max = 86400},
    {ROW("count", 'n', OPTION_COUNT, "N", count, "stop after so many messages, if that is sooner"),
        .min = 1},
    {ROW("patience", 0, OPTION_SECONDS, "TIME", patience_s,
         "wait so long for reports when all is sent; otherwise 5s"),
        .min = 0.01, .max = 600},
    {.kind = OPTION_GROUP, .help = "The messages"},
    {ROW("type", 't', OPTION_TEXT, "TYPE", type,
        "otherwise dummy, which the server answers itself")},
    {ROW("to", 0, OPTION_TEXT, "USERS", to,
        "in turn; next: each client writes to the client after it; self: to itself")},
    {ROW("data", 0, OPTION_TEXT, "JSON", data,
        "with ${user}, ${to}, ${n} and ${fill}; otherwise a text, with --to what chat takes")},
    {.name = "size",
        .letter = 's',
        .kind = OPTION_CALL,
        .argument = "BYTES",
        .apply = set_size,
        .help = "of the data, as JSON: 1000, or 100-2000; ${fill} makes it so long"},
    {ROW("seed", 0, OPTION_COUNT, "N", seed, "what chooses sizes; otherwise 1")},
    {.kind = OPTION_GROUP, .help = "The clients"},
    {ROW("users", 0, OPTION_TEXT, "USERS", users,
        "as whom they log in, in turn: T,G; otherwise T1, T2 …, in a cast those who have "
        "accounts")},
    {ROW("password-file", 0, OPTION_TEXT, "FILE", login.password_file,
         "the password of them all is its first line; otherwise any"),
        .is_file = true},
    {ROW("passwords", 0, OPTION_TEXT, "FOLDER", passwords,
         "each has a password of its own, in FOLDER/USER.password"),
        .is_file = true},
    {ROW("ca", 0, OPTION_TEXT, "FILE", login.ca, "with besters://: believe whom these have signed"),
        .is_file = true},
    {ROW("pin", 0, OPTION_TEXT, "PIN", login.pin, "with besters://: the server's key is this one")},
    {ROW("connect-timeout", 0, OPTION_SECONDS, "TIME", login.connect_s,
         "for connecting and logging in; otherwise 10s"),
        .min = 0.01, .max = 600},
    {ROW("anywhere", 0, OPTION_FLAG, NULL, anywhere, "the server may be on another machine")},
    {.kind = OPTION_GROUP, .help = "The server"},
    {ROW("pid", 0, OPTION_COUNT, "N", pid,
         "the process whose time and memory are told; otherwise the one that has the connection"),
        .min = 1},
    {ROW("on", 0, OPTION_TEXT, "NAME", on, "the server of the cast; otherwise its first")},
    {ROW("besterd", 0, OPTION_TEXT, "PATH", besterd,
         "of a cast: the server to run; otherwise the one beside the harness"),
        .is_file = true},
    {.kind = OPTION_GROUP, .help = "Reports; - is standard output, in place of the text"},
    {ROW("json", 0, OPTION_TEXT, "FILE", json, "all figures, for programs"), .is_file = true},
    {ROW("svg", 0, OPTION_TEXT, "FILE", svg, "latency by percentile, throughput over time"),
        .is_file = true},
    OPTION_COMMON_ROWS,
};

static const struct option_exit exits[] = {
    {0, "every message was reported good"},
    {EXIT_INTERNAL, "a fault of the program itself"},
    {EXIT_USAGE, "wrong options or arguments; or the server is on another machine"},
    {EXIT_SOME_FAILED, "some messages were reported bad, others good or for other reasons"},
    {EXIT_NO_CONNECTION, "the server could not be reached"},
    {EXIT_LOGIN_REFUSED, "the server refused a login"},
    {EXIT_REJECTED, "all messages were reported bad"},
    {EXIT_NO_HANDLER, "the server has no handler for the type"},
    {EXIT_REPORT_TIMEOUT, "no status report in time"},
    {EXIT_CONNECTION_LOST, "a connection was lost"},
    {EXIT_TLS, "TLS failed"},
    {EXIT_BAD_INPUT, "the cast is wrong: file, line, column and a sentence"},
    {EXIT_LOCAL_IO, "a file can't be read or written"},
    {EXIT_INTERRUPTED, "interrupted; what was measured until then is told"},
    {0, NULL},
};

const struct option_table load_table = {
    .program = "harness load",
    .synopsis = (const char *const[]){"[OPTIONS] SERVER", "[OPTIONS] WORLD.json", NULL},
    .summary = "send as much as it is told to, and tell what that does to a server",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .exits = exits,
};

/* ---- main ------------------------------------------------------------------------------------ */

/* What was typed, without the last word, for a shell that stands behind somebody who
 * fills in ${names}: ours are not for him. */
static char *command_of(int argc, char **argv)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *command;
    size_t len;
    FILE *out = must_stream(&command, &len);

    self[n > 0 ? n : 0] = '\0';
    for (int i = 0; i + 1 < argc; i++) {
        char *word = shell_word(i == 0 ? self : argv[i]);

        if (i == 0 || strcmp(argv[i], "--") != 0) {
            fputs(i ? " " : "", out);
            for (const char *at = word; *at; at++)
                fputs(strncmp(at, "${", 2) == 0 ? "$''" : (char[2]){*at, '\0'}, out);
        }
        fputs(i == 0 ? " load" : "", out);
        free(word);
    }
    fclose(out);
    return command;
}

static bool is_world(const char *text)
{
    const char *end = strrchr(text, '.');
    struct stat about;

    return end && strcmp(end, ".json") == 0 &&
           (strchr(text, ':') == NULL || stat(text, &about) == 0);
}

int main_load(int argc, char **argv)
{
    struct load_options options = {.login = LOGIN_SETTINGS,
        .duration_s = 10,
        .patience_s = 5,
        .type = "dummy",
        .seed = SEED_USUAL};
    struct operands operands;
    int status;

    if (!options_begin(&load_table, argc, argv, &options, &operands, stdout, stderr, &status))
        return status;
    if (operands.count != 1) {
        fputs("harness load: one server, or the cast of one play, is wanted\n", stderr);
        return EXIT_USAGE;
    }
    if (options.login.password_file && options.passwords) {
        fputs("harness load: --password-file and --passwords can't both be\n", stderr);
        return EXIT_USAGE;
    }
    if (!is_world(operands.at[0]))
        return load_server(&options, operands.at[0]);
    char *command = command_of(argc, argv);
    options.command = command;
    status = load_world(&options, operands.at[0]);
    free(command);
    return status;
}
