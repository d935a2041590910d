/*
 * actor_foreign: what a server that is no besterd needs around its process: the
 * command, and somebody who finds out when it serves.
 *
 * It binds its own sockets, so nobody can connect before it does. It serves when each
 * of its listeners takes a connection, which is tried whenever the server writes a
 * line and at short intervals, since no event tells of a bound port. Owns nothing of
 * the process.
 */
#ifndef HARNESS_ACTOR_FOREIGN_H
#define HARNESS_ACTOR_FOREIGN_H

#include "harness/setting.h"

struct actor_foreign;

/* on_serves is called once, when it serves. */
struct actor_foreign *actor_foreign_new(
    const struct setting *setting, int member, void (*on_serves)(void *user), void *user);
void actor_foreign_free(struct actor_foreign *self);

/* The command's words with {config} filled in, NULL behind the last. Free with
 * words_free. */
char **actor_foreign_words(const struct setting *setting, int member);
/* Its process runs: from now on it is looked for. */
void actor_foreign_started(struct actor_foreign *self);
/* Something happened: look now. */
void actor_foreign_look(struct actor_foreign *self);
bool actor_foreign_serves(const struct actor_foreign *self);
/* It has ended before it served. true, the first time: it has other addresses now and
 * is to be started once more, as another program may have taken those it had. */
bool actor_foreign_again(struct actor_foreign *self);

#endif
