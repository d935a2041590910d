/*
 * last_resort: what is done where a library cannot be told that something failed.
 *
 * libev ends the program by abort() where its own tables find no memory, and where the
 * kernel refuses it what it cannot do without. With this they get memory that was set
 * aside for them first; it is set aside anew as soon as there is some. When that is not
 * enough either, the program says so and ends, in its own way. That the kernel refuses to
 * watch a descriptor libev tells with the next event, be it tomorrow: here it is told now.
 *
 * State of the process, as libev's own is; one loop. Only for main.c and who runs the loop.
 */
#ifndef BESTER_LAST_RESORT_H
#define BESTER_LAST_RESORT_H

#include <ev.h>

#include "libbester/status.h"

/* Says the sentence and ends the program; it does not return. */
typedef void last_resort_ender(const char *text);

/* Before the first loop is made. note gets a sentence and returns. Neither may ask for
 * memory. */
void last_resort_open(void (*note)(const char *text), last_resort_ender *end);
/* Ends the program now. */
void last_resort_end(const char *format, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
/* When the last loop is gone. */
void last_resort_close(void);

/* Has the loop tell at once what the kernel refuses to watch; keeps no loop turning. Takes
 * the loop's release callback. Who needs that himself sets his own after this, and calls
 * last_resort_look from it. */
void last_resort_watch(struct ev_loop *loop);
void last_resort_look(struct ev_loop *loop) EV_NOEXCEPT;
void last_resort_unwatch(struct ev_loop *loop);

#endif
