/*
 * support: what the tests of besterd's core share: places for sockets, posts on
 * which a test plays a handler or a server, and a whole server in this process.
 *
 * Everything fails the test by itself when it cannot be had.
 */
#ifndef TESTS_BESTERD_SUPPORT_H
#define TESTS_BESTERD_SUPPORT_H

#include "tests/support/wire.h"

#include "besterd/config.h"
#include "besterd/server.h"

/* ---- a directory of its own, with a short path ---- */

struct place {
    char directory[32];
};

void place_open(struct place *self);
/* Removes it with all that is in it. */
void place_close(struct place *self);
/* The path of a file in it, in a buffer that a later call (of eight) reuses. */
const char *place_path(const struct place *self, const char *name);
/* Writes a program: a shell script with these lines. */
const char *place_script(const struct place *self, const char *name, const char *lines);
/* A file in it that can be opened for reading only once somebody writes. */
const char *place_gate(const struct place *self, const char *name);
/* Lets whoever waits at the gate go on. */
void place_open_gate(const char *gate);

/* ---- what programs write, and their end ---- */

/* A file that programs of the test open and write; when all who hold it open have gone,
 * that is the end of input. wire.fd is the caller's to close. */
struct wire place_hold(const struct place *self, struct ev_loop *loop, const char *name);
/* Waits until somebody writes; an end without a word fails the test. */
void hold_await_line(struct wire *self, char *line, size_t cap);
void hold_await_end(struct wire *self);

/* ---- a socket on which the test listens ---- */

struct post {
    struct ev_loop *loop;
    int fd;
    unsigned port; /* TCP */
};

void post_unix(struct post *self, struct ev_loop *loop, const char *path, int backlog);
void post_tcp(struct post *self, struct ev_loop *loop);
/* Waits for the next caller. */
void post_accept(struct post *self, struct wire *wire);
/* Whether somebody calls right now; then it is accepted. */
bool post_accept_now(struct post *self, struct wire *wire);
void post_close(struct post *self);

/* ---- configurations ---- */

/* The format's text must be a right configuration. */
struct config *config_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Where the programs are that were built; NULL: not known. The caller frees it. */
char *built(const char *name);

/* ---- a handler that stays connected, played by the test ---- */

/* Reads one question, checks that its data (JSON) is this (NULL: any), and
 * returns its exchange, valid until the next call. */
const char *handler_reads(struct wire *wire, const char *data);
/* Answers: header members after the exchange, and the data's JSON. */
void handler_answers(struct wire *wire, const char *exchange, const char *header, const char *data);

#define SEND_CLIENTS(names) \
    "\"status\":\"0\",\"command\":{\"type\":\"sendClients\",\"data\":" names "}"

/* ---- a whole server, type "open" ---- */

struct house {
    struct place place;
    struct ev_loop *loop;
    struct config *config;
    struct server *server;
};

/* extra: more members of the configuration, each followed by a comma; every %
 * in it becomes the directory of the place. The place is opened by the caller. */
void house_open(struct house *self, const char *extra);
/* Frees the server; the place stays the caller's. */
void house_close(struct house *self);
void house_connect(struct house *self, struct wire *wire);
void house_log_in(struct house *self, struct wire *wire, const char *user);

/* Descriptors of this process that are open. */
unsigned count_descriptors(void);

#endif
