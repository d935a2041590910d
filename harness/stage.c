#include "harness/stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/actor_client.h"
#include "harness/actor_process.h"
#include "harness/actors.h"
#include "harness/folder.h"
#include "harness/must.h"
#include "harness/orphans.h"

enum { DIR_ROOM = 200 };
static const double LOOK_S = 0.01;
/* A server that is asked to end takes up to its drainMs, 5 s, and a little more. */
static const double END_LEAST_S = 10;

enum stage_state {
    STAGE_NEW,
    STAGE_SERVING,
    STAGE_STARTING,
    STAGE_PLAYING,
    STAGE_ENDING,
    STAGE_ENDED
};

struct stage {
    struct setting setting;
    struct topology topology;
    struct chance chance;
    struct disturbances disturbances;
    bool open; /* the topology is */
    bool timeline_taken;
    const struct programs *programs;
    const struct stage_callbacks *callbacks;
    void *user;
    enum stage_state state;
    struct actors *actors;
    ev_timer change; /* never started: fed when something changed */
    ev_timer deadline;
    struct folder_watch *created; /* where a socket comes into being; of each member */
    ev_timer look;                /* in its place */
    bool troubled;
    bool trouble_told;
    int trouble_member;
    enum cause trouble_cause;
    char *trouble_text;
};

/* ---- what the actors tell -------------------------------------------------------------------- */

/* Told at the end of the turn, so that nobody is freed in his own callback. */
static void on_trouble(int member, enum cause cause, const char *text, void *user)
{
    struct stage *self = user;

    /* The first is told; but a death explains what was told before it. */
    if (self->troubled && cause != CAUSE_PEER_DIED)
        return;
    self->trouble_told = false;
    self->troubled = true;
    free(self->trouble_text);
    self->trouble_member = member;
    self->trouble_cause = cause;
    self->trouble_text = must_copy(text);
    ev_feed_event(self->setting.loop, &self->change, EV_CUSTOM);
}

static void on_actor_change(int member, void *user)
{
    struct stage *self = user;

    (void)member;
    ev_feed_event(self->setting.loop, &self->change, EV_CUSTOM);
}

static void on_touch(const struct disturbance *what, const char *how, void *user)
{
    struct stage *self = user;

    timeline_fault(self->setting.timeline, what->from, what->to, "%s%s: %s",
        disturbance_name(what->kind), what->both ? ", both ways" : "", how);
    ev_feed_event(self->setting.loop, &self->change, EV_CUSTOM);
}

static void on_event(struct event *event, void *user)
{
    struct stage *self = user;

    self->callbacks->on_event(event, self->user);
}

static void on_turn(void *user)
{
    struct stage *self = user;

    self->callbacks->on_turn(self->user);
    streams_flush(self->setting.streams);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void check_ended(struct stage *self)
{
    static const enum member_kind order[] = {MEMBER_CLIENT, MEMBER_SERVER, MEMBER_HANDLER};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (actors_run(self->actors, order[i])) {
            actors_ask_to_end(self->actors, order[i]);
            return;
        }
    ev_timer_stop(self->setting.loop, &self->deadline);
    self->state = STAGE_ENDED;
    self->callbacks->on_ended(self->user);
}

static void on_change(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct stage *self = watcher->data;

    (void)loop, (void)events;
    if (self->troubled && !self->trouble_told) {
        self->trouble_told = true;
        self->callbacks->on_trouble(
            self->trouble_member, self->trouble_cause, self->trouble_text, self->user);
        return;
    }
    actors_retry_links(self->actors);
    if (self->state == STAGE_SERVING && actors_serve(self->actors)) {
        self->state = STAGE_STARTING;
        actors_start_clients(self->actors);
    }
    if (self->state == STAGE_STARTING && actors_are_in(self->actors)) {
        self->state = STAGE_PLAYING;
        actors_start_programs(self->actors);
        self->callbacks->on_ready(self->user);
    } else if (self->state == STAGE_ENDING) {
        check_ended(self);
    } else {
        self->callbacks->on_turn(self->user);
    }
    streams_flush(self->setting.streams);
}

static void on_created(void *user)
{
    struct stage *self = user;

    actors_retry_links(self->actors);
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct stage *self = watcher->data;

    (void)loop, (void)events;
    actors_retry_links(self->actors);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct stage *self = watcher->data;

    (void)loop, (void)events;
    on_trouble(
        actors_any_running(self->actors), CAUSE_NOT_ENDED, "was asked to end and did not", self);
}

/* ---- the start ------------------------------------------------------------------------------- */

/* Whoever makes a socket himself has to be waited for: a program of the cast, and a
 * server's informer. In which directory; false: in none. */
static bool directory_of(const struct stage *self, const struct member *member, char out[DIR_ROOM])
{
    if (member->handler.run && !member->handler.by_server)
        snprintf(out, DIR_ROOM, "%s", self->topology.dir);
    else if (member->client.informer)
        topology_server_dir(&self->topology, member->on, out, DIR_ROOM);
    else
        return false;
    return true;
}

/* Whether a member before this one has to be waited for in the same directory. */
static bool is_watched(const struct stage *self, size_t before, const char *dir)
{
    const struct scenario *scenario = self->setting.scenario;
    char other[DIR_ROOM];

    for (size_t i = 0; i < before; i++)
        if (directory_of(self, &scenario->members[i], other) && strcmp(dir, other) == 0)
            return true;
    return false;
}

/* A user has few instances of inotify, for all his programs: a play that needs none
 * takes none, and without one it looks from time to time. */
static void watch_directories(struct stage *self)
{
    const struct scenario *scenario = self->setting.scenario;
    char dir[DIR_ROOM];
    struct fault fault;
    bool told = true;

    self->created = must_alloc(scenario->member_count * sizeof(*self->created));
    for (size_t i = 0; told && i < scenario->member_count; i++)
        if (directory_of(self, &scenario->members[i], dir) && !is_watched(self, i, dir))
            told = folder_watch_start(&self->created[i], self->setting.loop, dir, on_created, self,
                       &fault) == STATUS_OK;
    if (!told)
        ev_timer_again(self->setting.loop, &self->look);
}

void stage_start(struct stage *self)
{
    struct fault fault;

    self->state = STAGE_SERVING;
    if (topology_open(&self->topology, self->setting.scenario, self->programs, &fault) !=
        STATUS_OK) {
        on_trouble(-1, CAUSE_NOT_STARTED, fault.text, self);
        return;
    }
    self->open = true;
    watch_directories(self);
    actors_start(self->actors);
    ev_feed_event(self->setting.loop, &self->change, EV_CUSTOM);
}

/* ---- in the play ----------------------------------------------------------------------------- */

enum status stage_say(
    struct stage *self, int from, int to, const struct utterance *utterance, struct fault *fault)
{
    enum status status = actors_say(self->actors, from, to, utterance, fault);

    if (status == STATUS_OK)
        self->callbacks->on_line(timeline_last(self->setting.timeline), self->user);
    return status;
}

void stage_take(struct stage *self, struct event *event, const char *label)
{
    actors_take(self->actors, event, label);
    if (event->kind == EVENT_FRAME || !event->optional)
        self->callbacks->on_line(event, self->user);
}

enum status stage_signal(struct stage *self, int member, int number, struct fault *fault)
{
    return actors_signal(self->actors, member, number, fault);
}

void stage_fence(struct stage *self, int client)
{
    actor_client_fence(actors_client(self->actors, client));
}

bool stage_is_fenced(const struct stage *self, int client)
{
    return actor_client_is_fenced(actors_client(self->actors, client));
}

void stage_seed(struct stage *self, uint64_t seed)
{
    chance_init(&self->chance, seed);
}

void stage_disturb(struct stage *self, const struct disturbance *what)
{
    char text[160];

    timeline_fault(self->setting.timeline, what->from, what->to, "%s begins",
        disturbance_describe(what, text, sizeof(text)));
    disturbances_add(&self->disturbances, what);
    actors_disturb(self->actors);
}

void stage_heal(struct stage *self, int from, int to, bool both)
{
    if (from < 0)
        actors_forget(self->actors);
    else
        timeline_fault(
            self->setting.timeline, from, to, "%s", both ? "healed, both ways" : "healed");
    disturbances_heal(&self->disturbances, from, to, both);
    actors_disturb(self->actors);
}

const struct disturbance *stage_useless(const struct stage *self, int from, int to, bool both)
{
    return disturbances_useless(&self->disturbances, from, to, both);
}

unsigned stage_choose(struct stage *self, unsigned n)
{
    return chance_choose(&self->chance, n);
}

void stage_start_one(struct stage *self, int member)
{
    actors_start_one(self->actors, member);
}

void stage_expect_end(struct stage *self, int member)
{
    actor_process_expect_end(actors_process(self->actors, member));
}

bool stage_serves(const struct stage *self, int member)
{
    const struct actor_process *process = actors_process(self->actors, member);

    return !process || actor_process_has_started(process);
}

bool stage_has_process(const struct stage *self, int member)
{
    return actors_process(self->actors, member) != NULL;
}

bool stage_has_ended(const struct stage *self, int member, int *wait_status)
{
    return actor_process_has_ended(actors_process(self->actors, member), wait_status);
}

struct timeline *stage_timeline(const struct stage *self)
{
    return self->setting.timeline;
}

struct timeline *stage_take_timeline(struct stage *self)
{
    self->timeline_taken = true;
    return self->setting.timeline;
}

const struct topology *stage_topology(const struct stage *self)
{
    return &self->topology;
}

/* ---- the end --------------------------------------------------------------------------------- */

void stage_end(struct stage *self, double deadline_s)
{
    self->state = STAGE_ENDING;
    ev_timer_set(&self->deadline, deadline_s > END_LEAST_S ? deadline_s : END_LEAST_S, 0.);
    ev_timer_start(self->setting.loop, &self->deadline);
    ev_feed_event(self->setting.loop, &self->change, EV_CUSTOM);
}

struct stage *stage_new(struct ev_loop *loop, struct streams *streams,
    const struct scenario *scenario, const struct programs *programs,
    const struct stage_callbacks *callbacks, void *user)
{
    struct stage *self = must_alloc(sizeof(*self));

    *self = (struct stage){.callbacks = callbacks,
        .user = user,
        .programs = programs,
        .setting = {.loop = loop,
            .streams = streams,
            .scenario = scenario,
            .topology = &self->topology,
            .chance = &self->chance,
            .disturbances = &self->disturbances,
            .on_trouble = on_trouble,
            .on_change = on_actor_change,
            .user = self}};
    chance_init(&self->chance, 1);
    self->disturbances =
        (struct disturbances){.chance = &self->chance, .on_touch = on_touch, .user = self};
    self->setting.timeline = timeline_new(loop, scenario, on_event, on_turn, self);
    self->actors = actors_new(&self->setting);
    ev_init(&self->change, on_change);
    ev_set_priority(&self->change, EV_MINPRI);
    ev_init(&self->deadline, on_deadline);
    ev_timer_init(&self->look, on_look, LOOK_S, LOOK_S);
    self->change.data = self->deadline.data = self->look.data = self;
    return self;
}

void stage_free(struct stage *self)
{
    if (!self)
        return;
    ev_clear_pending(self->setting.loop, &self->change);
    ev_timer_stop(self->setting.loop, &self->deadline);
    ev_timer_stop(self->setting.loop, &self->look);
    for (size_t i = 0; self->created && i < self->setting.scenario->member_count; i++)
        folder_watch_stop(&self->created[i]);
    free(self->created);
    actors_free(self->actors);
    disturbances_release(&self->disturbances);
    if (self->timeline_taken)
        timeline_close(self->setting.timeline);
    else
        timeline_free(self->setting.timeline);
    if (self->open) {
        orphans_end_of(self->topology.dir);
        topology_close(&self->topology);
    }
    free(self->trouble_text);
    free(self);
}
