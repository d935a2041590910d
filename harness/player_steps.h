/*
 * player_steps: what each kind of step does. Between player.c, which knows the
 * order of steps, and them. For player*.c alone.
 */
#ifndef HARNESS_PLAYER_STEPS_H
#define HARNESS_PLAYER_STEPS_H

#include "harness/exposition.h"
#include "harness/player.h"
#include "harness/rules.h"
#include "harness/scrape.h"
#include "harness/stage.h"

enum { PLAYER_DEPTH_MAX = 8 };

/* How long what is late may still come, so that the report can tell late from never. */
extern const double player_late_grace_s;

/* A list of steps that is being played. */
struct position {
    const struct steps *steps;
    size_t index;
    unsigned rounds; /* still to come, this one among them */
    size_t mark;     /* the bindings that were there before */
};

/* The interleaving of a "together". Owns its lists. */
struct strands {
    size_t *next;  /* by strand: the step that is next */
    size_t *order; /* which strand says its next line, one after the other */
    size_t count;  /* of order */
    size_t at;     /* in order */
};

enum player_phase {
    PHASE_STARTING,
    PHASE_MEASURING, /* what metrics are before the first step */
    PHASE_STEPS,
    PHASE_HEAL, /* what disturbs must have touched something by now */
    PHASE_FENCE,
    PHASE_ENDING,
    PHASE_FAILING,
    PHASE_DONE
};

struct player {
    struct ev_loop *loop;
    const struct scenario *scenario;
    const struct player_callbacks *callbacks;
    void *user;
    struct stage *stage;
    struct rules *rules;
    struct scope scope;
    int seen_from; /* the server from whose side ${S2} is understood; -1: outside */
    struct position stack[PLAYER_DEPTH_MAX];
    size_t depth;
    bool entered;               /* the step at the top has begun */
    bool restarted;             /* the step at the top has started it again */
    bool *lines_done;           /* of the "any order" at the top */
    struct strands strands;     /* of the "together" at the top */
    const struct step **nevers; /* those that have begun */
    size_t never_count;
    uint64_t *log_seen; /* by member: the number of the last line that a step took */
    struct scrape *scrape;
    struct exposition metrics;    /* as they were told last, or what was told of them */
    struct exposition *baselines; /* by member: as the play began */
    int measuring;                /* PHASE_MEASURING: the member whose are asked for */
    bool metrics_told;            /* of the step at the top */
    char *metrics_fault;          /* why they could not be read; or NULL */
    ev_timer deadline;
    ev_timer done;             /* never started: fed */
    double late_since_ms;      /* when the current step's deadline has passed; 0: it has not */
    const struct event *taken; /* by a line, last */
    char *why_not_said;        /* what a line that waits to be said waits for; or NULL */
    enum player_phase phase;
    double started_ms;
    struct verdict verdict;
};

enum step_answer { STEP_DONE, STEP_WAITS, STEP_FAILED };

/* Begins the step, or goes on with it. STEP_FAILED: the verdict is there. */
enum step_answer player_step(struct player *self, const struct step *step);
/* The deadline of the step has passed. */
void player_step_late(struct player *self, const struct step *step);
/* What stands behind the steps of player_group.c and player_process.c. */
enum step_answer player_run_any_order(struct player *self, const struct step *step);
void player_late_any_order(struct player *self, const struct step *step);
enum step_answer player_run_together(struct player *self, const struct step *step);
void player_late_together(struct player *self, const struct step *step);
enum step_answer player_run_signal(struct player *self, const struct step *step);
enum step_answer player_run_start(struct player *self, const struct step *step);
enum step_answer player_run_restart(struct player *self, const struct step *step);
enum step_answer player_run_disturb(struct player *self, const struct step *step);
enum step_answer player_run_heal(struct player *self, const struct step *step);
void player_late_heal(struct player *self, const struct step *step);
enum step_answer player_run_exit(struct player *self, const struct step *step);
void player_late_exit(struct player *self, const struct step *step);
void player_late_start(struct player *self, const struct step *step);
void player_late_restart(struct player *self, const struct step *step);
enum step_answer player_run_log(struct player *self, const struct step *step);
void player_late_log(struct player *self, const struct step *step);
enum step_answer player_run_metrics(struct player *self, const struct step *step);
void player_late_metrics(struct player *self, const struct step *step);
/* Asks for the metrics of every server of which a step wants to know what has changed.
 * true: all of them are there. */
bool player_measure(struct player *self);
void player_metrics_release(struct player *self);
/* For scrape_new. */
scrape_on_answer player_on_metrics;
/* What can go on does. */
void player_advance(struct player *self);

/* One line: said, or taken if it has come. */
enum step_answer player_run_line(struct player *self, const struct step *step);
void player_late_line(struct player *self, const struct step *step);
/* What is next on the edge of a line that is expected, or NULL; whether it is
 * what the line says, which binds; and the verdict when it is not. */
struct event *player_line_event(const struct player *self, const struct line *line);
bool player_compare(struct player *self, const struct line *line, const struct event *event);
void player_take_line(struct player *self, const struct step *step, struct event *event);
enum step_answer player_fail_other(
    struct player *self, const struct step *step, const struct event *event);
const char *player_name_of(const struct player *self, int member);
struct timeline *player_timeline(const struct player *self);

void player_fail_useless(struct player *self, const struct disturbance *what);

/* Plays the list from now on. */
void player_push(struct player *self, const struct steps *steps, unsigned rounds);

/* Sets the verdict at a step and returns STEP_FAILED. */
enum step_answer player_fail(struct player *self, const struct step *step, enum cause cause,
    const char *format, ...) PRINTF_LIKE(4, 5);
/* A line that would take the event: one that is still to come, or the current
 * one (later: only one behind it). NULL: none. */
const struct step *player_wants(struct player *self, const struct event *event, bool later);
/* Whether the play has to ask for what passes between the two. */
bool player_concerns(const struct player *self, int from, int to);
/* Fails the play if a "never" that has begun names the event. */
bool player_breaks_never(struct player *self, const struct event *event);
/* An event that no line may still ask for, or NULL. clients: on edges to clients,
 * else on all others. */
struct event *player_unexpected(struct player *self, bool clients);

#endif
