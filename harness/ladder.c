#include "harness/ladder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness/guests.h"
#include "harness/markup.h"
#include "harness/must.h"

enum {
    PLAIN_BYTES_MAX = 2000,
    WIDTH_MIN = 20,
    WIDTH_UNKNOWN = 80,
    WIDTH_FOR_TIMES = 60, /* in a narrower window what is said counts more */
    TIME_COLUMNS = 10,
    NAME_COLUMNS_MAX = 12,
    NAME_COLUMNS_NARROW = 8,
    BYTES_PER_COLUMN = 16 /* no line cut to the width needs more of a frame */
};

struct ladder {
    FILE *out;
    bool terminal;
    bool colours;
    bool whole;
    uint64_t shown; /* the number of the last event */
    size_t name_columns;
    struct guests guests;
};

/* ---- a line ---------------------------------------------------------------------------------- */

static const char *const bad_colour = "31";

/* Who talks to whom, told by colour as well. */
static const char *const edge_colours[EDGE_KIND_COUNT + 1] = {
    [EDGE_CLIENT_SERVER] = "36",
    [EDGE_SERVER_CLIENT] = "36",
    [EDGE_SERVER_SERVER] = "34",
    [EDGE_SERVER_ONESHOT] = "35",
    [EDGE_SERVER_STREAM] = "35",
    [EDGE_ONESHOT_SERVER] = "35",
    [EDGE_STREAM_SERVER] = "35",
    [EDGE_STDIN] = "32",
    [EDGE_STDOUT] = "32",
    [EDGE_KIND_COUNT] = "33",
};

/* What stands between who and what. */
static const char *const signs[] = {
    [EVENT_FRAME] = ">",
    [EVENT_END] = ">",
    [EVENT_SAID] = ">",
    [EVENT_LOG] = "|",
    [EVENT_NOTE] = "*",
    [EVENT_FAULT] = "!",
};

static bool is_bad(const struct event *event)
{
    const json_t *header = json_object_get(event->json, "header");
    const char *status = json_string_value(json_object_get(header, "status"));

    return event->kind == EVENT_FAULT || (status && strcmp(status, "bad") == 0);
}

static size_t width_of(FILE *out)
{
    struct winsize size;

    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_UNKNOWN - 1;
    /* A full line would wrap on some terminals. */
    return size.ws_col > WIDTH_MIN ? size.ws_col - 1U : WIDTH_MIN;
}

/* A text in at most so many columns: cut, it ends in …; returns those it took. */
static size_t put(const struct ladder *self, const char *colour, const char *text, size_t columns)
{
    bool cut = markup_columns(text) > columns;
    size_t len = cut ? markup_fit(text, columns > 0 ? columns - 1 : 0) : strlen(text);
    bool coloured = colour && self->colours && columns > 0;

    if (coloured)
        fprintf(self->out, "\033[%sm", colour);
    fwrite(text, 1, len, self->out);
    if (cut && columns > 0)
        fputs("…", self->out);
    if (coloured)
        fputs("\033[0m", self->out);
    if (!cut)
        return markup_columns(text);
    char *begin = must_copy_bytes(text, len);
    size_t taken = markup_columns(begin) + (columns > 0);
    free(begin);
    return taken;
}

static void put_blanks(const struct ladder *self, size_t count)
{
    fprintf(self->out, "%*s", (int)count, "");
}

static void make_room(struct ladder *self, const char *name)
{
    if (markup_columns(name) > self->name_columns)
        self->name_columns = markup_columns(name);
}

/* For the names that are known beforehand. */
static void make_rooms(struct ladder *self, const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->member_count; i++) {
        const struct member *member = &scenario->members[i];
        const char *user;
        const json_t *password;

        if (!member->client.guest && member->kind != MEMBER_STDIO)
            make_room(self, member->name);
        json_object_foreach (member->server.accounts, user, password)
            make_room(self, user);
    }
}

/* Columns of names grow with the names there are, and stay so. */
static size_t name_columns(struct ladder *self, const char *a, const char *b, size_t width)
{
    size_t most = width >= WIDTH_FOR_TIMES ? NAME_COLUMNS_MAX : NAME_COLUMNS_NARROW;

    make_room(self, a);
    if (b)
        make_room(self, b);
    return self->name_columns < most ? self->name_columns : most;
}

static void show_aligned(
    struct ladder *self, const struct event *event, const char *from, const char *to)
{
    size_t width = width_of(self->out);
    size_t names = name_columns(self, from, to, width);
    size_t taken = 0;
    char time[32];
    char *body = event_body_text(event, self->whole ? 0 : width * BYTES_PER_COLUMN);
    const char *colour = edge_colours[event->edge];

    if (width >= WIDTH_FOR_TIMES) {
        snprintf(time, sizeof(time), "%*.3f", TIME_COLUMNS - 2, event->at_ms / 1e3);
        taken = put(self, "2", time, TIME_COLUMNS);
        put_blanks(self, 2);
        taken += 2;
    }
    size_t name = put(self, colour, from, names);
    put_blanks(self, names - name + 1);
    fputs(signs[event->kind], self->out);
    name = put(self, NULL, to ? " " : "", 1) + put(self, colour, to ? to : "", names);
    put_blanks(self, names + 1 - name + 1);
    taken += 2 * names + 4;
    put(self,
        is_bad(event)              ? bad_colour
        : event->kind >= EVENT_LOG ? "2"
                                   : NULL,
        body,
        self->whole     ? SIZE_MAX
        : taken < width ? width - taken
                        : 0);
    fputc('\n', self->out);
    free(body);
}

static void show_plain(
    struct ladder *self, const struct event *event, const char *from, const char *to)
{
    char *body = event_body_text(event, self->whole ? 0 : PLAIN_BYTES_MAX);

    fprintf(
        self->out, "%s %s %s%s%s\n", from, signs[event->kind], to ? to : "", to ? " " : "", body);
    free(body);
}

void ladder_show(struct ladder *self, const struct timeline *timeline, const struct event *event)
{
    const struct scenario *scenario = timeline_scenario(timeline);

    guests_note(&self->guests, scenario, event);
    const char *from = event->from < 0
                           ? "harness"
                           : guests_name(&self->guests, scenario, event->from, event->order);
    const char *to =
        event->to < 0 ? NULL : guests_name(&self->guests, scenario, event->to, event->order);
    if (self->name_columns == 0)
        make_rooms(self, scenario);
    if (self->terminal)
        show_aligned(self, event, from, to);
    else
        show_plain(self, event, from, to);
    fflush(self->out);
}

/* ---- following ------------------------------------------------------------------------------- */

static bool is_of_interest(const struct ladder *self, const struct event *event)
{
    return self->whole || (event->kind != EVENT_LOG && event->kind != EVENT_NOTE);
}

void ladder_follow(struct ladder *self, const struct timeline *timeline)
{
    const struct event *last = timeline_last(timeline);
    const struct event *event = last;

    if (!last || last->number <= self->shown)
        return;
    /* The list is in the order of the numbers, and its end is near. */
    while (event != timeline_first(timeline) && event->prev->number > self->shown)
        event = event->prev;
    self->shown = last->number;
    for (; event; event = event->next)
        if (is_of_interest(self, event))
            ladder_show(self, timeline, event);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct ladder *ladder_new(FILE *out, bool whole)
{
    const char *no_colour = getenv("NO_COLOR");
    struct ladder *self = must_alloc(sizeof(*self));

    self->out = out;
    self->whole = whole;
    self->terminal = isatty(fileno(out)) == 1;
    self->colours = self->terminal && (!no_colour || !*no_colour);
    return self;
}

void ladder_free(struct ladder *self)
{
    if (!self)
        return;
    guests_release(&self->guests);
    free(self);
}
