#include "bester-send/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A result that has to wait for its turn, with its texts behind it. */
struct kept {
    struct client_result result;
    bool is_invalid;
    char texts[];
};

enum status ledger_init(
    struct ledger *self, size_t capacity, enum ack ack, ledger_tell *tell, void *user)
{
    struct ledger_entry *ring = calloc(capacity, sizeof *ring);
    if (ring == NULL)
        return STATUS_NO_MEMORY;
    *self =
        (struct ledger){.tell = tell, .user = user, .ring = ring, .capacity = capacity, .ack = ack};
    return STATUS_OK;
}

static struct ledger_entry *entry_at(const struct ledger *self, size_t index)
{
    return &self->ring[(self->first + index) % self->capacity];
}

void ledger_release(struct ledger *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(entry_at(self, i)->kept);
        free(entry_at(self, i)->cargo);
    }
    free(self->ring);
    *self = (struct ledger){0};
}

bool ledger_is_full(const struct ledger *self)
{
    return self->count == self->capacity;
}

bool ledger_is_empty(const struct ledger *self)
{
    return self->count == 0;
}

/* ---- results that wait ------------------------------------------------------------------------
 */

static struct span keep_span(char **room, struct span text)
{
    if (text.at == NULL)
        return text;
    memcpy(*room, text.at, text.len);
    (*room)[text.len] = '\0';
    struct span kept = {*room, text.len};
    *room += text.len + 1;
    return kept;
}

static struct kept *keep(const struct client_result *result)
{
    const struct span texts[] = {span_of(result->id), span_of(result->reason_text),
        span_of(result->detail), result->recipients, result->servers};
    size_t size = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        size += texts[i].len + 1;
    struct kept *self = malloc(sizeof *self + size);
    if (self == NULL)
        return NULL;
    char *room = self->texts;
    self->result = *result;
    self->is_invalid = false;
    self->result.answer = NULL; /* lives with its frame */
    self->result.id = keep_span(&room, texts[0]).at;
    self->result.reason_text = keep_span(&room, texts[1]).at;
    self->result.detail = keep_span(&room, texts[2]).at;
    self->result.recipients = keep_span(&room, texts[3]);
    self->result.servers = keep_span(&room, texts[4]);
    return self;
}

/* ---- telling ----------------------------------------------------------------------------------
 */

enum client_exit ledger_result_exit(const struct ledger *self, const struct client_result *result)
{
    enum client_exit exit_status = client_result_exit(result);
    bool in_custody = result->outcome == OUTCOME_STORED || result->outcome == OUTCOME_QUEUED;
    if (self->ack == ACK_NONE)
        return result->fate == CLIENT_UNSENT ? exit_status : EXIT_ALL_GOOD;
    if (self->ack == ACK_DELIVERED && exit_status == EXIT_ALL_GOOD && in_custody)
        return EXIT_REJECTED;
    return exit_status;
}

static size_t cargo_size(const struct cargo *cargo)
{
    return cargo == NULL ? 0 : sizeof *cargo + cargo->raw_len + cargo->data_len;
}

/* The last word about an entry, which has left the ring. */
static void tell(struct ledger *self, struct ledger_entry *entry,
    const struct client_result *result, bool is_invalid)
{
    struct told told = {.number = entry->number};
    if (is_invalid)
        told.invalid = result->detail;
    else
        told.result = result;
    told.good = !is_invalid && ledger_result_exit(self, result) == EXIT_ALL_GOOD;
    if (entry->cargo != NULL)
        told.raw = (struct span){entry->cargo->bytes, entry->cargo->raw_len};
    self->tell(&told, self->user);
    self->cargo_bytes -= cargo_size(entry->cargo);
    free(entry->cargo);
}

/* Tells those at the front whose result is here. */
static void tell_settled(struct ledger *self)
{
    while (self->count > 0 && entry_at(self, 0)->settled) {
        struct ledger_entry entry = *entry_at(self, 0);
        struct kept *kept = entry.kept;
        self->first = (self->first + 1) % self->capacity;
        self->count--;
        tell(self, &entry, &kept->result, kept->is_invalid);
        free(kept);
    }
}

static void entry_settle(
    struct ledger *self, size_t index, const struct client_result *result, bool is_invalid)
{
    struct ledger_entry *entry = entry_at(self, index);
    struct kept *kept = index == 0 ? NULL : keep(result);
    if (kept != NULL) {
        kept->is_invalid = is_invalid;
        entry->kept = kept;
        entry->settled = true;
        return;
    }
    /* Its turn has come; or there is no memory, and out of turn is better than not
     * at all. It leaves the ring by being exchanged with those before it. */
    struct ledger_entry told = *entry;
    for (size_t i = index; i > 0; i--)
        *entry_at(self, i) = *entry_at(self, i - 1);
    self->first = (self->first + 1) % self->capacity;
    self->count--;
    tell(self, &told, result, is_invalid);
    tell_settled(self);
}

/* ---- the public rest --------------------------------------------------------------------------
 */

void ledger_add(struct ledger *self, uint64_t number, uint64_t ticket, struct cargo *cargo)
{
    assert(!ledger_is_full(self));
    self->count++;
    self->cargo_bytes += cargo_size(cargo);
    *entry_at(self, self->count - 1) =
        (struct ledger_entry){.number = number, .ticket = ticket, .cargo = cargo};
}

void ledger_add_invalid(struct ledger *self, uint64_t number, const char *why, struct cargo *cargo)
{
    struct client_result result = {.id = "", .reason_text = "", .detail = why};
    ledger_add(self, number, 0, cargo);
    self->invalid++;
    entry_settle(self, self->count - 1, &result, true);
}

/* The unsettled entry of a ticket; SIZE_MAX if there is none. */
static size_t find(const struct ledger *self, uint64_t ticket)
{
    for (size_t i = 0; i < self->count && ticket != 0; i++) {
        const struct ledger_entry *entry = entry_at(self, i);
        if (!entry->settled && entry->ticket == ticket)
            return i;
    }
    return SIZE_MAX;
}

void ledger_settle(struct ledger *self, const struct client_result *result)
{
    size_t index = find(self, result->ticket);
    if (index == SIZE_MAX)
        return;
    enum client_exit exit_status = ledger_result_exit(self, result);
    if (exit_status == EXIT_ALL_GOOD)
        self->tally.good++;
    else
        self->tally.by_exit[exit_status]++;
    entry_settle(self, index, result, false);
}

bool ledger_recall(struct ledger *self, const struct client_result *result, unsigned max_tries)
{
    size_t index = find(self, result->ticket);
    struct ledger_entry *entry = index == SIZE_MAX ? NULL : entry_at(self, index);
    if (entry == NULL || entry->cargo == NULL || entry->cargo->tries >= max_tries)
        return false;
    entry->cargo->tries++;
    snprintf(entry->cargo->id, sizeof entry->cargo->id, "%s", result->id);
    entry->ticket = 0;
    entry->again = true;
    self->again++;
    return true;
}

struct ledger_entry *ledger_first_again(struct ledger *self)
{
    for (size_t i = 0; i < self->count && self->again > 0; i++)
        if (entry_at(self, i)->again)
            return entry_at(self, i);
    return NULL;
}

void ledger_sent_again(struct ledger *self, struct ledger_entry *entry, uint64_t ticket)
{
    entry->again = false;
    entry->ticket = ticket;
    self->again--;
}

void ledger_abandon(struct ledger *self, const char *why)
{
    struct ledger_entry *entry;
    while ((entry = ledger_first_again(self)) != NULL) {
        char id[CLIENT_ID_MAX]; /* the cargo goes before its last reader does */
        snprintf(id, sizeof id, "%s", entry->cargo->id);
        ledger_sent_again(self, entry, UINT64_MAX);
        ledger_settle(self, &(struct client_result){.ticket = UINT64_MAX,
                                .id = id,
                                .fate = CLIENT_UNSENT,
                                .reason_text = "",
                                .detail = why});
    }
}

enum client_exit ledger_exit(const struct ledger *self)
{
    return self->invalid > 0 ? EXIT_BAD_INPUT : client_tally_exit(&self->tally);
}
