/*
 * last_resort: what is done where a library cannot be told that something failed.
 *
 * libev ends the program by abort() where its own tables find no memory, and where the
 * kernel refuses it what it cannot do without. With this they get memory that was set
 * aside for them first; it is set aside anew as soon as there is some. When that is not
 * enough either, the log says so and besterd ends with EXIT_LAST_RESORT, for the service
 * manager to start it again. Owns that memory; state of the process, like libev's own.
 */
#ifndef BESTERD_LAST_RESORT_H
#define BESTERD_LAST_RESORT_H

#include "libbester/status.h"

enum { EXIT_LAST_RESORT = 1 };

/* Before the first loop is made; the log may be opened later. */
void last_resort_open(void);
/* Ends the process now, with a sentence in the log. */
void last_resort_end(const char *format, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
/* When the last loop is gone. */
void last_resort_close(void);

#endif
