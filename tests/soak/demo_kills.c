/*
 * kills: a thousand handlers are killed under load, of both protocols, started by the
 * server and by others: what is reported good has come once, all else is reported bad
 * and came at most once; the server stays, and every type is served again.
 *
 * Who is killed, and after how many reports, is decided by the seed. A program that
 * keeps ending is started again with growing pauses, so there are many.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"
#include "tests/soak/crowd.h"
#include "tests/soak/loner.h"

enum {
    KILLS = 1000,
    HANDLERS_MAX = 200,
    STARTED = 96, /* by the server, half of each protocol */
    ALONE = 4,
    POOL_MAX = 3, /* connections to one handler */
    CLIENTS = 60,
    WINDOW = 8,
    REPORTS_BETWEEN = 200, /* two kills, at most */
    TIMEOUT_MS = 2000
};

struct show {
    struct soak *soak;
    struct subject *subject;
    struct crowd *crowd;
    struct loner *loners[ALONE];
    char names[STARTED + ALONE][16];
    const char *types[STARTED + ALONE];
    unsigned started, kills, wanted, of_loners;
    uint64_t next_at; /* report */
};

/* ---- the handlers ---------------------------------------------------------------------------- */

static const char *protocol_of(unsigned number)
{
    return number % 2 ? "oneshot" : "stream";
}

static void name_types(struct show *self)
{
    for (unsigned i = 0; i < self->started + ALONE; i++) {
        snprintf(
            self->names[i], sizeof(self->names[i]), "%s%u", i < self->started ? "own" : "alone", i);
        self->types[i] = self->names[i];
    }
}

static char *type_map(const struct show *self)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = must_stream(&text, &len);

    for (unsigned i = 0; i < self->started + ALONE; i++) {
        fprintf(out,
            "%s\"%s\": {\"unixDomainSocketPath\": \"${folder}/%s\", \"protocol\": \"%s\", "
            "\"timeoutMs\": %d",
            i ? ", " : "", self->types[i], self->types[i], protocol_of(i), TIMEOUT_MS);
        if (i < self->started)
            fputs(", \"handlerBinary\": \"${build}/soak/echo\"", out);
        if (i % 2 == 0) /* stream */
            fprintf(out, ", \"connections\": %u", 1 + i / 2 % POOL_MAX);
        fputc('}', out);
    }
    fclose(out);
    return text;
}

/* ---- their end ------------------------------------------------------------------------------- */

static bool is_alive(pid_t pid)
{
    char path[64], line[256];
    bool alive = false;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(line, sizeof(line), file)) {
        const char *state = strrchr(line, ')');
        alive = state && state[1] && !strchr("ZX", state[2]);
    }
    if (file)
        fclose(file);
    return alive;
}

static bool kill_one(struct show *self)
{
    pid_t handlers[HANDLERS_MAX];
    struct chance *chance = &self->soak->chance;

    if (chance_choose(chance, 2) == 0 && loner_kill(self->loners[chance_choose(chance, ALONE)])) {
        self->of_loners++;
        return true;
    }
    size_t count = subject_handlers(self->subject, handlers, HANDLERS_MAX);
    if (count == 0)
        return false;
    pid_t pid = handlers[chance_choose(chance, (unsigned)count)];
    return is_alive(pid) && kill(pid, SIGKILL) == 0;
}

static bool all_are_killed(void *user)
{
    struct show *self = user;
    const struct judge *judge = crowd_judge(self->crowd);

    if (judge->reported >= self->next_at) {
        self->kills += kill_one(self);
        self->next_at = judge->reported + 1 + chance_choose(&self->soak->chance, REPORTS_BETWEEN);
        soak_progress(self->soak, "kills: %u of %u, %llu good, %llu bad", self->kills, self->wanted,
            (unsigned long long)judge->good, (unsigned long long)(judge->reported - judge->good));
    }
    return self->kills == self->wanted;
}

/* ---- the demonstration ----------------------------------------------------------------------- */

static void tell(struct show *self, double took_s)
{
    const struct judge *judge = crowd_judge(self->crowd);
    const struct histogram *latencies = crowd_latencies(self->crowd);
    char reasons[400];

    soak_say(self->soak, "kills",
        "%u in %.1f s, %u of them of handlers the server did not start; "
        "seed %llu",
        self->kills, took_s, self->of_loners, (unsigned long long)self->soak->seed);
    soak_say(self->soak, "messages", "%llu sent, %llu good and received once, %llu bad (%s)",
        (unsigned long long)judge->count, (unsigned long long)judge->good,
        (unsigned long long)(judge->reported - judge->good),
        crowd_reasons(self->crowd, reasons, sizeof(reasons)));
    soak_say(self->soak, "", "%llu of the bad ones were received all the same, once",
        (unsigned long long)judge->bad_and_received);
    soak_say(self->soak, "reports", "p50 %.2f ms, p99 %.2f ms, max %.0f ms after the message",
        (double)histogram_at(latencies, 0.5) / 1e6, (double)histogram_at(latencies, 0.99) / 1e6,
        (double)latencies->greatest / 1e6);
    soak_say(self->soak, "server", "process %d from beginning to end", (int)self->subject->pid);
}

static void load(struct show *self)
{
    struct soak *soak = self->soak;
    uint64_t began = soak_now_ns();

    /* First every type works; then they are killed; then every type works again. */
    if (!crowd_warm_up(self->crowd))
        return;
    unsigned descriptors = subject_usage(self->subject).descriptors;
    crowd_send(self->crowd, 0, WINDOW);
    if (!soak_until(soak, all_are_killed, self, "all are killed"))
        return;
    double took_s = (double)(soak_now_ns() - began) / 1e9;
    if (!crowd_settle(self->crowd))
        return;
    tell(self, took_s);
    if (crowd_warm_up(self->crowd) && crowd_settle(self->crowd))
        (void)subject_await_descriptors(self->subject, descriptors, 0);
}

static void run(struct soak *soak)
{
    struct show self = {
        .soak = soak, .started = soak_size(soak, STARTED, 4), .wanted = soak_size(soak, KILLS, 10)};

    name_types(&self);
    char *map = type_map(&self);
    self.subject = subject_start(soak, &(struct subject_config){.handlers = map});
    for (unsigned i = 0; i < ALONE && self.subject && !soak->failed; i++)
        self.loners[i] = loner_new(
            soak, self.subject, self.types[self.started + i], protocol_of(self.started + i));
    if (self.subject && !soak->failed)
        self.crowd = crowd_new(soak, self.subject,
            &(struct crowd_options){.clients = CLIENTS,
                .active = CLIENTS,
                .types = self.types,
                .type_count = self.started + ALONE,
                .recipients = 2,
                .may_be_bad = true});
    if (self.crowd)
        load(&self);
    crowd_free(self.crowd);
    for (unsigned i = 0; i < ALONE; i++)
        loner_free(self.loners[i]);
    subject_end(self.subject);
    free(map);
}

const struct demonstration demo_kills = {
    .name = "kills", .help = "1,000 handlers killed under load", .run = run};
