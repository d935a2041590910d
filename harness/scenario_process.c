/* Steps about processes. */
#include <signal.h>
#include <string.h>

#include "harness/scenario_load.h"

static const struct signal_name {
    const char *name;
    int number;
} signal_names[] = {
    {"KILL", SIGKILL},
    {"TERM", SIGTERM},
    {"INT", SIGINT},
    {"HUP", SIGHUP},
    {"ABRT", SIGABRT},
};

static bool read_signal(struct loader *self, const json_t *object, struct step *step)
{
    const json_t *name = json_object_get(object, "signal");

    step->signal = SIGKILL;
    if (!name)
        return true;
    for (size_t i = 0; i < sizeof(signal_names) / sizeof(signal_names[0]); i++)
        if (json_is_string(name) && strcmp(json_string_value(name), signal_names[i].name) == 0) {
            step->signal = signal_names[i].number;
            return true;
        }
    return load_fail_member(
        self, object, "signal", "\"signal\" wants KILL, TERM, INT, HUP or ABRT");
}

static bool load_signal(struct loader *self, const json_t *object, const char *word,
    const json_t *value, struct step *step)
{
    step->kind = STEP_SIGNAL;
    if (!load_named_member(self, object, word, value, &step->member))
        return false;
    const struct member *member = &self->scenario->members[step->member];
    if (member->kind == MEMBER_SERVER || member_run(member))
        return true;
    return load_fail_member(self, object, word,
        "\"%s\" is played by the harness and has no process; {\"close\": true} ends a connection",
        member->name);
}

bool load_kill(struct loader *self, const json_t *object, const json_t *value, struct step *step,
    unsigned depth)
{
    (void)depth;
    return read_signal(self, object, step) && load_signal(self, object, "kill", value, step);
}

bool load_stop(struct loader *self, const json_t *object, const json_t *value, struct step *step,
    unsigned depth)
{
    (void)depth;
    step->signal = SIGSTOP;
    return load_signal(self, object, "stop", value, step);
}

bool load_continue(struct loader *self, const json_t *object, const json_t *value,
    struct step *step, unsigned depth)
{
    (void)depth;
    step->signal = SIGCONT;
    return load_signal(self, object, "continue", value, step);
}

bool load_start(struct loader *self, const json_t *object, const json_t *value, struct step *step,
    unsigned depth)
{
    (void)depth;
    if (!load_signal(self, object, "start", value, step))
        return false;
    struct member *member = &self->scenario->members[step->member];
    if (!member_is_process(member))
        return load_fail_member(self, object, "start", "only the server starts its handler");
    if (member->starts_later)
        return load_fail_member(self, object, "start", "\"%s\" is started already", member->name);
    member->starts_later = true;
    step->kind = STEP_START;
    return true;
}

/* {"expect": "S1", "exit": 0}, {"expect": "S1", "log": "<:/ready/>"}, or metrics */
bool load_expect(struct loader *self, const json_t *object, const json_t *value, struct step *step,
    unsigned depth)
{
    json_t *exit_pattern = json_object_get(object, "exit");
    json_t *log = json_object_get(object, "log");
    struct line line = {.saying = {.wire = exit_pattern ? exit_pattern : log}};

    (void)depth;
    if (!load_signal(self, object, "expect", value, step))
        return false;
    if (!exit_pattern + !log + !json_object_get(object, "metrics") != 2)
        return load_fail_member(self, object, "expect",
            "\"expect\" wants one of \"exit\", \"log\" and \"metrics\" beside it");
    if (!exit_pattern && !log)
        return load_metrics(self, object, step);
    if (log && !json_is_string(log))
        return load_fail_member(self, object, "log", "\"log\" wants a text, such as <:/ready/>");
    if (exit_pattern && self->scenario->members[step->member].handler.by_server)
        return load_fail_member(
            self, object, "expect", "only the server knows how its handler ended");
    if (log && self->scenario->members[step->member].kind == MEMBER_CLIENT)
        return load_fail_member(
            self, object, "log", "what a client writes stands on lines such as \"T > stderr\"");
    if (exit_pattern)
        self->scenario->members[step->member].client.end_is_told = true;
    step->kind = log ? STEP_LOG : STEP_EXIT;
    step->pattern = json_incref(exit_pattern ? exit_pattern : log);
    return load_check(self, &line, object);
}

bool load_restart(struct loader *self, const json_t *object, const json_t *value, struct step *step,
    unsigned depth)
{
    (void)depth;
    if (!read_signal(self, object, step) || !load_signal(self, object, "restart", value, step))
        return false;
    if (!member_is_process(&self->scenario->members[step->member]))
        return load_fail_member(self, object, "restart", "only the server starts its handler");
    if (step->signal == SIGHUP)
        return load_fail_member(self, object, "signal", "nobody ends by HUP");
    step->kind = STEP_RESTART;
    return true;
}
