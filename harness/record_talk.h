/*
 * record_talk: what was said while a cast was recorded, and what was said because of
 * what.
 *
 * Each frame is a node; its parent is what caused it: of a question the message, of
 * an answer the question, of a delivery the answer. A node without a parent is a
 * root: a client spoke, logged in, hung up; or nobody knows why it came. All of it
 * is told by what the frames hold and on which connection they came, never by when.
 *
 * For record*.c alone. Borrows the timeline; owns nodes, sessions and people.
 */
#ifndef HARNESS_RECORD_TALK_H
#define HARNESS_RECORD_TALK_H

#include "harness/stage.h"

/* In the order in which the effects of one cause are told. */
enum node_kind {
    NODE_LOGIN,
    NODE_CLOSE, /* a client hangs up */
    NODE_ACK,
    NODE_MESSAGE,      /* of a client */
    NODE_DELIVERY,     /* to a client */
    NODE_FORWARD,      /* a message from a server to another */
    NODE_QUESTION,     /* to a handler */
    NODE_ANSWER,       /* of a handler */
    NODE_FORWARD_DONE, /* the report for a NODE_FORWARD */
    NODE_REPLY,        /* to a client, with the id of its message; of a login, too */
    NODE_END,          /* a server hangs up on a client, a handler on a server */
    NODE_UNKNOWN
};

/* One who is a client in the play: a user on a server, with one connection at a
 * time. */
struct person {
    int server;
    char *user; /* "": never logged in */
    enum transport via;
    int seat; /* a client of the world, or -1 */
    size_t place;
    char *name; /* in the play */
};

struct session {
    int member; /* of the world */
    unsigned order;
    struct person *person; /* from the first frame on */
    struct node *login;    /* that was answered well; or NULL */
    struct node *last;     /* what the client said last */
    bool closed;           /* the client has hung up, or was hung up on */
    bool acks;
};

struct node {
    const struct event *event;
    enum node_kind kind;
    struct session *session; /* of a client's line */
    struct node *parent;
    struct node *late_for; /* the question of an answer that came behind the report */
    struct node **children;
    size_t child_count;
    const char *type;
    const json_t *data;
    const char *id;
    unsigned *used;   /* ANSWER: by command, how many effects were found */
    bool done;        /* what it asks for has come: a reply, an answer, a report */
    bool left_out;    /* it has no end, or came too late: it and what is below it */
    bool told;        /* its own line is, not yet what is below it */
    uint64_t through; /* of a root: the number of the last event below it */
    char *capture;    /* the name that its id has in the play; or NULL */
    char *label;      /* the name that a question has in the play; or NULL */
};

struct talk {
    const struct scenario *scenario;
    const struct topology *topology; /* NULL: no address is known */
    struct node **nodes;             /* in the order of what was seen */
    size_t node_count;
    struct session **sessions;
    size_t session_count;
    struct person **people;
    size_t person_count;
    uint64_t last;
    bool real_handlers; /* those that are programs are so in the play, too */
};

/* last: what came after that event counts only where it belongs to what came
 * before. */
void talk_read(struct talk *self, const struct timeline *timeline, const struct topology *topology,
    uint64_t last);
void talk_release(struct talk *self);

/* Whether all that was said has had its effect, as far as can be seen. */
bool talk_is_done(const struct talk *self);
/* Whether the play says what this handler says. */
bool talk_plays(const struct talk *self, int handler);
/* The root above it, or itself. */
struct node *node_root(const struct node *self);
/* The commands of an answer, in any of their forms: [{"type", "data"}]. A new
 * reference. */
json_t *node_commands(const struct node *answer);
/* Whether a command of this answer names the user as a recipient. */
bool node_names_user(const struct node *answer, const char *user);

/* ---- record_order.c: the order in which it is told ---- */

/* What a line of the play is made of: a node; or that a handler says nothing to it. */
struct telling {
    struct node *node;
    bool silence;
};

struct tellings {
    struct telling *items;
    size_t count;
};

/* An order that does not depend on what the network happened to do first: cause
 * before effect, what a client says in the order in which it said it, what is apart
 * in time as it was, and of all else who comes first in the cast. Clients whose
 * messages were once under way at the same time are independent of each other.
 * Leaves out what has no end. */
void talk_order(struct talk *self, struct tellings *out);

/* ---- record_match.c: who caused it ---- */

/* Finds the parent of a node that is the youngest, or none. */
void talk_find_parent(struct talk *self, struct node *node);

#endif
