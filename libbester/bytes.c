#include "libbester/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST_STORE = 64 };

void bytes_init(struct bytes *self, size_t max)
{
    *self = (struct bytes){.max = max};
}

void bytes_release(struct bytes *self)
{
    free(self->store);
    bytes_init(self, self->max);
}

void bytes_reset(struct bytes *self)
{
    self->start = 0;
    self->len = 0;
}

/* How large the store becomes when it must hold `needed` bytes: doubled, but not
 * over twice the cap. With two caps of room, a full buffer that is fed at one end
 * and eaten at the other moves its bytes once per cap, not once per call. */
static size_t grown(const struct bytes *self, size_t needed)
{
    size_t bound = self->max > SIZE_MAX / 2 ? SIZE_MAX : self->max * 2;
    size_t size = self->allocated > SIZE_MAX / 2 ? SIZE_MAX : self->allocated * 2;
    if (size < SMALLEST_STORE)
        size = SMALLEST_STORE;
    if (size > bound)
        size = bound;
    return size < needed ? needed : size;
}

/* Room for extra bytes behind the live ones, whatever the cap says. */
static enum status make_room(struct bytes *self, size_t extra)
{
    if (extra > SIZE_MAX - self->len)
        return STATUS_NO_MEMORY;
    size_t needed = self->len + extra;
    if (self->allocated - self->start >= needed)
        return STATUS_OK;
    /* Moving is paid for by the bytes that were consumed: at least as many. */
    if (needed <= self->allocated && self->start >= self->allocated / 2) {
        memmove(self->store, self->store + self->start, self->len);
        self->start = 0;
        return STATUS_OK;
    }
    size_t size = grown(self, needed);
    char *store = malloc(size);
    if (store == NULL)
        return STATUS_NO_MEMORY;
    if (self->len > 0)
        memcpy(store, self->store + self->start, self->len);
    free(self->store);
    self->store = store;
    self->start = 0;
    self->allocated = size;
    return STATUS_OK;
}

/* Room within the cap. */
static enum status make_room_capped(struct bytes *self, size_t extra)
{
    return extra > self->max - self->len ? STATUS_TOO_LARGE : make_room(self, extra);
}

enum status bytes_append(struct bytes *self, const void *data, size_t len)
{
    if (len == 0)
        return STATUS_OK;
    enum status status = make_room_capped(self, len);
    if (status != STATUS_OK)
        return status;
    memcpy(self->store + self->start + self->len, data, len);
    self->len += len;
    return STATUS_OK;
}

enum status bytes_append_span(struct bytes *self, struct span span)
{
    return bytes_append(self, span.at, span.len);
}

enum status bytes_append_text(struct bytes *self, const char *text)
{
    return bytes_append(self, text, strlen(text));
}

enum status bytes_printf(struct bytes *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (len < 0)
        return STATUS_INTERNAL;
    if ((size_t)len > self->max - self->len)
        return STATUS_TOO_LARGE;
    /* vsnprintf writes a zero byte too, which does not count against the cap. */
    enum status status = make_room(self, (size_t)len + 1);
    if (status != STATUS_OK)
        return status;
    va_start(arguments, format);
    vsnprintf(self->store + self->start + self->len, (size_t)len + 1, format, arguments);
    va_end(arguments);
    self->len += (size_t)len;
    return STATUS_OK;
}

enum status bytes_reserve(struct bytes *self, size_t len, char **room)
{
    enum status status = make_room_capped(self, len);
    if (status == STATUS_OK) /* no store yet: nothing was asked for */
        *room = self->store == NULL ? NULL : self->store + self->start + self->len;
    return status;
}

void bytes_commit(struct bytes *self, size_t len)
{
    assert(len <= self->allocated - self->start - self->len);
    assert(len <= self->max - self->len);
    self->len += len;
}

void bytes_consume(struct bytes *self, size_t len)
{
    if (len >= self->len) {
        assert(len == self->len);
        bytes_reset(self);
        return;
    }
    self->start += len;
    self->len -= len;
}

struct span bytes_span(const struct bytes *self)
{
    if (self->store == NULL)
        return (struct span){.at = "", .len = 0};
    return (struct span){.at = self->store + self->start, .len = self->len};
}

const char *bytes_text(struct bytes *self)
{
    if (self->len == 0)
        return "";
    if (make_room(self, 1) != STATUS_OK)
        return NULL;
    self->store[self->start + self->len] = '\0';
    return self->store + self->start;
}
