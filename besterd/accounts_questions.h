/*
 * accounts_questions: the questions that accounts are working on, and the part
 * of the work that is the same wherever they are kept: hashing on threads of its
 * own, so that a flood of logins does not hold up who asks whether a user
 * exists; the same work for a user who is not there; one answer for each. Who comes
 * from one address waits behind those from there, not the others (turns.h), and one
 * address has half of the threads at most. When too many wait, who came last into the
 * longest line is told so.
 *
 * A kind makes a question, finds out what is stored, and calls
 * question_looked_up; that answers it, after hashing where it is a verify. A
 * question frees itself with its answer. Passwords are wiped with it. On the
 * loop, but for a look-up's thread, which may use the question that it was given.
 */
#ifndef BESTERD_ACCOUNTS_QUESTIONS_H
#define BESTERD_ACCOUNTS_QUESTIONS_H

#include "besterd/accounts.h"
#include "besterd/turns.h"
#include "libbester/worker.h"

struct question;

struct questions {
    struct accounts *accounts;
    struct worker *hashers;
    struct flows flows; /* a flow for each place that they come from */
    struct turns turns; /* who waits to be hashed, by where they come from */
    size_t hashing;     /* with the hashers */
    size_t hashers_count;
    /* The password was right, and is stored as plain text: hash is what to store
     * instead, then question_answer. NULL: nothing is ever stored so. */
    void (*replace)(struct question *question);
    size_t verifies; /* under way */
    size_t count;    /* under way, of any kind */
    bool closing;    /* nobody is to be called any more */
    bool ailing;     /* the accounts failed when they were last asked */
};

struct question {
    struct worker_job job;
    struct turn turn;
    uint64_t from;
    bool admitted;
    struct question *next; /* the kind's own */
    struct questions *owner;
    uint64_t ticket;
    bool is_verify;
    enum status status; /* of the stage that it is in */
    char username[USERNAME_CAP];
    /* What the look-up found: a hash, or plain text (malloc'd, becomes the
     * question's; wiped). */
    char hash[PASSWORD_HASH_CAP];
    char *plain;
    size_t plain_len;
    unsigned rounds;    /* the kind's own: looked up so often */
    struct fault fault; /* of the look-up; an empty text: was logged already */
    size_t password_len;
    char password[];
};

/* STATUS_NO_MEMORY; STATUS_IO: *fault says why. self->accounts and replace are
 * the caller's to set. questions_close in any case. */
MUST_CHECK enum status questions_init(
    struct questions *self, struct ev_loop *loop, struct fault *fault);
/* From here on answers are dropped. Hashing is cancelled; what a kind still has,
 * it answers or frees (count says how many). */
void questions_close(struct questions *self);

/* STATUS_OVERLOADED: too many are under way; STATUS_NO_MEMORY. */
MUST_CHECK enum status question_new(struct question **out, struct questions *owner,
    const char *username, struct span password, bool is_verify, uint64_t from, uint64_t ticket);
/* Without an answer. */
void question_free(struct question *self);
/* Tells it and frees the question. */
void question_answer(struct question *self, enum status status);
/* Forgets what was found, before it is looked up again. */
void question_forget(struct question *self);
/* STATUS_OK: hash or plain is set; STATUS_NOT_FOUND: there is no such user;
 * anything else: it could not be found out. */
void question_looked_up(struct question *self, enum status status);

#endif
