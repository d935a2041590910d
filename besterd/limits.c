#define _GNU_SOURCE /* struct ucred */

#include "besterd/limits.h"

#include <arpa/inet.h>
#include <assert.h>
#include <math.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "besterd/guesses.h"
#include "besterd/log.h"
#include "besterd/rates.h"
#include "besterd/siphash.h"

/* A failed allocation refuses one connection, it does not end the server. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Pauses are no shorter, so that a session that sends too fast wakes us up a
 * hundred times a second at most. */
static const double PAUSE_LEAST_S = 0.01;

enum { FROM_MAX = INET6_ADDRSTRLEN + sizeof("/64") };

struct guest {
    UT_hash_handle hh;
    uint64_t key;
    size_t connections;
    char from[FROM_MAX]; /* for people */
};

struct limits {
    const struct config *config;
    struct metrics *metrics;
    double (*now_s)(void);
    unsigned char secret[SIPHASH_KEY_BYTES];
    struct guest *guests; /* a hash table by key */
    struct rates *connects;
    struct rates *address_messages;
    struct rates *user_messages;
    struct guesses *guesses;
    struct log_valve valves[LIMIT_COUNT];
    struct log_valve others; /* for limits_log */
};

/* ---- who is there ---- */

enum { WHO_BYTES = 8 };

/* One kind for each family, so that the bytes of one are never taken for another's. */
enum who_kind { WHO_UNIX, WHO_IPV4, WHO_IPV6, WHO_USER };

struct who {
    enum who_kind kind;
    unsigned char bytes[WHO_BYTES];
    bool local;
};

static void who_v4(struct who *self, struct in_addr address)
{
    self->kind = WHO_IPV4;
    memcpy(self->bytes, &address, sizeof(address));
    self->local = (ntohl(address.s_addr) >> 24) == IN_LOOPBACKNET;
}

static void who_of(struct who *self, const struct sockaddr_storage *from, uid_t uid)
{
    memset(self, 0, sizeof(*self));
    if (from->ss_family == AF_UNIX) {
        memcpy(self->bytes, &uid, sizeof(uid));
        self->local = true;
    } else if (from->ss_family == AF_INET) {
        who_v4(self, ((const struct sockaddr_in *)from)->sin_addr);
    } else if (from->ss_family == AF_INET6) {
        const struct in6_addr *address = &((const struct sockaddr_in6 *)from)->sin6_addr;
        struct in_addr mapped;

        memcpy(&mapped, address->s6_addr + 12, sizeof(mapped));
        if (IN6_IS_ADDR_V4MAPPED(address)) {
            who_v4(self, mapped);
            return;
        }
        self->kind = WHO_IPV6;
        memcpy(self->bytes, address->s6_addr, WHO_BYTES);
        self->local = IN6_IS_ADDR_LOOPBACK(address);
    }
}

/* Who it is, for people. */
static void who_tell(const struct who *self, char out[FROM_MAX])
{
    struct in6_addr v6 = {.s6_addr = {0}};
    uid_t uid;

    out[0] = '\0';
    memcpy(&v6, self->bytes, sizeof(self->bytes));
    memcpy(&uid, self->bytes, sizeof(uid));
    if (self->kind == WHO_UNIX)
        snprintf(out, FROM_MAX, "user %u of this machine", (unsigned)uid);
    else if (self->kind == WHO_IPV4)
        (void)!inet_ntop(AF_INET, self->bytes, out, FROM_MAX);
    else if (inet_ntop(AF_INET6, &v6, out, FROM_MAX - sizeof("/64") + 1))
        memcpy(out + strlen(out), "/64", sizeof("/64"));
}

static bool is_configured_peer(const struct limits *self, const struct who *who)
{
    for (size_t i = 0; i < self->config->peer_count; i++) {
        struct sockaddr_storage at;
        socklen_t len;
        struct who peer;

        if (address_to_sockaddr(&self->config->peers[i].address, &at, &len) != STATUS_OK)
            continue; /* a name: it may be anywhere */
        who_of(&peer, &at, (uid_t)-1);
        if (peer.kind == who->kind && memcmp(peer.bytes, who->bytes, WHO_BYTES) == 0)
            return true;
    }
    return false;
}

static uint64_t key_of(const struct limits *self, enum who_kind kind, const void *bytes, size_t len)
{
    uint64_t key = siphash(self->secret, bytes, len) ^ (uint64_t)kind << 60;

    return key ? key : 1;
}

/* ---- connections ---- */

static double clock_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct guest *guest_of(struct limits *self, uint64_t key)
{
    struct guest *guest;

    HASH_FIND(hh, self->guests, &key, sizeof(key), guest);
    if (guest)
        return guest;
    guest = calloc(1, sizeof(*guest));
    if (!guest)
        return NULL;
    guest->key = key;
    HASH_ADD(hh, self->guests, key, sizeof(key), guest);
    if (guest->hh.tbl)
        return guest;
    free(guest);
    return NULL;
}

static void guest_forget(struct limits *self, struct guest *guest)
{
    HASH_DEL(self->guests, guest);
    free(guest);
}

enum status limits_admit_from(struct limits *self, const struct sockaddr_storage *from, uid_t uid,
    struct guest **guest, struct fault *fault)
{
    const struct config_limits *limits = &self->config->limits;
    struct who who;

    *guest = NULL;
    who_of(&who, from, uid);
    if ((who.local && !limits->also_local) || is_configured_peer(self, &who))
        return STATUS_OK;
    uint64_t key = key_of(self, who.kind, who.bytes, sizeof(who.bytes));
    struct rate rate = {limits->connects_per_s, limits->connect_burst};
    if (!rates_try(self->connects, key, &rate, self->now_s())) {
        limits_hit(self, LIMIT_CONNECTS, "listener", "a connection was refused");
        return fault_set(fault, STATUS_RATE_LIMITED, 0,
            "too many connections from this address in a short time; try later");
    }
    struct guest *found = guest_of(self, key);
    if (!found)
        return fault_set(fault, STATUS_NO_MEMORY, 0, "%s", status_help(STATUS_NO_MEMORY));
    if (found->connections >= limits->sessions_per_address) {
        limits_hit(self, LIMIT_SESSIONS_PER_ADDRESS, "listener", "a connection was refused");
        return fault_set(fault, STATUS_RATE_LIMITED, 0,
            "%zu connections from this address are open; it may have %u", found->connections,
            limits->sessions_per_address);
    }
    if (found->connections++ == 0)
        who_tell(&who, found->from);
    *guest = found;
    return STATUS_OK;
}

enum status limits_admit(struct limits *self, int fd, struct guest **guest, struct fault *fault)
{
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    struct ucred peer = {.uid = 0};
    socklen_t len = sizeof(from);

    /* Who has gone already cannot be asked; he will not do much, whoever it was. */
    (void)getpeername(fd, (struct sockaddr *)&from, &len);
    len = sizeof(peer);
    if (from.ss_family == AF_UNIX)
        (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
    return limits_admit_from(self, &from, peer.uid, guest, fault);
}

void limits_leave(struct limits *self, struct guest *guest)
{
    if (!guest)
        return;
    assert(guest->connections > 0);
    if (--guest->connections == 0)
        guest_forget(self, guest);
}

/* ---- users ---- */

uint64_t limits_user(const struct limits *self, const char *name)
{
    return self ? key_of(self, WHO_USER, name, strlen(name)) : 1;
}

enum status limits_log_in(struct limits *self, size_t sessions, struct fault *fault)
{
    if (!self || sessions < self->config->limits.sessions_per_user)
        return STATUS_OK;
    limits_hit(self, LIMIT_SESSIONS_PER_USER, "session", "a login was refused");
    return fault_set(fault, STATUS_RATE_LIMITED, 0, "logged in %zu times already; %u are allowed",
        sessions, self->config->limits.sessions_per_user);
}

/* ---- logins ---- */

static const enum limit limit_of_guess[GUESS_LIMITS] = {[GUESS_PAIR] = LIMIT_GUESSES,
    [GUESS_ADDRESS] = LIMIT_ADDRESS_GUESSES,
    [GUESS_USER] = LIMIT_USER_GUESSES};

struct attempt {
    struct guess guess;
    struct rate rates[GUESS_LIMITS];
};

static struct rate rate_of(unsigned per_min, unsigned burst)
{
    return (struct rate){.per_s = per_min / 60.0, .burst = burst};
}

static struct attempt attempt_of(
    const struct limits *self, const struct guest *guest, const char *name)
{
    const struct config_limits *limits = &self->config->limits;
    uint64_t both[2] = {guest->key, limits_user(self, name)};

    return (struct attempt){
        .guess.keys = {[GUESS_PAIR] = key_of(self, WHO_USER, both, sizeof(both)),
            [GUESS_ADDRESS] = both[0],
            [GUESS_USER] = both[1]},
        .rates = {[GUESS_PAIR] = rate_of(limits->failed_logins_per_min, limits->failed_login_burst),
            [GUESS_ADDRESS] =
                rate_of(limits->address_failed_logins_per_min, limits->address_failed_login_burst),
            [GUESS_USER] =
                rate_of(limits->user_failed_logins_per_min, limits->user_failed_login_burst)},
    };
}

enum status limits_login(
    struct limits *self, const struct guest *guest, const char *name, struct fault *fault)
{
    enum guess_limit which = GUESS_PAIR;

    if (!self || !guest)
        return STATUS_OK;
    struct attempt attempt = attempt_of(self, guest, name);
    double wait_s =
        guesses_wait(self->guesses, &attempt.guess, attempt.rates, self->now_s(), &which);
    if (wait_s <= 0)
        return STATUS_OK;
    limits_hit(self, limit_of_guess[which], "session",
        "a login as \"%s\" from %s was refused: next in %.0f s", name, guest->from, ceil(wait_s));
    return fault_set(fault, STATUS_RATE_LIMITED, 0,
        "too many failed logins; try again in %.0f seconds", ceil(wait_s));
}

enum status limits_guess(struct limits *self, const struct guest *guest, const char *name,
    unsigned *taken, struct fault *fault)
{
    enum status status = limits_login(self, guest, name, fault);

    *taken = 0;
    if (status == STATUS_OK && self && guest) {
        struct attempt attempt = attempt_of(self, guest, name);

        guesses_begin(self->guesses, &attempt.guess, attempt.rates, self->now_s());
        *taken = attempt.guess.taken;
    }
    return status;
}

void limits_guessed(struct limits *self, const struct guest *guest, const char *name,
    unsigned taken, enum status how)
{
    if (!self || !guest)
        return;
    struct attempt attempt = attempt_of(self, guest, name);
    attempt.guess.taken = taken;
    double now_s = self->now_s();
    if (how == STATUS_OK)
        guesses_right(self->guesses, &attempt.guess, attempt.rates, now_s);
    else if (how != STATUS_AUTH_FAILED)
        guesses_void(self->guesses, &attempt.guess, attempt.rates, now_s);
    else
        limits_log(self, LOG_LEVEL_INFO, "session", "%u failed logins as \"%s\" from %s",
            guesses_failed(self->guesses, &attempt.guess, attempt.rates, now_s), name, guest->from);
}

uint64_t limits_address(const struct guest *guest)
{
    return guest ? guest->key : 0;
}

/* ---- messages ---- */

static double longer(double a, double b)
{
    return a > b ? a : b;
}

double limits_message(struct limits *self, const struct guest *guest, uint64_t user)
{
    if (!guest)
        return 0;
    const struct config_limits *limits = &self->config->limits;
    struct rate address = {limits->address_messages_per_s, limits->address_message_burst};
    struct rate one_user = {limits->user_messages_per_s, limits->user_message_burst};
    double now_s = self->now_s();
    double for_address = rates_take(self->address_messages, guest->key, &address, now_s);
    double for_user = user ? rates_take(self->user_messages, user, &one_user, now_s) : 0;

    if (for_address > 0)
        limits_hit(self, LIMIT_ADDRESS_MESSAGES, "session", "reading pauses");
    if (for_user > 0)
        limits_hit(self, LIMIT_USER_MESSAGES, "session", "reading pauses");
    double pause = longer(for_address, for_user);
    return pause > 0 ? longer(pause, PAUSE_LEAST_S) : 0;
}

/* ---- telling ---- */

void limits_hit(struct limits *self, enum limit limit, const char *subject, const char *format, ...)
{
    char text[300];
    va_list arguments;

    if (!self)
        return;
    metrics_count(self->metrics, METRIC_LIMIT_HITS, limit, 0);
    if (!log_valve_open(&self->valves[limit], self->now_s(), LOG_LEVEL_WARNING, subject))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_line(LOG_LEVEL_WARNING, subject, "limits.%s: %s", metrics_limit_text(limit), text);
}

void limits_log(
    struct limits *self, enum log_level level, const char *subject, const char *format, ...)
{
    char text[LOG_LINE_MAX];
    va_list arguments;

    if (!log_enabled(level) ||
        (self && !log_valve_open(&self->others, self->now_s(), level, "limits")))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_line(level, subject, "%s", text);
}

/* ---- birth and the end ---- */

struct limits *limits_new(
    const struct config *config, struct metrics *metrics, double (*now_s)(void))
{
    struct limits *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->config = config;
    self->metrics = metrics;
    self->now_s = now_s ? now_s : clock_s;
    self->connects = rates_new();
    self->address_messages = rates_new();
    self->user_messages = rates_new();
    self->guesses = guesses_new();
    bool made = self->connects && self->address_messages && self->user_messages && self->guesses &&
                getrandom(self->secret, sizeof(self->secret), 0) == (ssize_t)sizeof(self->secret);
    if (made)
        return self;
    limits_free(self);
    return NULL;
}

void limits_free(struct limits *self)
{
    if (!self)
        return;
    assert(!self->guests);
    rates_free(self->connects);
    rates_free(self->address_messages);
    rates_free(self->user_messages);
    guesses_free(self->guesses);
    free(self);
}

void limits_reconfigure(struct limits *self, const struct config *config)
{
    self->config = config;
}
