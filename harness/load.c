#include "harness/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/load_drive.h"
#include "harness/must.h"
#include "harness/orphans.h"
#include "harness/replace.h"
#include "harness/run.h"

/* An empty password is none; a server that asks for none takes any. */
static const char ANY_PASSWORD[] = "any";

static const char DATA_PLAIN[] = "\"${fill}\"";
static const char DATA_TO[] = "{\"to\": \"${to}\", \"text\": \"${fill}\"}";

static int complain(int exit_status, const char *text)
{
    fprintf(stderr, "harness load: %s\n", text);
    return exit_status;
}

/* ---- what was asked for ---------------------------------------------------------------------- */

static bool is_near(const struct address *address)
{
    return address_is_local(address) || strcmp(address->host, "localhost") == 0;
}

static int find_server(struct load *self, const char *server)
{
    const struct load_options *options = self->options;
    struct login_settings settings = options->login;
    struct fault fault;

    settings.user = "T1"; /* of many: it looks for no other */
    enum status status = settings.password_file
                             ? login_prepare(&self->login, &settings, server, &fault)
                             : login_find(&self->login, &settings, server, &fault);

    if (status != STATUS_OK)
        return complain(status == STATUS_IO ? EXIT_LOCAL_IO : EXIT_USAGE, fault.text);
    if (!options->anywhere && !is_near(&self->login.address))
        return complain(EXIT_USAGE,
            "that server is not on this machine; if it is yours to load, say --anywhere");
    return 0;
}

static int choose_clients(struct load *self)
{
    const struct load_options *options = self->options;
    unsigned window = options->rate > 0 ? LOAD_WINDOW_OF_RATE : LOAD_WINDOW;

    self->client_count = options->clients ? options->clients : self->users.count;
    if (self->client_count > LOAD_CLIENTS_MAX)
        return complain(EXIT_USAGE, "more users than there may be clients");
    if (options->window)
        window = options->window;
    else if (window > LOAD_IN_FLIGHT_MAX / self->client_count)
        window = (unsigned)(LOAD_IN_FLIGHT_MAX / self->client_count);
    if (window > LOAD_IN_FLIGHT_MAX / self->client_count)
        return complain(EXIT_USAGE, "clients times window is more than 1,048,576");
    self->clients = must_alloc(self->client_count * sizeof(struct load_client *));
    self->result.clients = (unsigned)self->client_count;
    self->result.window = window;
    return 0;
}

static int prepare(struct load *self, const char *server)
{
    const struct load_options *options = self->options;
    const char *data = options->to ? DATA_TO : DATA_PLAIN;
    struct fault fault;
    enum status status;
    int exit_status = find_server(self, server);

    if (exit_status != 0)
        return exit_status;
    status = load_text_init(&self->text, options->data ? options->data : data, options->least_bytes,
        options->most_bytes, options->seed, &fault);
    if (status != STATUS_OK)
        return complain(EXIT_USAGE, fault.text);
    status = load_users_init(&self->users, options,
        self->login.password[0] ? self->login.password : ANY_PASSWORD, &fault);
    login_wipe(&self->login);
    if (status != STATUS_OK)
        return complain(status == STATUS_IO ? EXIT_LOCAL_IO : EXIT_USAGE, fault.text);
    self->pace = (struct load_pace){.rate = options->rate,
        .count = options->count ? options->count : UINT64_MAX,
        .until_ns = (uint64_t)(options->duration_s * 1e9)};
    return choose_clients(self);
}

/* ---- what came of it ------------------------------------------------------------------------- */

static bool write_json(FILE *out, void *user)
{
    load_report_json(out, user);
    return !ferror(out);
}

static bool write_svg(FILE *out, void *user)
{
    load_report_svg(out, user);
    return !ferror(out);
}

static int write_file(const char *path, replace_write *write, struct load_result *result)
{
    struct fault fault;

    if (!path)
        return 0;
    if (strcmp(path, "-") == 0)
        return write(stdout, result) && fflush(stdout) == 0
                   ? 0
                   : complain(EXIT_LOCAL_IO, "standard output could not be written");
    return replace_file(path, write, result, &fault) == STATUS_OK
               ? 0
               : complain(EXIT_LOCAL_IO, fault.text);
}

static bool takes_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

static int report(struct load *self)
{
    const struct load_options *options = self->options;
    int exit_status = 0;

    if (!takes_stdout(options->json) && !takes_stdout(options->svg)) {
        load_report_text(stdout, &self->result);
        if (fflush(stdout) != 0)
            exit_status = complain(EXIT_LOCAL_IO, "standard output could not be written");
    }
    int json = write_file(options->json, write_json, &self->result);
    int svg = write_file(options->svg, write_svg, &self->result);
    if (json || svg)
        exit_status = json ? json : svg;
    if (self->result.interrupted)
        return EXIT_INTERRUPTED;
    if (exit_status == 0)
        exit_status = self->exit_status;
    return exit_status ? exit_status : (int)client_tally_exit(&self->result.figures.tally);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int drive(struct load *self)
{
    struct fault fault;

    orphans_adopt(); /* for its limit of descriptors; children there are none */
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    self->resolver = worker_new(self->loop, 1, LOAD_CLIENTS_MAX);
    self->line = progress_line_new(stderr);
    if (load_drive_start(self, &fault) != STATUS_OK) {
        self->exit_status = complain(EXIT_INTERNAL, fault.text);
    } else {
        if (self->phase != LOAD_OVER)
            ev_run(self->loop, 0);
        load_drive_end(self);
    }
    progress_line_free(self->line);
    int exit_status = self->began.tv_sec ? report(self) : self->exit_status;
    if (!self->began.tv_sec && self->result.interrupted)
        exit_status = EXIT_INTERRUPTED;
    for (size_t i = 0; i < self->started; i++)
        load_client_free(self->clients[i]);
    streams_free(self->streams);
    worker_free(self->resolver);
    ev_loop_destroy(self->loop);
    return exit_status;
}

int load_server(const struct load_options *options, const char *server)
{
    /* What is measured needs more room than a stack should give. */
    struct load *self = must_alloc(sizeof(*self));

    self->options = options;
    self->result.options = options;
    self->result.server = server;
    int exit_status = prepare(self, server);
    if (exit_status == 0)
        exit_status = drive(self);
    load_users_release(&self->users);
    load_text_release(&self->text);
    login_release(&self->login);
    free(self->clients);
    free(self);
    return exit_status;
}
