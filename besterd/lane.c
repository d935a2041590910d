#include "besterd/lane.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "libbester/blob.h"
#include "libbester/json.h"

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
    free(self->detail);
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

enum status ticket_keep_answer(struct ticket *self, struct handler *handler, struct span payload)
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
    while (*last)
        last = &(*last)->next;
    *last = answer;
    return STATUS_OK;
}

struct answer *ticket_take_answer(struct ticket *self)
{
    struct answer *answer = self->waiting;

    if (answer)
        self->waiting = answer->next;
    return answer;
}

void answer_free(struct answer *self)
{
    if (!self)
        return;
    blob_unref(self->payload);
    free(self);
}

enum status ticket_target(
    struct ticket *self, enum target_kind kind, struct span token, size_t *index)
{
    for (size_t i = 0; i < self->target_count; i++)
        if (self->targets[i].kind == kind && json_string_equal(self->targets[i].token, token)) {
            *index = i;
            return STATUS_OK;
        }
    size_t count = self->target_count;
    if ((count & (count - 1)) == 0) { /* a power of two: full */
        struct target *targets = realloc(self->targets, (count ? count * 2 : 1) * sizeof(*targets));

        if (!targets)
            return STATUS_NO_MEMORY;
        self->targets = targets;
    }
    char *copy = malloc(token.len);
    if (!copy)
        return STATUS_NO_MEMORY;
    memcpy(copy, token.at, token.len);
    self->targets[count] = (struct target){.kind = kind, .token = {copy, token.len}};
    self->target_count++;
    *index = count;
    return STATUS_OK;
}

struct lane *lane_get(struct lane **list, const struct handler *handler)
{
    for (struct lane *lane = *list; lane; lane = lane->next)
        if (lane->handler == handler)
            return lane;
    struct lane *lane = calloc(1, sizeof(*lane));
    if (!lane)
        return NULL;
    lane->handler = handler;
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
