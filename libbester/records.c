#include "libbester/records.h"

#include <assert.h>
#include <string.h>

void records_init(struct records *self, enum records_form form, size_t max_record)
{
    *self = (struct records){.form = form, .max_record = max_record};
    bytes_init(&self->held, max_record + (size_t)2 * RECORDS_READ_BYTES);
}

void records_release(struct records *self)
{
    bytes_release(&self->held);
}

static void drop_taken(struct records *self)
{
    bytes_consume(&self->held, self->taken);
    self->taken = 0;
}

enum status records_room(struct records *self, char **room)
{
    drop_taken(self);
    return bytes_reserve(&self->held, RECORDS_READ_BYTES, room);
}

void records_put(struct records *self, size_t len)
{
    assert(!self->ended);
    bytes_commit(&self->held, len);
}

void records_end(struct records *self)
{
    self->ended = true;
}

/* The bytes up to the end of the next record, and with it; false: not here yet. */
static bool find_end(struct records *self, size_t *len, size_t *with_end)
{
    struct span held = bytes_span(&self->held);
    const char *end = NULL;
    if (self->form != RECORDS_WHOLE && held.len > self->looked_at)
        end = memchr(held.at + self->looked_at, self->form == RECORDS_NULL ? '\0' : '\n',
            held.len - self->looked_at);
    if (end != NULL) {
        *len = (size_t)(end - held.at);
        *with_end = *len + 1;
        return true;
    }
    self->looked_at = held.len;
    *len = *with_end = held.len;
    /* An empty whole is a message too; behind the last line's end is no line. */
    return self->ended && (held.len > 0 || (self->form == RECORDS_WHOLE && self->number == 0));
}

/* Throws away what is here of a record that is too long; true: it begins here. */
static bool skip(struct records *self, bool found, size_t with_end)
{
    bool begins = !self->skipping;
    if (self->on_skipped != NULL)
        self->on_skipped((struct span){bytes_span(&self->held).at, with_end}, begins, self->user);
    bytes_consume(&self->held, with_end);
    self->looked_at = 0;
    self->skipping = !found;
    self->number += begins;
    return begins;
}

enum pull records_next(struct records *self, struct span *record, uint64_t *number)
{
    size_t len = 0;
    size_t with_end = 0;
    bool found;
    drop_taken(self);
    while ((found = find_end(self, &len, &with_end)) || len > self->max_record || self->skipping) {
        if (!self->skipping && len <= self->max_record)
            break;
        if (skip(self, found, with_end)) {
            *number = self->number;
            return PULL_BAD;
        }
        if (!found)
            return PULL_MORE;
    }
    if (!found)
        return PULL_MORE;
    const char *at = bytes_span(&self->held).at;
    if (self->form == RECORDS_LINES && len > 0 && at[len - 1] == '\r')
        len--;
    *record = (struct span){at == NULL ? "" : at, len};
    *number = ++self->number;
    self->taken = with_end;
    self->looked_at = 0;
    return PULL_READY;
}

struct span records_raw(const struct records *self)
{
    return (struct span){bytes_span(&self->held).at, self->taken};
}

struct span records_rest(const struct records *self)
{
    struct span held = bytes_span(&self->held);
    return (struct span){held.at == NULL ? "" : held.at + self->taken, held.len - self->taken};
}
