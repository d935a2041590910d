/*
 * topology: the places of one running cast: a directory, sockets, addresses, and
 * the configurations of the servers.
 *
 * Every socket is bound and listens before any process runs, on a loopback
 * address of the cast's own and ports that the kernel chose, so that no port is
 * ever guessed and anybody may connect at once. Where the harness watches, a
 * server is told the address of the watcher.
 *
 * Owns the directory, which is removed with all in it, and the descriptors that
 * nobody took.
 */
#ifndef HARNESS_TOPOLOGY_H
#define HARNESS_TOPOLOGY_H

#include <stdint.h>
#include <sys/socket.h>

#include "harness/scenario.h"

/* A listening socket, or an address at which nobody listens. */
struct place {
    int fd; /* -1: none, or taken */
    struct sockaddr_storage address;
    socklen_t address_len;
    char text[128]; /* "127.1.2.3:4567", "[::1]:4567" or a path; "": no such place */
};

struct programs {
    char besterd[4096];
    char handlers[4096]; /* the directory of the handlers that come with it */
    char beside[4096];   /* the directory of the harness, where the clients are */
    /* The words of the command that runs another server, one of them with {config} in
     * it; or NULL: besterd runs. It gets a configuration of Part I, finds its accounts
     * in a database of type redis that the harness plays, and listens by itself. */
    json_t *foreign;
    unsigned has; /* a bit for each enum feature of the servers */
};
/* Those that lie beside the harness itself; besterd: its path, or NULL. */
MUST_CHECK enum status programs_find(
    struct programs *self, const char *besterd, struct fault *fault);
/* Runs that command instead. STATUS_INVALID: it is none, or says nowhere {config}. */
MUST_CHECK enum status programs_use_server(
    struct programs *self, const char *command, struct fault *fault);
/* What the servers have: has, the list of --has, or NULL. Then another server has
 * nothing beyond Part I, and a besterd is asked, if asks. STATUS_INVALID: has;
 * STATUS_IO: besterd does not tell. */
MUST_CHECK enum status programs_learn(
    struct programs *self, const char *has, bool asks, struct fault *fault);
/* Why the play can't be played with these servers, malloc'd; or NULL: it can. */
char *programs_lack(const struct programs *self, const struct scenario *scenario);
void programs_release(struct programs *self);

struct topology {
    const struct scenario *scenario;
    const struct programs *programs;
    char dir[96];
    uint32_t loopback;       /* of this cast, host byte order */
    unsigned files;          /* names given so far */
    struct place *homes;     /* [member][transport]: where a server really listens */
    struct place *fronts;    /* [from][to]: where server `from` thinks that `to` is */
    struct place *backs;     /* [member]: where a watched program, or its informer, listens */
    struct place *mids;      /* [from][to]: where a played `to` listens behind a disturbed edge */
    struct place *databases; /* [member]: where the accounts of a foreign server are asked for */
};

MUST_CHECK enum status topology_open(struct topology *self, const struct scenario *scenario,
    const struct programs *programs, struct fault *fault);
void topology_close(struct topology *self);

struct place *topology_home(const struct topology *self, int server, enum transport transport);
struct place *topology_front(const struct topology *self, int from, int to);
/* Where a handler or peer that the harness plays listens for that server: the front,
 * unless the play disturbs the edge. */
struct place *topology_desk(const struct topology *self, int server, int member);
struct place *topology_back(const struct topology *self, int member);
struct place *topology_database(const struct topology *self, int server);
/* The directory of a server: it runs there. */
void topology_server_dir(const struct topology *self, int server, char *out, size_t cap);
/* In that directory: the UNIX socket at which its metrics are told, if a step asks for
 * them. */
#define METRICS_FILE "metrics"
/* The same of its informer, always. */
#define INFORMER_FILE "informer"
void topology_config_path(const struct topology *self, int server, char *out, size_t cap);

/* Listens at the place's address (again); silent: binds it, so that nobody else
 * does, but refuses. */
MUST_CHECK enum status topology_listen(struct place *place, bool silent, struct fault *fault);
/* Opens the sockets of a server whose process has ended at their old addresses, for
 * the next. Of others, nothing. */
MUST_CHECK enum status topology_listen_again(
    const struct topology *self, int member, struct fault *fault);

/* Of a foreign server, which binds its own sockets: lets go of the addresses that were
 * held for it, at the last moment. */
void topology_let_go(const struct topology *self, int server);
/* Holds other addresses for it, and writes them into its configuration. */
MUST_CHECK enum status topology_move(const struct topology *self, int server, struct fault *fault);

/* What ${name} stands for, seen from a server (or from outside: -1): the address
 * of a server or peer, `handlers`, `dir`. malloc'd, or NULL. */
char *topology_expand(const struct topology *self, const char *name, int seen_from);
/* The words of a member's "run" with names filled in, NULL behind the last.
 * Free with words_free. NULL: *fault. */
char **topology_run_words(const struct topology *self, int index, struct fault *fault);
void words_free(char **words);

/* Writes the configuration of each server into its directory, and each password
 * into a file, so that a client can be pointed at it: none stands on a command
 * line (config.c). */
MUST_CHECK enum status config_write_all(const struct topology *self, struct fault *fault);
/* The configuration of one, again. */
MUST_CHECK enum status config_write(const struct topology *self, int server, struct fault *fault);

#endif
