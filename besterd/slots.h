/*
 * slots: numbers for things, so that what crosses a turn of the loop carries a
 * number and not a pointer. Looking up the number of a thing that has gone
 * gives NULL, also when its place is taken by another since.
 *
 * Owns its table, not the things. Numbers are never 0. Finding, adding and
 * removing cost the same however many there are.
 */
#ifndef BESTERD_SLOTS_H
#define BESTERD_SLOTS_H

#include <stddef.h>
#include <stdint.h>

struct slot;

struct slots {
    struct slot *at;
    uint32_t size;
    uint32_t free; /* index of a free slot, plus 1; 0: none */
    size_t count;  /* things in the table */
};

void slots_init(struct slots *self);
void slots_release(struct slots *self);
/* The number of thing (not NULL); 0 when out of memory. */
uint64_t slots_add(struct slots *self, void *thing);
/* NULL if it has gone. */
void *slots_find(const struct slots *self, uint64_t number);
/* Returns what it was the number of; NULL, and nothing happens, if it has gone. */
void *slots_remove(struct slots *self, uint64_t number);
/* Any thing but those before *cursor; start with 0. NULL at the end. Removing
 * the one just given is allowed. */
void *slots_next(const struct slots *self, uint32_t *cursor);

#endif
