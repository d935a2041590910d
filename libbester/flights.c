#include "libbester/flights.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 64 };

void flights_init(struct flights *self)
{
    *self = (struct flights){0};
}

void flight_free(struct flight *self)
{
    free(self);
}

void flights_release(struct flights *self)
{
    while (self->oldest != NULL) {
        struct flight *flight = self->oldest;
        self->oldest = flight->newer;
        flight_free(flight);
    }
    free(self->buckets);
    *self = (struct flights){0};
}

/* FNV-1a. The ids are our own side's, so nobody can aim at one bucket. */
static uint32_t hash_of(const char *id)
{
    uint32_t hash = 2166136261U;
    for (; *id != '\0'; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619U;
    return hash;
}

static struct flight **bucket_of(const struct flights *self, uint32_t hash)
{
    return &self->buckets[hash & (self->bucket_count - 1)];
}

static enum status flights_grow(struct flights *self)
{
    struct flights grown = *self;
    grown.bucket_count = self->bucket_count == 0 ? BUCKETS_FIRST : 2 * self->bucket_count;
    grown.buckets = calloc(grown.bucket_count, sizeof(struct flight *));
    if (grown.buckets == NULL)
        return STATUS_NO_MEMORY;
    for (struct flight *at = self->oldest; at != NULL; at = at->newer) {
        struct flight **bucket = bucket_of(&grown, at->hash);
        at->next_in_bucket = *bucket;
        *bucket = at;
    }
    free(self->buckets);
    *self = grown;
    return STATUS_OK;
}

enum status flights_add(struct flights *self, const char *id, struct flight **out)
{
    size_t len = strlen(id);
    if (flights_find(self, id) != NULL)
        return STATUS_INVALID;
    if (self->count == self->bucket_count && flights_grow(self) != STATUS_OK)
        return STATUS_NO_MEMORY;
    struct flight *flight = calloc(1, sizeof *flight + len + 1);
    if (flight == NULL)
        return STATUS_NO_MEMORY;
    memcpy(flight->id, id, len + 1);
    flight->hash = hash_of(id);
    struct flight **bucket = bucket_of(self, flight->hash);
    flight->next_in_bucket = *bucket;
    *bucket = flight;
    flight->older = self->newest;
    *(self->newest == NULL ? &self->oldest : &self->newest->newer) = flight;
    self->newest = flight;
    self->count++;
    *out = flight;
    return STATUS_OK;
}

struct flight *flights_find(const struct flights *self, const char *id)
{
    uint32_t hash = hash_of(id);
    struct flight *at = self->buckets == NULL ? NULL : *bucket_of(self, hash);
    while (at != NULL && (at->hash != hash || strcmp(at->id, id) != 0))
        at = at->next_in_bucket;
    return at;
}

struct flight *flights_oldest(const struct flights *self)
{
    return self->oldest;
}

struct flight *flights_take(struct flights *self, struct flight *flight)
{
    struct flight **at = bucket_of(self, flight->hash);
    while (*at != flight)
        at = &(*at)->next_in_bucket;
    *at = flight->next_in_bucket;
    *(flight->older == NULL ? &self->oldest : &flight->older->newer) = flight->newer;
    *(flight->newer == NULL ? &self->newest : &flight->newer->older) = flight->older;
    self->count--;
    return flight;
}

size_t flights_count(const struct flights *self)
{
    return self->count;
}
