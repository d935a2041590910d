#include "harness/disturbance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "harness/must.h"
#include "libbester/frame.h"

enum { HOW_ROOM = 120 };

/* ---- what each does to a frame --------------------------------------------------------------- */

typedef void apply(const struct disturbance *what, struct chance *chance, struct passage *frame,
    char how[HOW_ROOM]);

static void apply_nothing(const struct disturbance *what, struct chance *chance,
    struct passage *frame, char how[HOW_ROOM])
{
    (void)what, (void)chance;
    snprintf(how, HOW_ROOM, "a frame of %zu bytes", frame->len);
}

static void apply_delay(const struct disturbance *what, struct chance *chance,
    struct passage *frame, char how[HOW_ROOM])
{
    (void)chance;
    frame->delay_s += what->ms / 1000.0;
    snprintf(how, HOW_ROOM, "a frame of %zu bytes, by %u ms", frame->len, what->ms);
}

/* Where a frame is parted: never before its first byte or behind its last. */
static size_t place_in(
    const struct disturbance *what, struct chance *chance, const struct passage *frame)
{
    if (frame->len < 2)
        return frame->len;
    if (what->place == PLACE_ANY)
        return 1 + chance_choose(chance, (unsigned)frame->len - 1);
    return what->bytes_before < frame->len ? what->bytes_before : frame->len - 1;
}

static void apply_split(const struct disturbance *what, struct chance *chance,
    struct passage *frame, char how[HOW_ROOM])
{
    if (what->place == PLACE_EVERY) {
        frame->every_byte = true;
        snprintf(how, HOW_ROOM, "a frame of %zu bytes, at every byte", frame->len);
        return;
    }
    frame->split_at = place_in(what, chance, frame);
    snprintf(how, HOW_ROOM, "a frame of %zu bytes, at %zu", frame->len, frame->split_at);
}

static void apply_truncate(const struct disturbance *what, struct chance *chance,
    struct passage *frame, char how[HOW_ROOM])
{
    size_t whole = frame->len;

    frame->len = place_in(what, chance, frame);
    frame->ends = true;
    snprintf(how, HOW_ROOM, "a frame of %zu bytes, after %zu", whole, frame->len);
}

static void apply_garbage(const struct disturbance *what, struct chance *chance,
    struct passage *frame, char how[HOW_ROOM])
{
    (void)what;
    for (size_t i = FRAME_HEADER_BYTES; i < frame->len; i++)
        frame->bytes[i] = (char)chance_choose(chance, 256);
    /* Even of one byte it must be no JSON: a digit would be. */
    if (frame->len > FRAME_HEADER_BYTES)
        frame->bytes[FRAME_HEADER_BYTES] = (char)0xFF;
    snprintf(how, HOW_ROOM, "a payload of %zu bytes", frame->len - FRAME_HEADER_BYTES);
}

static void apply_length(const struct disturbance *what, struct chance *chance,
    struct passage *frame, char how[HOW_ROOM])
{
    (void)chance;
    frame_put_header(frame->bytes, what->length);
    snprintf(
        how, HOW_ROOM, "%u, where %zu bytes follow", what->length, frame->len - FRAME_HEADER_BYTES);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* NULL: it has nothing to do with whole frames. */
static apply *const applies[DISTURBANCE_COUNT] = {
    [DISTURBANCE_CUT] = apply_nothing,
    [DISTURBANCE_DELAY] = apply_delay,
    [DISTURBANCE_BANDWIDTH] = apply_nothing,
    [DISTURBANCE_SPLIT] = apply_split,
    [DISTURBANCE_TRUNCATE] = apply_truncate,
    [DISTURBANCE_GARBAGE] = apply_garbage,
    [DISTURBANCE_LENGTH] = apply_length,
    [DISTURBANCE_SLOW_READER] = NULL,
    [DISTURBANCE_REFUSE] = NULL,
};

/* ---- in words ---------------------------------------------------------------------------------
 */

static void describe_place(const struct disturbance *what, char *out, size_t cap)
{
    const char *word = what->kind == DISTURBANCE_SPLIT ? "at" : "after";

    if (what->place == PLACE_EVERY)
        snprintf(out, cap, " at every byte");
    else if (what->place == PLACE_ANY)
        snprintf(out, cap, " %s any byte", word);
    else
        snprintf(out, cap, " %s byte %u", word, what->bytes_before);
}

static void describe_parameter(const struct disturbance *what, char *out, size_t cap)
{
    switch (what->kind) {
    case DISTURBANCE_DELAY:
        snprintf(out, cap, " of %u ms", what->ms);
        break;
    case DISTURBANCE_BANDWIDTH:
    case DISTURBANCE_SLOW_READER:
        snprintf(out, cap, " of %u bytes per second", what->bytes_per_s);
        break;
    case DISTURBANCE_SPLIT:
    case DISTURBANCE_TRUNCATE:
        describe_place(what, out, cap);
        break;
    case DISTURBANCE_LENGTH:
        snprintf(out, cap, " of %u bytes", what->length);
        break;
    default:
        out[0] = '\0';
    }
}

const char *disturbance_describe(const struct disturbance *what, char *out, size_t cap)
{
    char parameter[60];
    char times[40] = "";

    describe_parameter(what, parameter, sizeof(parameter));
    if (what->times)
        snprintf(times, sizeof(times), ", %u time%s", what->times, what->times == 1 ? "" : "s");
    snprintf(out, cap, "%s%s%s%s", disturbance_name(what->kind), parameter, times,
        what->both ? ", both ways" : "");
    return out;
}

/* ---- those in force -------------------------------------------------------------------------- */

void disturbances_add(struct disturbances *self, const struct disturbance *what)
{
    struct active *active = must_alloc(sizeof(*active));

    active->what = what;
    DL_APPEND(self->items, active);
}

static bool is_on(const struct disturbance *what, int from, int to)
{
    return (what->from == from && what->to == to) ||
           (what->both && what->from == to && what->to == from);
}

/* Whether a heal of that edge means it. */
static bool is_meant(const struct disturbance *what, int from, int to, bool both)
{
    if (from < 0)
        return true;
    return both ? is_on(what, from, to) || is_on(what, to, from)
                : !what->both && is_on(what, from, to);
}

void disturbances_heal(struct disturbances *self, int from, int to, bool both)
{
    struct active *active;
    struct active *after;

    DL_FOREACH_SAFE (self->items, active, after)
        if (is_meant(active->what, from, to, both)) {
            DL_DELETE(self->items, active);
            free(active);
        }
}

void disturbances_release(struct disturbances *self)
{
    disturbances_heal(self, -1, -1, true);
}

const struct disturbance *disturbances_useless(
    const struct disturbances *self, int from, int to, bool both)
{
    const struct active *active;

    DL_FOREACH (self->items, active)
        if (is_meant(active->what, from, to, both) && !active->touched &&
            !(self->refusals_unseen && active->what->kind == DISTURBANCE_REFUSE))
            return active->what;
    return NULL;
}

struct active *disturbances_find(
    const struct disturbances *self, enum disturbance_kind kind, int from, int to)
{
    struct active *active;

    DL_FOREACH (self->items, active)
        if (!active->over && active->what->kind == kind && is_on(active->what, from, to))
            return active;
    return NULL;
}

bool disturbances_want_frames(const struct disturbances *self, int from, int to)
{
    const struct active *active;

    DL_FOREACH (self->items, active)
        if (!active->over && applies[active->what->kind] && is_on(active->what, from, to))
            return true;
    return false;
}

void disturbances_touch(struct disturbances *self, struct active *active, const char *how)
{
    const struct disturbance *what = active->what;

    active->touched++;
    active->over = what->times && active->touched >= what->times;
    self->on_touch(what, how, self->user);
}

void disturbances_apply(
    struct disturbances *self, int from, int to, struct span frame, struct passage *out)
{
    struct active *active;
    char how[HOW_ROOM];

    *out = (struct passage){.bytes = must_copy_bytes(frame.at, frame.len), .len = frame.len};
    DL_FOREACH (self->items, active) {
        apply *does = applies[active->what->kind];

        if (active->over || !does || !is_on(active->what, from, to))
            continue;
        does(active->what, self->chance, out, how);
        disturbances_touch(self, active, how);
    }
}
