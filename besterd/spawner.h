/*
 * spawner: a small process beside besterd that starts the handlers' programs.
 *
 * What confines besterd (its sandbox) would be inherited by all that it starts,
 * and handlers are strangers' programs that must not be broken by it. So a process
 * that stays outside is forked before anything else, and does one thing: it starts
 * and ends programs (child.h) when it is asked to. It is told no command lines:
 * a request names a type, and what stands behind it the spawner takes from the
 * configuration, which it was born with and reads again by itself. So a besterd
 * that has been taken over can start nothing but the handlers that there are.
 *
 * The two live and die together. When besterd goes, however that may be, the
 * spawner ends what it has started and goes too. When the spawner goes, its
 * handlers end with it and besterd is told (on_lost): nothing can take its place.
 *
 * struct spawner is besterd's side: a socket and the list of those that were asked
 * for, `struct spawned`, each with the interface that a child has. Callbacks come
 * from the loop.
 */
#ifndef BESTERD_SPAWNER_H
#define BESTERD_SPAWNER_H

#include <ev.h>

#include "besterd/config.h"

struct spawner;
struct spawned;

struct spawned_callbacks {
    /* It was started (again). */
    void (*on_started)(void *user);
    /* It has ended; pause_s until the next start, or 0 if there will be none. */
    void (*on_ended)(double pause_s, void *user);
};

/* Forks the process. Call it while there is but one thread, and as long as what only
 * the privileged may do is still possible. The other process never returns from it.
 * STATUS_IO, STATUS_NO_MEMORY: *fault says why. */
MUST_CHECK enum status spawner_new(
    struct spawner **out, const struct config *config, struct fault *fault);
/* From now on what it tells is heard, by the default loop. on_lost: it has ended,
 * nobody knows why; those that it had started have been told to be ended. Waits until it
 * has closed what it inherited. */
void spawner_attach(
    struct spawner *self, struct ev_loop *loop, void (*on_lost)(void *user), void *user);
/* Ends the process and all that it has started, at once; waits for that. All
 * spawned of it have been freed. NULL is legal. */
void spawner_free(struct spawner *self);

/* Has it read its configuration's file again, and waits for that. config is what was
 * found there by us. What is made from then on (spawned_new) is as that says; what
 * there was before stays as it was. STATUS_OK; STATUS_INVALID: it found something
 * else; STATUS_IO: it does not answer. *fault says so. */
MUST_CHECK enum status spawner_reload(
    struct spawner *self, const struct config *config, struct fault *fault);
/* Its lines in the log are to be as those of config. */
void spawner_use_log(struct spawner *self, const struct config *config);
/* The process; 0: it has ended. */
pid_t spawner_pid(const struct spawner *self);

/* The program of a type. Nothing is started yet. NULL when out of memory. */
struct spawned *spawned_new(struct spawner *spawner, const char *type,
    const struct spawned_callbacks *callbacks, void *user);
/* Nobody listens on the socket whose file is there: it is removed, unless the program
 * runs. It would be in its way. */
void spawned_clear(struct spawned *self);
/* Starts it unless it runs or its pause is not over. */
void spawned_ensure(struct spawned *self);
/* Also while it is being started. */
bool spawned_is_running(const struct spawned *self);
/* Seconds until the next start; 0: running, or nothing in the way; INFINITY: there
 * will be none. */
double spawned_pause_left(const struct spawned *self);
/* As child_stop. */
void spawned_stop(struct spawned *self);
/* What still runs is killed. Nothing is called back any more. NULL is legal. */
void spawned_free(struct spawned *self);

#endif
