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

#include "bester-send/settings.h"
#include "libbester/client.h"
#include "libbester/status.h"

/* A message as it is told. Spans and texts are valid during the call only. */
struct told {
    uint64_t number; /* of the record */
    const struct client_result *result;
    const char *invalid; /* or NULL; why the record was never sent, then result is NULL */
    struct span raw;     /* the record as it came, if cargo was kept */
    bool good;           /* as far as --ack asks */
};
typedef void ledger_tell(const struct told *told, void *user);

/* What is kept of a message until it is told: for sending it again, and for the
 * file of those that failed. From malloc. */
struct cargo {
    unsigned tries; /* sent again so often */
    char id[CLIENT_ID_MAX];
    size_t raw_len;
    size_t data_len;
    char bytes[]; /* raw, then data */
};

struct ledger_entry {
    uint64_t number;
    uint64_t ticket; /* 0: never sent */
    bool settled;
    bool again;          /* waits for being sent again */
    struct cargo *cargo; /* or NULL */
    void *kept;          /* its result, if it came before its turn; the ledger's own */
};

struct ledger {
    ledger_tell *tell;
    void *user;
    struct ledger_entry *ring;
    size_t capacity;
    size_t first;
    size_t count;
    enum ack ack;
    size_t cargo_bytes; /* of all */
    size_t again;       /* entries that wait for being sent again */
    uint64_t invalid;   /* records that were never sent */
    struct client_tally tally;
};

MUST_CHECK enum status ledger_init(
    struct ledger *self, size_t capacity, enum ack ack, ledger_tell *tell, void *user);
void ledger_release(struct ledger *self);

bool ledger_is_full(const struct ledger *self);
bool ledger_is_empty(const struct ledger *self);
/* A message that was sent; the ledger is not full. Takes cargo (or NULL) over. */
void ledger_add(struct ledger *self, uint64_t number, uint64_t ticket, struct cargo *cargo);
/* A record that could not be sent; the ledger is not full. Takes cargo over. */
void ledger_add_invalid(struct ledger *self, uint64_t number, const char *why, struct cargo *cargo);
/* Instead of settling: it shall be sent again. false: it has no cargo, or was sent
 * again max_tries times. */
bool ledger_recall(struct ledger *self, const struct client_result *result, unsigned max_tries);
/* The first that waits for being sent again, or NULL. Sent: ledger_sent_again. */
struct ledger_entry *ledger_first_again(struct ledger *self);
void ledger_sent_again(struct ledger *self, struct ledger_entry *entry, uint64_t ticket);
/* Settles as unsent all that still wait for being sent again. */
void ledger_abandon(struct ledger *self, const char *why);
/* What a result means for the exit status, as far as --ack asks. */
enum client_exit ledger_result_exit(const struct ledger *self, const struct client_result *result);
/* The result of a ticket; one that is not known is left alone. */
void ledger_settle(struct ledger *self, const struct client_result *result);

/* The exit status that the results so far make: bad input first. */
enum client_exit ledger_exit(const struct ledger *self);

#endif
