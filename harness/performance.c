#include "harness/performance.h"

#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

static const struct {
    const char *text;
    const char *sign;
} results[] = {
#define X(name, text, sign) {text, sign},
    RESULT_TABLE(X)
#undef X
};

const char *result_text(enum result result)
{
    return results[result].text;
}

const char *result_sign(enum result result)
{
    return results[result].sign;
}

/* ---- one play -------------------------------------------------------------------------------- */

void performance_release(struct performance *self)
{
    for (size_t i = 0; i < self->attempt_count; i++) {
        verdict_release(&self->attempts[i].verdict);
        timeline_free(self->attempts[i].timeline);
    }
    free(self->attempts);
    *self = (struct performance){0};
}

void performance_add(struct performance *self, struct verdict *verdict, struct timeline *timeline)
{
    bool passed = verdict->cause == CAUSE_NONE;

    must_grow(self->attempts, self->attempt_count);
    self->attempts[self->attempt_count++] =
        (struct attempt){.verdict = *verdict, .timeline = timeline};
    *verdict = (struct verdict){0};
    if (!passed)
        self->result = RESULT_FAILED;
    else
        self->result = self->attempt_count == 1 ? RESULT_PASSED : RESULT_FLAKY;
}

const struct attempt *performance_told(const struct performance *self)
{
    return self->attempt_count > 0 ? &self->attempts[0] : NULL;
}

double performance_ms(const struct performance *self)
{
    double ms = 0;

    for (size_t i = 0; i < self->attempt_count; i++)
        ms += self->attempts[i].verdict.ms;
    return ms;
}

/* ---- the run --------------------------------------------------------------------------------- */

size_t summary_told(const struct summary *self)
{
    size_t told = 0;

    for (size_t i = 0; i < RESULT_COUNT; i++)
        told += self->counts[i];
    return told;
}

bool summary_is_bad(const struct summary *self, enum result result)
{
    return result == RESULT_FAILED || (result == RESULT_FLAKY && !self->allow_flaky);
}

size_t summary_bad(const struct summary *self)
{
    size_t bad = 0;

    for (size_t i = 0; i < RESULT_COUNT; i++)
        if (summary_is_bad(self, i))
            bad += self->counts[i];
    return bad;
}

/* ---- once more ------------------------------------------------------------------------------- */

bool summary_tells_seed(const struct summary *self)
{
    return self->rounds != 1 || self->seed != SEED_USUAL;
}

char *shell_word(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-+=./:,@%";
    char *word;
    size_t len;
    FILE *out;

    if (*text && text[strspn(text, plain)] == '\0')
        return must_copy(text);
    out = must_stream(&word, &len);
    fputc('\'', out);
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fputc(*text, out);
    fputc('\'', out);
    fclose(out);
    return word;
}

char *performance_replay(const struct performance *self, const struct summary *summary)
{
    if (!summary->command)
        return NULL;
    char *path = shell_word(self->scenario->source.path);
    /* A file whose name looks like an option. */
    char *text = must_print("%s --seed %llu %s%s", summary->command, (unsigned long long)self->seed,
        path[0] == '-' ? "./" : "", path);

    free(path);
    return text;
}
