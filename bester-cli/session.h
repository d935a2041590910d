/*
 * session: one user's conversation with one server: what is typed becomes
 * messages, what arrives becomes lines on the screen, every line sent gets its
 * fate. It knows neither terminal nor script; both drive it.
 *
 * A script's session ends with its connection. A person's connects again, sends
 * what had not left under the same ids, and never by itself what may have arrived.
 * For that it keeps the login, password included, as long as it lives.
 *
 * Owns the connection and all that is learnt from it. Callbacks come from the
 * loop or from the functions below; on_end comes once, last.
 */
#ifndef BESTER_CLI_SESSION_H
#define BESTER_CLI_SESSION_H

#include "bester-cli/backoff.h"
#include "bester-cli/book.h"
#include "bester-cli/dialogue.h"
#include "bester-cli/journal.h"
#include "bester-cli/outbox.h"
#include "bester-cli/render.h"
#include "bester-cli/screen.h"
#include "bester-cli/talks.h"
#include "libbester/client.h"
#include "libbester/login.h"

struct session_callbacks {
    void (*on_ready)(void *user);   /* logged in, types learnt: lines may come */
    void (*on_settled)(void *user); /* fewer messages wait, or the prompt differs */
    void (*on_edit)(void *user);    /* the user wants an editor */
    void (*on_quit)(void *user);    /* the user wants to leave: call session_finish */
    void (*on_end)(enum client_exit exit_status, void *user);
};

enum link {
    LINK_CONNECTING, /* or logging in, or learning the types */
    LINK_UP,
    LINK_WAITING, /* until the next attempt */
    LINK_REFUSED  /* the login; waits for /connect */
};

enum { SESSION_TO_MAX = TALK_TO_MAX, SESSION_PROMPT_MAX = 512 };

struct session {
    struct ev_loop *loop;
    struct streams *streams;
    struct worker *resolver;
    struct client *client;                /* NULL: between two attempts */
    struct client_options client_options; /* point into login */
    struct login login;
    enum link link;
    ev_timer retry;
    struct backoff backoff;
    time_t retry_at;
    double up_at_s;
    char trouble[300]; /* why the last attempt failed, as it was told */
    struct screen *screen;
    const struct session_callbacks *callbacks;
    void *user;

    struct book book;
    struct outbox outbox;
    struct dialogue dialogue;
    struct talks talks;
    struct journal journal;
    char name[USER_NAME_MAX]; /* who we are */
    char type[TEMPLATE_NAME_MAX];
    char to[SESSION_TO_MAX];
    char latest_from[BOOK_NAME_MAX]; /* who sent the message that came last; "": not told */
    char latest_type[TEMPLATE_NAME_MAX];
    struct bytes latest;  /* the JSON of the message that came last */
    struct bytes compose; /* data under construction */

    uint64_t types_ticket;
    uint64_t whoami_ticket;
    bool ready;
    bool finishing;
    bool ended;
    bool is_script;
    bool refused_input; /* in a script: a line made no sense */
    struct client_tally tally;
};

struct session_options {
    const char *type; /* to begin with */
    const char *to;
    double report_s;
    double heartbeat_s;
    double reconnect_s; /* before the first attempt to connect again; 0: backoff.h */
    bool is_script;
};

/* STATUS_NO_MEMORY. login is copied and may be released afterwards. */
MUST_CHECK enum status session_start(struct session *self, struct ev_loop *loop,
    struct screen *screen, const struct login *login, const struct session_options *options,
    const struct session_callbacks *callbacks, void *user);
void session_release(struct session *self);
/* The screen takes more again. */
void session_go_on(struct session *self);
/* Takes no more lines; ends when nothing waits for a report. */
void session_finish(struct session *self);
/* Lines whose fate is open, and questions without an answer. */
size_t session_waiting(const struct session *self);

/* What stands before the line to be typed. Returns out. */
const char *session_prompt(const struct session *self, char out[SESSION_PROMPT_MAX]);

/* What a line asked for makes no sense; in a script that ends it. */
void session_refuse(struct session *self, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- what a line can ask for ---- */

/* Text for the current recipients, as the current type. */
void session_say(struct session *self, const char *text);
/* Data of the current type, as JSON. */
void session_send_json(struct session *self, const char *json);
/* Starts to ask field by field. "weather place=Oslo": what is set is not asked for; "" is
 * the current type. */
void session_new(struct session *self, const char *argument);
/* What was written in an editor: text where the type has a field for it, else JSON. */
void session_edited(struct session *self, const char *text);
/* The answer to the dialogue's question. */
void session_answer(struct session *self, const char *line);
/* To whoever wrote last, as the type of that message. */
void session_reply(struct session *self, const char *text);
/* Number 0 is the line sent last. The same once more, as a new line. */
void session_again(struct session *self, unsigned long number);
/* The same line with the same id: only what may not have arrived. */
void session_resend(struct session *self, unsigned long number);
/* Tries to connect now, if there is no connection. */
void session_connect(struct session *self);
/* "on", "off", a path, or "": tell. */
void session_log(struct session *self, const char *path);
void session_last(struct session *self, unsigned long count);
void session_grep(struct session *self, const char *text);
void session_show_status(struct session *self);
void session_show_line(struct session *self, unsigned long number);
void session_show_pending(struct session *self);
/* Forgets the dialogue, if there is one. */
void session_cancel(struct session *self);
void session_set_type(struct session *self, const char *type);
void session_set_to(struct session *self, const char *to);
/* The conversation where something unread has waited for the longest. */
void session_next(struct session *self);
void session_show_talks(struct session *self);
void session_show_types(struct session *self);
void session_show_latest(struct session *self);
void session_show_who(struct session *self);

#endif
