/*
 * ledger: what was sent and what became of it, told in the order of the input.
 *
 * A ring of at most `capacity` messages whose turn to be told has not come.
 * Results arrive in any order; a message is told when it and all before it are
 * settled. Keeps count for the exit status. Pure: told through a callback.
 */
#ifndef BESTER_SEND_LEDGER_H
#define BESTER_SEND_LEDGER_H

#include <stdint.h>

#include "libbester/client.h"
#include "libbester/status.h"

/* A message as it is told. Spans and texts are valid during the call only. */
struct told {
    uint64_t number; /* of the record */
    const struct client_result *result;
    const char *invalid; /* or NULL; why the record was never sent, then result is NULL */
};
typedef void ledger_tell(const struct told *told, void *user);

struct ledger_entry {
    uint64_t number;
    uint64_t ticket; /* 0: never sent */
    bool settled;
    void *kept; /* its result, if it came before its turn; the ledger's own */
};

struct ledger {
    ledger_tell *tell;
    void *user;
    struct ledger_entry *ring;
    size_t capacity;
    size_t first;
    size_t count;
    uint64_t invalid; /* records that were never sent */
    struct client_tally tally;
};

MUST_CHECK enum status ledger_init(
    struct ledger *self, size_t capacity, ledger_tell *tell, void *user);
void ledger_release(struct ledger *self);

bool ledger_is_full(const struct ledger *self);
bool ledger_is_empty(const struct ledger *self);
/* A message that was sent; the ledger is not full. */
void ledger_add(struct ledger *self, uint64_t number, uint64_t ticket);
/* A record that could not be sent; the ledger is not full. */
void ledger_add_invalid(struct ledger *self, uint64_t number, const char *why);
/* The result of a ticket; one that is not known is left alone. */
void ledger_settle(struct ledger *self, const struct client_result *result);

/* The exit status that the results so far make: bad input first. */
enum client_exit ledger_exit(const struct ledger *self);

#endif
