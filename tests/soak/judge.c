#include "tests/soak/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

void judge_init(struct judge *self, size_t senders, size_t types, size_t recipients)
{
    *self = (struct judge){.lanes_of_sender = types, .paths_of_lane = recipients};
    self->last_reported = must_alloc(senders * types * sizeof(uint64_t));
    self->last_received = must_alloc(senders * types * recipients * sizeof(uint64_t));
}

void judge_release(struct judge *self)
{
    free(self->items);
    free(self->last_reported);
    free(self->last_received);
    *self = (struct judge){0};
}

void judge_breach(struct judge *self, const char *format, ...)
{
    va_list arguments;

    if (self->breaches++ > 0)
        return;
    va_start(arguments, format);
    vsnprintf(self->first, sizeof(self->first), format, arguments);
    va_end(arguments);
}

static unsigned long long printed(uint64_t number)
{
    return number;
}

uint64_t judge_sent(
    struct judge *self, size_t sender, size_t type, size_t path, size_t recipient, uint64_t from_ns)
{
    size_t lane = sender * self->lanes_of_sender + type;

    if (self->count == self->room) {
        self->room = self->room ? self->room * 2 : 1024;
        self->items = must_resize(self->items, self->room * sizeof(struct judged));
    }
    self->items[self->count] = (struct judged){.from_ns = from_ns,
        .lane = (uint32_t)lane,
        .path = (uint32_t)(lane * self->paths_of_lane + path),
        .recipient = (uint32_t)recipient};
    return self->count++;
}

/* Notes that number came, and says so if one that was sent later came before. */
static void note_order(struct judge *self, uint64_t *last, uint64_t number, const char *what)
{
    if (number < *last)
        judge_breach(self, "message %llu was %s after %llu of the same lane, which was sent later",
            printed(number), what, printed(*last - 1));
    else
        *last = number + 1;
}

const struct judged *judge_reported(struct judge *self, uint64_t number, size_t sender, bool good)
{
    if (number >= self->count) {
        judge_breach(self, "a report of message %llu, which nobody sent", printed(number));
        return NULL;
    }
    struct judged *item = &self->items[number];
    if (item->lane / self->lanes_of_sender != sender)
        judge_breach(self, "the report of message %llu came to client %zu, who did not send it",
            printed(number), sender);
    if (item->reported) {
        judge_breach(self, "message %llu was reported a second time", printed(number));
        return item;
    }
    item->reported = true;
    item->good = good;
    self->reported++;
    self->good += good;
    self->bad_and_received += !good && item->received;
    note_order(self, &self->last_reported[item->lane], number, "reported");
    return item;
}

void judge_received(struct judge *self, uint64_t number, size_t recipient)
{
    if (number >= self->count) {
        judge_breach(
            self, "client %zu got message %llu, which nobody sent", recipient, printed(number));
        return;
    }
    struct judged *item = &self->items[number];
    if (item->recipient != recipient) {
        judge_breach(self, "client %zu got message %llu, which is for client %zu", recipient,
            printed(number), (size_t)item->recipient);
        return;
    }
    if (item->received > 0) {
        judge_breach(self, "message %llu came a second time", printed(number));
        return;
    }
    item->received++;
    self->received++;
    self->bad_and_received += item->reported && !item->good;
    note_order(self, &self->last_received[item->path], number, "delivered");
}

void judge_end(struct judge *self)
{
    for (uint64_t i = 0; i < self->count; i++) {
        const struct judged *item = &self->items[i];

        if (!item->reported)
            judge_breach(self, "message %llu has no report", printed(i));
        else if (item->good && item->received == 0)
            judge_breach(self, "message %llu was reported good and did not come", printed(i));
    }
}
