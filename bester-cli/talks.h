/*
 * talks: the conversations: with whom, as which type one writes there, and how much
 * has come there while one was elsewhere. Pure.
 *
 * The latest TALKS_MAX; the one that has been quiet for the longest goes first. The
 * pointers given out are valid until the next call that is not const.
 */
#ifndef BESTER_CLI_TALKS_H
#define BESTER_CLI_TALKS_H

#include <stdint.h>

#include "libbester/address.h"
#include "libbester/template.h"

enum { TALKS_MAX = 64, TALK_TO_MAX = 1024 };

struct talk {
    char to[TALK_TO_MAX]; /* as one writes it: "G", "G, H@S2" */
    char type[TEMPLATE_NAME_MAX];
    size_t unread;
    uint64_t moved; /* when something last happened there, counting up */
};

struct talks {
    struct talk at[TALKS_MAX];
    size_t count;
    size_t current; /* TALKS_MAX: with nobody */
    uint64_t moves;
    char server[SERVER_NAME_MAX]; /* ours: "G" and "G@" and this are the same */
};

void talks_init(struct talks *self);
void talks_set_server(struct talks *self, const char *server);
/* Goes to the conversation with `to`; type is for a new one. What was unread there is
 * read. Returns it. */
struct talk *talks_go(struct talks *self, const char *to, const char *type);
/* One writes as this type in the current one from now on. */
void talks_set_type(struct talks *self, const char *type);
/* A message came from somebody ("": nobody knows): unread unless one talks with them. */
void talks_received(struct talks *self, const char *from, const char *type);
size_t talks_unread(const struct talks *self);
/* The one where something unread has waited for the longest, or NULL. */
const struct talk *talks_next(const struct talks *self);

#endif
