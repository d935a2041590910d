#include "harness/linediff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/must.h"

/* Beyond so many pairs of lines, all that lies between the first and the last
 * difference is told as one change. */
enum { CONTEXT = 3, BETWEEN_HUNKS = 2 * CONTEXT, PAIRS_MAX = 16 << 20 };

struct lines {
    struct span *items;
    size_t count;
};

struct diff {
    struct lines before;
    struct lines after;
    bool *gone;  /* of each line before: it has no partner */
    bool *added; /* of each line after */
};

static struct lines lines_of(struct span text)
{
    struct lines self = {0};

    for (const char *end = text.at + text.len; text.at < end;) {
        const char *newline = memchr(text.at, '\n', (size_t)(end - text.at));
        const char *next = newline ? newline + 1 : end;

        must_grow(self.items, self.count);
        self.items[self.count++] = (struct span){.at = text.at, .len = (size_t)(next - text.at)};
        text.at = next;
    }
    return self;
}

/* The longest list of partners among n lines from b and m lines from a on. */
static void find_partners(struct diff *self, size_t b, size_t n, size_t a, size_t m)
{
    size_t row = m + 1;
    uint32_t *best = must_alloc((n + 1) * row * sizeof(*best));
    size_t i = 0;
    size_t j = 0;

    for (size_t p = n; p-- > 0;)
        for (size_t q = m; q-- > 0;) {
            uint32_t down = best[(p + 1) * row + q];
            uint32_t right = best[p * row + q + 1];

            best[p * row + q] = span_equal(self->before.items[b + p], self->after.items[a + q])
                                    ? best[(p + 1) * row + q + 1] + 1
                                    : (down > right ? down : right);
        }
    while (i < n || j < m) {
        if (i < n && j < m && span_equal(self->before.items[b + i], self->after.items[a + j])) {
            i++;
            j++;
        } else if (j == m || (i < n && best[(i + 1) * row + j] >= best[i * row + j + 1])) {
            self->gone[b + i++] = true;
        } else {
            self->added[a + j++] = true;
        }
    }
    free(best);
}

static void find_changes(struct diff *self)
{
    size_t n = self->before.count;
    size_t m = self->after.count;
    size_t first = 0;

    while (
        first < n && first < m && span_equal(self->before.items[first], self->after.items[first]))
        first++;
    while (
        n > first && m > first && span_equal(self->before.items[n - 1], self->after.items[m - 1])) {
        n--;
        m--;
    }
    n -= first;
    m -= first;
    if (n == 0 || m == 0 || n <= PAIRS_MAX / m) {
        find_partners(self, first, n, first, m);
        return;
    }
    memset(self->gone + first, true, n);
    memset(self->added + first, true, m);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_line(FILE *out, char sign, struct span line)
{
    putc(sign, out);
    fwrite(line.at, 1, line.len, out);
    if (line.at[line.len - 1] != '\n')
        fputs("\n\\ No newline at end of file\n", out);
}

/* A place between two lines of each text. */
struct spot {
    size_t b;
    size_t a;
};

static bool is_changed(const struct diff *self, struct spot at)
{
    return (at.b < self->before.count && self->gone[at.b]) ||
           (at.a < self->after.count && self->added[at.a]);
}

/* One line further; writes it if there is somewhere to write. */
static void step(const struct diff *self, struct spot *at, FILE *out)
{
    bool gone = at->b < self->before.count && self->gone[at->b];
    bool added = !gone && at->a < self->after.count && self->added[at->a];

    if (out && added)
        put_line(out, '+', self->after.items[at->a]);
    else if (out)
        put_line(out, gone ? '-' : ' ', self->before.items[at->b]);
    at->b += !added;
    at->a += !gone;
}

static bool at_end(const struct diff *self, struct spot at)
{
    return at.b >= self->before.count && at.a >= self->after.count;
}

/* Where the hunk ends that begins there: behind the context of its last change. */
static struct spot hunk_end(const struct diff *self, struct spot at)
{
    struct spot end = at;
    size_t same = 0;

    while (!at_end(self, at) && same <= BETWEEN_HUNKS) {
        same = is_changed(self, at) ? 0 : same + 1;
        step(self, &at, NULL);
        if (same <= CONTEXT)
            end = at;
    }
    return end;
}

static void put_hunk(FILE *out, const struct diff *self, struct spot from, struct spot to)
{
    size_t b = to.b - from.b;
    size_t a = to.a - from.a;

    fprintf(out, "@@ -%zu,%zu +%zu,%zu @@\n", from.b + (b > 0), b, from.a + (a > 0), a);
    while (from.b < to.b || from.a < to.a)
        step(self, &from, out);
}

static void put_hunks(FILE *out, const struct diff *self)
{
    struct spot at = {0, 0};

    while (!at_end(self, at)) {
        struct spot from = at;
        size_t same = 0;

        while (!at_end(self, at) && !is_changed(self, at)) {
            step(self, &at, NULL);
            same++;
        }
        if (at_end(self, at))
            return;
        size_t skipped = same > CONTEXT ? same - CONTEXT : 0;
        from.b += skipped;
        from.a += skipped;
        at = hunk_end(self, at);
        put_hunk(out, self, from, at);
    }
}

void linediff_write(FILE *out, const char *before_name, struct span before, const char *after_name,
    struct span after)
{
    struct diff self = {.before = lines_of(before), .after = lines_of(after)};

    self.gone = must_alloc(self.before.count + 1);
    self.added = must_alloc(self.after.count + 1);
    if (!span_equal(before, after)) {
        find_changes(&self);
        fprintf(out, "--- %s\n+++ %s\n", before_name, after_name);
        put_hunks(out, &self);
    }
    free(self.before.items);
    free(self.after.items);
    free(self.gone);
    free(self.added);
}
