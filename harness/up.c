#include "harness/up.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/must.h"
#include "harness/orphans.h"
#include "harness/process.h"
#include "harness/rules.h"
#include "harness/stage.h"
#include "harness/text.h"

enum { LINE_BYTES_MAX = 2000, EVENTS_KEPT = 2000, SHELL_SIGNAL_BASE = 128 };

struct up {
    const struct up_options *options;
    struct ev_loop *loop;
    struct streams *streams;
    struct scenario scenario;
    struct programs programs;
    struct stage *stage;
    struct rules *rules;
    unsigned fresh;
    pid_t command; /* 0: none */
    ev_child command_end;
    ev_signal signals[3];
    bool ending;
    int status;
};

/* ---- the end --------------------------------------------------------------------------------- */

static void end(struct up *self, int status)
{
    if (self->ending)
        return;
    self->ending = true;
    self->status = status;
    stage_end(self->stage, self->options->deadline_s);
}

/* While a command has the terminal, what is typed there is its own business. */
static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct up *self = watcher->data;

    (void)events;
    if (watcher->signum == SIGINT && self->command)
        return;
    if (self->ending) /* asked twice: now */
        ev_break(loop, EVBREAK_ALL);
    if (self->command)
        kill(self->command, SIGTERM);
    end(self, 0);
}

static void on_command_end(struct ev_loop *loop, ev_child *watcher, int events)
{
    struct up *self = watcher->data;
    int how = watcher->rstatus;

    (void)events;
    ev_child_stop(loop, watcher);
    self->command = 0;
    end(self, WIFSIGNALED(how) ? SHELL_SIGNAL_BASE + WTERMSIG(how) : WEXITSTATUS(how));
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Names that the cast does not know are the shell's. */
static char *command_text(const struct up *self)
{
    struct bytes out;
    const char *at = self->options->run;
    enum status status = STATUS_OK;

    bytes_init(&out, 1 << 20);
    while (*at && status == STATUS_OK) {
        const char *end_of_name = strncmp(at, "${", 2) == 0 ? strchr(at, '}') : NULL;
        char *name = end_of_name ? must_copy_bytes(at + 2, (size_t)(end_of_name - at) - 2) : NULL;
        char *value = name ? topology_expand(stage_topology(self->stage), name, -1) : NULL;

        status = value ? bytes_append_text(&out, value) : bytes_append(&out, at, 1);
        at = value ? end_of_name + 1 : at + 1;
        free(value);
        free(name);
    }
    char *text = must_copy_bytes(bytes_span(&out).at, out.len);
    bytes_release(&out);
    return text;
}

static void run_command(struct up *self)
{
    char *text = command_text(self);
    pid_t pid = process_fork();

    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", text, (char *)NULL);
        _exit(EXIT_LOCAL_IO);
    }
    free(text);
    if (pid < 0) {
        perror("harness: fork");
        end(self, EXIT_LOCAL_IO);
        return;
    }
    self->command = pid;
    ev_child_init(&self->command_end, on_command_end, pid, 0);
    self->command_end.data = self;
    ev_child_start(self->loop, &self->command_end);
}

/* ---- what the stage tells -------------------------------------------------------------------- */

static void print_accounts(const struct up *self, const struct member *server, const char *address)
{
    const char *dir = stage_topology(self->stage)->dir;
    const char *name;
    json_t *password;

    json_object_foreach (server->server.accounts, name, password) {
        printf(
            "    bester-cli -u %s --password-file %s/%s.password %s\n", name, dir, name, address);
    }
    if (!server->server.accounts)
        printf("    bester-cli -u NAME %s      (any password)\n", address);
}

static void print_addresses(const struct up *self)
{
    for (size_t i = 0; i < self->scenario.member_count; i++) {
        const struct member *member = &self->scenario.members[i];
        char *address;

        if (member->kind != MEMBER_SERVER)
            continue;
        address = topology_expand(stage_topology(self->stage), member->name, -1);
        printf("%s listens at %s\n", member->name, address);
        print_accounts(self, member, address);
        free(address);
    }
    puts("Ctrl-C ends it.");
    fflush(stdout);
}

static void on_ready(void *user)
{
    struct up *self = user;

    if (self->options->run)
        run_command(self);
    else
        print_addresses(self);
}

static void on_event(struct event *event, void *user)
{
    struct up *self = user;

    if (rules_take(self->rules, event, &self->fresh))
        return;
    stage_take(self->stage, event, NULL);
}

static void on_line(const struct event *event, void *user)
{
    const struct up *self = user;

    if (!self->options->ladder || self->ending)
        return;
    char *text = event_text(stage_timeline(self->stage), event, LINE_BYTES_MAX);
    puts(text);
    fflush(stdout);
    free(text);
}

static void on_turn(void *user)
{
    (void)user;
}

/* What the members wrote says why. */
static void on_trouble(int member, enum cause cause, const char *text, void *user)
{
    struct up *self = user;
    const struct timeline *timeline = stage_timeline(self->stage);

    for (const struct event *event = timeline_first(timeline); event; event = event->next) {
        if (event->kind != EVENT_LOG && event->kind != EVENT_NOTE)
            continue;
        char *line = event_text(timeline, event, LINE_BYTES_MAX);
        fprintf(stderr, "%s\n", line);
        free(line);
    }
    fprintf(stderr, "harness: %s: %s%s%s\n", cause_text(cause),
        member >= 0 ? self->scenario.members[member].name : "", member >= 0 ? ": " : "", text);
    self->status = EXIT_INTERNAL;
    if (self->command)
        kill(self->command, SIGTERM);
    ev_break(self->loop, EVBREAK_ALL);
}

static void on_ended(void *user)
{
    struct up *self = user;

    ev_break(self->loop, EVBREAK_ALL);
}

static const struct stage_callbacks callbacks = {.on_ready = on_ready,
    .on_event = on_event,
    .on_line = on_line,
    .on_turn = on_turn,
    .on_trouble = on_trouble,
    .on_ended = on_ended};

/* ---- life ------------------------------------------------------------------------------------ */

static void watch_signals(struct up *self)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ev_signal_init(&self->signals[i], on_signal, numbers[i]);
        self->signals[i].data = self;
        ev_signal_start(self->loop, &self->signals[i]);
    }
}

static void play(struct up *self)
{
    orphans_adopt();
    self->loop = ev_default_loop(0);
    self->streams = streams_new(self->loop);
    watch_signals(self);
    self->stage =
        stage_new(self->loop, self->streams, &self->scenario, &self->programs, &callbacks, self);
    self->rules = rules_new(self->loop, &self->scenario, self->stage);
    timeline_keep(stage_timeline(self->stage), EVENTS_KEPT);
    stage_start(self->stage);
    ev_run(self->loop, 0);
    if (self->command)
        waitpid(self->command, NULL, 0);
    rules_free(self->rules);
    stage_free(self->stage);
    for (size_t i = 0; i < sizeof(self->signals) / sizeof(self->signals[0]); i++)
        ev_signal_stop(self->loop, &self->signals[i]);
    streams_free(self->streams);
    ev_loop_destroy(self->loop);
    orphans_end();
}

int up_world(const struct up_options *options, const char *path)
{
    struct scenario_options load = {.deadline_s = options->deadline_s, .world = true};
    struct up self = {.options = options};
    struct mistake mistake;
    struct fault fault;

    enum status status = scenario_load(&self.scenario, path, &load, &mistake);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s:%u:%u: %s\n", path, mistake.at.line, mistake.at.column, mistake.text);
        return status == STATUS_IO ? EXIT_LOCAL_IO : EXIT_BAD_INPUT;
    }
    for (size_t i = 0; options->unwatched && i < self.scenario.member_count; i++)
        if (self.scenario.members[i].handler.run)
            self.scenario.members[i].handler.by_server = true;
    if (programs_find(&self.programs, options->besterd, &fault) == STATUS_OK) {
        play(&self);
    } else {
        fprintf(stderr, "harness: %s\n", fault.text);
        self.status = EXIT_LOCAL_IO;
    }
    scenario_release(&self.scenario);
    return self.status;
}
