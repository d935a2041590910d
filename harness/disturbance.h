/*
 * disturbance: what a play does to the bytes on an edge, and whether it ever did.
 *
 * One table says what each does to a frame that passes. Those in force are a list, oldest first; a
 * relay asks it for its edge. Owns the list.
 */
#ifndef HARNESS_DISTURBANCE_H
#define HARNESS_DISTURBANCE_H

#include "harness/chance.h"
#include "harness/scenario.h"

/* What becomes of one frame on its way. Owns bytes. */
struct passage {
    char *bytes;
    size_t len;
    double delay_s;
    size_t split_at; /* 0: in one go */
    bool every_byte; /* each by itself */
    bool ends;       /* then the connection is cut off */
};

struct active {
    struct active *prev, *next;
    const struct disturbance *what;
    size_t touched; /* frames, or attempts to read or connect */
    bool over;      /* it has done what it was to do, so many times */
};

struct disturbances {
    struct active *items;
    struct chance *chance;
    bool refusals_unseen; /* nobody can see here who is refused */
    /* Something was touched. */
    void (*on_touch)(const struct disturbance *what, const char *how, void *user);
    void *user;
};

/* "delay of 20 ms, both ways": the disturbance for people. Returns out. */
const char *disturbance_describe(const struct disturbance *what, char *out, size_t cap);

/* what must outlive the list. */
void disturbances_add(struct disturbances *self, const struct disturbance *what);
void disturbances_release(struct disturbances *self);

/* Those on that edge, or with both: in either direction; from -1: all. */
void disturbances_heal(struct disturbances *self, int from, int to, bool both);
/* One of them that has touched nothing, or NULL. */
const struct disturbance *disturbances_useless(
    const struct disturbances *self, int from, int to, bool both);

/* In force on the edge, of that kind; or NULL. */
struct active *disturbances_find(
    const struct disturbances *self, enum disturbance_kind kind, int from, int to);
/* Whether one that wants whole frames is in force on the edge. */
bool disturbances_want_frames(const struct disturbances *self, int from, int to);
void disturbances_touch(struct disturbances *self, struct active *active, const char *how);
/* Lets all of them at a frame, header and all, of at least its header's bytes. */
void disturbances_apply(
    struct disturbances *self, int from, int to, struct span frame, struct passage *out);

#endif
