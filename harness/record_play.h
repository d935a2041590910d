/*
 * record_play: a play out of what was seen while a cast was recorded.
 *
 * The play's cast is that of the world, its clients are those that came; its lines
 * are what was said, in an order that does not depend on chance (record_talk.h) and
 * with captures for what differs each time (record_values.h). What a play implies
 * is not written: logins before the first line, hanging up behind the last. Pure.
 */
#ifndef HARNESS_RECORD_PLAY_H
#define HARNESS_RECORD_PLAY_H

#include "harness/record_talk.h"

struct record_choice {
    bool real_handlers; /* they are real programs in the play, too; else it plays them */
};

/* A new value. topology: NULL if there was none. last as in talk_read; *lines: how
 * many steps it has. */
json_t *record_play(const struct timeline *timeline, const struct topology *topology, uint64_t last,
    const struct record_choice *choice, size_t *lines);

#endif
