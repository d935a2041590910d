#include "harness/actor_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/actor_foreign.h"
#include "harness/must.h"
#include "harness/needs.h"
#include "harness/orphans.h"
#include "harness/process.h"

enum { ENVIRONMENT_MAX = 16, SOCKETS_MAX = TRANSPORT_COUNT };

enum stage_of_life { LIFE_ACCOUNTS, LIFE_RUNS, LIFE_ENDED };

struct actor_process {
    const struct setting *setting;
    int member;
    struct process *process;
    struct actor_foreign *foreign; /* of a server that is no besterd */
    enum stage_of_life life;
    size_t account; /* the next one to add */
    bool end_expected;
    bool asked_to_end;
    int wait_status;
    char *environment[ENVIRONMENT_MAX];
    size_t environment_count;
};

static const struct member *cast_of(const struct actor_process *self)
{
    return &self->setting->scenario->members[self->member];
}

static void trouble(struct actor_process *self, enum cause cause, const char *text)
{
    self->setting->on_trouble(self->member, cause, text, self->setting->user);
}

/* ---- its surroundings ------------------------------------------------------------------------ */

static void add_environment(struct actor_process *self, const char *name, const char *value)
{
    if (self->environment_count + 1 < ENVIRONMENT_MAX)
        self->environment[self->environment_count++] = must_print("%s=%s", name, value);
}

/* Nothing that a program keeps for its user may come from, or go to, ours. */
static void add_directories(struct actor_process *self, const char *dir)
{
    static const char *const names[] = {
        "HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        add_environment(self, names[i], dir);
}

/* ---- a server -------------------------------------------------------------------------------- */

static void start_server(struct actor_process *self);
static void start_foreign(struct actor_process *self);

static void on_line(const char *line, enum process_output output, void *user)
{
    struct actor_process *self = user;

    (void)output;
    timeline_log(self->setting->timeline, self->member, line);
    if (self->foreign)
        actor_foreign_look(self->foreign);
}

static void on_account_added(int wait_status, void *user)
{
    struct actor_process *self = user;
    char text[160];
    char how[100];

    process_free(self->process);
    self->process = NULL;
    if (self->asked_to_end) { /* before it had begun */
        self->life = LIFE_ENDED;
        self->setting->on_change(self->member, self->setting->user);
        return;
    }
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
        start_server(self);
        return;
    }
    process_describe(wait_status, how, sizeof(how));
    snprintf(text, sizeof(text), "an account could not be added: besterd user add %s", how);
    self->life = LIFE_ENDED;
    trouble(self, CAUSE_NOT_STARTED, text);
}

static const struct process_callbacks account_callbacks = {
    .on_line = on_line, .on_exit = on_account_added};

/* Adds the next account; false: there is none left. */
static bool add_account(struct actor_process *self)
{
    const json_t *accounts = cast_of(self)->server.accounts;
    void *iter = json_object_iter((json_t *)accounts);
    char config[256];
    struct fault fault;

    for (size_t i = 0; iter && i < self->account; i++)
        iter = json_object_iter_next((json_t *)accounts, iter);
    if (!iter)
        return false;
    self->account++;
    topology_config_path(self->setting->topology, self->member, config, sizeof(config));
    char *argv[] = {(char *)self->setting->topology->programs->besterd, (char *)"user",
        (char *)"add", (char *)json_object_iter_key(iter), (char *)"--config", config, NULL};
    char *password = must_print("%s\n", json_string_value(json_object_iter_value(iter)));
    struct process_spec spec = {
        .argv = argv, .environment = (const char *const *)self->environment, .input = password};
    self->process = process_start(self->setting->loop, &spec, &account_callbacks, self, &fault);
    if (!self->process) {
        self->life = LIFE_ENDED;
        trouble(self, CAUSE_NOT_STARTED, fault.text);
    }
    free(password);
    return true;
}

/* Well ended when asked to. A handler or client may leave it to the signal that asks, as
 * most do. A server that was asked before it was ready may not mind the signal yet: so may
 * be one that has never said anything. */
static bool ended_well(const struct actor_process *self, int wait_status)
{
    if (self->foreign && !(self->setting->topology->programs->has & need_bit(FEATURE_EXIT)))
        return self->asked_to_end;
    if (cast_of(self)->kind != MEMBER_SERVER && WIFSIGNALED(wait_status))
        return self->asked_to_end && WTERMSIG(wait_status) == SIGTERM;
    if (WIFSIGNALED(wait_status))
        return WTERMSIG(wait_status) == SIGTERM &&
               !timeline_has_heard(self->setting->timeline, self->member);
    return WEXITSTATUS(wait_status) == 0;
}

static void on_exit_status(int wait_status, void *user)
{
    struct actor_process *self = user;
    bool good = ended_well(self, wait_status);
    char how[100];

    self->life = LIFE_ENDED;
    self->wait_status = wait_status;
    process_describe(wait_status, how, sizeof(how));
    timeline_note(self->setting->timeline, self->member, "%s", how);
    if (self->foreign && !self->asked_to_end && !self->end_expected &&
        actor_foreign_again(self->foreign)) {
        process_free(self->process);
        start_foreign(self);
        return;
    }
    bool may_end = self->asked_to_end || cast_of(self)->kind == MEMBER_CLIENT;
    if (!may_end && !self->end_expected)
        trouble(self, CAUSE_PEER_DIED, how);
    else if (!self->end_expected && !good)
        trouble(self, CAUSE_WRONG_END, how);
    self->setting->on_change(self->member, self->setting->user);
}

static const struct process_callbacks callbacks = {.on_line = on_line, .on_exit = on_exit_status};

static void start(struct actor_process *self, const struct process_spec *spec,
    const struct process_callbacks *calls)
{
    struct fault fault;

    self->process = process_start(self->setting->loop, spec, calls, self, &fault);
    if (!self->process) {
        self->life = LIFE_ENDED;
        trouble(self, CAUSE_NOT_STARTED, fault.text);
        return;
    }
    self->life = LIFE_RUNS;
    timeline_note(self->setting->timeline, self->member, "started, process %d",
        (int)process_pid(self->process));
    self->setting->on_change(self->member, self->setting->user);
}

static void on_serves(void *user)
{
    struct actor_process *self = user;

    self->setting->on_change(self->member, self->setting->user);
}

/* It binds its own sockets, a moment after we have let go of them. */
static void start_foreign(struct actor_process *self)
{
    char **words = actor_foreign_words(self->setting, self->member);
    char dir[200];

    topology_server_dir(self->setting->topology, self->member, dir, sizeof(dir));
    if (!self->foreign)
        self->foreign = actor_foreign_new(self->setting, self->member, on_serves, self);
    struct process_spec spec = {
        .argv = words, .environment = (const char *const *)self->environment, .directory = dir};
    topology_let_go(self->setting->topology, self->member);
    start(self, &spec, &callbacks);
    if (self->life == LIFE_RUNS)
        actor_foreign_started(self->foreign);
    words_free(words);
}

static void start_server(struct actor_process *self)
{
    const struct topology *topology = self->setting->topology;
    char config[256];
    char dir[200];
    int sockets[SOCKETS_MAX];
    size_t count = 0;

    if (add_account(self))
        return;
    topology_config_path(topology, self->member, config, sizeof(config));
    topology_server_dir(topology, self->member, dir, sizeof(dir));
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        struct place *home = topology_home(topology, self->member, (enum transport)i);

        if (home->fd >= 0)
            sockets[count++] = home->fd;
    }
    char *argv[] = {(char *)topology->programs->besterd, config, NULL};
    struct process_spec spec = {.argv = argv,
        .environment = (const char *const *)self->environment,
        .directory = dir,
        .sockets = sockets,
        .socket_count = count};
    start(self, &spec, &callbacks);
    /* A dead server's port must refuse; ours would keep it open. */
    topology_let_go(topology, self->member);
}

/* ---- a handler ------------------------------------------------------------------------------- */

/* As besterd starts one: the socket's path first, then the arguments. */
static void start_handler(struct actor_process *self)
{
    const struct member *member = cast_of(self);
    const char *path = topology_back(self->setting->topology, self->member)->text;
    struct fault fault;
    char **words = topology_run_words(self->setting->topology, self->member, &fault);
    char *argv[40] = {NULL};

    if (!words) {
        self->life = LIFE_ENDED;
        trouble(self, CAUSE_NOT_STARTED, fault.text);
        return;
    }
    add_environment(self, "BESTER_SOCKET", path);
    add_environment(self, "BESTER_TYPE", member->handler.type);
    add_environment(self, "BESTER_PROTOCOL", member->handler.stream ? "stream" : "oneshot");
    argv[0] = words[0];
    argv[1] = (char *)path;
    for (size_t i = 1; words[i] && i + 1 < sizeof(argv) / sizeof(argv[0]) - 1; i++)
        argv[i + 1] = words[i];
    struct process_spec spec = {
        .argv = argv, .environment = (const char *const *)self->environment};
    start(self, &spec, &callbacks);
    words_free(words);
}

/* ---- a client -------------------------------------------------------------------------------- */

static void on_client_line(const char *line, enum process_output output, void *user)
{
    static const char *const names[] = {[OUTPUT_STDOUT] = "stdout", [OUTPUT_STDERR] = "stderr"};
    struct actor_process *self = user;
    int to = scenario_find(self->setting->scenario, names[output], -1);

    timeline_frame(self->setting->timeline, self->member, to, EDGE_STDOUT, span_of(line), 0);
}

static const struct process_callbacks client_callbacks = {
    .on_line = on_client_line, .on_exit = on_exit_status};

/* The programs of Bester are found by their names. */
static void add_path(struct actor_process *self)
{
    const char *path = getenv("PATH");
    char *whole = must_print(
        "%s%s%s", self->setting->topology->programs->beside, path ? ":" : "", path ? path : "");

    add_environment(self, "PATH", whole);
    free(whole);
}

static void start_client(struct actor_process *self)
{
    const struct member *member = cast_of(self);
    struct fault fault;
    char **words = topology_run_words(self->setting->topology, self->member, &fault);

    if (!words) {
        self->life = LIFE_ENDED;
        trouble(self, CAUSE_NOT_STARTED, fault.text);
        return;
    }
    self->end_expected = member->client.end_is_told;
    struct process_spec spec = {.argv = words,
        .environment = (const char *const *)self->environment,
        .input_open = member->client.reads,
        .apart = true};
    start(self, &spec, &client_callbacks);
    words_free(words);
}

/* The bytes that a line stands for. */
static char *line_bytes(const struct utterance *utterance, size_t *len)
{
    bool line = utterance->body == BODY_RAW || utterance->body == BODY_JSON;
    char *dumped = utterance->body == BODY_JSON
                       ? json_dumps(utterance->wire, JSON_COMPACT | JSON_ENCODE_ANY)
                       : NULL;
    const char *at = dumped ? dumped : utterance->bytes;

    *len = dumped ? strlen(dumped) : utterance->len;
    char *bytes = must_alloc(*len + 2);
    memcpy(bytes, at, *len);
    if (line)
        bytes[(*len)++] = '\n';
    free(dumped);
    return bytes;
}

enum status actor_process_say(
    struct actor_process *self, int from, const struct utterance *utterance, struct fault *fault)
{
    enum status status = STATUS_OK;
    size_t len = 0;

    if (!process_runs(self->process))
        return fault_set(fault, STATUS_CLOSED, 0, "\"%s\" has ended", cast_of(self)->name);
    if (utterance->body == BODY_CLOSE) {
        timeline_said_text(
            self->setting->timeline, from, self->member, EDGE_STDIN, "{\"close\": true}");
        process_end_input(self->process);
        return STATUS_OK;
    }
    char *bytes = line_bytes(utterance, &len);
    status = process_write(self->process, (struct span){bytes, len});
    json_t *shown = json_stringn(bytes, len);
    char *text = shown ? must_dump(shown) : must_copy("(bytes that are no text)");
    timeline_said_text(self->setting->timeline, from, self->member, EDGE_STDIN, text);
    json_decref(shown);
    free(text);
    free(bytes);
    if (status != STATUS_OK)
        return fault_set(fault, STATUS_CLOSED, 0, "\"%s\" no longer reads", cast_of(self)->name);
    return STATUS_OK;
}

/* ---- its end --------------------------------------------------------------------------------- */

static bool ends_by(int number)
{
    return number != SIGSTOP && number != SIGCONT && number != SIGHUP;
}

void actor_process_signal(struct actor_process *self, int number)
{
    timeline_fault(
        self->setting->timeline, self->member, -1, "signal %d (%s)", number, strsignal(number));
    self->end_expected = self->end_expected || ends_by(number);
    process_signal(self->process, number);
}

void actor_process_ask_to_end(struct actor_process *self)
{
    if (self->asked_to_end)
        return; /* a second signal could kill it while it ends cleanly */
    self->asked_to_end = true;
    /* In this order: what the play had stopped must go on to see the other, and a SIGCONT that
     * comes later would undo the SIGSTOP by which LeakSanitizer holds a process that ends. */
    process_signal(self->process, SIGCONT);
    if (process_runs(self->process) && cast_of(self)->client.reads)
        process_end_input(self->process);
    process_signal(self->process, SIGTERM);
}

void actor_process_expect_end(struct actor_process *self)
{
    self->end_expected = true;
}

bool actor_process_has_started(const struct actor_process *self)
{
    return self->life != LIFE_ACCOUNTS &&
           (!self->foreign || actor_foreign_serves(self->foreign) || self->life == LIFE_ENDED);
}

bool actor_process_runs(const struct actor_process *self)
{
    return self->life != LIFE_ENDED;
}

bool actor_process_has_ended(const struct actor_process *self, int *wait_status)
{
    *wait_status = self->wait_status;
    return self->life == LIFE_ENDED;
}

struct actor_process *actor_process_new(const struct setting *setting, int member, bool again)
{
    struct actor_process *self = must_alloc(sizeof(*self));
    char dir[200];

    *self = (struct actor_process){.setting = setting, .member = member};
    add_environment(self, ORPHANS_MARK, setting->topology->dir);
    if (again)
        self->account = json_object_size(cast_of(self)->server.accounts);
    if (cast_of(self)->kind == MEMBER_SERVER) {
        topology_server_dir(setting->topology, member, dir, sizeof(dir));
        add_directories(self, dir);
        if (setting->topology->programs->foreign)
            start_foreign(self);
        else
            start_server(self);
    } else if (cast_of(self)->kind == MEMBER_CLIENT) {
        snprintf(dir, sizeof(dir), "%s/client%d", setting->topology->dir, member);
        mkdir(dir, 0700); /* of the program alone; it may be there already */
        add_directories(self, dir);
        add_path(self);
        start_client(self);
    } else {
        start_handler(self);
    }
    return self;
}

void actor_process_free(struct actor_process *self)
{
    if (!self)
        return;
    process_free(self->process);
    actor_foreign_free(self->foreign);
    for (size_t i = 0; i < self->environment_count; i++)
        free(self->environment[i]);
    free(self);
}
