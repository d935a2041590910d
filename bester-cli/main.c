/*
 * bester-cli: a person's conversation with a server, at a terminal or as a script.
 *
 * Our code is MIT; linked with readline the program as a whole is under the GPL,
 * version 3 or later.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bester-cli/draft.h"
#include "bester-cli/editor.h"
#include "bester-cli/history.h"
#include "bester-cli/prompt.h"
#include "bester-cli/script.h"
#include "bester-cli/session.h"
#include "bester-cli/settings.h"
#include "bester-cli/terminal.h"
#include "bester-cli/verbs.h"

#include "libbester/descriptors.h"

struct cli {
    struct ev_loop *loop;
    struct screen screen;
    struct session session;
    struct script script;
    bool interactive;
    bool plain;
    int script_fd;
    struct outlet outlet; /* of a script */
    bool over;            /* but for what waits in it */
    struct editor editor;
    char *draft; /* what was edited and could not be sent; NULL: nothing */
    bool has_history;
    char history[HISTORY_PATH_MAX];
    enum client_exit exit_status;
};

static void update_prompt(struct cli *self)
{
    char text[SESSION_PROMPT_MAX];
    if (self->screen.prompt != NULL)
        prompt_set_text(self->screen.prompt, session_prompt(&self->session, text));
    if (self->screen.plain != NULL)
        plain_set_text(self->screen.plain, session_prompt(&self->session, text));
}

static void drop_prompt(struct cli *self)
{
    prompt_free(self->screen.prompt);
    self->screen.prompt = NULL;
    plain_free(self->screen.plain);
    self->screen.plain = NULL;
}

/* ---- from the prompt --------------------------------------------------------------------------
 */

static void on_line(const char *line, void *user)
{
    struct cli *self = user;
    verbs_line(&self->session, line);
    update_prompt(self);
}

static void on_interrupt(void *user)
{
    struct cli *self = user;
    session_cancel(&self->session);
    update_prompt(self);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void leave(void *user)
{
    struct cli *self = user;
    size_t waiting = session_waiting(&self->session);
    size_t queued = self->session.outbox.counts[LINE_QUEUED];
    drop_prompt(self);
    if (queued > 0 && self->interactive)
        screen_say(&self->screen, STYLE_NOTE,
            "waiting to send %zu line%s; Ctrl-C leaves at once, without", queued, plural(queued));
    else if (waiting > 0 && self->interactive)
        screen_say(&self->screen, STYLE_NOTE, "waiting for %zu report%s; Ctrl-C leaves at once",
            waiting, plural(waiting));
    session_finish(&self->session);
}

static char *complete(const char *line, size_t start, const char *word, unsigned index, void *user)
{
    const struct cli *self = user;
    return verbs_complete(&self->session, line, start, word, index);
}

/* Answers to /new are no lines of their own. */
static bool remember(const char *line, void *user)
{
    struct cli *self = user;
    if (self->session.dialogue.active || history_is_secret(line))
        return false;
    if (self->has_history && history_append(self->history, line) != STATUS_OK) {
        self->has_history = false;
        screen_say(
            &self->screen, STYLE_NOTE, "%s cannot be written; lines are not kept", self->history);
    }
    return true;
}

static bool wants_file(const char *line, size_t start, void *user)
{
    const struct cli *self = user;
    return !self->session.dialogue.active && verbs_wants_file(line, start);
}

static const struct prompt_callbacks prompt_callbacks = {.on_line = on_line,
    .remember = remember,
    .wants_file = wants_file,
    .on_interrupt = on_interrupt,
    .on_end = leave,
    .complete = complete};

/* ---- from the session -------------------------------------------------------------------------
 */

static void on_ready(void *user)
{
    struct cli *self = user;
    char text[SESSION_PROMPT_MAX];
    if (!self->interactive) {
        script_init(&self->script, self->loop, &self->session, self->script_fd);
        return;
    }
    session_prompt(&self->session, text);
    self->has_history = !self->plain && history_path(self->history, "history");
    if (self->has_history)
        history_load(self->history, prompt_recall);
    if (self->plain)
        self->screen.plain = plain_new(self->loop, text, &prompt_callbacks, self);
    else
        self->screen.prompt =
            prompt_new(self->loop, text, self->screen.colour, &prompt_callbacks, self);
    if (self->screen.prompt == NULL && self->screen.plain == NULL) {
        screen_say(&self->screen, STYLE_BAD, "out of memory");
        session_finish(&self->session);
    }
}

static void on_settled(void *user)
{
    struct cli *self = user;
    update_prompt(self);
    if (self->script.loop != NULL)
        script_pump(&self->script);
}

/* ---- /edit ------------------------------------------------------------------------------------
 */

static bool has_text(const struct edited *edited)
{
    return edited->text != NULL && edited->text[strspn(edited->text, " \t\n")] != '\0';
}

/* The editor has gone because we are to go: by the signal, as whoever sent it expects. */
static void end_with_draft(struct cli *self, const struct edited *edited)
{
    bool kept = has_text(edited) && draft_keep(edited->text);
    drop_prompt(self);
    if (kept)
        screen_say(&self->screen, STYLE_NOTE, "your text is kept; /edit goes on with it");
    fflush(NULL);
    raise(edited->signal);
}

/* With a mistake in it, the next /edit goes on with it. */
static void set_draft(struct cli *self, const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);
    free(self->draft);
    self->draft = copy;
    if (copy == NULL || !draft_keep(copy))
        draft_forget();
}

static void on_edited(const struct edited *edited, void *user)
{
    struct cli *self = user;
    unsigned long before = self->session.outbox.next;
    if (edited->signal != 0) {
        end_with_draft(self, edited);
        return;
    }
    if (self->session.ended)
        return;
    if (self->plain)
        plain_resume(self->screen.plain);
    else
        prompt_resume(self->screen.prompt);
    if (edited->good)
        session_edited(&self->session, edited->text);
    else
        screen_say(&self->screen, STYLE_BAD, "the editor failed; nothing was sent%s",
            has_text(edited) ? "; /edit goes on with your text" : "");
    bool unsent = self->session.outbox.next == before && has_text(edited);
    set_draft(self, unsent ? edited->text : NULL);
    update_prompt(self);
}

static void on_edit(void *user)
{
    struct cli *self = user;
    if (!self->interactive) {
        session_refuse(&self->session, "/edit needs a terminal");
        return;
    }
    if (self->draft == NULL)
        self->draft = draft_read(); /* of an earlier run */
    if (self->plain)
        plain_suspend(self->screen.plain);
    else
        prompt_suspend(self->screen.prompt);
    if (editor_start(&self->editor, self->loop, self->draft == NULL ? "" : self->draft,
            terminal_is_dumb(), on_edited, self) == STATUS_OK)
        return;
    session_refuse(&self->session, "/edit: %s", strerror(errno));
    if (self->plain)
        plain_resume(self->screen.plain);
    else
        prompt_resume(self->screen.prompt);
}

/* In a script the rest is left unread. */
static void on_quit(void *user)
{
    struct cli *self = user;
    if (self->interactive)
        leave(self);
    else
        self->session.finishing = true; /* the script sees it behind its line */
}

static void on_end(enum client_exit exit_status, void *user)
{
    struct cli *self = user;
    drop_prompt(self);
    self->exit_status = exit_status;
    self->over = true;
    if (self->screen.outlet == NULL || outlet_is_empty(self->screen.outlet))
        ev_break(self->loop, EVBREAK_ALL);
}

static const struct session_callbacks session_callbacks = {.on_ready = on_ready,
    .on_settled = on_settled,
    .on_edit = on_edit,
    .on_quit = on_quit,
    .on_end = on_end};

/* ---- the program ------------------------------------------------------------------------------
 */

static bool wants_colour(const struct cli *self, enum colour colour)
{
    const char *no = getenv("NO_COLOR");
    if (self->plain || colour != COLOUR_AUTO)
        return !self->plain && colour == COLOUR_ALWAYS;
    return self->interactive && (no == NULL || no[0] == '\0');
}

static int complain(const char *text, int exit_status)
{
    fprintf(stderr, "bester-cli: %s\n", text);
    return exit_status;
}

/* A file that holds the lines of -e, as if one had written a script. -1: failed. */
static int commands_fd(const struct settings *settings)
{
    int fd = memfd_create("bester-cli -e", MFD_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(dup(fd), "w");
    if (file == NULL)
        return -1;
    for (size_t i = 0; i < settings->command_count; i++)
        fprintf(file, "%s\n", settings->commands[i]);
    if (fclose(file) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        return -1;
    return fd;
}

static void on_outlet_room(void *user)
{
    struct cli *self = user;
    if (self->over)
        ev_break(self->loop, EVBREAK_ALL);
    else
        session_go_on(&self->session);
}

static bool open_script(struct cli *self, const struct settings *settings)
{
    outlet_init(&self->outlet, self->loop, STDOUT_FILENO, on_outlet_room, self);
    self->screen.outlet = &self->outlet;
    bool from_input = settings->source == NULL || strcmp(settings->source, "-") == 0;
    self->interactive = false;
    self->script_fd = STDIN_FILENO;
    if (settings->command_count > 0)
        self->script_fd = commands_fd(settings);
    else if (!from_input)
        self->script_fd = open(settings->source, O_RDONLY | O_CLOEXEC);
    if (self->script_fd < 0)
        fprintf(stderr, "bester-cli: %s: %s\n",
            settings->command_count > 0 ? "-e" : settings->source, strerror(errno));
    return self->script_fd >= 0;
}

static int run(struct cli *self, const struct settings *settings, const char *server)
{
    struct login login = {0};
    struct fault fault = {0};
    struct session_options options = {.type = settings->type,
        .to = settings->to,
        .report_s = settings->report_s,
        .heartbeat_s = settings->heartbeat_s,
        .reconnect_s = settings->reconnect_s,
        .is_script = !self->interactive};
    enum status status = login_prepare(&login, &settings->login, server, &fault);
    if (status != STATUS_OK)
        return complain(fault.text, status == STATUS_IO ? EXIT_LOCAL_IO : EXIT_USAGE);
    if (login_is_exposed(&login))
        (void)complain(LOGIN_EXPOSED_TEXT, EXIT_ALL_GOOD);
    status = session_start(
        &self->session, self->loop, &self->screen, &login, &options, &session_callbacks, self);
    login_release(&login);
    if (status != STATUS_OK)
        return complain(status_help(status), EXIT_INTERNAL);
    ev_run(self->loop, 0);
    enum client_exit exit_status = self->exit_status;
    if (self->script.exit_status != EXIT_ALL_GOOD)
        exit_status = self->script.exit_status;
    if (self->screen.outlet != NULL && outlet_status(self->screen.outlet) != STATUS_OK)
        exit_status = EXIT_LOCAL_IO;
    script_release(&self->script);
    free(self->draft);
    session_release(&self->session);
    return exit_status;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct operands operands;
    int exit_status = EXIT_INTERNAL;
    struct cli self = {.screen = {.out = stdout, .err = stderr}};
    descriptors_fill();
    setlocale(LC_CTYPE, ""); /* for the width of what is typed; numbers stay as they are */
    settings_init(&settings);
    if (!options_begin(
            &settings_table, argc, argv, &settings, &operands, stdout, stderr, &exit_status))
        return exit_status;
    if (operands.count > 1)
        return complain("one SERVER is enough", EXIT_USAGE);
    if (settings.source != NULL && settings.command_count > 0)
        return complain("either -e or --source", EXIT_USAGE);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    self.loop = ev_default_loop(EVFLAG_AUTO);
    if (self.loop == NULL)
        return complain("no event loop", EXIT_INTERNAL);
    self.interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    self.plain = settings.plain || terminal_is_dumb();
    if ((settings.source != NULL || settings.command_count > 0 || !self.interactive) &&
        !open_script(&self, &settings))
        return EXIT_LOCAL_IO;
    self.screen.colour = wants_colour(&self, settings.colour);
    exit_status = run(&self, &settings, operands.count == 1 ? operands.at[0] : NULL);
    if (self.screen.outlet != NULL)
        outlet_release(self.screen.outlet);
    ev_loop_destroy(self.loop);
    if (fflush(stdout) != 0 || ferror(stdout))
        return EXIT_LOCAL_IO;
    return exit_status;
}
