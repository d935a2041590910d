#include "besterd/lane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/address.h"
#include "libbester/blob.h"
#include "libbester/json.h"

enum { FEW_TARGETS = 8 }; /* a power of two: so many are found without a table */

struct ticket *ticket_new(uint64_t session, struct origin *origin, struct span id_token)
{
    struct ticket *self = calloc(1, sizeof(*self) + id_token.len);

    if (!self)
        return NULL;
    self->session = session;
    self->origin = origin_ref(origin);
    if (id_token.at) {
        memcpy(self->id_storage, id_token.at, id_token.len);
        self->id_token = (struct span){self->id_storage, id_token.len};
    }
    return self;
}

void ticket_free(struct ticket *self)
{
    struct answer *answer;

    if (!self)
        return;
    assert(!self->lane);
    while ((answer = ticket_take_answer(self)) != NULL)
        answer_free(answer);
    for (size_t i = 0; i < self->target_count; i++)
        free((char *)self->targets[i].token.at);
    free(self->targets);
    free(self->places);
    free(self->detail);
    blob_unref(self->own);
    origin_unref(self->origin);
    free(self);
}

bool ticket_is_settled(const struct ticket *self)
{
    return self->asking == 0 && !self->waiting && !self->running;
}

bool ticket_is_done(const struct ticket *self)
{
    return ticket_is_settled(self) && self->open == 0;
}

void ticket_fail(struct ticket *self, enum status reason, const char *detail)
{
    if (self->failure != STATUS_OK)
        return;
    self->failure = reason;
    if (detail)
        self->detail = strdup(detail); /* without memory the reason must do */
}

enum status ticket_keep_answer(
    struct ticket *self, struct handler *handler, struct span payload, size_t *tally)
{
    struct answer *answer = calloc(1, sizeof(*answer));
    struct answer **last = &self->waiting;

    if (!answer)
        return STATUS_NO_MEMORY;
    answer->handler = handler;
    answer->payload = blob_new(payload.len);
    if (!answer->payload) {
        free(answer);
        return STATUS_NO_MEMORY;
    }
    memcpy(answer->payload->data, payload.at, payload.len);
    answer->tally = tally;
    if (tally)
        blob_wait(answer->payload, tally);
    if (self->lane)
        self->lane->kept_bytes += payload.len;
    while (*last)
        last = &(*last)->next;
    *last = answer;
    return STATUS_OK;
}

struct answer *ticket_take_answer(struct ticket *self)
{
    struct answer *answer = self->waiting;

    if (!answer)
        return NULL;
    self->waiting = answer->next;
    if (self->lane)
        self->lane->kept_bytes -= answer->payload->len;
    return answer;
}

void answer_free(struct answer *self)
{
    if (!self)
        return;
    if (self->tally)
        blob_wait_over(self->payload, self->tally);
    blob_unref(self->payload);
    free(self);
}

/* ---- targets ---- */

/* Names that are equal after decoding have the same. What is too long to be the
 * name of anything shares one. */
static uint32_t hash_of(enum target_kind kind, struct span token)
{
    char name[SERVER_NAME_MAX];
    size_t len = 0;
    uint32_t hash = 2166136261u + kind; /* FNV-1a */

    if (json_decode(token, name, sizeof(name), &len) != STATUS_OK)
        len = 0;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash;
}

static bool target_is(const struct target *self, const struct target *wanted)
{
    return self->hash == wanted->hash && self->kind == wanted->kind &&
           json_string_equal(self->token, wanted->token);
}

/* target_count: there is none. */
static size_t find_target(const struct ticket *self, const struct target *wanted)
{
    size_t i;

    if (self->places) {
        size_t at = wanted->hash & (self->place_count - 1);

        for (; self->places[at]; at = (at + 1) & (self->place_count - 1))
            if (target_is(&self->targets[self->places[at] - 1], wanted))
                return self->places[at] - 1;
        return self->target_count;
    }
    for (i = 0; i < self->target_count; i++)
        if (target_is(&self->targets[i], wanted))
            break;
    return i;
}

static void put_in_place(struct ticket *self, size_t index)
{
    size_t at = self->targets[index].hash & (self->place_count - 1);

    while (self->places[at])
        at = (at + 1) & (self->place_count - 1);
    self->places[at] = (uint32_t)index + 1;
}

/* Room for one more target; the table is at most half full. */
static enum status grow_targets(struct ticket *self)
{
    size_t count = self->target_count;

    if ((count & (count - 1)) != 0) /* a power of two: full */
        return STATUS_OK;
    size_t room = count ? count * 2 : 1;
    struct target *targets = realloc(self->targets, room * sizeof(*targets));
    if (!targets)
        return STATUS_NO_MEMORY;
    self->targets = targets;
    if (room <= FEW_TARGETS)
        return STATUS_OK;
    uint32_t *places = calloc(room * 2, sizeof(*places));
    if (!places)
        return STATUS_NO_MEMORY;
    free(self->places);
    self->places = places;
    self->place_count = room * 2;
    for (size_t i = 0; i < count; i++)
        put_in_place(self, i);
    return STATUS_OK;
}

enum status ticket_target(
    struct ticket *self, enum target_kind kind, struct span token, size_t *index)
{
    struct target target = {.kind = kind, .token = token, .hash = hash_of(kind, token)};
    size_t found = find_target(self, &target);

    if (found == self->target_count) {
        char *copy = malloc(token.len);

        if (!copy || grow_targets(self) != STATUS_OK) {
            free(copy);
            return STATUS_NO_MEMORY;
        }
        memcpy(copy, token.at, token.len);
        target.token.at = copy;
        self->targets[self->target_count++] = target;
        if (self->places)
            put_in_place(self, found);
    }
    *index = found;
    return STATUS_OK;
}

/* ---- lanes ---- */

struct lane *lane_find(struct lane *list, const void *key)
{
    for (struct lane *lane = list; lane; lane = lane->next)
        if (lane->key == key)
            return lane;
    return NULL;
}

struct lane *lane_get(struct lane **list, const void *key)
{
    struct lane *lane = lane_find(*list, key);

    if (lane)
        return lane;
    lane = calloc(1, sizeof(*lane));
    if (!lane)
        return NULL;
    lane->key = key;
    lane->next = *list;
    *list = lane;
    return lane;
}

void lane_append(struct lane *self, struct ticket *ticket)
{
    ticket->lane = self;
    ticket->next = NULL;
    ticket->previous = self->last;
    if (self->last)
        self->last->next = ticket;
    else
        self->first = ticket;
    self->last = ticket;
    if (!self->front)
        self->front = ticket;
}

bool lane_pop(struct lane *self, struct ticket *ticket)
{
    assert(self->first == ticket);
    for (const struct answer *answer = ticket->waiting; answer; answer = answer->next)
        self->kept_bytes -= answer->payload->len;
    if (self->front == ticket)
        self->front = ticket->next;
    self->first = ticket->next;
    if (self->first)
        self->first->previous = NULL;
    else
        self->last = NULL;
    ticket->lane = NULL;
    ticket->next = NULL;
    if (!self->orphan || self->first)
        return true;
    free(self);
    return false;
}

bool lane_may_run(struct lane *self, const struct ticket *ticket, bool hops_only)
{
    while (self->front && self->front != ticket && ticket_is_settled(self->front))
        self->front = self->front->next;
    if (self->front == ticket)
        return true;
    if (!hops_only)
        return false;
    /* The nearest one before it that is not settled speaks for all before that:
     * it had to keep the same rule. */
    const struct ticket *before = ticket->previous;
    while (before && ticket_is_settled(before))
        before = before->previous;
    return !before || before->handler_hops > ticket->handler_hops;
}

void lanes_orphan(struct lane **list)
{
    while (*list) {
        struct lane *lane = *list;

        *list = lane->next;
        lane->next = NULL;
        lane->orphan = true;
        if (!lane->first)
            free(lane);
    }
}

void lanes_replace(struct lane *list, const struct handler *old, const struct handler *now)
{
    for (struct lane *lane = list; lane; lane = lane->next)
        if (lane->key == old)
            lane->key = now;
}
