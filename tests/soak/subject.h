/*
 * subject: one besterd, and what it uses while it is loaded.
 *
 * Owns the process, its folder and its log. It listens on a TCP socket of 127.0.0.1
 * that it was handed, and on UNIX sockets in the folder; its accounts are of type
 * "open". Its end is looked at: a server that ends by itself, or not in order, fails
 * the demonstration.
 */
#ifndef BESTER_TESTS_SOAK_SUBJECT_H
#define BESTER_TESTS_SOAK_SUBJECT_H

#include <netinet/in.h>
#include <sys/types.h>

#include "tests/soak/soak.h"

enum { SUBJECT_LOG_LINES = 20, SUBJECT_ADDRESSES = 256, SUBJECT_PORTS = 4000 /* of one */ };

struct subject {
    struct soak *soak;
    pid_t pid;
    struct sockaddr_in address;
    unsigned own_addresses; /* those behind it, from 127.0.0.1 on */
    char folder[80];
    int log; /* the pipe from its standard error */
    ev_io log_watcher;
    ev_child end_watcher;
    char rest[1024]; /* of a line of the log that is not whole yet */
    size_t rest_len;
    char lines[SUBJECT_LOG_LINES][256]; /* the last ones */
    uint64_t line_count;
    uint64_t reloads; /* that it has told of */
    bool stopping, ended;
    unsigned wanted_descriptors;
};

/* What stands in the configuration beside what all have; JSON texts, or NULL. */
struct subject_config {
    const char *handlers; /* members of typeMap: "chat": {…}, … */
    const char *limits;   /* members of limits */
};

/* The handler chat, started by the server, which never gives it up: a busy machine is no
 * fault of theirs. */
#define SUBJECT_CHAT                                             \
    "\"chat\": {\"handlerBinary\": \"${build}/handlers/chat\", " \
    "\"unixDomainSocketPath\": \"${folder}/chat\", "             \
    "\"protocol\": \"stream\", \"timeoutMs\": 60000}"

/* ${folder} and ${build} in the texts are replaced. Comes back when it serves. NULL:
 * the demonstration has failed. */
struct subject *subject_start(struct soak *soak, const struct subject_config *config);
/* Ends it in order, and frees. NULL is legal. */
void subject_end(struct subject *self);
/* Writes the configuration anew, at once as a whole, and asks for it to be read. */
void subject_reload(struct subject *self, const struct subject_config *config);

/* A connected socket, from one of the addresses of the loopback that are this process's
 * own (from: which): each has 28,000 ports for all that connect from there, and others do
 * too. -1: errno says why not. */
int subject_connect_tcp(const struct subject *self, unsigned from);
/* To whoever listens on that file of its folder: clients to "sock". */
int subject_connect_unix(const struct subject *self, const char *name);
/* The path of something in its folder. Returns out. */
const char *subject_path(const struct subject *self, const char *name, char out[108]);

struct usage {
    uint64_t own_bytes; /* anonymous resident memory: heap and stacks, no files */
    uint64_t resident_bytes;
    unsigned descriptors;
    double processor_s;
};
struct usage subject_usage(const struct subject *self);
/* Says how many descriptors there were, and waits until there are as many again, or so
 * many more. false: the demonstration has failed. */
bool subject_await_descriptors(struct subject *self, unsigned before, unsigned more);
/* The value of one sample of its metrics; "name{label=…}" as it is written there; 0
 * where there is none. Blocks until it is answered. */
double subject_metric(const struct subject *self, const char *sample);
/* The handlers that it has started, at most max of them; how many. They are children of
 * its spawner. */
size_t subject_handlers(const struct subject *self, pid_t *out, size_t max);
/* Removes what the servers that still run have in the file system: for the way out. */
void subject_remove_folders(void);

#endif
