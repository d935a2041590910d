/*
 * scenario: a play as it was read: the cast and the steps.
 *
 * Owns everything in it; constant after loading. What the loader accepts has no
 * unknown names, no unknown words, no capture that is used before it is bound:
 * running it fails only where the conversation does. Every part knows where in
 * the file it stands.
 */
#ifndef HARNESS_SCENARIO_H
#define HARNESS_SCENARIO_H

#include "harness/form.h"
#include "harness/source.h"

/* ---- the cast -------------------------------------------------------------------------------- */

/* MEMBER_STDIO: stdin, stdout and stderr, in the cast as soon as a client is a real
 * program: lines go from the one to it, and from it to the others. */
enum member_kind { MEMBER_SERVER, MEMBER_HANDLER, MEMBER_CLIENT, MEMBER_PEER, MEMBER_STDIO };

/* TRANSPORT_PEER: where pinned servers are listened to; no client comes there. */
enum transport { TRANSPORT_TCP4, TRANSPORT_TCP6, TRANSPORT_UNIX, TRANSPORT_PEER, TRANSPORT_COUNT };

/* Answers what no line of the play names. */
struct rule {
    struct where at;
    struct saying when;
    struct saying reply; /* .body BODY_SILENT: takes the frame and says nothing */
    unsigned times;      /* 0: as often as it comes */
    double delay_s;
};

struct cast_server {
    json_t *config;     /* merged over the generated configuration (RFC 7396); or NULL */
    json_t *accounts;   /* name: password; NULL: the open database */
    unsigned listeners; /* a bit for each enum transport but TRANSPORT_PEER */
    bool pinned;        /* it and the others that are know each other by their keys */
    bool tells_metrics; /* a step asks for them */
    bool tells_change;  /* and for what has changed since the play began */
};

struct cast_handler {
    char *type;
    bool stream;
    json_t *run;    /* program and arguments; NULL: played by the harness */
    bool by_server; /* the server starts it, unwatched */
    bool absent;    /* nobody listens */
    json_t *config; /* merged over its part of the server's configuration; or NULL */
};

struct cast_client {
    char *user;
    char *password;
    enum transport via;
    bool informer;    /* it asks the server's informer, and logs in nowhere */
    bool logs_in;     /* by itself, before the first step */
    json_t *run;      /* program and arguments; NULL: played by the harness */
    bool welcome;     /* the peer that it is on answers its logins by itself */
    bool reads;       /* a line of the play goes to its stdin */
    bool end_is_told; /* a step says how it ends */
    bool guest;       /* whoever comes from outside, any number of them at once */
};

struct cast_peer {
    bool refuses; /* nobody listens at its address */
    bool unknown; /* the servers' configurations do not name it */
};

struct member {
    enum member_kind kind;
    char *name;
    struct where at;
    int on;            /* the member that is the server (or peer) of a handler or client; else -1 */
    bool starts_later; /* by a step */
    struct cast_server server;
    struct cast_handler handler;
    struct cast_client client;
    struct cast_peer peer;
    struct rule *rules;
    size_t rule_count;
};

/* ---- the steps ------------------------------------------------------------------------------- */

enum step_kind {
    STEP_LINE,
    STEP_ANY_ORDER,
    STEP_TOGETHER,
    STEP_STRAND, /* in a STEP_TOGETHER only */
    STEP_NEVER,  /* its line must not come from now on */
    STEP_REPEAT,
    STEP_QUIET,
    STEP_SIGNAL,
    STEP_START,
    STEP_RESTART,
    STEP_DISTURB,
    STEP_HEAL,
    STEP_EXIT,
    STEP_LOG,
    STEP_METRICS,
    STEP_NOTE
};

enum disturbance_kind {
    DISTURBANCE_CUT,
    DISTURBANCE_DELAY,
    DISTURBANCE_BANDWIDTH,
    DISTURBANCE_SPLIT,
    DISTURBANCE_TRUNCATE,
    DISTURBANCE_GARBAGE,
    DISTURBANCE_LENGTH,
    DISTURBANCE_SLOW_READER,
    DISTURBANCE_REFUSE,
    DISTURBANCE_COUNT
};

enum place_kind { PLACE_AT, PLACE_EVERY, PLACE_ANY };

/* What is done to the bytes from one to the other. */
struct disturbance {
    enum disturbance_kind kind;
    int from;
    int to;
    bool both;
    unsigned ms;
    unsigned bytes_per_s;
    enum place_kind place;
    unsigned bytes_before; /* PLACE_AT */
    unsigned length;
    unsigned times;  /* 0: until it is healed */
    struct where at; /* the step that brings it */
};

enum relation {
    RELATION_EQUAL,
    RELATION_AT_LEAST,
    RELATION_AT_MOST,
    RELATION_MORE,
    RELATION_LESS,
    RELATION_COUNT
};
/* The word for it in a play. */
const char *relation_word(enum relation relation);

/* What one metric of a server must be. */
struct metric_want {
    char *selector; /* as it stands in the play */
    char *name;
    json_t *labels;
    bool change; /* since the play began */
    enum relation relation;
    double number;
    json_t *pattern; /* instead of a number: a text, which binds; or NULL */
};

/* A > B: … */
struct line {
    int from;
    int to;
    enum edge_kind edge;
    bool doing; /* the harness says it; else it expects it */
    struct saying saying;
};

struct steps {
    struct step *items;
    size_t count;
};

struct step {
    enum step_kind kind;
    struct where at;
    char *text;        /* as it stands in the play, for messages */
    double deadline_s; /* for what is expected */
    struct line line;
    struct steps body; /* STEP_ANY_ORDER, STEP_STRAND: lines; STEP_TOGETHER: strands; STEP_REPEAT */
    unsigned times;    /* STEP_REPEAT */
    int *members;      /* STEP_QUIET */
    size_t member_count;            /* STEP_QUIET */
    int member;                     /* STEP_SIGNAL, STEP_START, STEP_EXIT, STEP_LOG, STEP_METRICS */
    int signal;                     /* STEP_SIGNAL */
    struct disturbance disturbance; /* STEP_DISTURB; STEP_HEAL: .from, .to, .both */
    json_t *pattern;                /* STEP_EXIT: of the status; STEP_LOG: of a line */
    struct metric_want *wants;      /* STEP_METRICS */
    size_t want_count;
};

struct pair {
    int a;
    int b;
};

struct scenario {
    struct source source;
    char *name;
    double deadline_s;
    bool tells_needs;     /* if not: it is for besterd as it is */
    unsigned needs;       /* a bit for each enum feature */
    const json_t *proves; /* a list of texts, borrowed from the source; or NULL */
    struct member *members;
    size_t member_count;
    struct steps steps;
    struct pair *disturbed; /* edges that some step disturbs */
    size_t disturbed_count;
};

/* What a loader needs to know that does not stand in the file. */
struct scenario_options {
    double deadline_s; /* where the play says none */
    bool world;        /* for `up`: steps are not needed */
    struct span text;  /* in place of what the file holds; absent: that */
};

/* STATUS_IO or STATUS_INVALID: *mistake says what and where. */
MUST_CHECK enum status scenario_load(struct scenario *self, const char *path,
    const struct scenario_options *options, struct mistake *mistake);
void scenario_release(struct scenario *self);

/* The member of that name, or -1. A handler may be on several servers under one
 * name: server tells which is meant; -1: the first. */
int scenario_find(const struct scenario *self, const char *name, int server);
/* For casts that people talk to: adds a member for those who come from outside, for
 * each way in which a server listens. After scenario_load, before anything is
 * started. */
void scenario_add_guests(struct scenario *self);
/* That member, or -1. */
int scenario_find_guest(const struct scenario *self, int server, enum transport via);
/* The word for it in a play. */
const char *disturbance_name(enum disturbance_kind kind);
/* Whether a step disturbs what passes between the two. */
bool scenario_disturbs(const struct scenario *self, int a, int b);
/* Whether the harness plays it. */
bool member_is_played(const struct member *self);
/* Program and arguments of a handler or client that is a real program, or NULL. */
const json_t *member_run(const struct member *self);
/* Whether the harness runs it as a process. */
bool member_is_process(const struct member *self);
/* Whether the two are servers that talk to each other over TLS. */
bool members_are_pinned(const struct member *a, const struct member *b);
/* Whether the harness can see the frames between the two: they are not between a
 * server and a handler that the server starts. */
bool member_is_watched(const struct member *self);

#endif
