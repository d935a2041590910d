#include "bester-cli/prompt.h"

#include <signal.h>
#include <stdio.h> /* before readline, which needs FILE */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "bester-cli/terminal.h"
#include "libbester/bytes.h"

enum { SHOWN_BYTES_MAX = 64 << 20, COMPLETIONS_SHOWN = 100, HISTORY_MAX = 1000 };

enum { ON_INT, ON_TSTP, ON_CONT, ON_WINCH, ON_TERM, ON_HUP, SIGNAL_COUNT };

struct prompt {
    struct ev_loop *loop;
    const struct prompt_callbacks *callbacks;
    void *user;
    ev_io typed;
    ev_prepare prepare;
    ev_signal signals[SIGNAL_COUNT];
    struct bytes above; /* to be shown above the line at the end of this turn */
    char *text;
    bool colour;
    bool text_changed;
    bool in_line;   /* within on_line: the line is finished, the next not begun */
    bool installed; /* readline has the terminal */
    bool doomed;    /* freed within one of its own callbacks */
    unsigned depth;
};

/* readline calls back without a pointer of ours. */
static struct prompt *the_prompt;

/* ---- drawing --------------------------------------------------------------------------------- */

static bool is_searching(void)
{
    return RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH);
}

/* \001 and \002 enclose what takes no room on the screen. */
static void apply_text(struct prompt *self)
{
    struct bytes text;
    bytes_init(&text, 4096);
    if (bytes_printf(&text, "%s%s%s", self->colour ? "\001\033[1m\002" : "", self->text,
            self->colour ? "\001\033[0m\002" : "") == STATUS_OK)
        rl_set_prompt(bytes_text(&text));
    bytes_release(&text);
    self->text_changed = false;
}

static void write_above(struct prompt *self)
{
    struct span text = bytes_span(&self->above);
    fwrite(text.at, 1, text.len, rl_outstream);
    fflush(rl_outstream);
    bytes_reset(&self->above);
}

/* Holds with wrapped wide text, the cursor anywhere in it, and in reverse search. */
static void redraw(struct prompt *self)
{
    rl_clear_visible_line();
    if (self->above.len > 0)
        write_above(self);
    if (self->text_changed && !is_searching())
        apply_text(self);
    rl_on_new_line();
    rl_forced_update_display();
}

static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    struct prompt *self = watcher->data;
    (void)loop, (void)events;
    if (self->installed && (self->above.len > 0 || (self->text_changed && !is_searching())) &&
        terminal_is_ours())
        redraw(self);
}

void prompt_print(struct prompt *self, struct span text)
{
    if (bytes_append_span(&self->above, text) != STATUS_OK) {
        /* so much in one turn, or no memory: show what there is, and it directly */
        rl_clear_visible_line();
        write_above(self);
        fwrite(text.at, 1, text.len, rl_outstream);
    }
    if (self->in_line)
        write_above(self);
}

void prompt_set_text(struct prompt *self, const char *text)
{
    if (strcmp(self->text, text) == 0)
        return;
    char *copy = strdup(text);
    if (copy == NULL)
        return; /* an old prompt is better than none */
    free(self->text);
    self->text = copy;
    self->text_changed = true;
    if (self->in_line)
        apply_text(self);
}

/* ---- giving the terminal back -----------------------------------------------------------------
 */

/* How the line that is being typed is left on the screen. */
enum leaving {
    LEAVE_LINE,    /* as it is, the cursor below it */
    LEAVE_NOTHING, /* a line that nobody has written on is taken off */
    LEAVE_CURSOR   /* it is finished already */
};

static void tidy(struct prompt *self, enum leaving leaving)
{
    bool has_above = self->above.len > 0;
    if (leaving == LEAVE_CURSOR)
        return;
    if (leaving == LEAVE_NOTHING || has_above)
        rl_clear_visible_line();
    if (has_above)
        write_above(self);
    if (leaving == LEAVE_NOTHING)
        return;
    rl_point = rl_end; /* of several rows the last */
    if (has_above) {
        rl_on_new_line();
        rl_forced_update_display();
    } else {
        rl_redisplay();
    }
}

static void uninstall(struct prompt *self, enum leaving leaving)
{
    if (!self->installed)
        return;
    self->installed = false;
    if (leaving == LEAVE_LINE && rl_end == 0)
        leaving = LEAVE_NOTHING;
    if (terminal_is_ours()) {
        tidy(self, leaving);
        rl_callback_handler_remove();
        if (leaving == LEAVE_LINE)
            fputc('\n', rl_outstream);
        fflush(rl_outstream);
    }
    ev_io_stop(self->loop, &self->typed);
    ev_prepare_stop(self->loop, &self->prepare);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        ev_signal_stop(self->loop, &self->signals[i]);
}

static void destroy(struct prompt *self)
{
    bytes_release(&self->above);
    free(self->text);
    free(self);
}

void prompt_free(struct prompt *self)
{
    if (self == NULL)
        return;
    uninstall(self, self->in_line ? LEAVE_CURSOR : LEAVE_LINE);
    write_above(self); /* while it was suspended */
    if (the_prompt == self)
        the_prompt = NULL;
    self->doomed = true;
    if (self->depth == 0)
        destroy(self);
}

static void leave(struct prompt *self)
{
    if (--self->depth == 0 && self->doomed)
        destroy(self);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool is_worth_remembering(const char *line)
{
    const HIST_ENTRY *last =
        history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    return line[0] != '\0' && (last == NULL || strcmp(last->line, line) != 0);
}

void prompt_recall(const char *line)
{
    if (is_worth_remembering(line))
        add_history(line);
}

/* Ends by the signal, as whoever sent it expects to see. */
static void on_deadly(struct prompt *self, int number)
{
    uninstall(self, LEAVE_LINE);
    fflush(NULL);
    raise(number);
}

static void end_of_input(struct prompt *self)
{
    if (terminal_is_gone())
        on_deadly(self, SIGHUP); /* which may be still to come; this does not return */
    const char *bracketed = rl_variable_value("enable-bracketed-paste"); /* goes on by itself */
    if (bracketed == NULL || strcmp(bracketed, "on") != 0)
        fputc('\n', rl_outstream);
    if (self->above.len > 0)
        write_above(self);
    uninstall(self, LEAVE_CURSOR); /* else the ended input would wake the loop for ever */
    self->callbacks->on_end(self->user);
}

/* NULL: end of input. */
static void on_line(char *line)
{
    struct prompt *self = the_prompt;
    if (self == NULL || line == NULL) {
        free(line);
        if (self != NULL)
            end_of_input(self);
        return;
    }
    if (is_worth_remembering(line) && self->callbacks->remember(line, self->user))
        add_history(line);
    self->in_line = true;
    self->callbacks->on_line(line, self->user);
    self->in_line = false;
    free(line);
}

static void on_typed(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct prompt *self = watcher->data;
    (void)loop, (void)events;
    self->depth++;
    rl_callback_read_char();
    leave(self);
}

/* ---- completion ------------------------------------------------------------------------------ */

static size_t completion_start;

static char *next_completion(const char *word, int state)
{
    static unsigned index;
    struct prompt *self = the_prompt;
    if (state == 0)
        index = 0;
    if (self == NULL)
        return NULL;
    return self->callbacks->complete(rl_line_buffer, completion_start, word, index++, self->user);
}

static char **complete(const char *word, int start, int end)
{
    (void)end;
    struct prompt *self = the_prompt;
    rl_attempted_completion_over = 1;
    if (self != NULL && self->callbacks->wants_file(rl_line_buffer, (size_t)start, self->user)) {
        rl_attempted_completion_over = 0; /* readline looks for files by itself */
        return NULL;
    }
    completion_start = (size_t)start;
    char **matches = rl_completion_matches(word, next_completion);
    if (matches != NULL && matches[0][0] != '\0' && matches[0][strlen(matches[0]) - 1] == '=')
        rl_completion_suppress_append = 1; /* the value follows at once */
    return matches;
}

/* readline would ask whether to show many, and block meanwhile. */
static void show_completions(char **matches, int count, int longest)
{
    if (count <= COMPLETIONS_SHOWN) {
        rl_display_match_list(matches, count, longest);
    } else {
        rl_crlf();
        fprintf(rl_outstream, "%d possibilities\n", count);
    }
    rl_forced_update_display();
}

/* ---- signals --------------------------------------------------------------------------------- */

static void on_interrupt(struct prompt *self)
{
    rl_free_line_state();
    rl_callback_sigcleanup();
    rl_point = rl_end; /* of several rows the last, so that the next prompt is below all */
    rl_redisplay();
    fputs("^C\n", rl_outstream);
    rl_replace_line("", 1);
    rl_point = rl_end = 0;
    self->in_line = true; /* nothing is being typed: what is printed needs no redraw */
    self->callbacks->on_interrupt(self->user);
    self->in_line = false;
    if (!self->installed)
        return;
    apply_text(self);
    rl_on_new_line();
    rl_redisplay();
}

/* In the background we stop again: then whoever brings us forward continues us. */
static void on_resumed(void)
{
    if (!terminal_is_ours())
        raise(SIGTTIN);
    if (!terminal_is_ours())
        return;
    if (rl_prep_term_function != NULL)
        rl_prep_term_function(1);
    rl_on_new_line();
    rl_forced_update_display();
}

/* Stops for real, as if readline were not there, and goes on when continued. */
static void on_stop(struct prompt *self)
{
    rl_clear_visible_line();
    if (rl_deprep_term_function != NULL)
        rl_deprep_term_function();
    ev_signal_stop(self->loop, &self->signals[ON_TSTP]); /* now it has its default action */
    ev_signal_stop(self->loop, &self->signals[ON_CONT]);
    raise(SIGTSTP);
    ev_signal_start(self->loop, &self->signals[ON_CONT]);
    ev_signal_start(self->loop, &self->signals[ON_TSTP]);
    on_resumed();
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    struct prompt *self = watcher->data;
    (void)loop, (void)events;
    self->depth++;
    switch (watcher - self->signals) {
    case ON_INT:
        on_interrupt(self);
        break;
    case ON_TSTP:
        on_stop(self);
        break;
    case ON_CONT: /* after a stop that no program can catch */
        if (terminal_is_ours() && rl_deprep_term_function != NULL)
            rl_deprep_term_function(); /* or it would not be prepared again */
        on_resumed();
        break;
    case ON_WINCH:
        rl_resize_terminal();
        break;
    default:
        on_deadly(self, watcher->signum);
        break;
    }
    leave(self);
}

/* ---- birth ----------------------------------------------------------------------------------- */

static void configure_readline(void)
{
    static const char breaks[] = " \t\n,";
    rl_readline_name = "bester-cli";
    rl_instream = stdin;
    rl_outstream = stdout;
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_change_environment = 0;
    rl_attempted_completion_function = complete;
    rl_completion_display_matches_hook = show_completions;
    rl_completion_query_items = 0;
    rl_basic_word_break_characters = breaks; /* not '@', which stands in user@server */
    rl_completer_word_break_characters = breaks;
    rl_completer_quote_characters = "";
    stifle_history(HISTORY_MAX);
}

static void watch(struct prompt *self)
{
    static const int numbers[SIGNAL_COUNT] = {[ON_INT] = SIGINT,
        [ON_TSTP] = SIGTSTP,
        [ON_CONT] = SIGCONT,
        [ON_WINCH] = SIGWINCH,
        [ON_TERM] = SIGTERM,
        [ON_HUP] = SIGHUP};
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        ev_signal_init(&self->signals[i], on_signal, numbers[i]);
        self->signals[i].data = self;
    }
    ev_io_init(&self->typed, on_typed, STDIN_FILENO, EV_READ);
    ev_prepare_init(&self->prepare, on_prepare);
    self->typed.data = self->prepare.data = self;
}

static void install(struct prompt *self)
{
    rl_callback_handler_install("", on_line);
    self->installed = true;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        ev_signal_start(self->loop, &self->signals[i]);
    ev_io_start(self->loop, &self->typed);
    ev_prepare_start(self->loop, &self->prepare);
    apply_text(self);
    rl_forced_update_display();
}

void prompt_suspend(struct prompt *self)
{
    uninstall(self, self->in_line ? LEAVE_CURSOR : LEAVE_NOTHING);
}

void prompt_resume(struct prompt *self)
{
    if (self->installed)
        return;
    rl_reset_screen_size(); /* it may have changed meanwhile */
    install(self);
}

struct prompt *prompt_new(struct ev_loop *loop, const char *text, bool colour,
    const struct prompt_callbacks *callbacks, void *user)
{
    struct prompt *self = calloc(1, sizeof *self);
    char *copy = strdup(text);
    if (self == NULL || copy == NULL) {
        free(self);
        free(copy);
        return NULL;
    }
    *self = (struct prompt){
        .loop = loop, .callbacks = callbacks, .user = user, .text = copy, .colour = colour};
    bytes_init(&self->above, SHOWN_BYTES_MAX);
    the_prompt = self;
    configure_readline();
    watch(self);
    install(self);
    return self;
}
