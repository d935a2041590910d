#include "harness/new.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/canonical.h"
#include "harness/must.h"
#include "harness/performance.h"

/* The parts of a play, as JSON texts. */
struct draft {
    const struct new_options *options;
    FILE *out;
    char *type; /* quoted */
};

static char *quoted(const char *text)
{
    json_t *value = must_json(json_string(text));
    char *result = must_dump(value);

    json_decref(value);
    return result;
}

/* Who is at server i: T at the first, and whoever hears of it at the others. */
static const char *listener_name(char out[16], unsigned server)
{
    snprintf(out, 16, server <= 2 ? "G" : "G%u", server);
    return out;
}

/* ---- the cast -------------------------------------------------------------------------------- */

static void put_servers(const struct draft *self)
{
    fputs("\"servers\": {\"note\": \"Real ones, of this play alone. Any password is right.\"",
        self->out);
    for (unsigned i = 1; i <= self->options->servers; i++)
        fprintf(self->out, ", \"S%u\": {}", i);
    fputs("},\n", self->out);
}

/* All from that one on, as a list. */
static void put_names(const struct draft *self, unsigned first)
{
    putc('[', self->out);
    for (unsigned i = first; i <= self->options->servers; i++)
        fprintf(self->out, "%s\"S%u\"", i > first ? ", " : "", i);
    putc(']', self->out);
}

static void put_handler(const struct draft *self)
{
    const struct new_options *options = self->options;
    const char *note = options->handler ? "Your program."
                       : options->client
                           ? "The harness plays it, by rules: it answers each question."
                           : "The harness plays it: what it answers stands in lines.";

    fprintf(self->out, "\"handlers\": {\"H\": {\"note\": \"%s\", \"on\": ", note);
    if (options->servers > 1)
        put_names(self, 1);
    else
        fputs("\"S1\"", self->out);
    fprintf(self->out, ", \"type\": %s, \"protocol\": \"%s\"", self->type, options->protocol);
    if (options->handler) {
        char *run = quoted(options->handler);
        fprintf(self->out, ", \"run\": %s", run);
        free(run);
    } else if (options->client) {
        /* At another server there is no G of this one. */
        fprintf(self->out,
            ", \"rules\": [{\"reply\": {\"sendClients\": [%s], \"data\": \"Hello\"}}]",
            options->servers > 1 ? "" : "\"G\"");
    }
    fputs("}},\n", self->out);
}

/* Of a real program nobody knows what it makes others say. */
static bool is_open(const struct new_options *options)
{
    return options->handler || options->client;
}

static void put_client(const struct draft *self, const char *name, unsigned server)
{
    static const char takes_all[] = "[{\"note\": \"It takes whatever comes.\"}]";

    if (is_open(self->options))
        fprintf(self->out, "\"%s\": {\"on\": \"S%u\", \"rules\": %s}", name, server, takes_all);
    else
        fprintf(self->out, "\"%s\": \"S%u\"", name, server);
}

static void put_clients(const struct draft *self)
{
    const struct new_options *options = self->options;
    char name[16];

    fputs("\"clients\": {", self->out);
    if (options->client) {
        char *run = quoted(options->client);
        fprintf(self->out,
            "\"T\": {\"note\": \"Your program. ${S1} is the server's address.\", "
            "\"on\": \"S1\", \"run\": %s}",
            run);
        free(run);
    } else {
        put_client(self, "T", 1);
    }
    for (unsigned i = options->servers > 1 ? 2 : 1; i <= options->servers; i++) {
        fputs(", ", self->out);
        put_client(self, listener_name(name, i), i);
    }
    fputs("},\n", self->out);
}

/* ---- the steps ------------------------------------------------------------------------------- */

static void put_note(const struct draft *self, const char *text)
{
    fprintf(self->out, "{\"note\": \"%s\"},\n", text);
}

static const char ASKED[] = "{\"to\": \"G\", \"text\": \"Good morning\"}";
static const char TOLD[] = "{\"from\": \"T\", \"text\": \"Good morning\"}";

static void put_first_line(const struct draft *self)
{
    put_note(self, "The left says it. Clients have logged in by themselves. <m1> becomes an id.");
    fprintf(self->out, "{\"T > S1\": {\"type\": %s, \"data\": %s, \"id\": \"<m1>\"}},\n",
        self->type, ASKED);
}

static void put_delivery(const struct draft *self, unsigned server)
{
    char name[16];

    listener_name(name, server);
    fprintf(self->out, "{\"H > S%u\": {\"sendClients\": [\"%s\"], \"data\": %s}},\n", server, name,
        TOLD);
    fprintf(self->out, "{\"S%u > %s\": {\"type\": %s, \"data\": %s}},\n", server, name, self->type,
        TOLD);
}

/* To every other server, whose own handler has its say. */
static void put_other_servers(const struct draft *self)
{
    fputs("{\"H > S1\": {\"sendServers\": ", self->out);
    put_names(self, 2);
    fprintf(self->out, ", \"data\": %s}},\n", TOLD);
    for (unsigned i = 2; i <= self->options->servers; i++) {
        fprintf(self->out, "\n{\"S1 > S%u\": {\"type\": %s, \"data\": %s, \"id\": \"<f%u>\"}},\n",
            i, self->type, TOLD, i);
        fprintf(self->out, "{\"S%u > H\": %s},\n", i, TOLD);
        put_delivery(self, i);
        fprintf(self->out, "{\"S%u > S1\": {\"status\": \"good\", \"id\": \"<f%u>\"}},\n", i, i);
    }
    putc('\n', self->out);
}

static void put_refusal(const struct draft *self)
{
    putc('\n', self->out);
    put_note(self, "A handler that refuses. Of a report, the words that stand here are compared.");
    fprintf(
        self->out, "{\"T > S1\": {\"type\": %s, \"data\": \"\", \"id\": \"<m2>\"}},\n", self->type);
    fputs("{\"S1 > H\": \"\"},\n{\"H > S1\": {\"status\": \"1\", \"detail\": \"there is no "
          "text\"}},\n"
          "{\"S1 > T\": {\"status\": \"bad\", \"id\": \"<m2>\", \"reason\": \"handlerError\"}},\n",
        self->out);
}

static void put_played(const struct draft *self)
{
    put_first_line(self);
    putc('\n', self->out);
    put_note(self, "A server on the left: this is expected, and its data compared exactly.");
    fprintf(self->out, "{\"S1 > H\": %s},\n", ASKED);
    if (self->options->servers > 1)
        put_other_servers(self);
    else
        put_delivery(self, 1);
    fputs("{\"S1 > T\": {\"status\": \"good\", \"id\": \"<m1>\", \"outcome\": \"delivered\"}},\n",
        self->out);
    put_refusal(self);
    putc('\n', self->out);
    put_note(self, "Nothing more has come: proved by a message of its own, not by waiting.");
    fputs("{\"quiet\": [\"T\"", self->out);
    for (unsigned i = self->options->servers > 1 ? 2 : 1; i <= self->options->servers; i++) {
        char name[16];

        fprintf(self->out, ", \"%s\"", listener_name(name, i));
    }
    fputs("]}\n", self->out);
}

/* What any handler brings about: a report. */
static void put_steps(const struct draft *self)
{
    fputs("\"steps\": [\n", self->out);
    if (self->options->client) {
        put_note(self, "Lines that it reads and writes: stdin > T, T > stdout. And so it ends:");
        fputs("{\"expect\": \"T\", \"exit\": 0}\n", self->out);
    } else if (self->options->handler) {
        put_first_line(self);
        putc('\n', self->out);
        put_note(
            self, "What became of it. harness run --ladder shows it: write here what it is to be.");
        fputs("{\"S1 > T\": {\"status\": \"<:/^(good|bad)$/>\", \"id\": \"<m1>\"}}\n", self->out);
    } else {
        put_played(self);
    }
    fputs("]}\n", self->out);
}

static char *make_play(const struct new_options *options, size_t *len)
{
    struct draft draft = {.options = options, .type = quoted(options->type)};
    struct mistake mistake;
    char *text;
    char *title = must_print("What becomes of a message of type %s", options->type);
    char *quoted_title = quoted(title);
    size_t written;

    draft.out = must_stream(&text, &written);
    fprintf(draft.out,
        "{\"play\": %s, \"note\": \"docs/harness.md has all the words. A note may stand "
        "anywhere.\",\n",
        quoted_title);
    put_servers(&draft);
    put_handler(&draft);
    put_clients(&draft);
    put_steps(&draft);
    fclose(draft.out);
    char *play = canonical_text((struct span){.at = text, .len = written}, len, &mistake);
    if (!play) {
        fprintf(stderr, "harness new: %s\n", mistake.text);
        exit(EXIT_INTERNAL);
    }
    free(text);
    free(title);
    free(quoted_title);
    free(draft.type);
    return play;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_new(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

    if (!out) {
        fprintf(stderr, "harness new: %s: %s%s\n", path, strerror(errno),
            errno == EEXIST ? "; nothing is overwritten" : "");
        return false;
    }
    bool written = fwrite(text, 1, len, out) == len;
    written = fclose(out) == 0 && written;
    if (!written) {
        fprintf(stderr, "harness new: %s could not be written: %s\n", path, strerror(errno));
        unlink(path);
    }
    return written;
}

static void tell_next(const char *path, const char *program)
{
    char *first = shell_word(program);
    char *last = shell_word(path);

    printf("%s is written. Next:\n    %s run --ladder %s\n", path, first, last);
    free(first);
    free(last);
}

int new_play(const struct new_options *options, const char *path, const char *program)
{
    size_t len;
    char *text = make_play(options, &len);
    bool written;

    if (path) {
        written = write_new(path, text, len);
        if (written)
            tell_next(path, program);
    } else {
        written = fwrite(text, 1, len, stdout) == len;
    }
    free(text);
    if (fflush(stdout) != 0) {
        perror("harness new: standard output");
        written = false;
    }
    return written ? 0 : EXIT_LOCAL_IO;
}
