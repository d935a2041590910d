/*
 * load: `harness load`: clients that send as much as they are told to, and what
 * that does to a server.
 *
 * Everything is bounded: clients, messages in flight, sizes, time, memory. One
 * process, one loop; connections and frames are those of libbester/client.h.
 */
#ifndef HARNESS_LOAD_H
#define HARNESS_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "libbester/login.h"
#include "libbester/options.h"

enum {
    LOAD_CLIENTS_MAX = 10000,
    LOAD_WINDOW_MAX = 65536,
    LOAD_IN_FLIGHT_MAX = 1 << 20, /* of all clients together */
    LOAD_WINDOW = 16,             /* unless it is said */
    LOAD_WINDOW_OF_RATE = 1024    /* the same, with a rate */
};

struct load_options {
    struct login_settings login;
    double rate;
    unsigned window;
    unsigned clients;
    unsigned count; /* 0: no limit */
    double duration_s;
    double patience_s; /* for reports, when all is sent */
    size_t least_bytes, most_bytes;
    const char *type;
    const char *to;        /* names, "next" or "self"; NULL: nobody */
    const char *data;      /* the form; NULL: the usual one */
    const char *users;     /* names; NULL: T1, T2 … */
    const char *passwords; /* a folder of NAME.password, or NULL */
    unsigned pid;          /* of the server; 0: found out */
    unsigned seed;
    const char *json;
    const char *svg;
    bool anywhere;
    const char *on;      /* of a cast: which server */
    const char *besterd; /* of a cast */
    const char *command; /* the options, for a shell; of a cast */
};

/* Loads the server that is named so. Returns the exit status. */
int load_server(const struct load_options *options, const char *server);
/* Starts the cast of a play, and loads one of its servers from a process beside it. */
int load_world(const struct load_options *options, const char *path);

/* `harness load` (load_options.c). */
extern const struct option_table load_table;
int main_load(int argc, char **argv);

#endif
