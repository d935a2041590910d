/* besterd: the server. See besterd(8). */
#include <ev.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "besterd/check_command.h"
#include "besterd/config.h"
#include "besterd/features.h"
#include "besterd/identity_command.h"
#include "besterd/log.h"
#include "besterd/privileges.h"
#include "besterd/sandbox.h"
#include "besterd/server.h"
#include "besterd/user_command.h"
#include "libbester/descriptors.h"
#include "libbester/last_resort.h"
#include "libbester/options.h"

enum { EXIT_GOOD = 0, EXIT_FAULT = 1, EXIT_WRONG_USE = 2, EXIT_FILE = 74, EXIT_CONFIG = 78 };

struct settings {
    const char *config_file;
    bool features;
};

static const struct option_row rows[] = {
    {.name = "config",
        .letter = 'c',
        .kind = OPTION_TEXT,
        .argument = "CONFIG",
        .offset = offsetof(struct settings, config_file),
        .help = "the configuration, JSON; without one besterd serves this machine alone, with "
                "its files under the XDG directories"},
    {.name = "features",
        .kind = OPTION_FLAG,
        .offset = offsetof(struct settings, features),
        .help = "print what this server can do beyond the first protocol, a word on each line"},
    OPTION_COMMON_ROWS,
};

static const char *const synopsis[] = {
    "[--config] [CONFIG]",
    "check [CONFIG]",
    "identity [--next | --promote] [--config CONFIG]",
    "user add|remove|passwd|list [NAME] [--config CONFIG]",
    "--features",
    NULL,
};

static const struct option_exit exits[] = {
    {EXIT_GOOD, "ended as asked (SIGTERM, SIGINT)"},
    {EXIT_FAULT, "a fault of the program; user: there is, or is not, such a user"},
    {EXIT_WRONG_USE, "wrong options or arguments"},
    {EXIT_FILE, "a file or a socket could not be used"},
    {EXIT_CONFIG, "the configuration is wrong"},
    {0, NULL},
};

static const struct option_section sections[] = {
    {"DESCRIPTION",
        "besterd takes messages from clients and other servers and hands each to the handler of "
        "its type, a process of its own that says what is to become of it.\n\n"
        "\"besterd check\" names every mistake of a configuration by its JSON path; "
        "\"besterd check --help\" lists the members there are. \"besterd user\" keeps the "
        "accounts. \"besterd identity\" tells the line by which other servers know this one.\n\n"
        "SIGHUP makes it read its configuration again; no session is lost. "
        "SIGTERM and SIGINT end it in order: nothing new is accepted, what is in flight gets its "
        "report, handlers are ended. A second signal ends it at once."},
    {NULL, NULL},
};

static const struct option_table table = {
    .program = "besterd",
    .synopsis = synopsis,
    .summary = "the server of Bester, a federated, pluggable message exchange",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .exits = exits,
    .sections = sections,
    .stop_at_operand = true,
};

static void on_stop(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    server_stop(watcher->data);
}

static void on_reload(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct mistakes mistakes, ignored;

    (void)loop, (void)events;
    mistakes_init(&mistakes);
    mistakes_init(&ignored);
    (void)server_reload(watcher->data, &mistakes, &ignored); /* it has logged how it went */
    mistakes_release(&ignored);
    mistakes_release(&mistakes);
}

static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

/* Where there is no file to read again, a hang-up is what a terminal says when it
 * goes. */
static void watch_signals(
    struct ev_loop *loop, struct server *server, bool has_file, ev_signal watchers[SIGNALS])
{
    for (size_t i = 0; i < SIGNALS; i++) {
        bool reloads = signals[i] == SIGHUP && has_file;

        ev_signal_init(&watchers[i], reloads ? on_reload : on_stop, signals[i]);
        watchers[i].data = server;
        ev_signal_start(loop, &watchers[i]);
    }
}

static const int hangup = SIGHUP;

/* One that comes while we start waits until it can be heard; one that comes while
 * we tidy up would end us with a signal instead of a status. */
static void mask_signals(int how, const int *numbers, size_t count)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, numbers[i]);
    sigprocmask(how, &set, NULL);
}

/* Each connection is a descriptor; the soft limit is often 1024 for no reason
 * that concerns us. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

struct run {
    struct server *server;
    bool lost; /* the spawner has ended */
};

/* It cannot be had again: what it was forked for is that we could not start anything
 * ourselves. Whoever looks after us starts us again, with all that belongs to it. */
static void on_spawner_lost(void *run)
{
    struct run *self = run;

    log_line(LOG_LEVEL_ERROR, "", "cannot go on without the process that starts the handlers");
    self->lost = true;
    server_stop(self->server);
}

static int serve(const struct config *config, struct spawner *spawner, struct ev_loop *loop)
{
    ev_signal watchers[SIGNALS];
    struct run run = {.lost = false};
    struct fault fault;

    enum status status = server_prepare(config, &fault);
    if (status == STATUS_OK) {
        sandbox_confine_files(config);
        status = server_new(&run.server, config, spawner, loop, &fault);
    }
    if (status != STATUS_OK) {
        log_line(LOG_LEVEL_ERROR, "", "cannot start: %s", fault.text);
        return status == STATUS_IO        ? EXIT_FILE
               : status == STATUS_INVALID ? EXIT_CONFIG
                                          : EXIT_FAULT;
    }
    spawner_attach(spawner, loop, on_spawner_lost, &run);
    watch_signals(loop, run.server, config->file != NULL, watchers);
    mask_signals(SIG_UNBLOCK, &hangup, 1);
    privileges_tell_missing(config);
    sandbox_confine_calls(config);
    sandbox_tell(config);
    log_line(LOG_LEVEL_INFO, "", "besterd %s serves as %s", BESTER_VERSION, config->server_name);
    ev_run(loop, 0);
    mask_signals(SIG_BLOCK, signals, SIGNALS);
    for (size_t i = 0; i < SIGNALS; i++)
        ev_signal_stop(loop, &watchers[i]);
    server_free(run.server);
    return run.lost ? EXIT_FAULT : EXIT_GOOD;
}

static int serve_with_spawner(const struct config *config)
{
    struct spawner *spawner;
    struct fault fault;

    if (privileges_check(config, &fault) != STATUS_OK) {
        log_line(LOG_LEVEL_ERROR, "", "cannot start: %s", fault.text);
        return EXIT_CONFIG;
    }
    if (spawner_new(&spawner, config, &fault) != STATUS_OK) {
        log_line(LOG_LEVEL_ERROR, "", "cannot start: %s", fault.text);
        return EXIT_FAULT;
    }
    struct ev_loop *loop = ev_default_loop(0);
    int exit_status = loop ? serve(config, spawner, loop) : EXIT_FAULT;
    spawner_free(spawner);
    if (loop)
        ev_loop_destroy(loop);
    else
        log_line(LOG_LEVEL_ERROR, "", "cannot start: the kernel gives no event loop");
    if (exit_status == EXIT_GOOD)
        log_line(LOG_LEVEL_INFO, "", "ended");
    return exit_status;
}

static void note(const char *text)
{
    log_line(LOG_LEVEL_ERROR, "", "%s", text);
}

static void __attribute__((noreturn)) end(const char *text)
{
    log_line(LOG_LEVEL_ERROR, "", "ended: %s", text);
    _exit(EXIT_FAULT);
}

static int run(const char *config_file)
{
    struct mistakes mistakes;
    struct config *config = NULL;
    int exit_status;

    last_resort_open(note, end);
    /* Asked for meanwhile, the reload comes first thing when the server is up. */
    mask_signals(SIG_BLOCK, &hangup, 1);
    mistakes_init(&mistakes);
    enum status status = config_load(&config, config_file, &mistakes);
    if (status != STATUS_OK) {
        mistakes_print(&mistakes, config_file ? config_file : "the default configuration", stderr);
        exit_status = status == STATUS_INVALID ? EXIT_CONFIG
                      : status == STATUS_IO    ? EXIT_FILE
                                               : EXIT_FAULT;
    } else {
        log_open(STDERR_FILENO, config->log_level);
        log_set_format(config->log_format);
        raise_descriptor_limit();
        exit_status = serve_with_spawner(config);
        log_close();
    }
    config_unref(config);
    mistakes_release(&mistakes);
    last_resort_close();
    return exit_status;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    struct operands operands;
    int exit_status;

    descriptors_fill();
    if (!options_begin(&table, argc, argv, &settings, &operands, stdout, stderr, &exit_status))
        return exit_status;
    if (settings.features) {
        features_print(stdout);
        return EXIT_GOOD;
    }
    const char *first = operands.count > 0 ? operands.at[0] : "";
    if (strcmp(first, "check") == 0)
        return check_command((int)operands.count, operands.at, stdout, stderr);
    if (strcmp(first, "identity") == 0)
        return identity_command(
            settings.config_file, (int)operands.count, operands.at, stdout, stderr);
    if (strcmp(first, "user") == 0)
        return user_command(settings.config_file, (int)operands.count, operands.at,
            &(struct user_command_io){.in = STDIN_FILENO, .out = stdout, .err = stderr});
    if (operands.count > (settings.config_file ? 0 : 1)) {
        fprintf(stderr, "besterd: one configuration at most; see besterd --help\n");
        return EXIT_WRONG_USE;
    }
    return run(settings.config_file ? settings.config_file : operands.count ? first : NULL);
}
