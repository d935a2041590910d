/*
 * settings: the options of bester-send, and which of them go together.
 *
 * Texts point into argv, the environment or `text`; only `text` is owned.
 */
#ifndef BESTER_SEND_SETTINGS_H
#define BESTER_SEND_SETTINGS_H

#include "libbester/login.h"
#include "libbester/options.h"

enum source {
    SOURCE_NONE,   /* nothing said yet */
    SOURCE_DATA,   /* -d: one message, its data given */
    SOURCE_FORM,   /* one message by the template: fields and words of the command line */
    SOURCE_WHOLE,  /* all of stdin is the text of one message */
    SOURCE_LINES,  /* each line of stdin is the text of a message */
    SOURCE_NULL,   /* the same, ended by zero bytes */
    SOURCE_LISTEN, /* nothing is sent */
    SOURCE_NDJSON, /* each line of stdin is the data of a message */
    SOURCE_COUNT
};

struct pair {
    const char *text; /* NAME=VALUE */
    bool is_json;
};

enum { PAIRS_MAX = 64, MATCHES_MAX = 16 };

/* When a message counts as sent well. */
enum ack {
    ACK_NONE,     /* the kernel has all of it */
    ACK_ACCEPTED, /* reported good: also stored and queued */
    ACK_DELIVERED /* reported good, and not merely stored or queued */
};

enum dry { DRY_NO, DRY_TEXT, DRY_BYTES };

struct settings {
    struct login_settings login;
    const char *type;
    const char *data;
    const char *template_file;
    const char *id;
    struct pair pairs[PAIRS_MAX];
    size_t pair_count;
    enum source source;
    char *text; /* the words behind the options, joined by blanks; NULL: none */
    unsigned inflight;
    double timeout_s; /* of the whole run; 0: none */
    double report_s;
    bool report_json;
    enum ack ack;
    enum dry dry;
    const char *failed_file;
    unsigned retry;
    unsigned replies;                 /* to wait for; 0: none */
    unsigned count;                   /* of --listen; 0: for ever */
    double wait_s;                    /* -W; 0: not said */
    const char *matches[MATCHES_MAX]; /* PATH=VALUE */
    size_t match_count;
    const char *format; /* NULL: JSON */
    bool keep_going;
    bool verbose;
};

extern const struct option_table settings_table;

void settings_init(struct settings *self);
void settings_release(struct settings *self);
/* After parsing: takes the operands and checks what goes together.
 * STATUS_INVALID: *fault says what does not. */
MUST_CHECK enum status settings_finish(
    struct settings *self, const struct operands *operands, struct fault *fault);

bool source_is_stdin(enum source source);
/* How many messages that arrive end the run; 0: they do not. */
unsigned settings_awaited(const struct settings *self);
/* Whether messages that arrive are printed. */
bool settings_prints(const struct settings *self);
/* Whether data is built by the type's template. */
bool source_by_template(enum source source);

#endif
