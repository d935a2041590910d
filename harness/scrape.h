/*
 * scrape: asks a server for its metrics, over HTTP on a UNIX socket.
 *
 * One question at a time. Owns its connection.
 */
#ifndef HARNESS_SCRAPE_H
#define HARNESS_SCRAPE_H

#include <ev.h>

#include "libbester/status.h"

struct scrape;

/* From the loop, never from within scrape_ask. status is STATUS_OK, and text what was
 * asked for; or it says why not, and text is a sentence. */
typedef void scrape_on_answer(enum status status, struct span text, void *user);

struct scrape *scrape_new(struct ev_loop *loop, scrape_on_answer *on_answer, void *user);
void scrape_free(struct scrape *self); /* NULL is legal */
/* Asks whoever listens at the path, after so many seconds. Nothing if it is asking. */
void scrape_ask(struct scrape *self, const char *path, double after_s);
bool scrape_is_asking(const struct scrape *self);

#endif
