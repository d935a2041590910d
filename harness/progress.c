#include "harness/progress.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness/markup.h"
#include "harness/must.h"

/* More often nobody could read; seldom enough to cost nothing. */
static const double REDRAW_S = 0.1;

struct progress {
    struct ev_loop *loop;
    FILE *out;
    progress_ask *ask;
    void *user;
    ev_timer redraw;
    ev_tstamp began;
    ev_tstamp drawn;
    bool colours;
    bool visible;
};

static const struct {
    enum result result;
    const char *name;
    const char *colour;
    bool always; /* even if there are none */
} parts[] = {
    {RESULT_PASSED, "passed", "32", true},
    {RESULT_FAILED, "failed", "31", false},
    {RESULT_FLAKY, "flaky", "33", false},
    {RESULT_SKIPPED, "skipped", "36", false},
    {RESULT_NOT_RUN, "not run", "36", false},
};

/* ---- the line -------------------------------------------------------------------------------- */

/* A text is cut to the terminal's width, colours are not counted. */
struct printed {
    FILE *out;
    bool colours;
    size_t columns; /* still free */
};

static void put(struct printed *line, const char *colour, const char *text)
{
    size_t len = markup_fit(text, line->columns);

    line->columns -= markup_columns(text) < line->columns ? markup_columns(text) : line->columns;
    if (colour && line->colours)
        fprintf(line->out, "\033[%sm%.*s\033[0m", colour, (int)len, text);
    else
        fprintf(line->out, "%.*s", (int)len, text);
}

static void put_counts(struct printed *line, const struct summary *summary)
{
    const char *comma = " ";

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t count = summary->counts[parts[i].result];
        char text[64];

        if (count == 0 && !parts[i].always)
            continue;
        snprintf(text, sizeof(text), "%zu %s", count, parts[i].name);
        put(line, NULL, comma);
        put(line, count ? parts[i].colour : NULL, text);
        comma = ", ";
    }
}

static size_t width_of(FILE *out)
{
    struct winsize size;

    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 79;
    return size.ws_col - 1U; /* a full line would wrap on some terminals */
}

static void draw(struct progress *self)
{
    struct progress_state state = self->ask(self->user);
    struct printed line = {self->out, self->colours, width_of(self->out)};
    char text[128];

    fputs("\r\033[K", self->out);
    if (state.summary->until_fail)
        snprintf(text, sizeof(text), "%zu", summary_told(state.summary));
    else
        snprintf(
            text, sizeof(text), "%zu/%zu", summary_told(state.summary), state.summary->planned);
    put(&line, "1", text);
    put_counts(&line, state.summary);
    snprintf(text, sizeof(text), ", %zu running, %.1f s", state.playing, ev_time() - self->began);
    put(&line, NULL, text);
    if (state.longest) {
        put(&line, NULL, "  ");
        put(&line, "2", state.longest);
    }
    fflush(self->out);
    self->visible = true;
    self->drawn = ev_time();
}

static void on_redraw(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    draw(watcher->data);
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool can_erase(FILE *out)
{
    const char *terminal = getenv("TERM");

    return isatty(fileno(out)) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

struct progress *progress_new(struct ev_loop *loop, FILE *out, progress_ask *ask, void *user)
{
    const char *no_colour = getenv("NO_COLOR");
    struct progress *self;

    if (!can_erase(out))
        return NULL;
    self = must_alloc(sizeof(*self));
    *self = (struct progress){.loop = loop,
        .out = out,
        .ask = ask,
        .user = user,
        .began = ev_time(),
        .colours = !no_colour || !*no_colour};
    ev_timer_init(&self->redraw, on_redraw, REDRAW_S, REDRAW_S);
    self->redraw.data = self;
    ev_timer_start(loop, &self->redraw);
    return self;
}

void progress_free(struct progress *self)
{
    if (!self)
        return;
    progress_hide(self);
    ev_timer_stop(self->loop, &self->redraw);
    free(self);
}

void progress_update(struct progress *self)
{
    if (self && (!self->visible || ev_time() - self->drawn >= REDRAW_S))
        draw(self);
}

void progress_hide(struct progress *self)
{
    if (!self || !self->visible)
        return;
    fputs("\r\033[K", self->out);
    fflush(self->out);
    self->visible = false;
}

void progress_end(struct progress *self)
{
    struct printed line;
    char text[64];

    if (!self)
        return;
    const struct summary *summary = self->ask(self->user).summary;
    progress_hide(self);
    line = (struct printed){self->out, self->colours, width_of(self->out)};
    snprintf(text, sizeof(text), "%zu play%s:", summary->planned, summary->planned == 1 ? "" : "s");
    put(&line, "1", text);
    put_counts(&line, summary);
    snprintf(text, sizeof(text), ", %.1f s", ev_time() - self->began);
    put(&line, NULL, text);
    fputc('\n', self->out);
    fflush(self->out);
}

/* ---- the line alone -------------------------------------------------------------------------- */

struct progress_line {
    FILE *out;
};

struct progress_line *progress_line_new(FILE *out)
{
    struct progress_line *self;

    if (!can_erase(out))
        return NULL;
    self = must_alloc(sizeof(*self));
    self->out = out;
    return self;
}

void progress_line_show(struct progress_line *self, const char *format, ...)
{
    struct printed line;
    char text[400];
    va_list arguments;

    if (!self)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    line = (struct printed){self->out, false, width_of(self->out)};
    progress_line_hide(self);
    put(&line, NULL, text);
    fflush(self->out);
}

void progress_line_hide(struct progress_line *self)
{
    if (self)
        fputs("\r\033[K", self->out);
}

void progress_line_free(struct progress_line *self)
{
    progress_line_hide(self);
    if (self)
        fflush(self->out);
    free(self);
}
